//! Turns one metadata request into the answer to: does a broker serve here, and of which cluster?
//! Relies on the wire form of Kafka's Metadata request, version 2, which brokers of 2017 and of today understand.
//! Never waits longer than its time-out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Longer answers are not from a broker without topics asked for.
const ANSWER_MOST: usize = 64 * 1024;

/// Size, then api 3, version 2, correlation 1, client "ready", and an empty list of topics.
const REQUEST: &[u8] = &[0, 0, 0, 19, 0, 3, 0, 2, 0, 0, 0, 1, 0, 5, b'r', b'e', b'a', b'd', b'y', 0, 0, 0, 0];

/// The cluster of the broker on this loopback port, once it names itself among the brokers that serve.
///
/// With two that were given one port, it tells whose broker got it.
pub fn cluster_at(port: u16) -> Option<String> {
    cluster_in(&ask(port).ok()?, port)
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

/// Reads correlation, the list of brokers (node id, host, port, rack), and the cluster.
fn cluster_in(answer: &[u8], port: u16) -> Option<String> {
    let mut rest = answer.get(4..)?;
    let brokers = number(take(&mut rest, 4)?);
    let mut is_named = false;
    for _ in 0..brokers {
        is_named |= broker_port(&mut rest)? == i64::from(port);
    }
    let cluster = text(&mut rest)?;
    is_named.then(|| String::from_utf8_lossy(cluster).into_owned())
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
        let named =
            b"\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x09127.0.0.1\0\0\x4a\x94\xff\xff\0\x02ab\0\0\0\x01\0\0\0\0";
        for (answer, port, expect) in [
            (named.as_slice(), 0x4a94, Some("ab")),
            (named.as_slice(), 0x4a95, None),
            (&named[..20], 0x4a94, None),
            (b"\0\0\0\x01\0\0\0\0\0\x02ab\0\0\0\x01\0\0\0\0", 0x4a94, None),
            (b"", 0x4a94, None),
        ] {
            assert_eq!(cluster_in(answer, port).as_deref(), expect, "{answer:?}");
        }
    }
}
