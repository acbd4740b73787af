//! PGWRecords: as a file in both containers, and as one record, read and taken in.
//! Relies on `intake` for what must hold.
//! Never reads a record of another kind on purpose: the fuzzer finds those by itself.

use super::intake::Source;
use caudal_cdr::{Format, Pgw, PgwContainer, PgwOptions};

/// Any octets.
pub fn check(octets: &[u8]) {
    for container in [PgwContainer::Ts32297, PgwContainer::Ber] {
        let format = Format::Pgw(Pgw::new(&PgwOptions { container, node: None }));
        Source::new(&format).file(octets);
        if container == PgwContainer::Ber {
            Source::new(&format).element(octets);
        }
    }
}
