//! The table of statements is complete, and every test it names exists.

#![expect(
    clippy::unwrap_used,
    reason = "a panic is how a test fails, in its helpers too"
)]

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};

/// How many statements each section of MQTT 3.1.1 has.
const V311: [(&str, u32); 39] = [
    ("1.5.3", 3),
    ("2.2.2", 2),
    ("2.3.1", 7),
    ("3.1.0", 2),
    ("3.1.2", 24),
    ("3.1.3", 11),
    ("3.1.4", 5),
    ("3.2.0", 1),
    ("3.2.2", 6),
    ("3.3.1", 12),
    ("3.3.2", 3),
    ("3.3.4", 1),
    ("3.3.5", 2),
    ("3.6.1", 1),
    ("3.8.1", 1),
    ("3.8.3", 4),
    ("3.8.4", 6),
    ("3.9.3", 2),
    ("3.10.1", 1),
    ("3.10.3", 2),
    ("3.10.4", 6),
    ("3.12.4", 1),
    ("3.14.1", 1),
    ("3.14.4", 3),
    ("4.1.0", 2),
    ("4.3.1", 1),
    ("4.3.2", 2),
    ("4.3.3", 2),
    ("4.4.0", 1),
    ("4.5.0", 2),
    ("4.6.0", 6),
    ("4.7.1", 3),
    ("4.7.2", 1),
    ("4.7.3", 4),
    ("4.8.0", 2),
    ("6.0.0", 4),
    ("7.0.0", 2),
    ("7.1.1", 1),
    ("7.1.2", 1),
];

/// The same for MQTT 5.0, whose section 2.2.1 begins with the second.
const V5: [(&str, u32); 59] = [
    ("1.5.4", 3),
    ("1.5.5", 1),
    ("1.5.7", 1),
    ("2.1.3", 1),
    ("2.2.1", 6),
    ("2.2.2", 1),
    ("3.1.0", 2),
    ("3.1.2", 30),
    ("3.1.3", 12),
    ("3.1.4", 6),
    ("3.2.0", 2),
    ("3.2.2", 22),
    ("3.3.1", 13),
    ("3.3.2", 20),
    ("3.3.4", 10),
    ("3.4.2", 3),
    ("3.5.2", 3),
    ("3.6.1", 1),
    ("3.6.2", 3),
    ("3.7.2", 3),
    ("3.8.1", 1),
    ("3.8.3", 5),
    ("3.8.4", 8),
    ("3.9.2", 2),
    ("3.9.3", 2),
    ("3.10.1", 1),
    ("3.10.3", 2),
    ("3.10.4", 6),
    ("3.11.2", 2),
    ("3.11.3", 2),
    ("3.12.4", 1),
    ("3.14.0", 1),
    ("3.14.1", 1),
    ("3.14.2", 4),
    ("3.14.4", 3),
    ("3.15.1", 1),
    ("3.15.2", 3),
    ("4.1.0", 2),
    ("4.2", 1),
    ("4.3.1", 1),
    ("4.3.2", 5),
    ("4.3.3", 13),
    ("4.4.0", 2),
    ("4.5.0", 2),
    ("4.6.0", 6),
    ("4.7.0", 1),
    ("4.7.1", 2),
    ("4.7.2", 1),
    ("4.7.3", 4),
    ("4.8.2", 6),
    ("4.9.0", 3),
    ("4.12.0", 7),
    ("4.12.1", 2),
    ("4.13.1", 1),
    ("4.13.2", 1),
    ("6.0.0", 4),
    ("7.0.0", 2),
    ("7.1.1", 1),
    ("7.1.2", 1),
];

/// What the last column says of statements that no test of ours can cover.
const NOT_OURS: [&str; 2] = ["of the client", "of what this server does not do"];

struct Row {
    number: String,
    words: String,
    covered: String,
}

/// Reads the rows of the table under a heading.
fn rows(document: &str, heading: &str) -> Vec<Row> {
    let (_, section) = document.split_once(heading).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| {
        line.starts_with('|') && !line.starts_with("|---") && !line.starts_with("| statement")
    });
    rows.map(|line| {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{line}");
        let [number, words, covered] = [cells[0], cells[1], cells[2]].map(str::to_owned);
        Row {
            number,
            words,
            covered,
        }
    })
    .collect()
}

/// Returns the tests of a file, the scenarios that run in both shapes of the platform included.
fn tests_of(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let both = text.split("both_shapes!(").skip(1);
    let both = both.filter_map(|after| after.split_once(')'));
    let both = both.flat_map(|(names, _)| names.split(','));
    let mut tests: BTreeSet<_> = both.map(|name| name.trim().to_owned()).collect();
    let mut marked = false;
    for line in text.lines() {
        let line = line.trim();
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            marked = true;
        } else if let Some((_, after)) = line.split_once("fn ").filter(|_| marked) {
            let name = after.split(['(', '<']).next().unwrap();
            tests.insert(name.to_owned());
            marked = false;
        }
    }
    tests
}

/// Returns where the tests of a path such as `probes::limits` or `src::topic::filter` may be.
fn files(path: &[&str]) -> Vec<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = match path[0] {
        "src" => here.join("src"),
        "mqtt_adapter" => here.join("../../services/mqtt-adapter/src"),
        "e2e" => here.join("../../tests/tests/e2e"),
        program => here.join("tests").join(program),
    };
    let mut inner: Vec<&str> = path[1..].to_vec();
    if inner.last() == Some(&"tests") && path[0] == "src" {
        let file = root.join(inner.join("/")).with_extension("rs");
        inner.pop();
        return vec![file, root.join(inner.join("/")).with_extension("rs")];
    }
    if inner.is_empty() {
        return vec![root.join("main.rs")];
    }
    vec![root.join(inner.join("/")).with_extension("rs")]
}

#[test]
fn no_statement_is_left_out_and_every_test_exists() {
    let document = include_str!("../CONFORMANCE.md");
    let mut known: HashMap<PathBuf, BTreeSet<String>> = HashMap::new();
    for (heading, sections, missing) in [
        ("## MQTT 3.1.1\n", &V311[..], &[][..]),
        ("## MQTT 5.0\n", &V5[..], &["2.2.1-1"][..]),
    ] {
        let rows = rows(document, heading);
        let numbers: Vec<&str> = rows.iter().map(|row| row.number.as_str()).collect();
        let all = sections
            .iter()
            .flat_map(|(section, count)| (1..=*count).map(move |n| format!("{section}-{n}")));
        let all: Vec<String> = all
            .filter(|number| !missing.contains(&number.as_str()))
            .collect();
        assert_eq!(numbers, all, "{heading}");
        for row in rows {
            assert!(!row.words.is_empty(), "{} says nothing", row.number);
            if NOT_OURS.contains(&row.covered.as_str()) {
                continue;
            }
            for name in row.covered.split(", ") {
                let path: Vec<&str> = name.trim_matches('`').split("::").collect();
                let (test, module) = path.split_last().unwrap();
                let exists = files(module).into_iter().any(|file| {
                    file.exists()
                        && known
                            .entry(file)
                            .or_insert_with_key(|file| tests_of(file))
                            .contains(*test)
                });
                assert!(exists, "{}: there is no test {name}", row.number);
            }
        }
    }
}
