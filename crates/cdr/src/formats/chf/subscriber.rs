//! Who is served: subscriberIdentifier [2] and the user of the PDU session, texts both, to the ways a party is named.
//! Relies on the types of TS 32.298 SubscriptionID; prefixes such as `imsi-` are those of TS 29.571 SUPI and GPSI.
//! Never takes digits out of an address of a private network: a SIP URI or NAI without `+` names a subscription.

use super::decode::missing;
use crate::ber::{BadValue, BerError, Tlv, value};
use caudal_usage::Fault;

/// Ways in which the served party is named; empty when it is not.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Served<'a> {
    pub imsi: &'a [u8],
    /// Digits of an international number, without `+`.
    pub number: &'a [u8],
    pub subscription: &'a [u8],
}

const FIELD: &str = "subscriberIdentifier";

/// subscriberIdentifier: SET of type and data.
#[inline]
pub(super) fn identifier<'a>(identifier: &Tlv<'a>) -> Result<Served<'a>, Fault> {
    let (mut kind, mut data) = (None, None);
    for element in identifier.children() {
        let element = element.map_err(|error| error.fault(FIELD))?;
        match element.tag.in_context() {
            Some(0) => kind = Some(element.content),
            Some(1) => data = Some(element.content),
            _ => {}
        }
    }
    let kind = kind.ok_or_else(|| missing("subscriptionIDType"))?;
    let data = data.ok_or_else(|| missing("subscriptionIDData"))?;
    value::utf8(data).map_err(|bad| bad.fault("subscriptionIDData", b""))?;
    match value::integer(kind).map_err(|bad| bad.fault("subscriptionIDType", kind))? {
        0 => Ok(Served { number: e164(data), ..Served::default() }),
        1 => Ok(Served { imsi: data.strip_prefix(b"imsi-").unwrap_or(data), ..Served::default() }),
        2 => Ok(match sip_number(data) {
            Some(number) => Served { number, ..Served::default() },
            None => Served { subscription: data, ..Served::default() },
        }),
        3 | 4 => Ok(Served { subscription: data, ..Served::default() }),
        _ => {
            Err(BadValue("0 E.164, 1 IMSI, 2 SIP URI, 3 NAI or 4 private").fault("subscriptionIDType", kind))
        }
    }
}

/// userIdentifier of a PDU session, a CHOICE: the number in it, empty when it holds another kind of address.
pub(super) fn user_number<'a>(user: &Tlv<'a>) -> Result<&'a [u8], BerError> {
    let party = user.only_child()?;
    Ok(match party.tag.in_context() {
        Some(0) => sip_number(party.content).unwrap_or_default(),
        Some(1) => party.content.strip_prefix(b"tel:").and_then(plus_number).unwrap_or_default(),
        Some(3) => e164(party.content),
        _ => &[],
    })
}

fn e164(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"msisdn-").unwrap_or(text);
    text.strip_prefix(b"+").unwrap_or(text)
}

/// The number in `sip:+34915550123@ims.example.net;user=phone`.
fn sip_number(uri: &[u8]) -> Option<&[u8]> {
    let address = uri.strip_prefix(b"sip:").or_else(|| uri.strip_prefix(b"sips:"))?;
    let user = address.split(|octet| *octet == b'@').next()?;
    plus_number(user)
}

/// Digits behind `+`, up to the first parameter.
fn plus_number(text: &[u8]) -> Option<&[u8]> {
    let digits = text.strip_prefix(b"+")?.split(|octet| *octet == b';').next()?;
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(digits)
}
