use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use config::Environment;
use model::Secret;
use zeroize::Zeroizing;

/// The most bytes of a PEM file: the CAs of a system are a fifth of it.
const MAX_BYTES: u64 = 1 << 20;

/// Where one item of the material comes from, and which variable said so.
#[derive(Clone)]
pub(crate) struct Pem {
    variable: String,
    source: Source,
}

#[derive(Clone)]
enum Source {
    File(PathBuf),
    Base64(Secret),
    Inline(Secret),
}

impl Pem {
    /// A file that is named outside the variables of a prefix.
    pub(crate) fn file(variable: &str, path: impl Into<PathBuf>) -> Self {
        Self {
            variable: variable.to_owned(),
            source: Source::File(path.into()),
        }
    }

    /// Takes the first source that is set, and warns of the ones that are ignored.
    pub(crate) fn find(
        environment: &Environment,
        item: &str,
        warnings: &mut Vec<String>,
    ) -> Option<Self> {
        let mut found: Option<Self> = None;
        for suffix in ["_PEM_FILE", "_PEM_B64", "_PEM"] {
            let variable = format!("{item}{suffix}");
            let Some(value) = environment.get(&variable) else {
                continue;
            };
            let source = match suffix {
                "_PEM_FILE" => Source::File(value.into()),
                "_PEM_B64" => Source::Base64(Secret::from(value)),
                _ => Source::Inline(Secret::from(value)),
            };
            match &found {
                None => {
                    found = Some(Self { variable, source });
                }
                Some(used) => warnings.push(format!(
                    "{variable} is ignored: {} is set too and goes first",
                    used.variable
                )),
            }
        }
        found
    }

    pub(crate) fn variable(&self) -> &str {
        &self.variable
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Base64(_) | Source::Inline(_) => None,
        }
    }

    /// Returns the PEM text; the error says why not and holds none of it.
    pub(crate) fn read(&self) -> Result<Zeroizing<Vec<u8>>, String> {
        match &self.source {
            Source::File(path) => read_file(path),
            Source::Base64(text) => {
                let text: Zeroizing<String> = Zeroizing::new(
                    text.expose()
                        .chars()
                        .filter(|c| !c.is_ascii_whitespace())
                        .collect(),
                );
                STANDARD
                    .decode(text.as_bytes())
                    .map(Zeroizing::new)
                    .map_err(|_| "is not base64".to_owned())
            }
            Source::Inline(text) => Ok(Zeroizing::new(text.expose().as_bytes().to_vec())),
        }
    }
}

/// Reads a file of a bounded size.
pub(crate) fn read_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let cannot =
        |reason: &dyn fmt::Display| format!("cannot be read, {}: {reason}", path.display());
    let size = std::fs::metadata(path).map_err(|error| cannot(&error))?;
    if size.len() > MAX_BYTES {
        return Err(cannot(&format_args!("it has more than {MAX_BYTES} bytes")));
    }
    std::fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| cannot(&error))
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::File(path) => write!(f, "{} file {}", self.variable, path.display()),
            Source::Base64(_) => write!(f, "{} base64", self.variable),
            Source::Inline(_) => write!(f, "{} PEM", self.variable),
        }
    }
}
