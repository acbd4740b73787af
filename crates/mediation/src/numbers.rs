//! Numbers as dialled or routed to E.164, by the rules of a source.
//! Relies on the numbering plan that the pipeline states; it knows no country by itself.
//! Never guesses: short codes, extensions without a range, SIP URIs and alphanumeric senders stay as written.

use caudal_usage::{Digits, Party};
use compact_str::CompactString;

/// Longest party in octets. SIP URIs reach about 100.
pub const PARTY_MAX: usize = 128;

/// Fewest digits of an international number, country code included.
const INTERNATIONAL_MIN: usize = 5;

/// How a source writes numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NumberRules {
    /// Country code of the network, e.g. `34`. Empty: bare numbers are international.
    pub country: String,
    /// Digits before a national number, e.g. `0`. Empty where there are none, as in Spain.
    pub national_prefix: String,
    /// Digits before an international number, e.g. `00`. Empty when only `+` says so.
    pub international_prefix: String,
    /// Fewest digits of a national number; shorter ones are short codes.
    pub national_min: usize,
    /// Most digits of a national number; longer ones that begin with the country code are international.
    pub national_max: usize,
    /// Extensions of a PBX that have a range of numbers. Short codes of that length then mean extensions.
    pub extensions: Option<ExtensionRange>,
}

/// A range of numbers behind which extensions sit.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExtensionRange {
    /// Digits of an extension.
    pub length: usize,
    /// What to put before it, international, without `+`.
    pub prefix: String,
}

impl Default for NumberRules {
    fn default() -> Self {
        Self {
            country: String::new(),
            national_prefix: String::new(),
            international_prefix: "00".into(),
            national_min: 7,
            national_max: 10,
            extensions: None,
        }
    }
}

impl NumberRules {
    /// What is wrong with the rules; empty when nothing is.
    pub fn check(&self) -> Vec<String> {
        let mut errors = Vec::new();
        let extension = self.extensions.as_ref().map_or("", |range| &range.prefix);
        for (name, digits, most) in [
            ("country", self.country.as_str(), 3),
            ("national_prefix", &self.national_prefix, 4),
            ("international_prefix", &self.international_prefix, 6),
            ("extension prefix", extension, 14),
        ] {
            if digits.len() > most || !digits.bytes().all(|octet| octet.is_ascii_digit()) {
                errors.push(format!("{name} \"{digits}\": expected at most {most} digits"));
            }
        }
        if !self.national_prefix.is_empty() && self.country.is_empty() {
            errors.push(format!("national_prefix \"{}\": expected a country too", self.national_prefix));
        }
        if self.national_min == 0 || self.national_min > self.national_max || self.national_max > 14 {
            let (min, max) = (self.national_min, self.national_max);
            errors.push(format!("national numbers of {min} to {max} digits: expected 1 to 14, least first"));
        }
        if let Some(range) = &self.extensions
            && (range.length == 0 || range.prefix.is_empty() || range.length + range.prefix.len() > 15)
        {
            errors.push(format!(
                "extensions of {} digits behind \"{}\": expected a number of at most 15 digits",
                range.length, range.prefix
            ));
        }
        errors
    }

    /// Reads a party. `None` when it is longer than [`PARTY_MAX`].
    #[inline]
    pub fn party(&self, raw: &[u8]) -> Option<Party> {
        if raw.is_empty() {
            return Some(Party::Absent);
        }
        let (plus, bare) = match raw.strip_prefix(b"+") {
            Some(rest) => (true, rest),
            None => (false, raw),
        };
        // Nearly every number: eight digits are told at once, those of a longer one each by itself.
        if Digits::parse(bare).is_some() || bare.iter().all(u8::is_ascii_digit) {
            return Some(self.digits(plus, bare).map_or_else(|| other(raw), Party::E164));
        }
        self.written_by_people(raw)
    }

    /// Digits to E.164; `None` when they are no subscriber number.
    #[inline]
    fn digits(&self, plus: bool, digits: &[u8]) -> Option<Digits> {
        if plus {
            return international(digits);
        }
        if !self.international_prefix.is_empty()
            && let Some(rest) = digits.strip_prefix(self.international_prefix.as_bytes())
            && rest.len() >= INTERNATIONAL_MIN
        {
            return international(rest);
        }
        if let Some(range) = &self.extensions
            && digits.len() == range.length
        {
            return Digits::concat(range.prefix.as_bytes(), digits);
        }
        if self.country.is_empty() {
            return if digits.len() < self.national_min { None } else { international(digits) };
        }
        self.national(digits)
    }

    #[inline]
    fn national(&self, digits: &[u8]) -> Option<Digits> {
        let country = self.country.as_bytes();
        let within = |number: &[u8]| (self.national_min..=self.national_max).contains(&number.len());
        let number = digits.strip_prefix(self.national_prefix.as_bytes());
        if let Some(number) = number.filter(|number| within(number)) {
            return Digits::concat(country, number);
        }
        // Many switches write routed numbers with the country code and nothing before it.
        let number = digits.strip_prefix(country)?;
        within(number).then(|| Digits::parse(digits)).flatten()
    }

