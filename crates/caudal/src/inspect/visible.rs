//! Octets of unknown origin to text that is safe on a terminal.
//! Relies on escaping whatever could move a cursor, ring a bell or turn the direction of writing.
//! Never loses an octet: what is no text is shown as `\x1b`.

use std::fmt::Write;

/// Text for a person.
pub fn visible(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if drives(c) {
                // Writing to a string cannot fail.
                let _ = match u8::try_from(c) {
                    Ok(octet) if octet.is_ascii() => write!(text, "\\x{octet:02x}"),
                    _ => write!(text, "\\u{{{:x}}}", u32::from(c)),
                };
            } else {
                text.push(c);
            }
        }
        for octet in chunk.invalid() {
            let _ = write!(text, "\\x{octet:02x}");
        }
    }
    text
}

/// Controls of both sets, marks of direction, line and paragraph separators, and the tag characters.
fn drives(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c), 0x061C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xE0000..=0xE007F)
}

/// Octets as hex digits.
pub fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, octet| {
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// Octets as lines of sixteen: offset, hex, text.
pub fn hex_lines(offset: u64, bytes: &[u8]) -> Vec<String> {
    let lines = bytes.chunks(16).zip((offset..).step_by(16));
    lines
        .map(|(chunk, at)| {
            let hex = chunk.iter().fold(String::new(), |mut text, octet| {
                let _ = write!(text, "{octet:02x} ");
                text
            });
            let plain = |octet: &u8| if matches!(octet, b' '..=b'~') { char::from(*octet) } else { '.' };
            let text: String = chunk.iter().map(plain).collect();
            format!("{at:>10}  {hex:<48} {text}")
        })
        .collect()
}
