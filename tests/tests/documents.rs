//! Documents that name tests name tests that exist.

use std::path::Path;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// Returns the rows of all tables of a document: the cells of each.
fn rows(document: &str) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(Path::new(REPOSITORY).join(document));
    let text = text.unwrap_or_else(|error| panic!("{document}: {error}"));
    let lines: Vec<_> = text.lines().collect();
    let heads = lines.iter().skip(1).map(|next| next.starts_with("|---"));
    let rows = lines.iter().zip(heads.chain([false]));
    // Neither the head of a table nor the line below it.
    let rows =
        rows.filter(|(line, head)| line.starts_with('|') && !line.starts_with("|---") && !head);
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(|(line, _)| cells(line)).collect()
}

/// Returns what is in backticks.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
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
    let scenarios = scenarios.and_then(|(_, rest)| rest.split_once(')'));
    alone || scenarios.is_some_and(|(names, _)| names.split(',').any(|found| found.trim() == name))
}

/// Fails unless there is what is named: a test of a Rust file, something that another file says, or a file.
///
/// A path with a slash is one of the repository, others are in the folder.
fn exists(row: &str, folder: &str, named: &str) {
    let (path, name) = named.split_once("::").unwrap_or((named, ""));
    let folder = if path.contains('/') { "" } else { folder };
    let source = std::fs::read_to_string(Path::new(REPOSITORY).join(folder).join(path));
    let source = source.unwrap_or_else(|error| panic!("{row}, {path}: {error}"));
    let there = match path.ends_with(".rs") {
        true => has_test(&source, name),
        false => source.contains(name),
    };
    assert!(there, "{row}: no {named}");
}

#[test]
fn every_row_of_the_tls_matrix_has_tests() {
    let folder = "libs/tls/tests/matrix";
    let mut numbers: Vec<u32> = Vec::new();
    for row in rows(&format!("{folder}/README.md")) {
        let [_, number, case, tests, _] = &row[..] else {
            panic!("{row:?}");
        };
        numbers.push(
            number
                .parse()
                .unwrap_or_else(|error| panic!("{number}: {error}")),
        );
        assert!(!case.is_empty(), "row {number} says nothing");
        assert!(!named(tests).is_empty(), "row {number} has no test");
        for test in named(tests) {
            exists(number, folder, test);
        }
    }
    let expected: Vec<_> = (1..=106).filter(|&number| number != 99).collect();
    assert_eq!(numbers, expected);
}

#[test]
fn every_fault_has_tests() {
    let faults = rows("docs/faults.md");
    assert!(faults.len() > 20, "{} faults", faults.len());
    for row in faults {
        let [_, fault, holds, tests, _] = &row[..] else {
            panic!("{row:?}");
        };
        assert!(!fault.is_empty() && !holds.is_empty(), "{row:?}");
        assert!(!named(tests).is_empty(), "{fault}: no test");
        for test in named(tests) {
            exists(fault, "tests/tests/e2e", test);
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
