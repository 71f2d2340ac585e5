//! The table of the matrix names tests that exist, for every row.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix");
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The tests of each row, as they are written.
fn rows() -> BTreeMap<u32, Vec<String>> {
    let table = std::fs::read_to_string(Path::new(FOLDER).join("README.md")).unwrap();
    let mut rows = BTreeMap::new();
    for line in table.lines() {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let [_, number, case, tests, _] = cells[..] else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        let tests = tests.split('`').map(str::trim);
        let tests = tests.filter(|test| !test.is_empty());
        assert!(!case.is_empty(), "row {number} says nothing");
        let before = rows.insert(number, tests.map(str::to_owned).collect());
        assert!(before.is_none(), "row {number} is there twice");
    }
    rows
}

fn file(path: &str) -> PathBuf {
    let folder = if path.contains('/') {
        REPOSITORY
    } else {
        FOLDER
    };
    Path::new(folder).join(path)
}

/// Tells whether a source has a function that is run as a test: by itself, or as a scenario on both shapes.
fn has_test(source: &str, name: &str) -> bool {
    let lines: Vec<_> = source.lines().map(str::trim).collect();
    let signature = format!("fn {name}(");
    let Some(at) = lines.iter().position(|line| line.contains(&signature)) else {
        return false;
    };
    let above = lines[..at].iter().rev();
    let mut attributes = above.take_while(|line| line.starts_with("#[") || line.starts_with("//"));
    let alone =
        attributes.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test"));
    let scenarios = source.split_once("both_shapes!(");
    let scenarios = scenarios.and_then(|(_, rest)| rest.split_once(");"));
    alone || scenarios.is_some_and(|(names, _)| names.split(',').any(|found| found.trim() == name))
}

#[test]
fn every_row_has_tests_that_exist() {
    let rows = rows();
    let expected: Vec<u32> = (1..=106).filter(|&number| number != 99).collect();
    assert!(rows.keys().eq(&expected), "{:?}", rows.keys());
    for (number, tests) in rows {
        assert!(!tests.is_empty(), "row {number} has no test");
        for test in tests {
            let (path, name) = test.split_once("::").unwrap();
            let source = std::fs::read_to_string(file(path));
            let source = source.unwrap_or_else(|error| panic!("row {number}, {path}: {error}"));
            assert!(has_test(&source, name), "row {number}: no test {test}");
        }
    }
}

#[test]
fn what_is_no_test_is_seen() {
    let source = "both_shapes!(\n    one,\n);\n#[test]\nfn two() {}\nfn three() {}\n#[tokio::test]\n/// Row.\nasync fn four() {}";
    let found = ["one", "two", "three", "four", "five"].map(|name| has_test(source, name));
    assert_eq!(found, [false, true, false, true, false]);
    let source = "both_shapes!(one);\nasync fn one(shape: Shape) {}";
    assert!(has_test(source, "one"));
}
