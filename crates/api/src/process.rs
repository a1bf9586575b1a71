//! What Linux tells of this process, under Prometheus's usual names; elsewhere these figures are missing.

use std::fmt::{Display, Write};

/// `sysconf(_SC_CLK_TCK)` and the page size of every Linux that Rust runs on by default.
const TICKS_PER_S: f64 = 100.0;
const PAGE_BYTES: u64 = 4096;

/// Appends the figures in Prometheus's text format.
pub fn write(text: &mut String) {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    push(text, "system_cpu_count", "gauge", "Processors this process may use.", cpus);
    let statm = read("/proc/self/statm");
    let pages: Vec<u64> = statm.split(' ').take(2).filter_map(|field| field.parse().ok()).collect();
    if let [virtual_pages, resident_pages] = pages[..] {
        let bytes = virtual_pages * PAGE_BYTES;
        push(text, "process_virtual_memory_bytes", "gauge", "Addresses reserved.", bytes);
        let bytes = resident_pages * PAGE_BYTES;
        push(text, "process_resident_memory_bytes", "gauge", "Memory in use.", bytes);
    }
    let stat = read("/proc/self/stat");
    // Fields are counted from the ")" that ends the second one: a program's name may hold spaces.
    let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest).unwrap_or_default();
    let field = |number: usize| after_name.split(' ').nth(number - 3)?.parse::<f64>().ok();
    let cpu_s = field(14).zip(field(15)).map(|(user, system)| (user + system) / TICKS_PER_S);
    let uptime_s = read("/proc/uptime").split(' ').next().and_then(|text| text.parse::<f64>().ok());
    let age_s = uptime_s.zip(field(22)).map(|(uptime_s, started)| uptime_s - started / TICKS_PER_S);
    if let Some(cpu_s) = cpu_s {
        push(text, "process_cpu_seconds_total", "counter", "CPU time used.", cpu_s);
    }
    if let Some((cpu_s, age_s)) = cpu_s.zip(age_s) {
        let share = cpu_s / age_s.max(1.0 / TICKS_PER_S) / cpus as f64;
        push(text, "process_cpu_usage", "gauge", "Share of all processors used since the start.", share);
    }
    if let Some(threads) = field(20) {
        push(text, "process_threads", "gauge", "Threads.", threads);
    }
    if let Ok(files) = std::fs::read_dir("/proc/self/fd") {
        push(text, "process_open_fds", "gauge", "Open files and sockets.", files.count());
    }
}

fn push(text: &mut String, name: &str, kind: &str, help: &str, value: impl Display) {
    // Writing to a String can't fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}");
}
