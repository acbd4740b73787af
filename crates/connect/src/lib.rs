//! Sources of usage files: folders today, one room per kind.
//! Relies on the trait [`caudal_engine::source::Source`]; every room passes the checks in `compliance`.
//! Never parses a record, never rates, never claims: it shows complete files and cuts them into blocks.

pub mod directory;

#[cfg(test)]
mod compliance;
