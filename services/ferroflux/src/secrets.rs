//! Secrets of the embedded shape: made on the first start, kept under `DATA/secrets`, readable by the owner only.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use model::Secret;

/// How many random bytes a secret is made of.
const BYTES: usize = 32;

/// Returns the secret of this name, making it when there is none.
///
/// # Errors
/// When the file is empty, or readable by others than its owner: a secret that leaked or was cut short must be
/// looked at by a person, and a new one would make everything encrypted with the old one unreadable.
pub(crate) fn load_or_create(data: &Path, name: &str) -> anyhow::Result<Secret> {
    let dir = data.join("secrets");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&dir)
        .with_context(|| format!("cannot create the folder {}", dir.display()))?;
    let path = dir.join(name);
    match File::open(&path) {
        Ok(file) => read(file, &path),
        Err(error) if error.kind() == ErrorKind::NotFound => create(&dir, &path),
        Err(error) => {
            Err(error).with_context(|| format!("cannot read the secret {}", path.display()))
        }
    }
}

/// Returns the secret of this name, or one that is kept nowhere when there is none.
///
/// # Errors
/// As [`load_or_create`].
pub(crate) fn peek(data: &Path, name: &str) -> anyhow::Result<Secret> {
    let path = data.join("secrets").join(name);
    match File::open(&path) {
        Ok(file) => read(file, &path),
        Err(_) => Ok(Secret::new(random()?)),
    }
}

fn read(mut file: File, path: &Path) -> anyhow::Result<Secret> {
    let mode = file.metadata()?.permissions().mode();
    if mode & 0o077 != 0 {
        bail!(
            "{} can be read by others (mode {:o}): make sure nobody did, then chmod 600 it",
            path.display(),
            mode & 0o777
        );
    }
    let mut text = String::new();
    file.read_to_string(&mut text)
        .with_context(|| format!("cannot read the secret {}", path.display()))?;
    if text.trim().is_empty() {
        bail!(
            "{} is empty: restore it from a backup; a new secret would make stored keys unreadable",
            path.display()
        );
    }
    Ok(Secret::new(text.trim()))
}

fn create(dir: &Path, path: &Path) -> anyhow::Result<Secret> {
    let text = random()?;
    write(dir, path, &text)
        .with_context(|| format!("cannot write the secret {}", path.display()))?;
    Ok(Secret::new(text))
}

fn random() -> anyhow::Result<String> {
    let mut random = [0; BYTES];
    getrandom::fill(&mut random)
        .map_err(|error| anyhow::anyhow!("no random numbers from the system: {error}"))?;
    Ok(STANDARD_NO_PAD.encode(random))
}

/// Writes beside and renames, so that a crash leaves no half secret behind.
fn write(dir: &Path, path: &Path, text: &str) -> io::Result<()> {
    let mut beside = PathBuf::from(path);
    beside.set_extension("new");
    let _left_by_a_crash = fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_for_its_owner_only() {
        let data = tempfile::tempdir().unwrap();
        let first = load_or_create(data.path(), "users").unwrap();
        assert!(first.expose().len() >= 43);
        assert_eq!(load_or_create(data.path(), "users").unwrap(), first);
        assert_ne!(load_or_create(data.path(), "things").unwrap(), first);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&data.path().join("secrets")), 0o700);
        assert_eq!(mode(&data.path().join("secrets/users")), 0o600);
    }

    #[test]
    fn an_open_or_empty_secret_is_refused() {
        let data = tempfile::tempdir().unwrap();
        load_or_create(data.path(), "users").unwrap();
        let path = data.path().join("secrets/users");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(
            load_or_create(data.path(), "users")
                .unwrap_err()
                .to_string()
                .contains("chmod 600")
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, "\n").unwrap();
        assert!(
            load_or_create(data.path(), "users")
                .unwrap_err()
                .to_string()
                .contains("is empty")
        );
    }
}
