//! Words of a feed to words of Caudal.
//! Relies on short lists: a linear search beats any table.
//! Never falls back to a default: a word that is not listed is a bad field.

/// (found, meant) pairs.
#[derive(Clone, Debug)]
pub(super) struct Words<T>(Vec<(Box<[u8]>, T)>);

impl<T> Words<T> {
    /// From the pipeline's pairs, each meant word read by `parse`.
    pub(super) fn new(pairs: &[(String, String)], parse: impl Fn(&str) -> Option<T>) -> Result<Self, String> {
        let read = |(found, meant): &(String, String)| {
            let meant = parse(meant).ok_or_else(|| format!("word \"{meant}\" is not known here"))?;
            Ok((found.as_bytes().into(), meant))
        };
        pairs.iter().map(read).collect::<Result<_, String>>().map(Self)
    }

    /// What `found` means.
    #[inline]
    pub(super) fn get(&self, found: &[u8]) -> Option<&T> {
        self.0.iter().find(|(word, _)| same(word, found)).map(|(_, meant)| meant)
    }
}

/// Octet by octet: words are a few letters, and a call to compare them takes longer.
#[inline]
fn same(word: &[u8], found: &[u8]) -> bool {
    word.len() == found.len() && word.iter().zip(found).all(|(one, other)| one == other)
}
