//! Turns one metadata request into the answer to: does the broker serve?
//! Relies on the wire form of Kafka's Metadata request, version 1, which brokers of 2016 and of today understand.
//! Never waits longer than its time-out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Longer answers are not from a broker without topics asked for.
const ANSWER_MOST: usize = 64 * 1024;

/// Size, then api 3, version 1, correlation 1, client "ready", and an empty list of topics.
const REQUEST: &[u8] = &[0, 0, 0, 19, 0, 3, 0, 1, 0, 0, 0, 1, 0, 5, b'r', b'e', b'a', b'd', b'y', 0, 0, 0, 0];

/// Whether the broker on this loopback port names itself among the brokers that serve.
pub fn is_ready(port: u16) -> bool {
    ask(port).is_ok_and(|answer| names_port(&answer, port))
}

fn ask(port: u16) -> std::io::Result<Vec<u8>> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.write_all(REQUEST)?;
    let mut size = [0; 4];
    stream.read_exact(&mut size)?;
    let size = usize::try_from(u32::from_be_bytes(size)).unwrap_or(usize::MAX).min(ANSWER_MOST);
    let mut answer = vec![0; size];
    stream.read_exact(&mut answer)?;
    Ok(answer)
}

/// Reads correlation, then the list of brokers: node id, host, port, rack.
fn names_port(answer: &[u8], port: u16) -> bool {
    let mut rest = answer.get(4..).unwrap_or_default();
    let Some(brokers) = take(&mut rest, 4).map(number) else { return false };
    (0..brokers).any(|_| broker_port(&mut rest) == Some(i64::from(port)))
}

fn broker_port(rest: &mut &[u8]) -> Option<i64> {
    take(rest, 4)?;
    text(rest)?;
    let port = number(take(rest, 4)?);
    text(rest)?;
    Some(port)
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    // A length of −1 is an absent text.
    let length = number(take(rest, 2)?);
    take(rest, usize::try_from(length.max(0)).ok()?)
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

/// A big-endian two's complement number of up to eight bytes.
fn number(bytes: &[u8]) -> i64 {
    let sign = if bytes.first().is_some_and(|first| first & 0x80 != 0) { -1 } else { 0 };
    bytes.iter().fold(sign, |sum, byte| (sum << 8) | i64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_says_its_own_size() {
        assert_eq!(number(&REQUEST[..4]), REQUEST.len() as i64 - 4);
    }

    #[test]
    fn a_broker_is_ready_once_it_names_itself() {
        let named = b"\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x09127.0.0.1\0\0\x4a\x94\xff\xff\0\0\0\x01\0\0\0\0";
        for (answer, expect) in [
            (named.as_slice(), true),
            (&named[..20], false),
            (b"\0\0\0\x01\0\0\0\0\xff\xff\xff\xff\0\0\0\0", false),
            (b"", false),
        ] {
            assert_eq!(names_port(answer, 0x4a94), expect, "{answer:?}");
        }
    }
}
