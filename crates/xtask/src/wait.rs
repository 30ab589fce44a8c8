//! Waiting for a state, with a limit. Comes in: a question; goes out: its answer, or what was waited for in vain.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// How long a desktop's services get to do one thing. A machine busy with a build is slow, not broken.
pub const LIMIT: Duration = Duration::from_secs(20);

const STEP: Duration = Duration::from_millis(20);

/// Asks until there is an answer. An error from the question ends the waiting at once.
pub fn until<T>(what: &str, limit: Duration, mut question: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = question()? {
            return Ok(answer);
        }
        if start.elapsed() >= limit {
            bail!("waited {} s in vain for {what}", limit.as_secs_f32());
        }
        std::thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_later_question_is_returned() {
        let mut asked = 0;
        let answer = until("three", LIMIT, || {
            asked += 1;
            Ok((asked == 3).then_some(asked))
        });
        assert_eq!(answer.unwrap(), 3);
    }

    #[test]
    fn waiting_in_vain_says_for_what() {
        let answer: Result<()> = until("a miracle", Duration::ZERO, || Ok(None));
        assert!(answer.unwrap_err().to_string().contains("a miracle"));
    }
}
