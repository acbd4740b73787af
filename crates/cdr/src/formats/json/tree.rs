//! The used members of a feed as a tree of names.
//! Relies on few names an object, in much the same order from record to record.
//! Never holds a name twice.

/// The used members of one object.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// Its path, for faults.
    pub(super) name: String,
    pub(super) members: Vec<(Box<[u8]>, Target)>,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The column of a value.
    Value(usize),
    /// An object with its mark.
    Object(usize, Node),
}

impl Node {
    /// The member of this name. `hint` is where the one before was found: the next is likely behind it.
    #[inline]
    pub(super) fn find(&self, name: &[u8], hint: &mut usize) -> Option<&Target> {
        let (before, behind) = self.members.split_at_checked(*hint).unwrap_or((&self.members, &[]));
        let is = |(own, _): &&(Box<[u8]>, Target)| **own == *name;
        let place = match behind.iter().position(|member| is(&member)) {
            Some(place) => before.len() + place,
            None => before.iter().position(|member| is(&member))?,
        };
        *hint = place + 1;
        self.members.get(place).map(|(_, target)| target)
    }
}
