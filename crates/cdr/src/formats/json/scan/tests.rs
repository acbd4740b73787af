use super::*;
use proptest::prelude::*;

fn whole(text: &[u8]) -> Result<(), Wrong> {
    let mut scan = Scan::new(text);
    scan.skip_value()?;
    scan.end()
}

#[test]
fn what_is_json() {
    let check = |text: &str, expect| assert_eq!(whole(text.as_bytes()), expect, "{text}");
    for text in [
        "{}",
        " [ ] ",
        "0",
        "-1.50e+7",
        "\"\"",
        "[1,[2,{\"a\":null}],true]",
        "{\"a\":{\"b\":[]},\"c\":false}",
    ] {
        check(text, Ok(()));
    }
    for text in [
        "",
        " ",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "[",
        "[1",
        "[1,",
        "\"",
        "\"\\",
        "\"\\u00",
        "tru",
        "-",
        "1.",
    ] {
        check(text, Err(Wrong::Cut));
    }
    for text in [
        "}",
        "{,}",
        "{\"a\" 1}",
        "{\"a\":1,}",
        "{a:1}",
        "[1,]",
        "[1}",
        "{\"a\":1]",
        "01",
        "+1",
        ".5",
        "1.e",
        "1e5x",
        "trux",
        "nul1",
        "'a'",
        "\"\\x\"",
        "\"\\u00g0\"",
        "\"\\ud800\"      ",
        "\"\\udc00\"",
        "\"\\ud800\\u0041\"",
        "\"\n\"",
        "{} {}",
        "NaN",
    ] {
        check(text, Err(Wrong::Here));
    }
    check(&"[".repeat(DEPTH_MAX + 1), Err(Wrong::Here));
    check(&format!("{}1{}", "[".repeat(DEPTH_MAX), "]".repeat(DEPTH_MAX)), Ok(()));
}

#[test]
fn escapes() {
    let check = |text: &str, expect: &str| {
        let Ok(Value::Scalar(Kind::Text, found)) = Scan::new(text.as_bytes()).value() else {
            panic!("{text}")
        };
        assert_eq!(String::from_utf8(found.bytes().into_owned()).unwrap(), expect, "{text}");
    };
    check(r#""plain é""#, "plain é");
    check(r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t");
    check(r#""a\u0041\u00e9\ud83d\ude00z""#, "aAé😀z");
    check(r#""\u0000""#, "\0");
}

#[test]
fn members_by_path() {
    let text = br#" {"a":1,"b":{"c":"x\ty","d":[1, {"e":2}],"f":{}},"g":null} "#;
    let mut fields = Vec::new();
    Scan::new(text).flatten(&mut fields).unwrap();
    let shown: Vec<_> =
        fields.iter().map(|(name, text)| format!("{name}={}", String::from_utf8_lossy(text))).collect();
    assert_eq!(shown, ["a=1", "b.c=x\ty", r#"b.d=[1, {"e":2}]"#, "g="]);
}

proptest! {
    /// serde's reader is the slow clear twin.
    #[test]
    fn agrees_with_serde(text in r#"[ \[\]{}:,"\\u0-9aeE+.\-tf]{0,24}|(\{"[ab]":([0-9.eE-]{0,4}|"[a\\u0-9/]{0,7}"|\[\]|true|null),?){0,3}\}{0,3}"#) {
        let expect = serde_json::from_str::<serde_json::Value>(&text);
        // A number beyond what serde holds is a number all the same.
        prop_assume!(!expect.as_ref().is_err_and(|error| error.to_string().contains("out of range")));
        prop_assert_eq!(whole(text.as_bytes()).is_ok(), expect.is_ok(), "{}", text);
    }

    #[test]
    fn texts_come_back(text in any::<String>()) {
        let written = serde_json::to_string(&text).unwrap();
        let Ok(Value::Scalar(Kind::Text, found)) = Scan::new(written.as_bytes()).value() else { panic!("{written}") };
        prop_assert_eq!(found.bytes(), text.as_bytes());
    }

    #[test]
    fn any_octets_are_safe(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = whole(&bytes);
        let _ = Scan::new(&bytes).flatten(&mut Vec::new());
    }
}
