//! The file of the client: lines of `NAME=value` with the variables of the environment, for its owner only.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use ::config::Environment;
use tempfile::NamedTempFile;

use crate::config::PREFIX;
use crate::error::Error;

/// Returns where the file is unless `--config` says otherwise.
pub(crate) fn default_path(environment: &Environment) -> Option<PathBuf> {
    let folder = match environment.get("XDG_CONFIG_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => Path::new(environment.get("HOME")?).join(".config"),
    };
    Some(folder.join("ferroflux/client.env"))
}

/// Reads the file; one that is not there says nothing, unless it was asked for.
pub(crate) fn read(path: &Path, asked_for: bool) -> Result<BTreeMap<String, String>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text).map_err(|reason| failure(path, &reason)),
        Err(error) if error.kind() == ErrorKind::NotFound && !asked_for => Ok(BTreeMap::new()),
        Err(error) => Err(failure(path, &error.to_string())),
    }
}

fn failure(path: &Path, reason: &str) -> Error {
    Error::Usage(format!("{}: {reason}", path.display()))
}

/// The value of a line may be secret, so that a mistake is told by its number only.
fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut variables = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.split_once('=') {
            Some((name, value)) if name.trim().starts_with(PREFIX) => {
                variables.insert(name.trim().to_owned(), value.trim().to_owned());
            }
            Some(_) | None => {
                return Err(format!("line {} is no {PREFIX}NAME=value", number + 1));
            }
        }
    }
    Ok(variables)
}

/// Sets variables in the file, or removes them, and leaves its other lines as they are.
pub(crate) fn write(path: &Path, changes: &[(String, Option<String>)]) -> Result<(), Error> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failure(path, &error.to_string())),
    };
    let changed = |line: &&str| {
        let name = line.split('=').next().unwrap_or_default().trim();
        changes.iter().any(|(changed, _)| changed == name)
    };
    let mut lines: Vec<String> = text
        .lines()
        .filter(|line| !changed(line))
        .map(str::to_owned)
        .collect();
    for (name, value) in changes {
        lines.extend(value.as_ref().map(|value| format!("{name}={value}")));
    }
    lines.push(String::new());
    replace(path, &lines.join("\n"))
        .map_err(|error| Error::Failed(format!("cannot write {}: {error}", path.display())))
}

/// Writes beside and renames; a temporary file has mode 0600.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut beside = NamedTempFile::new_in(folder)?;
    beside.write_all(text.as_bytes())?;
    beside.as_file().sync_all()?;
    beside.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/client.env");
        assert!(read(&path, false).unwrap().is_empty());
        assert!(read(&path, true).is_err());
        let set = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        write(&path, &[set("MF_CLIENT_TOKEN", Some("a=b"))]).unwrap();
        let text = format!(
            "# mine\n{}MF_CLIENT_URL = http://x\n",
            std::fs::read_to_string(&path).unwrap()
        );
        std::fs::write(&path, text).unwrap();
        assert_eq!(read(&path, true).unwrap()["MF_CLIENT_TOKEN"], "a=b");
        write(&path, &[set("MF_CLIENT_TOKEN", None)]).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "# mine\nMF_CLIENT_URL = http://x\n");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_mistake_has_a_line_and_no_secret() {
        let error = parse("MF_CLIENT_URL=x\n\nTOKEN=secret\n").unwrap_err();
        assert!(error.contains("line 3") && !error.contains("secret"));
    }
}
