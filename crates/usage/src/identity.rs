//! What makes a record itself, as hashes: the public identity, the keyed fingerprint, the session.
//! Relies on the key rule of the format: raw fields, before any zone or number rule.
//! Never includes arrival, file name or position: a record is the same record wherever it turns up.

use siphasher::sip::SipHasher13;
use siphasher::sip128::SipHasher13 as SipHasher13x128;

/// Unkeyed 128-bit identity of a usage: first half of BLAKE3 over its key fields. Event ids derive from it, so it is
/// the same in every deployment and cannot be made to collide by a hostile sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Identity(pub u128);

impl Identity {
    /// Identity over `rule` (name and version of the key rule), the source's node and the raw fields, each
    /// length-prefixed so that ("ab","c") differs from ("a","bc").
    pub fn of(rule: &[u8], fields: &[&[u8]]) -> Self {
        Self::of_joined(&joined(rule, fields))
    }

    /// The same over fields that are joined already.
    pub fn of_joined(key: &[u8]) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&blake3::hash(key).as_bytes()[..16]);
        Self(u128::from_be_bytes(half))
    }
}

/// Raw fields, each behind its length, as one run of octets. Formats write them once, into a buffer of their own, and
/// every hash is over that run behind the rule's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Appends a field to a run.
    pub fn push(run: &mut Vec<u8>, field: &[u8]) {
        run.extend_from_slice(&length(field));
        run.extend_from_slice(field);
    }

    /// Octets of a field in a run.
    #[inline]
    pub const fn octets(field: &[u8]) -> usize {
        size_of::<u32>() + field.len()
    }

    /// Writes a field to the front of `free`, and gives what is free behind it. Panics where [`Self::octets`] do not
    /// fit: a key that lacks a field would be that of another record.
    #[inline]
    pub fn put<'b>(free: &'b mut [u8], field: &[u8]) -> &'b mut [u8] {
        let (head, behind) = free.split_at_mut(size_of::<u32>());
        let (place, behind) = behind.split_at_mut(field.len());
        head.copy_from_slice(&length(field));
        copy(field, place);
        behind
    }

    /// What [`Self::push`] and [`Self::put`] have written.
    #[inline]
    pub const fn of_run(run: &'a [u8]) -> Self {
        Self(run)
    }

    /// True when there is no field, or none with an octet in it: such have lengths of zero only.
    #[inline]
    pub fn are_empty(self) -> bool {
        self.0.iter().all(|octet| *octet == 0)
    }

    /// True when both are the same fields; at once where they are the same octets in memory.
    #[inline]
    pub fn are(self, other: Fields<'_>) -> bool {
        std::ptr::eq(self.0, other.0) || self.0 == other.0
    }

    /// The fields, in their order.
    pub fn iter(self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.0;
        std::iter::from_fn(move || {
            let (length, behind) = rest.split_first_chunk()?;
            let (field, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            rest = behind;
            Some(field)
        })
    }
}

/// Copies a field into a place of its length. Nearly all are short, each of another length than the one before: two
/// loads that overlap spare the guess at it, and so do first, middle and last where there are no more than three.
#[inline(always)]
fn copy(field: &[u8], place: &mut [u8]) {
    match field.len() {
        8..=16 => overlapping::<8>(field, place),
        4..8 => overlapping::<4>(field, place),
        1..4 => {
            for at in [0, field.len() / 2, field.len() - 1] {
                if let (Some(place), Some(octet)) = (place.get_mut(at), field.get(at)) {
                    *place = *octet;
                }
            }
        }
        0 => {}
        _ => place.copy_from_slice(field),
    }
}

/// Copies from `N` to twice `N` octets.
#[inline(always)]
fn overlapping<const N: usize>(field: &[u8], place: &mut [u8]) {
    if let (Some(head), Some(tail)) = (field.first_chunk::<N>(), field.last_chunk::<N>()) {
        if let Some(front) = place.first_chunk_mut() {
            *front = *head;
        }
        if let Some(back) = place.last_chunk_mut() {
            *back = *tail;
        }
    }
}

/// A rule's name with the fields of one record behind it, in one buffer for all records.
#[derive(Clone, Debug)]
pub struct Joined {
    octets: Vec<u8>,
    /// Octets of the rule's name behind its length.
    rule: usize,
}

impl Joined {
    /// With the name of a rule.
    pub fn new(rule: &[u8]) -> Self {
        let octets = joined(rule, &[]);
        Self { rule: octets.len(), octets }
    }

    /// The rule's name and these fields: what is hashed.
    #[inline]
    pub fn with(&mut self, fields: Fields<'_>) -> &[u8] {
        self.octets.truncate(self.rule);
        self.octets.extend_from_slice(fields.0);
        &self.octets
    }
}

