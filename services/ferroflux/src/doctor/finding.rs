use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Good,
    Warning,
    Fault,
}

/// What was found, and about what: a variable or a file, wherever one can be changed.
#[derive(Debug, Serialize)]
struct Finding {
    level: Level,
    subject: String,
    text: String,
}

/// All that was found.
#[derive(Debug, Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    /// Notes that something is as it should be.
    pub(super) fn good(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.push(Level::Good, subject.into(), text.into());
    }

    /// Notes what works and may become trouble.
    pub(super) fn warn(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.push(Level::Warning, subject.into(), text.into());
    }

    /// Notes what works and may become trouble, told by a sentence that begins with its subject.
    pub(super) fn warn_sentence(&mut self, sentence: &str) {
        let (subject, text) = sentence.split_once(' ').unwrap_or((sentence, ""));
        self.warn(subject.trim_end_matches(':'), text);
    }

    /// Notes what does not work.
    pub(super) fn fault(&mut self, subject: impl Into<String>, text: impl Into<String>) {
        self.push(Level::Fault, subject.into(), text.into());
    }

    fn push(&mut self, level: Level, subject: String, text: String) {
        self.0.push(Finding {
            level,
            subject,
            text,
        });
    }

    /// Tells whether something does not work.
    pub(super) fn has_fault(&self) -> bool {
        self.0.iter().any(|finding| finding.level == Level::Fault)
    }

    /// Returns a line for each, the worst last, where it is seen.
    pub(super) fn text(&self) -> String {
        let mut lines = Vec::new();
        for (level, word) in [
            (Level::Good, "good"),
            (Level::Warning, "warning"),
            (Level::Fault, "FAULT"),
        ] {
            for finding in self.0.iter().filter(|finding| finding.level == level) {
                lines.push(format!("{word:<8} {} {}", finding.subject, finding.text));
            }
        }
        lines.join("\n")
    }

    /// Returns them for scripts.
    pub(super) fn json(&self) -> String {
        serde_json::to_string_pretty(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Findings;

    #[test]
    fn the_worst_is_last() {
        let mut findings = Findings::default();
        findings.warn_sentence("MF_X: the certificate expires soon");
        assert!(!findings.has_fault());
        findings.fault("MF_Y", "is wrong");
        findings.good("clock", "is set");
        assert!(findings.has_fault());
        assert_eq!(
            findings.text(),
            "good     clock is set\nwarning  MF_X the certificate expires soon\nFAULT    MF_Y is wrong"
        );
    }
}
