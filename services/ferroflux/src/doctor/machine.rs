//! The machine: its clock, disk and limits, and the files that keep secrets.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::config::Environment;
use rustix::fs::{Access, access, statvfs};

use super::finding::Findings;
use crate::role::Shape;
use crate::settings::Settings;

/// When this was written: no clock that is set shows an earlier time.
const WRITTEN: Duration = Duration::from_secs(1_767_225_600);
/// How much has to be free for a database to go on.
const LITTLE: u64 = 64 << 20;
/// What a process needs beside its connections.
const OTHER_FILES: u64 = 100;

/// Whether the clock is set at all.
pub(super) fn clock(findings: &mut Findings) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    if now.unwrap_or_default() < WRITTEN {
        let text = "shows a time before 2026: tokens and certificates cannot be checked; set it";
        findings.fault("clock", text);
    } else {
        findings.good("clock", "is set");
    }
}

/// Looks at the data folder, the limits and the files with secrets.
pub(super) fn look(findings: &mut Findings, settings: &Settings, environment: &Environment) {
    if let Some(data) = &settings.data {
        folder(findings, data);
        if settings.shape == Shape::Embedded {
            disk(findings, data, settings.process.bus_max_bytes);
        }
    }
    files(findings, settings);
    for name in environment.names() {
        let secret = [
            "SECRET_FILE",
            "PASS_FILE",
            "TOKEN_FILE",
            "NATS_URL_FILE",
            "DB_URL_FILE",
        ];
        if name.starts_with("MF_") && secret.iter().any(|end| name.ends_with(end)) {
            readable(findings, name, environment.get(name).unwrap_or_default());
        }
    }
}

/// Returns the folder, or the nearest above it that is there.
fn existing(data: &Path) -> &Path {
    let found = data.ancestors().find(|folder| folder.exists());
    found
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."))
}

fn folder(findings: &mut Findings, data: &Path) {
    let folder = existing(data);
    let shown = folder.display();
    if !folder.is_dir() {
        findings.fault(
            "--data",
            format!("leads through {shown}, which is no folder"),
        );
    } else if access(folder, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let text = format!(
            "is {}, and {shown} cannot be written by this user",
            data.display()
        );
        findings.fault("--data", text);
    } else {
        findings.good(
            "--data",
            format!("is {}, which can be written", data.display()),
        );
    }
}

fn disk(findings: &mut Findings, data: &Path, bus_max_bytes: u64) {
    let Ok(disk) = statvfs(existing(data)) else {
        return;
    };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < LITTLE {
        let text = format!("is on a disk with {free} bytes free; make room");
        findings.fault("--data", text);
    } else if free < bus_max_bytes {
        let text = format!(
            "lets the bus keep {bus_max_bytes} bytes, and the disk has {free} free; lower it or make room"
        );
        findings.warn("MF_BUS_MAX_BYTES", text);
    } else {
        findings.good("disk", format!("has {} MB free", free >> 20));
    }
}

/// Each connection is an open file.
fn files(findings: &mut Findings, settings: &Settings) {
    let reader = settings.reader.as_ref();
    let allowed = [
        (
            "HTTP_ADAPTER",
            settings.http.as_ref().map(|http| http.max_connections),
        ),
        (
            "WS_ADAPTER",
            settings.ws.as_ref().map(|ws| ws.max_connections),
        ),
        (
            "MQTT_ADAPTER",
            settings.mqtt.as_ref().map(|mqtt| mqtt.max_connections),
        ),
        ("READER", reader.map(|(reader, _)| reader.max_connections)),
    ];
    let (mut needed, mut variables) = (OTHER_FILES, Vec::new());
    for (role, connections) in allowed {
        if let Some(connections) = connections {
            needed = needed.saturating_add(connections as u64);
            variables.push(format!("MF_{role}_MAX_CONNECTIONS"));
        }
    }
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let Some(limit) = open_files(&limits) else {
        return;
    };
    if limit < needed {
        let text = format!(
            "is {limit}, and the connections that are allowed take {needed}; raise it (LimitNOFILE of systemd), or lower {}",
            variables.join(" or ")
        );
        findings.warn("ulimit -n", text);
    } else {
        findings.good("ulimit -n", format!("is {limit}"));
    }
}

/// Returns how many files a process may open, unless it is unlimited.
fn open_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A secret that others can read is none; those a container engine mounts are its own affair.
fn readable(findings: &mut Findings, name: &str, path: &str) {
    if path.starts_with("/run/secrets/") {
        return;
    }
    let Ok(file) = fs::metadata(path) else { return };
    let mode = file.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let text = format!("names {path}, which others can read (mode {mode:o}); make it 600");
        findings.fault(name, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_read_as_linux_writes_them() {
        let text = "Limit  Soft Limit  Hard Limit\nMax open files            1024                 524288               files\n";
        assert_eq!(open_files(text), Some(1024));
        assert_eq!(open_files("Max open files  unlimited  unlimited"), None);
    }

    #[test]
    fn a_folder_that_cannot_be_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut findings = Findings::default();
        folder(&mut findings, &file.path().join("data"));
        assert!(findings.has_fault());
        let mut findings = Findings::default();
        folder(&mut findings, &std::env::temp_dir().join("not/there/yet"));
        assert!(!findings.has_fault(), "{}", findings.text());
    }
}
