//! Rows as `cdr_csv` writes them: for generators and tests.
//! Relies on texts without line ends; quotes in them are doubled.
//! Never used on the line: it is the inverse of the decoder.

/// One row of 21 columns. Times are `YYYY-MM-DD hh:mm:ss`; an empty answer is written unquoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[allow(missing_docs)]
pub struct Row<'a> {
    pub accountcode: &'a str,
    pub src: &'a str,
    pub dst: &'a str,
    pub dcontext: &'a str,
    pub clid: &'a str,
    pub channel: &'a str,
    pub dstchannel: &'a str,
    pub lastapp: &'a str,
    pub lastdata: &'a str,
    pub start: &'a str,
    pub answer: &'a str,
    pub end: &'a str,
    /// Seconds.
    pub duration: u32,
    /// Seconds.
    pub billsec: u32,
    pub disposition: &'a str,
    pub amaflags: &'a str,
    pub uniqueid: &'a str,
    pub userfield: &'a str,
    pub peeraccount: &'a str,
    pub linkedid: &'a str,
    pub sequence: u32,
}

/// Appends `row` and a line feed.
pub fn write_row(row: &Row<'_>, out: &mut Vec<u8>) {
    for text in [
        row.accountcode,
        row.src,
        row.dst,
        row.dcontext,
        row.clid,
        row.channel,
        row.dstchannel,
        row.lastapp,
        row.lastdata,
        row.start,
    ] {
        quoted(text, out);
    }
    if row.answer.is_empty() {
        out.push(b',');
    } else {
        quoted(row.answer, out);
    }
    quoted(row.end, out);
    number(row.duration, out);
    number(row.billsec, out);
    for text in [row.disposition, row.amaflags, row.uniqueid, row.userfield, row.peeraccount, row.linkedid] {
        quoted(text, out);
    }
    number(row.sequence, out);
    out.pop();
    out.push(b'\n');
}

fn quoted(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for octet in text.bytes() {
        if octet == b'"' {
            out.push(b'"');
        }
        out.push(octet);
    }
    out.extend_from_slice(b"\",");
}

fn number(value: u32, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
    out.push(b',');
}
