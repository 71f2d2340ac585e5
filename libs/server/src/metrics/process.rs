//! What Prometheus clients tell about their process, read from `/proc` when it is asked for.

use std::fmt::Write;
use std::fs;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

/// Linux counts processor time for user space in hundredths of a second on every architecture.
const TICKS_PER_SECOND: f64 = 100.0;

static STARTED: OnceLock<f64> = OnceLock::new();

/// Remembers when the process started.
pub(super) fn start() {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    STARTED.get_or_init(|| now.as_secs_f64());
}

/// Appends the metrics of the process; what the system does not tell is left out.
pub(super) fn render(out: &mut String) {
    let mut gauge = |name: &str, kind: &str, value: Option<f64>| {
        if let Some(value) = value {
            // Writing to a String does not fail.
            let _ = writeln!(out, "# TYPE {name} {kind}\n{name} {value}");
        }
    };
    gauge(
        "process_start_time_seconds",
        "gauge",
        STARTED.get().copied(),
    );
    gauge("process_resident_memory_bytes", "gauge", resident());
    gauge("process_open_fds", "gauge", open_files());
    gauge("process_cpu_seconds_total", "counter", processor());
}

fn resident() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024.0)
}

fn open_files() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // Reading the folder holds one file open itself.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

fn processor() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_is_described() {
        start();
        let mut text = String::new();
        render(&mut text);
        for name in ["start_time_seconds", "resident_memory_bytes", "open_fds"] {
            let start = format!("process_{name} ");
            let line = text.lines().find_map(|line| line.strip_prefix(&start));
            let value: f64 = line
                .unwrap_or_else(|| panic!("{name} in {text}"))
                .parse()
                .unwrap();
            assert!(value > 0.0, "{name}");
        }
        assert!(text.contains("\nprocess_cpu_seconds_total "));
    }
}
