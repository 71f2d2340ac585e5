use std::fmt;

/// All that is wrong with a configuration, one line per variable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems(Vec<(String, String)>);

impl Problems {
    /// Starts without problems.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes what is wrong with a variable; the reason reads on from its name and holds no secret.
    pub fn push(&mut self, name: impl Into<String>, reason: impl Into<String>) {
        let problem = (name.into(), reason.into());
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Takes over what somebody else found.
    pub fn append(&mut self, other: Self) {
        for (name, reason) in other.0 {
            self.push(name, reason);
        }
    }

    /// Returns each variable with what is wrong with it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, reason)| (name.as_str(), reason.as_str()))
    }

    /// Tells whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Turns the problems into an error, if there are any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (name, reason)) in self.0.iter().enumerate() {
            let newline = if index == 0 { "" } else { "\n" };
            write!(f, "{newline}{name} {reason}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
