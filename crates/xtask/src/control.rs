//! The sandbox's control: makes things happen there and asks what it saw.

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::http;

/// Where the control listens.
#[derive(Debug, Clone)]
pub(crate) struct Control {
    address: String,
}

impl Control {
    /// `http://HOST:PORT`, as the sandbox says it; a path after it is not kept.
    pub(crate) fn at(url: &str) -> Result<Self> {
        let address = http::split(url)?.0.to_owned();
        Ok(Self { address })
    }

    /// Makes something happen.
    pub(crate) fn post(&self, what: &str, body: &Value) -> Result<Value> {
        let body = body.to_string();
        let head = format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len());
        self.ask("POST", what, &head, &body)
    }

    /// Asks for something; `what` may have a query.
    pub(crate) fn get(&self, what: &str) -> Result<Value> {
        self.ask("GET", what, "", "")
    }

    fn ask(&self, method: &str, what: &str, head: &str, body: &str) -> Result<Value> {
        let host = &self.address;
        let request = format!(
            "{method} /_sandbox/{what} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{head}\r\n{body}"
        );
        let answer =
            http::exchange(&self.address, &request).context("the sandbox's control does not answer")?;
        body_of(&answer).with_context(|| format!("{method} {what} at the sandbox"))
    }
}

fn body_of(answer: &[u8]) -> Result<Value> {
    let answer = String::from_utf8_lossy(answer);
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.lines().next().unwrap_or_default();
    if !status.contains(" 200 ") {
        bail!("{status}: {body}");
    }
    serde_json::from_str(body).context("the answer is no JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_its_body_or_its_complaint() {
        let fine = b"HTTP/1.1 200 OK\r\ncontent-length: 8\r\n\r\n{\"a\": 1}";
        assert_eq!(body_of(fine).unwrap(), serde_json::json!({"a": 1}));
        let bad = b"HTTP/1.1 400 Bad Request\r\n\r\n{\"error\":\"no such user\"}";
        assert!(body_of(bad).unwrap_err().to_string().contains("no such user"));
    }

    #[test]
    fn the_control_is_found_by_its_address() {
        assert_eq!(Control::at("http://127.0.0.1:4711/_sandbox").unwrap().address, "127.0.0.1:4711");
        assert!(Control::at("https://example.org").is_err());
    }
}
