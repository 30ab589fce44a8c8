//! What the kernel says of a process, and what a row of times says. Pure but for reading `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// What a process holds and did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Proportional set size, in KiB.
    pub(crate) pss: u64,
    /// Voluntary context switches over all threads: how often it woke up.
    pub(crate) wakes: u64,
    /// Processor time, user and system.
    pub(crate) processor: Duration,
    /// Bytes it caused to be written to storage.
    pub(crate) written: u64,
}

/// The kernel's unit of processor time on every Linux that Debian ships.
const TICK: Duration = Duration::from_millis(10);

impl Usage {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |path: String| fs::read_to_string(&path).with_context(|| format!("cannot read {path}"));
        let mut wakes = 0;
        for task in fs::read_dir(format!("/proc/{pid}/task"))? {
            // A thread may end between the listing and the look.
            if let Ok(status) = fs::read_to_string(task?.path().join("status")) {
                wakes +=
                    field(&status, "voluntary_ctxt_switches:").context("no context switches in status")?;
            }
        }
        // The program's name, in brackets, may hold anything.
        let stat = read(format!("/proc/{pid}/stat"))?;
        let fields = stat.rsplit_once(')').map(|(_, rest)| rest.split_whitespace()).context("no stat")?;
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        Ok(Self {
            processor: TICK * u32::try_from(ticks).unwrap_or(u32::MAX),
            pss: field(&read(format!("/proc/{pid}/smaps_rollup"))?, "Pss:")
                .context("no Pss in smaps_rollup")?,
            wakes,
            written: field(&read(format!("/proc/{pid}/io"))?, "write_bytes:")
                .context("no write_bytes in io")?,
        })
    }
}

fn field(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok())
}

/// The smallest time that at least `percent` of the times don't exceed.
pub(crate) fn percentile(times: &[Duration], percent: usize) -> Option<Duration> {
    let mut sorted = times.to_vec();
    sorted.sort();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.checked_sub(1)?).copied()
}

/// The machine in words that stay true: processor, memory, system. No names, no dates.
pub(crate) fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ").map(|(_, name)| name));
    let memory = field(&read("/proc/meminfo"), "MemTotal:").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let system = read("/etc/os-release");
    let system = system
        .lines()
        .find_map(|line| line.strip_prefix("PRETTY_NAME="))
        .unwrap_or("Linux")
        .trim_matches('"');
    format!(
        "{cores} cores ({}), {} GiB of memory, {system}, kernel {}",
        model.unwrap_or("unnamed"),
        memory.div_ceil(1024 * 1024),
        read("/proc/sys/kernel/osrelease").trim()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = "nonvoluntary_ctxt_switches:\t7\nvoluntary_ctxt_switches:\t42\n";
        assert_eq!(field(status, "voluntary_ctxt_switches:"), Some(42));
        assert_eq!(field("Pss:                1234 kB\nPss_Dirty: 3 kB\n", "Pss:"), Some(1234));
        assert_eq!(field("", "Pss:"), None);
    }

    #[test]
    fn a_percentile_is_a_time_that_was_measured() {
        let times: Vec<Duration> = (1..=200).rev().map(Duration::from_millis).collect();
        assert_eq!(percentile(&times, 50), Some(Duration::from_millis(100)));
        assert_eq!(percentile(&times, 99), Some(Duration::from_millis(198)));
        assert_eq!(percentile(&times[..1], 99), Some(Duration::from_millis(200)));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn this_process_can_be_measured() {
        assert!(Usage::of(std::process::id()).unwrap().pss > 0);
    }
}
