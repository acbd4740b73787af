//! What makes a record itself, as hashes: the public identity, the keyed fingerprint, the session.
//! Relies on the key rule of the format: raw fields, before any zone or number rule.
//! Never includes arrival, file name or position: a record is the same record wherever it turns up.

use siphasher::sip::SipHasher13;
use siphasher::sip128::{Hasher128, SipHasher13 as SipHasher13x128};
use std::hash::Hasher;

/// Unkeyed 128-bit identity of a usage: first half of BLAKE3 over its key fields. Event ids derive from it, so it is
/// the same in every deployment and cannot be made to collide by a hostile sender.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
pub struct Identity(pub u128);

impl Identity {
    /// Identity over `rule` (name and version of the key rule), the source's node and the raw fields, each
    /// length-prefixed so that ("ab","c") differs from ("a","bc").
    pub fn of(rule: &[u8], fields: &[&[u8]]) -> Self {
        Self::of_joined(&Joined::new(rule, fields))
    }

    /// The same over fields that are joined already.
    pub fn of_joined(key: &Joined) -> Self {
        let mut half = [0; 16];
        half.copy_from_slice(&blake3::hash(key.as_slice()).as_bytes()[..16]);
        Self(u128::from_be_bytes(half))
    }
}

/// A rule's name and raw fields, each behind its length, as one run of octets: what all hashes are over. A key is
/// joined once for its identity and its fingerprint; short ones stay on the stack.
#[derive(Clone, Debug)]
pub struct Joined {
    inline: [u8; Self::INLINE],
    len: usize,
    /// All of it, where it is too long for the stack.
    long: Vec<u8>,
}

impl Joined {
    const INLINE: usize = 256;

    /// Joins `rule` and `fields`.
    #[inline]
    pub fn new(rule: &[u8], fields: &[&[u8]]) -> Self {
        let mut joined = Self { inline: [0; Self::INLINE], len: 0, long: Vec::new() };
        let total = Self::octets(rule, fields);
        if total > Self::INLINE {
            joined.long.reserve_exact(total);
            for piece in std::iter::once(&rule).chain(fields) {
                joined.long.extend_from_slice(&length(piece));
                joined.long.extend_from_slice(piece);
            }
            return joined;
        }
        let mut end = 0;
        for piece in std::iter::once(&rule).chain(fields) {
            joined.inline[end..end + 4].copy_from_slice(&length(piece));
            joined.inline[end + 4..end + 4 + piece.len()].copy_from_slice(piece);
            end += 4 + piece.len();
        }
        joined.len = end;
        joined
    }

    /// How many octets they are when joined.
    #[inline]
    fn octets(rule: &[u8], fields: &[&[u8]]) -> usize {
        fields.iter().fold(rule.len() + 4, |sum, field| sum.saturating_add(field.len() + 4))
    }

    #[inline]
    fn as_slice(&self) -> &[u8] {
        if self.long.is_empty() { &self.inline[..self.len] } else { &self.long }
    }
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
        self.fingerprint_joined(&Joined::new(rule, fields))
    }

    /// The same over fields that are joined already.
    pub fn fingerprint_joined(&self, key: &Joined) -> [u64; 2] {
        let mut hasher = SipHasher13x128::new_with_key(&self.0);
        hasher.write(key.as_slice());
        let hash = hasher.finish128();
        [hash.h1, hash.h2]
    }

    /// Keyed 64-bit hash of fields (SipHash-1-3): billed fields, session keys, account slots.
    pub fn hash64(&self, rule: &[u8], fields: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        if Joined::octets(rule, fields) <= Joined::INLINE {
            hasher.write(Joined::new(rule, fields).as_slice());
            return hasher.finish();
        }
        // The same run of octets, hashed where it stands: lists of containers are long, and joining asks for memory.
        for piece in std::iter::once(&rule).chain(fields) {
            hasher.write(&length(piece));
            hasher.write(piece);
        }
        hasher.finish()
    }
}

/// Length prefix, saturating: no field comes near 4 GiB, and a block bounds it anyway.
fn length(piece: &[u8]) -> [u8; 4] {
    u32::try_from(piece.len()).unwrap_or(u32::MAX).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_between_fields_count() {
        let secret = KeySecret([7; 16]);
        assert_ne!(Identity::of(b"r", &[b"ab", b"c"]), Identity::of(b"r", &[b"a", b"bc"]));
        assert_ne!(secret.fingerprint(b"r", &[b"ab", b"c"]), secret.fingerprint(b"r", &[b"a", b"bc"]));
        assert_ne!(secret.hash64(b"r", &[b"", b"c"]), secret.hash64(b"r", &[b"c"]));
    }

    #[test]
    fn long_keys_hash_like_short_ones_do() {
        let (short, long) = (vec![b'x'; 10], vec![b'x'; 1000]);
        assert_ne!(Identity::of(b"r", &[&short]), Identity::of(b"r", &[&long]));
        let mut reference = SipHasher13::new_with_key(&[1; 16]);
        reference.write(&[1, 0, 0, 0, b'r', 3, 0, 0, 0, b'a', b'b', b'c']);
        assert_eq!(KeySecret([1; 16]).hash64(b"r", &[b"abc"]), reference.finish());
        let (one, two) = (vec![b'y'; 123], vec![b'z'; 200]);
        for fields in [&[one.as_slice()][..], &[&one, b"", &two], &[b"ab", &two, &one], &[&one, &one]] {
            let mut reference = SipHasher13::new_with_key(&[1; 16]);
            reference.write(Joined::new(b"rule", fields).as_slice());
            assert_eq!(KeySecret([1; 16]).hash64(b"rule", fields), reference.finish());
        }
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
