//! What a reader is sent. In: a request as it came. Out: one line of JSON in the shape of gosmee and smee, with ours beside it; and the
//! frames of the stream of server-sent events. Pure.
//!
//! Flat, as both of them have it: each header in lower case with its first value. Then what no header may override: `timestamp`
//! (milliseconds, as text), `bodyB` (base64 of the exact bytes), `headers` (all values), `method`, `query`, `id`.

use std::fmt;

use axum::http::{HeaderMap, HeaderValue};
use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::{Map, Value, json};

use crate::store::MessageId;

/// The name of the event that carries a browser's return from a sign-in.
pub(crate) const RETURN: &str = "belfry-oauth";

/// Headers that concern one connection and not the request (RFC 9110 §7.6.1).
const HOP_BY_HOP: [&str; 9] = [
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// By these keys clients tell an event from a word of the relay or an envelope: headers of such names stand under `headers` only.
const NEVER_FLAT: [&str; 4] = ["body", "encrypted", "error", "message"];

/// A request, as far as a reader is told of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Came<'a> {
    pub(crate) method: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
    pub(crate) received: u64,
    pub(crate) id: MessageId,
}

/// The event of a webhook.
pub(crate) fn webhook(came: &Came<'_>) -> Vec<u8> {
    let mut event = Map::new();
    let mut all = Map::new();
    for name in came.headers.keys() {
        if is_hop_by_hop(name.as_str(), came.headers) {
            continue;
        }
        let values: Vec<Value> =
            came.headers.get_all(name).iter().map(|value| text_of(value).into()).collect();
        if let Some(first) = values.first().filter(|_| !NEVER_FLAT.contains(&name.as_str())) {
            event.insert(name.as_str().to_owned(), first.clone());
        }
        all.insert(name.as_str().to_owned(), values.into());
    }
    event.insert("timestamp".to_owned(), came.received.to_string().into());
    event.insert("bodyB".to_owned(), BASE64.encode(came.body).into());
    event.insert("headers".to_owned(), all.into());
    event.insert("method".to_owned(), came.method.into());
    event.insert("query".to_owned(), query_of(came.query));
    event.insert("id".to_owned(), came.id.to_string().into());
    Value::from(event).to_string().into_bytes()
}

/// The event of a browser that came back from a sign-in.
pub(crate) fn returned(query: &str, received: u64, id: MessageId) -> Vec<u8> {
    json!({ "query": query_of(query), "timestamp": received.to_string(), "id": id.to_string() })
        .to_string()
        .into_bytes()
}

/// A webhook's event in smee's own shape, for its clients: they take every other key for a header and send it on. `body` is the parsed
/// JSON; of what is no JSON, the text. `None` for what is sealed or no webhook.
pub(crate) fn as_smee(event: &[u8]) -> Option<Vec<u8>> {
    let Ok(Value::Object(mut event)) = serde_json::from_slice(event) else { return None };
    let Some(Value::String(body)) = event.remove("bodyB") else { return None };
    let body = BASE64.decode(body.as_bytes()).ok()?;
    let body = serde_json::from_slice(&body)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned()));
    let timestamp: u64 = event.get("timestamp")?.as_str()?.parse().ok()?;
    event.insert("timestamp".to_owned(), timestamp.into());
    event.insert("body".to_owned(), body);
    for ours in ["headers", "method", "id"] {
        event.remove(ours);
    }
    Some(Value::from(event).to_string().into_bytes())
}

/// A place in the order of one store: what stands in `id:` and comes back in `Last-Event-ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) epoch: u64,
    pub(crate) seq: u64,
}

impl Position {
    /// Digits, a hyphen, digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (epoch, seq) = text.split_once('-')?;
        let number = |text: &str| {
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            if digits { text.parse().ok() } else { None }
        };
        Some(Self { epoch: number(epoch)?, seq: number(seq)? })
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.epoch, self.seq)
    }
}

/// Adds one server-sent event to what goes out. `data` is one line.
pub(crate) fn add_frame(out: &mut Vec<u8>, id: Option<Position>, event: &str, data: &[u8]) {
    if let Some(id) = id {
        out.extend_from_slice(format!("id: {id}\n").as_bytes());
    }
    if !event.is_empty() {
        out.extend_from_slice(format!("event: {event}\n").as_bytes());
    }
    out.extend_from_slice(b"data: ");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\n\n");
}

/// One server-sent event.
pub(crate) fn frame(id: Option<Position>, event: &str, data: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(data.len() + 64);
    add_frame(&mut out, id, event, data);
    out.into()
}

/// A header's value: what is not UTF-8 is taken for Latin-1, as HTTP once said, so that no byte is lost.
fn text_of(value: &HeaderValue) -> String {
    let bytes = value.as_bytes();
    str::from_utf8(bytes).map_or_else(|_| bytes.iter().copied().map(char::from).collect(), str::to_owned)
}

fn is_hop_by_hop(name: &str, headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        value.to_str().is_ok_and(|list| list.split(',').any(|one| one.trim().eq_ignore_ascii_case(name)))
    };
    HOP_BY_HOP.contains(&name) || headers.get_all("connection").iter().any(named)
}

