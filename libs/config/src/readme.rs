use std::path::Path;

/// Checks that a README holds `table` between `<!-- config:begin MARKER -->` and `<!-- config:end MARKER -->`.
///
/// With `UPDATE=1` in the environment it writes the table there instead. Made to be the whole of a test.
///
/// # Panics
///
/// When the table differs, the markers are missing or the file cannot be read: that is the failed test.
pub fn check_readme(path: impl AsRef<Path>, marker: &str, table: &str) {
    let update = std::env::var_os("UPDATE").is_some_and(|value| value == "1");
    if let Err(reason) = check(path.as_ref(), marker, table, update) {
        panic!("{}: {reason}", path.as_ref().display());
    }
}

fn check(path: &Path, marker: &str, table: &str, update: bool) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let begin = format!("<!-- config:begin {marker} -->\n");
    let end = format!("<!-- config:end {marker} -->");
    let missing = || format!("needs the lines '{}' and '{end}'", begin.trim_end());
    let (head, rest) = text.split_once(&begin).ok_or_else(missing)?;
    let (current, tail) = rest.split_once(&end).ok_or_else(missing)?;
    if current == table {
        return Ok(());
    }
    if !update {
        return Err(format!(
            "the table {marker} is out of date; run the test with UPDATE=1"
        ));
    }
    let text = [head, &begin, table, &end, tail].concat();
    std::fs::write(path, text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::check;

    const README: &str = "# X\n<!-- config:begin A -->\nold\n<!-- config:end A -->\ntail\n";

    #[test]
    fn a_stale_table_fails_until_it_is_updated() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), README).unwrap();
        assert!(check(file.path(), "A", "new\n", false).is_err());
        assert_eq!(std::fs::read_to_string(file.path()).unwrap(), README);
        assert_eq!(check(file.path(), "A", "new\n", true), Ok(()));
        assert_eq!(
            std::fs::read_to_string(file.path()).unwrap(),
            README.replace("old", "new")
        );
        assert_eq!(check(file.path(), "A", "new\n", false), Ok(()));
    }

    #[test]
    fn missing_markers_are_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), README).unwrap();
        let error = check(file.path(), "B", "", true).unwrap_err();
        assert!(error.contains("<!-- config:begin B -->"), "{error}");
    }
}
