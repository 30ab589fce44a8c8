//! The log of HTTP requests that every fake service keeps, without secrets.

use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// One HTTP request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Request {
    /// Counts up from 1.
    pub number: u64,
    /// `GET`, `POST`, ….
    pub method: String,
    /// Without the query.
    pub path: String,
    /// Without secrets.
    pub query: BTreeMap<String, String>,
    /// None while the answer is on its way, or when the client left before it.
    pub status: Option<u16>,
    /// Milliseconds since 1970.
    pub at_ms: i64,
}

const KEPT: usize = 10_000;
const SECRET: [&str; 4] = ["code", "oauth_token", "client_secret", "message"];

/// Keeps a request (method, path, query) under its number, which it gives back; the oldest one makes room.
pub(crate) fn log(
    requests: &mut VecDeque<Request>,
    number: u64,
    (method, path, query): (&str, &str, Option<&str>),
    at_ms: i64,
) -> u64 {
    let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .map(|(name, value)| {
            let value = if SECRET.contains(&name.as_ref()) { "…".to_owned() } else { value.into_owned() };
            (name.into_owned(), value)
        })
        .collect();
    if requests.len() >= KEPT {
        requests.pop_front();
    }
    let (method, path) = (method.to_owned(), path.to_owned());
    requests.push_back(Request { number, method, path, query, status: None, at_ms });
    number
}

pub(crate) fn answered(requests: &mut VecDeque<Request>, number: u64, status: u16) {
    if let Some(request) = requests.iter_mut().rev().find(|request| request.number == number) {
        request.status = Some(status);
    }
}

/// How many have this method and exactly this path.
pub(crate) fn calls(requests: &VecDeque<Request>, method: &str, path: &str) -> usize {
    requests.iter().filter(|request| request.method == method && request.path == path).count()
}
