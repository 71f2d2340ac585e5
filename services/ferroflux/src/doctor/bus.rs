use std::path::Path;

use super::finding::Findings;
use crate::settings::Settings;

/// Whether the NATS server does what a bus needs; the bus in process is looked at with its folder.
pub(super) async fn look(findings: &mut Findings, settings: &Settings) {
    let data = settings.data.as_deref().unwrap_or_else(|| Path::new("."));
    let config = settings.process.buses(&settings.shape, data);
    if config.nats_url.is_none() {
        return;
    }
    match messaging::probe(&config).await {
        Ok(None) => findings.good("MF_NATS_URL", "leads to a NATS server with JetStream"),
        Ok(Some(weakness)) => findings.warn(
            "MF_NATS_URL",
            format!("leads to a server to replace: {weakness}"),
        ),
        Err(error) if error.code == "bus_unavailable" => {
            findings.fault("MF_NATS_URL", "leads to no server that answers");
        }
        Err(error) => findings.fault("MF_NATS_URL", format!("does not work: {error}")),
    }
}