fn joined(rule: &[u8], fields: &[&[u8]]) -> Vec<u8> {
    let mut run = Vec::new();
    for piece in std::iter::once(&rule).chain(fields) {
        Fields::push(&mut run, piece);
    }
    run
}

/// The secret of one state folder. Fingerprints are keyed with it, so a sender cannot aim at slots or collisions.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeySecret(pub [u8; 16]);

impl std::fmt::Debug for KeySecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySecret(…)")
    }
}

impl KeySecret {
    /// Keyed 128-bit fingerprint of the key fields (SipHash-1-3).
    pub fn fingerprint(&self, rule: &[u8], fields: &[&[u8]]) -> [u64; 2] {
        self.fingerprint_joined(&joined(rule, fields))
    }

    /// The same over fields that are joined already.
    #[inline]
    pub fn fingerprint_joined(&self, key: &[u8]) -> [u64; 2] {
        let hash = SipHasher13x128::new_with_key(&self.0).hash(key);
        [hash.h1, hash.h2]
    }

    /// Keyed 64-bit hash of fields (SipHash-1-3): billed fields, account slots.
    pub fn hash64(&self, rule: &[u8], fields: &[&[u8]]) -> u64 {
        self.hash64_joined(&joined(rule, fields))
    }

    /// The same over fields that are joined already.
    #[inline]
    pub fn hash64_joined(&self, fields: &[u8]) -> u64 {
        SipHasher13::new_with_key(&self.0).hash(fields)
    }
}

/// Length prefix, saturating: no field comes near 4 GiB, and a block bounds it anyway.
fn length(piece: &[u8]) -> [u8; 4] {
    u32::try_from(piece.len()).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hash::Hasher;

    #[test]
    fn borders_between_fields_count() {
        let secret = KeySecret([7; 16]);
        assert_ne!(Identity::of(b"r", &[b"ab", b"c"]), Identity::of(b"r", &[b"a", b"bc"]));
        assert_ne!(secret.fingerprint(b"r", &[b"ab", b"c"]), secret.fingerprint(b"r", &[b"a", b"bc"]));
        assert_ne!(secret.hash64(b"r", &[b"", b"c"]), secret.hash64(b"r", &[b"c"]));
    }

    #[test]
    fn fields_of_every_length_are_put_as_they_are_pushed() {
        for len in 0..=40u8 {
            let (field, mut run, mut room) = ((1..=len).collect::<Vec<_>>(), Vec::new(), [0xFF; 50]);
            Fields::push(&mut run, &field);
            let free = Fields::put(&mut room, &field).len();
            assert_eq!((&room[..50 - free], room[50 - free]), (run.as_slice(), 0xFF), "{len}");
        }
    }

    #[test]
    fn a_run_is_hashed_as_its_pieces_are() {
        let secret = KeySecret([1; 16]);
        let (one, two) = (vec![b'y'; 123], vec![b'z'; 1000]);
        let mut joined = Joined::new(b"rule");
        for fields in [&[one.as_slice()][..], &[&one, b"", &two], &[b"ab", &two, &one], &[]] {
            let mut run = Vec::new();
            fields.iter().for_each(|field| Fields::push(&mut run, field));
            assert_eq!(Fields::of_run(&run).iter().collect::<Vec<_>>(), fields);
            let all = joined.with(Fields::of_run(&run));
            let mut reference = SipHasher13::new_with_key(&secret.0);
            reference.write(&[4, 0, 0, 0, b'r', b'u', b'l', b'e']);
            reference.write(&run);
            assert_eq!(secret.hash64_joined(all), reference.finish());
            assert_eq!(secret.hash64(b"rule", fields), reference.finish());
            assert_eq!(Identity::of_joined(all), Identity::of(b"rule", fields));
            assert_eq!(secret.fingerprint_joined(all), secret.fingerprint(b"rule", fields));
        }
    }

    #[test]
    fn fields_without_an_octet_are_no_key() {
        let empty = |fields: &[&[u8]]| {
            let mut run = Vec::new();
            fields.iter().for_each(|field| Fields::push(&mut run, field));
            Fields::of_run(&run).are_empty()
        };
        assert!(empty(&[]) && empty(&[b""]) && empty(&[b"", b""]));
        assert!(!empty(&[b"", b"x"]) && !empty(&[b"\0"]) && !empty(&[&[0; 256]]));
    }

    #[test]
    fn the_secret_changes_the_fingerprint_but_not_the_identity() {
        let fields: &[&[u8]] = &[b"node", b"42"];
        assert_ne!(
            KeySecret([1; 16]).fingerprint(b"r", fields),
            KeySecret([2; 16]).fingerprint(b"r", fields)
        );
        assert_eq!(Identity::of(b"r", fields), Identity::of(b"r", fields));
    }
}
