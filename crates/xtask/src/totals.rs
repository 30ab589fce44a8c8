//! How many tests ran. Comes in: the lines `cargo test` prints; goes out: their sum.

use std::fmt;

/// The sum over every `test result:` line seen.
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
        // `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
        let Some((_, counts)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((Ok(number), what)) = count.split_once(' ').map(|(n, what)| (n.parse::<u64>(), what))
            else {
                continue;
            };
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
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
    fn other_lines_count_for_nothing() {
        let totals =
            totals(&["3 passed; 1 failed", "test result", "test result: ok", "  test result: ok. 1 passed"]);
        assert_eq!(totals, Totals::default());
    }
}
