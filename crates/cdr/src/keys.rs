//! Key, session and billed fields of one record, written as the runs that are hashed.
//! Relies on one record at a time: the next one writes over it.
//! Never looks at a converted value: what is written are the octets of the record.

use caudal_usage::Fields;

/// The run of one record: key, then a session of its own, then what is billed.
#[derive(Default)]
pub(crate) struct Keys {
    run: Vec<u8>,
}

/// Which fields are the session.
pub(crate) enum Session<I> {
    /// So many of the key's first: nothing is written twice.
    FirstOfKey(usize),
    /// These.
    Own(I),
}

/// What was written.
pub(crate) struct Written<'a> {
    pub(crate) key: Fields<'a>,
    pub(crate) session: Fields<'a>,
    pub(crate) billed: Fields<'a>,
}

impl Keys {
    /// Writes the fields of one record.
    #[inline]
    pub(crate) fn write<'k, 'f>(
        &'k mut self,
        key: impl IntoIterator<Item = &'f [u8]>,
        session: Session<impl IntoIterator<Item = &'f [u8]>>,
        billed: impl IntoIterator<Item = &'f [u8]>,
    ) -> Written<'k> {
        let run = &mut self.run;
        run.clear();
        let (shared, own) = match session {
            Session::FirstOfKey(count) => (count, None),
            Session::Own(fields) => (0, Some(fields)),
        };
        let mut shared_end = 0;
        for (index, field) in key.into_iter().enumerate() {
            Fields::push(run, field);
            if index < shared {
                shared_end = run.len();
            }
        }
        let key_end = run.len();
        let session = match own {
            Some(fields) => {
                fields.into_iter().for_each(|field| Fields::push(run, field));
                key_end..run.len()
            }
            None => 0..shared_end,
        };
        let billed_from = run.len();
        billed.into_iter().for_each(|field| Fields::push(run, field));
        let fields =
            |range| Fields::of_run(self.run.get::<std::ops::Range<usize>>(range).unwrap_or_default());
        Written {
            key: fields(0..key_end),
            session: fields(session),
            billed: fields(billed_from..self.run.len()),
        }
    }

    /// As [`Self::write`], with the first of the key's fields as the session.
    #[inline]
    pub(crate) fn write_shared<'k, 'f, const K: usize, const B: usize>(
        &'k mut self,
        key: [&'f [u8]; K],
        session: usize,
        billed: [&'f [u8]; B],
    ) -> Written<'k> {
        self.write(key, Session::<[&[u8]; 0]>::FirstOfKey(session), billed)
    }
}
