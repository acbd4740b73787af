//! Other fields of a usage that plans may ask for, by name, as one text.
//! Relies on there being few, and on their being asked for seldom: a look-up reads from the front.
//! Never a piece of memory for each: records are made by the million, and nearly none of their attributes is read.
//!
//! Each name, and behind it its value, stands behind its length in octets. A length is written in characters of six
//! bits, lowest first; the bit above them says that another follows. So all of it is text, and checked in one go.

use std::fmt;

/// Attributes of one usage, in their order; a name may occur twice.
#[derive(Clone, PartialEq, Eq)]
pub struct AttributeList(Box<str>);

/// Bits of a length in one character.
const BITS: u32 = 6;

/// The bit that says that another character follows.
const MORE: u8 = 1 << BITS;

impl AttributeList {
    /// Names with octets as values; what is no UTF-8 in them is replaced. `buffer` is written over.
    #[inline]
    pub fn of_octets(pairs: &[(&str, &[u8])], buffer: &mut Vec<u8>) -> Self {
        buffer.clear();
        for (name, value) in pairs {
            push(buffer, name.as_bytes());
            push(buffer, value);
        }
        match std::str::from_utf8(buffer) {
            Ok(text) => Self(text.into()),
            Err(_) => pairs.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect(),
        }
    }

    /// The value of the first attribute of that name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Names and values, in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut rest = &*self.0;
        std::iter::from_fn(move || Some((piece(&mut rest)?, piece(&mut rest)?)))
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for AttributeList {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut out = Vec::new();
        for (name, value) in pairs {
            push(&mut out, name.as_ref().as_bytes());
            push(&mut out, value.as_ref().as_bytes());
        }
        // Texts behind lengths that are text: nothing is replaced.
        Self(String::from_utf8_lossy(&out).into())
    }
}

impl fmt::Debug for AttributeList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[inline]
fn push(out: &mut Vec<u8>, piece: &[u8]) {
    let mut length = piece.len();
    while length >= usize::from(MORE) {
        out.push((length & usize::from(MORE - 1)) as u8 | MORE);
        length >>= BITS;
    }
    out.push(length as u8);
    out.extend_from_slice(piece);
}

/// The piece at the front, and behind it the rest. `None` at the end.
#[inline]
fn piece<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (mut length, mut at) = (0usize, 0);
    loop {
        let octet = *rest.as_bytes().get(at)?;
        length |= usize::from(octet & (MORE - 1)) << (BITS * at as u32);
        at += 1;
        if octet & MORE == 0 {
            break;
        }
    }
    let (piece, behind) = rest.get(at..)?.split_at_checked(length)?;
    *rest = behind;
    Some(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let long = "ñ".repeat(5_000);
        let pairs = [("apn", "internet"), ("", ""), ("x", long.as_str()), (&long[..64], "é"), ("apn", "b")];
        let list: AttributeList = pairs.into_iter().collect();
        assert_eq!(list.iter().collect::<Vec<_>>(), pairs);
        assert_eq!((list.get("apn"), list.get("x"), list.get("y")), (Some("internet"), Some(&*long), None));
        let octets = pairs.map(|(name, value)| (name, value.as_bytes()));
        assert_eq!(AttributeList::of_octets(&octets, &mut vec![1, 2, 3]), list);
        assert_eq!(format!("{:?}", [("a", "b")].into_iter().collect::<AttributeList>()), r#"[("a", "b")]"#);
    }

    #[test]
    fn what_is_no_text_is_replaced_where_it_stands() {
        let list =
            AttributeList::of_octets(&[("a", b"x\xFF"), ("b", b"\xC3"), ("c", b"\xA9y")], &mut Vec::new());
        let found: Vec<_> = list.iter().collect();
        assert_eq!(found, [("a", "x\u{FFFD}"), ("b", "\u{FFFD}"), ("c", "\u{FFFD}y")]);
    }
}
