//! Key, session and billed fields of one record, written as the runs that are hashed.
//! Relies on one record at a time: the next one writes over it.
//! Never looks at a converted value: what is written are the octets of the record.

use caudal_usage::Fields;

/// The run of one record: key, then a session of its own, then what is billed.
#[derive(Default)]
pub(crate) struct Keys {
    run: Vec<u8>,
}

/// What was written.
pub(crate) struct Written<'a> {
    pub(crate) key: Fields<'a>,
    pub(crate) session: Fields<'a>,
    pub(crate) billed: Fields<'a>,
}

impl Keys {
    /// Writes the fields of one record. The session is the first `shared` fields of the key, unless it has fields of its
    /// own.
    #[inline]
    pub(crate) fn write<'k, 'f>(
        &'k mut self,
        (key, shared): (impl Iterator<Item = &'f [u8]> + Clone, usize),
        own: impl Iterator<Item = &'f [u8]> + Clone,
        billed: impl Iterator<Item = &'f [u8]> + Clone,
    ) -> Written<'k> {
        let octets = octets(key.clone()) + octets(own.clone()) + octets(billed.clone());
        if self.run.len() < octets {
            self.run.resize(octets, 0);
        }
        let run = self.run.get_mut(..octets).unwrap_or_default();
        let (mut free, mut shared_end) = (&mut *run, 0);
        for (index, field) in key.enumerate() {
            free = Fields::put(free, field);
            if index < shared {
                shared_end = octets - free.len();
            }
        }
        let key_end = octets - free.len();
        free = own.fold(free, Fields::put);
        let own_end = octets - free.len();
        billed.fold(free, Fields::put);
        let (key, rest) = run.split_at(key_end);
        let (own, billed) = rest.split_at(own_end - key_end);
        let session = if own.is_empty() { key.get(..shared_end).unwrap_or_default() } else { own };
        Written { key: Fields::of_run(key), session: Fields::of_run(session), billed: Fields::of_run(billed) }
    }

    /// As [`Self::write`], with the first of the key's fields as the session.
    #[inline]
    pub(crate) fn write_shared<'k, 'f, const K: usize, const B: usize>(
        &'k mut self,
        key: [&'f [u8]; K],
        session: usize,
        billed: [&'f [u8]; B],
    ) -> Written<'k> {
        // By reference: arrays that are walked by value are copied first, and wait for what was just written there.
        self.write((key.iter().copied(), session), std::iter::empty(), billed.iter().copied())
    }
}

/// Octets of fields in a run.
#[inline]
fn octets<'f>(fields: impl Iterator<Item = &'f [u8]>) -> usize {
    fields.map(Fields::octets).sum()
}
