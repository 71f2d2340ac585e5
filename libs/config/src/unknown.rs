use schemars::JsonSchema;

use crate::Environment;
use crate::schema::fields;

/// The most edits between a name and a suggestion for it.
const NEAR: usize = 3;

/// Returns the full names of the variables of a config struct.
pub fn names<T: JsonSchema>(prefix: &str) -> Vec<String> {
    fields::<T>()
        .iter()
        .map(|field| field.variable(prefix))
        .collect()
}

/// Returns a warning for each variable under one of the prefixes that nothing reads, with the nearest known name.
///
/// It is a warning and no more: one `.env` file serves all services, and the one of 0.9 sets names nothing reads.
pub fn warn_unknown(environment: &Environment, known: &[String], prefixes: &[&str]) -> Vec<String> {
    let is_known = |name: &str| {
        let file = name.strip_suffix("_FILE");
        known
            .iter()
            .any(|known| known == name || Some(known.as_str()) == file)
    };
    environment
        .names()
        .filter(|name| prefixes.iter().any(|prefix| name.starts_with(prefix)) && !is_known(name))
        .map(|name| match nearest(name, known) {
            Some(near) => format!("{name} is not read by anything; did you mean {near}?"),
            None => format!("{name} is not read by anything"),
        })
        .collect()
}

fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    known
        .iter()
        .map(|known| (distance(name, known), known.as_str()))
        .filter(|(distance, _)| *distance <= NEAR)
        .min()
        .map(|(_, known)| known)
}

/// Counts the insertions, deletions and replacements between two texts.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_counted() {
        for (a, b, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("kitten", "sitting", 3),
            ("PORT", "PROT", 2),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn a_misspelt_name_is_told_and_others_are_left_alone() {
        let known = vec![
            "MF_USERS_HTTP_PORT".to_owned(),
            "MF_USERS_SECRET".to_owned(),
        ];
        let environment = Environment::from([
            ("MF_USERS_HTPP_PORT", "1"),
            ("MF_USERS_SECRET_FILE", "/x"),
            ("MF_USERS_SECRET", "s"),
            ("MF_USERS_SOMETHING_ELSE", "x"),
            ("MF_USERS_EMPTY", ""),
            ("PATH", "/bin"),
        ]);
        assert_eq!(
            warn_unknown(&environment, &known, &["MF_USERS_"]),
            [
                "MF_USERS_HTPP_PORT is not read by anything; did you mean MF_USERS_HTTP_PORT?",
                "MF_USERS_SOMETHING_ELSE is not read by anything",
            ]
        );
    }
}
