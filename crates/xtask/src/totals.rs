//! How many tests ran. Comes in: the lines that `cargo test`, Vitest and Playwright print; goes out: their sum.

use std::fmt;

/// The sum over every result line seen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Tests that passed.
    pub passed: u64,
    /// Tests that failed, and parts that failed without a test to blame.
    pub failed: u64,
    /// Tests marked `#[ignore]`.
    pub skipped: u64,
}

impl Totals {
    /// Adds what one line of output says; most lines say nothing.
    pub fn read(&mut self, line: &str) {
        let line = plain(line);
        if let Some(counts) = vitest(&line) {
            return self.add(counts.split('|'));
        }
        if let Some(counts) = playwright(&line) {
            return self.add(std::iter::once(counts));
        }
        // `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        self.add(counts.split("; "));
    }

    fn add<'a>(&mut self, counts: impl Iterator<Item = &'a str>) {
        for count in counts {
            let Some((Ok(number), what)) =
                count.trim().split_once(' ').map(|(n, what)| (n.parse::<u64>(), what))
            else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                // A flaky test is a bug in waiting or in time.
                "failed" | "flaky" => self.failed += number,
                "ignored" | "skipped" | "todo" | "did not run" => self.skipped += number,
                _ => {}
            }
        }
    }
}

/// Vitest's sum: `      Tests  1 failed | 12 passed | 1 skipped (14)`.
fn vitest(line: &str) -> Option<&str> {
    let counts = line.trim_start().strip_prefix("Tests  ")?;
    counts.rsplit_once(" (").map(|(counts, _)| counts)
}

/// One line of Playwright's sum: `  12 passed (3.4s)`, `  1 failed`, `  2 did not run`.
fn playwright(line: &str) -> Option<&str> {
    let count = line.strip_prefix("  ").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?;
    let count = count.split_once(" (").map_or(count, |(count, _)| count);
    let (_, what) = count.split_once(' ')?;
    ["passed", "failed", "flaky", "skipped", "did not run"].contains(&what).then_some(count)
}

/// Without the colours of a terminal.
fn plain(line: &str) -> String {
    let mut plain = String::new();
    let mut rest = line;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(lines: &[&str]) -> Totals {
        let mut totals = Totals::default();
        lines.iter().for_each(|line| totals.read(line));
        totals
    }

    #[test]
    fn the_results_of_several_test_programs_add_up() {
        let totals = totals(&[
            "running 2 tests",
            "test a ... ok",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s",
            "test result: FAILED. 400 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s",
        ]);
        assert_eq!(totals, Totals { passed: 412, failed: 2, skipped: 1 });
        assert_eq!(totals.to_string(), "412 passed, 2 failed, 1 skipped");
    }

    #[test]
    fn the_results_of_the_page_count_as_well() {
        let vitest = totals(&[
            " Test Files  2 passed (2)",
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m1 failed\u{1b}[22m | \u{1b}[1m12 passed\u{1b}[22m | 2 skipped (15)",
        ]);
        assert_eq!(vitest, Totals { passed: 12, failed: 1, skipped: 2 });
        let playwright = totals(&[
            "  1 failed",
            "    [chromium] a test",
            "  1 flaky",
            "  2 did not run",
            "  7 passed (3.4s)",
        ]);
        assert_eq!(playwright, Totals { passed: 7, failed: 2, skipped: 2 });
    }

    #[test]
    fn other_lines_count_for_nothing() {
        let totals =
            totals(&["3 passed; 1 failed", "test result", "test result: ok", "  test result: ok. 1 passed"]);
        assert_eq!(totals, Totals::default());
    }
}
