//! Small JSON reports of commands, in a fixed order of fields.
//! Relies on the writers of `wire`, so numbers and decimals look as they do in events.
//! Never pretty-printed: one object a line.

pub use caudal_wire::json::{decimal, key};
use caudal_wire::json::{integer, string};

/// An object whose fields `fill` writes.
pub fn object(fill: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut out = vec![b'{'];
    fill(&mut out);
    out.push(b'}');
    String::from_utf8_lossy(&out).into_owned()
}

/// A field with an object.
pub fn nested(out: &mut Vec<u8>, name: &str, fill: impl FnOnce(&mut Vec<u8>)) {
    key(out, name);
    out.push(b'{');
    fill(out);
    out.push(b'}');
}

/// A field with a text.
pub fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    string(out, value);
}

/// A field with a whole number.
pub fn number(out: &mut Vec<u8>, name: &str, value: i64) {
    key(out, name);
    integer(out, value);
}

/// A field with true or false.
pub fn truth(out: &mut Vec<u8>, name: &str, value: bool) {
    key(out, name);
    out.extend_from_slice(if value { b"true" } else { b"false" });
}
