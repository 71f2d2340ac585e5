use ::config::Environment;

use super::finding::Findings;

/// Looks at a running platform as its clients do.
pub(super) async fn look(
    findings: &mut Findings,
    options: &::cli::Options,
    environment: &Environment,
) {
    for sight in ::cli::look(options, environment).await {
        if sight.good {
            findings.good(sight.subject, sight.text);
        } else {
            findings.fault(sight.subject, sight.text);
        }
    }
}
