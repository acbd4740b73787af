//! Two event lines to the fields in which they differ.
//! Relies on octets first: equal lines need no reading.
//! Never passes over a difference that shows only in the octets.

use super::Difference;
use serde_json::Value;

/// Differences of the stored line from the one computed anew.
pub fn differences(stored: &[u8], computed: &[u8]) -> Vec<Difference> {
    let end = |line: &[u8]| line.strip_suffix(b"\n").unwrap_or(line).to_vec();
    let (stored, computed) = (end(stored), end(computed));
    if stored == computed {
        return Vec::new();
    }
    let mut found = Vec::new();
    let value = |line: &[u8]| serde_json::from_slice::<Value>(line).unwrap_or_default();
    compare("", (&value(&stored), &value(&computed)), &mut found);
    if found.is_empty() {
        let at = stored.iter().zip(&computed).position(|(left, right)| left != right);
        let at = at.unwrap_or_else(|| stored.len().min(computed.len()));
        let around = |line: &[u8]| {
            String::from_utf8_lossy(line.get(at..).unwrap_or_default()).chars().take(40).collect()
        };
        found.push(Difference {
            field: format!("octet {at}"),
            stored: around(&stored),
            computed: around(&computed),
        });
    }
    found
}

fn compare(field: &str, (stored, computed): (&Value, &Value), found: &mut Vec<Difference>) {
    let inner = |name: &str| if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") };
    match (stored, computed) {
        (Value::Object(left), Value::Object(right)) => {
            for (name, value) in left {
                compare(&inner(name), (value, right.get(name).unwrap_or(&Value::Null)), found);
            }
            for (name, value) in right.iter().filter(|(name, _)| !left.contains_key(*name)) {
                compare(&inner(name), (&Value::Null, value), found);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for index in 0..left.len().max(right.len()) {
                let item = |list: &[Value]| list.get(index).cloned().unwrap_or_default();
                compare(&inner(&index.to_string()), (&item(left), &item(right)), found);
            }
        }
        _ if stored == computed => {}
        _ => {
            let shown = |value: &Value| if value.is_null() { "nothing".into() } else { value.to_string() };
            found.push(Difference { field: field.into(), stored: shown(stored), computed: shown(computed) });
        }
    }
}
