//! Plain HTTP on loopback, one request a connection and no library: the other end is ours, and xtask is built before anything else.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail};

/// The longest the sandbox keeps a question waiting, and some more.
const LIMIT: Duration = Duration::from_secs(90);
/// No sign-in leads over more pages.
const REDIRECTS: usize = 5;

/// Sends a whole request, and reads until the other end closes.
pub(crate) fn exchange(address: &str, request: &str) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address).with_context(|| format!("nobody answers at {address}"))?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Goes to an address as a browser does, and on to where it is sent, until there is a page. Gives its text.
pub(crate) fn visit(url: &str) -> Result<String> {
    let mut url = url.to_owned();
    for _ in 0..REDIRECTS {
        let (address, target) = split(&url)?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        let answer = exchange(address, &request)?;
        match read(&String::from_utf8_lossy(&answer))? {
            Came::Page(page) => return Ok(page),
            Came::Elsewhere(next) => url = next,
        }
    }
    bail!("the sign-in leads round and round")
}

#[derive(Debug, PartialEq)]
enum Came {
    Page(String),
    Elsewhere(String),
}

fn read(answer: &str) -> Result<Came> {
    let (head, body) = answer.split_once("\r\n\r\n").context("no HTTP answer")?;
    let status = head.lines().next().unwrap_or_default();
    if status.contains(" 200 ") {
        return Ok(Came::Page(body.to_owned()));
    }
    let location = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
    });
    // The query may hold a code; it is not repeated.
    location.map(Came::Elsewhere).with_context(|| format!("{status}: {body}"))
}

/// `HOST:PORT`, and what to ask for there.
pub(crate) fn split(url: &str) -> Result<(&str, &str)> {
    let rest = url.strip_prefix("http://").context("that is no plain http address")?;
    let end = rest.find('/').unwrap_or(rest.len());
    let (address, target) = rest.split_at(end);
    Ok((address, if target.is_empty() { "/" } else { target }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_what_to_ask_for() {
        assert_eq!(split("http://127.0.0.1:4711/a?b=c").unwrap(), ("127.0.0.1:4711", "/a?b=c"));
        assert_eq!(split("http://127.0.0.1:4711").unwrap(), ("127.0.0.1:4711", "/"));
        assert!(split("https://example.org").is_err());
    }

    #[test]
    fn a_redirect_leads_on_and_trouble_is_told() {
        let elsewhere = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/x\r\n\r\n";
        assert_eq!(read(elsewhere).unwrap(), Came::Elsewhere("http://127.0.0.1:1/x".to_owned()));
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\nDone").unwrap(), Came::Page("Done".to_owned()));
        assert!(
            read("HTTP/1.1 400 Bad Request\r\n\r\nNo such channel")
                .unwrap_err()
                .to_string()
                .contains("No such channel")
        );
    }
}
