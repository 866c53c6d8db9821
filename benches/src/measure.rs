//! Figures of processes and of samples.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// Clock ticks in a second, as /proc counts them on every Linux (`sysconf(_SC_CLK_TCK)`).
const TICKS: f64 = 100.0;

/// A value below which a share of the samples lie; milliseconds.
pub(crate) fn percentile(sorted: &[Duration], share: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * share).round() as usize;
    sorted.get(index).map_or(0.0, |sample| round(sample.as_secs_f64() * 1e3))
}

/// Two digits after the point: more would only look exact.
pub(crate) fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

/// CPU seconds that a process has used.
pub(crate) fn cpu_seconds(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name before it may hold spaces, but it ends with the last parenthesis (proc_pid_stat(5)).
    let (_, rest) = stat.rsplit_once(") ").context("an unknown form of /proc/PID/stat")?;
    let ticks: f64 = rest.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS)
}

/// A line of /proc/PID/status in MB, such as `VmRSS` (now) or `VmHWM` (at most so far).
pub(crate) fn memory_mb(pid: u32, line: &str) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let value = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
    let kilobytes: f64 = value.and_then(|v| v.split_whitespace().next()).context("no such line")?.parse()?;
    Ok(round(kilobytes / 1024.0))
}