    /// Numbers with spaces, dots, dashes or brackets in them; anything else stays text.
    #[cold]
    fn written_by_people(&self, raw: &[u8]) -> Option<Party> {
        if raw.len() > PARTY_MAX {
            return None;
        }
        // "+44 (0)20…" means "+4420…" to people, "+44020…" to others: not ours to say.
        if raw.windows(3).any(|three| three == b"(0)") {
            return Some(other(raw));
        }
        let decoration = |octet: &u8| matches!(octet, b' ' | b'-' | b'.' | b'(' | b')' | b'/');
        let plain: Vec<u8> = raw.iter().copied().filter(|octet| !decoration(octet)).collect();
        let (plus, bare) = match plain.strip_prefix(b"+") {
            Some(rest) => (true, rest),
            None => (false, plain.as_slice()),
        };
        let number = !bare.is_empty() && bare.iter().all(u8::is_ascii_digit);
        let digits = number.then(|| self.digits(plus, bare)).flatten();
        Some(digits.map_or_else(|| other(raw), Party::E164))
    }
}

/// An international number without its prefix. No country code begins with zero.
#[inline]
fn international(digits: &[u8]) -> Option<Digits> {
    if digits.len() < INTERNATIONAL_MIN || digits.first() == Some(&b'0') {
        return None;
    }
    Digits::parse(digits)
}

fn other(raw: &[u8]) -> Party {
    Party::Other(CompactString::from_utf8_lossy(raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spain() -> NumberRules {
        NumberRules {
            country: "34".into(),
            extensions: Some(ExtensionRange { length: 4, prefix: "3491555".into() }),
            ..NumberRules::default()
        }
    }

    fn germany() -> NumberRules {
        NumberRules {
            country: "49".into(),
            national_prefix: "0".into(),
            national_min: 5,
            national_max: 11,
            ..NumberRules::default()
        }
    }

    fn check(rules: &NumberRules, raw: &str, expect: &str) {
        let shown = match rules.party(raw.as_bytes()) {
            Some(Party::E164(digits)) => format!("+{digits}"),
            Some(Party::Other(text)) => format!("other {text}"),
            Some(Party::Absent) => "absent".to_owned(),
            None => "too long".to_owned(),
        };
        assert_eq!(shown, expect, "{raw}");
    }

    #[test]
    fn a_country_without_national_prefix() {
        check(&spain(), "", "absent");
        check(&spain(), "915550123", "+34915550123");
        check(&spain(), "34915550123", "+34915550123");
        check(&spain(), "0034915550123", "+34915550123");
        check(&spain(), "+34 915 55-01.23", "+34915550123");
        check(&spain(), "+44 (20) 7946 0123", "+442079460123");
        check(&spain(), "+44 (0)20 7946 0123", "other +44 (0)20 7946 0123");
        check(&spain(), "0033155500199", "+33155500199");
        check(&spain(), "0123", "+34915550123");
        check(&spain(), "112", "other 112");
        check(&spain(), "25555", "other 25555");
        check(&spain(), "*98", "other *98");
        check(&spain(), "s", "other s");
        check(&spain(), "+", "other +");
        check(&spain(), "ACME-25", "other ACME-25");
        check(&spain(), "sip:ann@example.org", "other sip:ann@example.org");
        check(&spain(), "1234567890123456", "other 1234567890123456");
        check(&spain(), "33155500199", "other 33155500199");
        check(&spain(), &"x".repeat(129), "too long");
    }

    #[test]
    fn a_country_with_national_prefix() {
        check(&germany(), "0301234567", "+49301234567");
        check(&germany(), "00493012345", "+493012345");
        check(&germany(), "49301234567", "+49301234567");
        check(&germany(), "1234567", "other 1234567");
        check(&germany(), "110", "other 110");
    }

    #[test]
    fn no_rules_mean_international() {
        let rules = NumberRules::default();
        check(&rules, "34915550123", "+34915550123");
        check(&rules, "0034915550123", "+34915550123");
        check(&rules, "0915550123", "other 0915550123");
        check(&rules, "112", "other 112");
    }

    #[test]
    fn rules_are_checked() {
        assert!(spain().check().is_empty() && germany().check().is_empty());
        let bad = NumberRules {
            country: "+34".into(),
            national_min: 11,
            extensions: Some(ExtensionRange { length: 12, prefix: "3491".into() }),
            ..NumberRules::default()
        };
        assert_eq!(bad.check().len(), 3);
        assert_eq!(NumberRules { national_prefix: "0".into(), ..NumberRules::default() }.check().len(), 1);
    }
}
