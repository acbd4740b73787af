use super::*;

#[test]
fn labels_cannot_be_left() {
    for (text, expected) in [
        ("msc-1 · 90 days (x)", "msc-1 · 90 days (x)"),
        ("a\"] --> b", "a#34;#93; --#62; b"),
        ("<b>&#quot;", "#60;b#62;#38;#35;quot#59;"),
        ("two\nlines|`x`", "two lines#124;#96;x#96;"),
        ("año", "año"),
    ] {
        assert_eq!(escaped(text), expected, "{text}");
    }
    assert_eq!(short(&"x".repeat(60)).chars().count(), NAME_MAX);
    assert!(tail(&format!("/{}/end", "x".repeat(60))).ends_with("/end"));
}

#[test]
fn holds_read_well() {
    for (ms, expected) in [(86_400_000, "24 h"), (172_800_000, "2 days"), (90_000, "90 s"), (1500, "1500 ms")]
    {
        assert_eq!(hold(ms), expected);
    }
}

#[test]
fn the_quickstart_is_drawn() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../pipelines/quickstart");
    let chart = flowchart(&Pipeline::load(&folder).unwrap());
    for part in [
        "flowchart LR\n",
        "([\"msc-1<br/>delimited<br/>",
        "dedup[\"dedup<br/>90 days\"]",
        "  filter --> assemble\n  assemble --> guide\n",
        "holds 24 h at most",
        "<br/>voice · sms · data\"]",
        "  plans -.-> rate\n",
        "-.->|\"else\"| p",
    ] {
        assert!(chart.contains(part), "{part}\n{chart}");
    }
    let nodes = chart.lines().filter(|line| line.ends_with(['"', ']', ')']) && !line.contains("subgraph"));
    assert!(nodes.count() <= 25, "{chart}");
    assert_eq!(chart.matches("subgraph").count(), chart.lines().filter(|line| line.trim() == "end").count());
}
