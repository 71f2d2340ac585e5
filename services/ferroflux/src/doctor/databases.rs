//! Whether each PostgreSQL database can be reached, and shows the same time.

use std::time::{SystemTime, UNIX_EPOCH};

use ::config::Environment;
use storage::{Db, Settings as Database};

use super::finding::Findings;
use crate::settings::Settings;

/// By how many seconds two clocks may differ before tokens and certificates are judged differently.
const MAX_SKEW: i64 = 5;

/// Opening one changes nothing in it.
pub(super) async fn look(findings: &mut Findings, settings: &Settings, environment: &Environment) {
    let users = settings.users.as_ref().map(|(_, database)| database);
    let things = settings.things.as_ref().map(|(_, database)| database);
    let writer = settings.writer.as_ref().map(|writer| &writer.database);
    let reader = settings.reader.as_ref().map(|(_, database)| database);
    for (service, database) in [
        ("USERS", users),
        ("THINGS", things),
        ("WRITER", writer),
        ("READER", reader),
    ] {
        let name = format!("MF_{service}_DB");
        if let Some(database @ Database::Postgres(_)) = database {
            let by_url = ["URL", "URL_FILE"]
                .iter()
                .any(|end| environment.get(&format!("{name}_{end}")).is_some());
            match storage::open(database).await {
                Ok(db) => time(findings, &name, &db).await,
                Err(error) => {
                    let text = format!("{:#}", anyhow::Error::from(error));
                    fault(findings, &name, by_url, &text);
                }
            }
        }
    }
}

async fn time(findings: &mut Findings, name: &str, db: &Db) {
    let sql = "SELECT current_setting('server_version') AS version, \
               CAST(EXTRACT(EPOCH FROM clock_timestamp()) AS BIGINT) AS now";
    let row = db.query_opt(sql, &[]).await.ok().flatten();
    let read = row.and_then(|row| {
        let version: String = row.get("version").ok()?;
        Some((version, row.get::<i64>("now").ok()?))
    });
    let Some((version, theirs)) = read else {
        findings.fault(name, "leads to a server that does not say its version");
        return;
    };
    let ours = SystemTime::now().duration_since(UNIX_EPOCH);
    let skew = theirs - ours.map_or(0, |ours| ours.as_secs().cast_signed());
    if skew.abs() > MAX_SKEW {
        let text =
            format!("differs by {skew} s from that of the server of {name}; set both by NTP");
        findings.fault("clock", text);
    }
    findings.good(name, format!("leads to PostgreSQL {version}"));
}

/// Names the variable that the words of the driver are about.
fn fault(findings: &mut Findings, name: &str, by_url: bool, text: &str) {
    let has = |words: &[&str]| words.iter().any(|word| text.contains(word));
    let part = if has(&["28P01"]) {
        "_PASS"
    } else if has(&["28000"]) {
        "_USER"
    } else if has(&["3D000", "is encoded in"]) {
        ""
    } else if has(&["53300"]) {
        "_POOL_SIZE"
    } else if has(&["certificate", "TLS", "tls"]) {
        "_SSL_MODE"
    } else if has(&["refused", "imed out", "timeout"]) {
        "_PORT"
    } else {
        "_HOST"
    };
    let subject = if by_url { "_URL" } else { part };
    findings.fault(format!("{name}{subject}"), format!("does not work: {text}"));
}
