use std::collections::BTreeMap;

use crate::Problems;

/// The variables a process was started with, or those a test makes up.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// Reads the variables of this process; those that are not UTF-8 are left out.
    pub fn process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(std::env::vars_os().filter_map(text).collect())
    }

    /// Takes the variables from a map.
    pub fn from_map(variables: BTreeMap<String, String>) -> Self {
        Self(variables)
    }

    /// Returns the same variables, where those under an old prefix also count under the new one, unless it is set there.
    ///
    /// `aliases` are pairs of a new prefix and an old one.
    #[must_use]
    pub fn with_aliases(&self, aliases: &[(&str, &str)]) -> Self {
        let mut all = self.clone();
        for (new, old) in aliases {
            for (name, value) in &self.0 {
                if let Some(rest) = name.strip_prefix(old)
                    && self.get(&format!("{new}{rest}")).is_none()
                {
                    all.0.insert(format!("{new}{rest}"), value.clone());
                }
            }
        }
        all
    }

    /// Returns a variable that is set to something; as in 0.9, empty is unset.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name)?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// Returns the names of the variables that are set to something.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
            .map(|(name, _)| name.as_str())
    }

    /// Returns a variable, or the content of the file that `NAME_FILE` names.
    pub(crate) fn resolve(&self, name: &str, problems: &mut Problems) -> Option<String> {
        let direct = self.get(name);
        let Some(path) = self.get(&format!("{name}_FILE")) else {
            return direct.map(str::to_owned);
        };
        if direct.is_some() {
            problems.push(
                name,
                format!("is set, and so is {name}_FILE; unset one of them"),
            );
            return None;
        }
        match std::fs::read_to_string(path) {
            Ok(content) => {
                let content = content.trim();
                (!content.is_empty()).then(|| content.to_owned())
            }
            Err(error) => {
                problems.push(
                    format!("{name}_FILE"),
                    format!("cannot read {path}: {error}"),
                );
                None
            }
        }
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().collect())
    }
}

impl<const N: usize> From<[(&str, &str); N]> for Environment {
    fn from(variables: [(&str, &str); N]) -> Self {
        variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Environment;

    #[test]
    fn a_name_of_before_counts_where_the_new_one_is_not_set() {
        let environment = Environment::from([
            ("OLD_A", "1"),
            ("OLD_B", "2"),
            ("NEW_B", "3"),
            ("OLD_C", "4"),
            ("NEW_C", " "),
        ]);
        let environment = environment.with_aliases(&[("NEW_", "OLD_")]);
        assert_eq!(environment.get("NEW_A"), Some("1"));
        assert_eq!(environment.get("NEW_B"), Some("3"));
        assert_eq!(environment.get("NEW_C"), Some("4"));
    }
}