/// Each name with its first value.
fn query_of(query: &str) -> Value {
    let mut object = Map::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        object.entry(name).or_insert_with(|| value.into());
    }
    object.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderName;
    use proptest::prelude::*;

    fn headers(list: &[(&str, &[u8])]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in list {
            headers.append(HeaderName::try_from(*name).unwrap(), HeaderValue::from_bytes(value).unwrap());
        }
        headers
    }

    fn told(headers: &HeaderMap, query: &str, body: &[u8]) -> Value {
        let id = MessageId::from_bytes([0xab; 16]);
        let came = Came { method: "POST", query, headers, body, received: 1_700_000_000_123, id };
        serde_json::from_slice(&webhook(&came)).unwrap()
    }

    #[test]
    fn an_event_has_gosmees_shape_and_ours() {
        let headers = headers(&[("Content-Type", b"text/plain"), ("X-Twice", b"one"), ("x-twice", b"two")]);
        assert_eq!(
            told(&headers, "a=1&a=2&b=%C3%A9+x&c", b"\xff\x00"),
            json!({
                "content-type": "text/plain",
                "x-twice": "one",
                "timestamp": "1700000000123",
                "bodyB": "/wA=",
                "headers": { "content-type": ["text/plain"], "x-twice": ["one", "two"] },
                "method": "POST",
                "query": { "a": "1", "b": "é x", "c": "" },
                "id": "abababababababababababababababab",
            })
        );
    }

    #[test]
    fn no_header_overrides_what_the_relay_says() {
        let names =
            ["timestamp", "bodyb", "headers", "method", "query", "id", "body", "message", "encrypted"];
        let list: Vec<(&str, &[u8])> = names.iter().map(|name| (*name, &b"forged"[..])).collect();
        let event = told(&headers(&list), "", b"real");
        assert_eq!(event["timestamp"], "1700000000123");
        assert_eq!(event["bodyB"], "cmVhbA==");
        assert_eq!(event["method"], "POST");
        assert_eq!(event["query"], json!({}));
        assert_eq!(event["id"], "ab".repeat(16));
        for absent in ["body", "message", "encrypted", "error"] {
            assert_eq!(event.get(absent), None, "{absent}");
        }
        for name in names {
            assert_eq!(
                event["headers"][name],
                json!(["forged"]),
                "{name}: yet nothing is kept from the reader"
            );
        }
    }

    #[test]
    fn what_concerns_the_connection_only_stays_behind() {
        let headers = headers(&[
            ("connection", b"close, X-Private"),
            ("x-private", b"1"),
            ("transfer-encoding", b"chunked"),
            ("authorization", b"Bearer theirs"),
        ]);
        let event = told(&headers, "", b"");
        assert_eq!(event["headers"], json!({ "authorization": ["Bearer theirs"] }));
        assert_eq!(event["authorization"], "Bearer theirs");
    }

    #[test]
    fn smees_clients_get_smees_shape() {
        let shaped = |body: &[u8]| {
            let event = told(&headers(&[("x-a", b"1"), ("body", b"forged")]), "q=1", body);
            serde_json::from_slice::<Value>(&as_smee(event.to_string().as_bytes()).unwrap()).unwrap()
        };
        assert_eq!(
            shaped(br#"{"n": 1}"#),
            json!({ "x-a": "1", "timestamp": 1_700_000_000_123_u64, "query": { "q": "1" }, "body": { "n": 1 } })
        );
        assert_eq!(shaped(b"a=b")["body"], "a=b");
        assert_eq!(shaped(b"")["body"], "");
        assert_eq!(as_smee(br#"{"encrypted":true,"version":1}"#), None);
    }

    #[test]
    fn only_two_numbers_are_a_position() {
        assert_eq!(Position::parse("12-34"), Some(Position { epoch: 12, seq: 34 }));
        assert_eq!(Position::parse("0-0"), Some(Position { epoch: 0, seq: 0 }));
        for text in
            ["", "-", "1-", "-1", "1", "1-2-3", "+1-2", "1-+2", " 1-2", "a-b", "1-99999999999999999999"]
        {
            assert_eq!(Position::parse(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_byte_arrives_on_one_line(body: Vec<u8>, value in "[ -~\u{80}-\u{ff}]{0,40}", query in ".{0,40}") {
            let value: Vec<u8> = value.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
            let headers = headers(&[("x-any", &value)]);
            let id = MessageId::from_bytes([1; 16]);
            let line = webhook(&Came { method: "PUT", query: &query, headers: &headers, body: &body, received: 5, id });
            prop_assert!(!line.contains(&b'\n') && !line.contains(&b'\r'));
            let event: Value = serde_json::from_slice(&line).unwrap();
            prop_assert_eq!(BASE64.decode(event["bodyB"].as_str().unwrap().as_bytes()).unwrap(), body);
            let framed = frame(Some(Position { epoch: 1, seq: 2 }), "", &line);
            prop_assert!(framed.starts_with(b"id: 1-2\ndata: ") && framed.ends_with(b"\n\n"));
        }
    }
}
