//! The figures as a page. Pure.

use std::fmt::Write;

/// One figure beside its budget and what others need.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    what: String,
    measured: String,
    budget: &'static str,
    peers: &'static str,
}

impl Row {
    pub(crate) fn new(
        what: &str,
        measured: impl Into<String>,
        budget: &'static str,
        peers: &'static str,
    ) -> Self {
        Self { what: what.to_owned(), measured: measured.into(), budget, peers }
    }
}

/// The page.
pub(crate) fn text(rows: &[Row], machine: &str) -> String {
    let mut page = format!(
        "# Benchmarks\n\nWritten by `cargo xtask bench`. Release builds, everything on one machine over loopback: \
        {machine}.\n\n| What | Measured | Budget | Others, measured elsewhere |\n|---|---|---|---|\n"
    );
    for Row { what, measured, budget, peers } in rows {
        // Writing to a string cannot fail.
        let _written = writeln!(page, "| {what} | {measured} | {budget} | {peers} |");
    }
    page.push_str(
        "\nA push is timed from the request that makes the sandbox publish to the line in which the client says that it \
        has it; pushes come one at a time. Belfry fetches each notification's details over REST and commits them before \
        it says so; the other clients only receive. Wake-ups are voluntary context switches over all threads.\n",
    );
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_figure_is_a_row() {
        let page = text(&[Row::new("PSS", "5.0 MiB", "≤ 10 MiB", "")], "2 cores");
        assert!(page.contains("| PSS | 5.0 MiB | ≤ 10 MiB |  |\n"));
        assert!(page.contains("2 cores"));
    }
}
