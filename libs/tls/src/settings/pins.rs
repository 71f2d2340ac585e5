use std::path::Path;

use config::{Environment, Problems};

use super::policy_load::Named;
use super::{Pin, Policy};

/// The end of the variable that names a file with pins.
const NAME: &str = "PINNED_SPKI_FILE";

/// The file that pins came from: unlike a variable, it can change while the process runs.
#[derive(Clone, Debug)]
pub(crate) struct PinsFile {
    prefix: String,
    path: String,
}

impl PinsFile {
    pub(crate) fn find(environment: &Environment, named: &Named) -> Option<Self> {
        let variable = named.variable("PINNED_SPKI");
        Some(Self {
            prefix: variable.strip_suffix(NAME)?.to_owned(),
            path: environment.get(&variable)?.to_owned(),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        Path::new(&self.path)
    }

    /// Reads the pins as the start does, but that no pins at all are a mistake: they would let everybody in.
    pub(crate) fn read(&self, problems: &mut Problems) -> Vec<Pin> {
        let variable = format!("{}{NAME}", self.prefix);
        let environment = Environment::from([(variable.as_str(), self.path.as_str())]);
        let mut found = Problems::new();
        let policy: Option<Policy> = config::load(&environment, &self.prefix, &mut found);
        let pins = policy.unwrap_or_default().pinned_spki;
        if found.is_empty() && pins.is_empty() {
            let reason = format!("holds no pin, {}; unset it to take every key", self.path);
            found.push(variable, reason);
        }
        problems.append(found);
        pins
    }
}
