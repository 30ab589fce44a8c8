//! One HTTP request that came to this machine: who may send what. Pure.

use std::collections::BTreeMap;

use url::form_urlencoded;

use super::super::Headers;
use super::BODY_BYTES;
use crate::account::LocalSettings;

/// Most headers.
const HEADERS: usize = 100;

/// What a request has to be.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) port: u16,
    path: String,
    /// Names of this machine that it may be asked by: its own, and the tunnel's.
    hosts: Vec<String>,
}

impl Rules {
    pub(super) fn new(local: &LocalSettings) -> Self {
        let port = local.port;
        let mut hosts =
            vec![format!("127.0.0.1:{port}"), format!("[::1]:{port}"), format!("localhost:{port}")];
        if let Some(url) = &local.public_url
            && let Some(host) = url.host_str()
        {
            // With its port and, where that is the scheme's own, without it.
            hosts.extend(url.port_or_known_default().map(|port| format!("{host}:{port}")));
            if url.port().is_none() {
                hosts.push(host.to_owned());
            }
        }
        Self { port, path: local.path().to_owned(), hosts }
    }
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum No {
    /// There is nobody to answer.
    Gone,
    /// This status.
    Answer(u16),
}

/// The head of a request that may be taken.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) method: String,
    pub(super) headers: Headers,
    pub(super) query: BTreeMap<String, String>,
    pub(super) body: Body,
    /// The sender waits for a word before it sends the body.
    pub(super) waits: bool,
}

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Body {
    Bytes(usize),
    Chunked,
}

/// Judges the head of a request, once all of it is there; gives its length with it. Where it came from is looked at first.
pub(super) fn head(bytes: &[u8], rules: &Rules) -> Result<Option<(Head, usize)>, No> {
    let mut fields = [httparse::EMPTY_HEADER; HEADERS];
    let mut request = httparse::Request::new(&mut fields);
    let length = match request.parse(bytes) {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(No::Answer(431)),
        Err(_) => return Err(No::Answer(400)),
    };
    let pairs = request
        .headers
        .iter()
        .map(|field| (field.name, String::from_utf8_lossy(field.value).trim().to_owned()));
    let headers: Headers = pairs.collect();
    // Another name for this machine would mean that a page elsewhere had its own name point here (DNS rebinding).
    let to_us = match headers.all("host") {
        [one] => rules.hosts.iter().any(|host| host.eq_ignore_ascii_case(one)),
        _ => false,
    };
    // A page's script says where it is from; a service's program is from nowhere.
    let from_page = headers.first("origin").is_some()
        || headers.first("sec-fetch-site").is_some_and(|site| site != "none");
    if !to_us || from_page || request.method == Some("OPTIONS") {
        return Err(No::Answer(403));
    }
    let (path, query) =
        request.path.unwrap_or_default().split_once('?').unwrap_or((request.path.unwrap_or_default(), ""));
    let method = request.method.unwrap_or_default();
    if path != rules.path || !matches!(method, "POST" | "PUT") {
        return Err(No::Answer(404));
    }
    let body = body_of(&headers, request.version)?;
    // What a page can send without asking first is none of these; and nothing is unpacked.
    let content = headers.first("content-type").unwrap_or_default();
    let kind = content.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_json = kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"));
    let is_signed = headers.iter().any(|(name, _)| name.contains("signature"));
    let is_packed =
        headers.all("content-encoding").iter().any(|coding| !coding.eq_ignore_ascii_case("identity"));
    if is_packed || !(is_json || is_signed) {
        return Err(No::Answer(415));
    }
    let mut pairs = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        pairs.entry(name.into_owned()).or_insert_with(|| value.into_owned());
    }
    let waits = headers.first("expect").is_some_and(|said| said.eq_ignore_ascii_case("100-continue"));
    Ok(Some((Head { method: method.to_owned(), headers, query: pairs, body, waits }, length)))
}

/// Two ways to say how long a body is are one too many: what is between here and the sender may believe the other.
fn body_of(headers: &Headers, version: Option<u8>) -> Result<Body, No> {
    match (headers.all("transfer-encoding"), headers.all("content-length")) {
        ([], []) => Ok(Body::Bytes(0)),
        ([], [length]) if !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit()) => {
            let length = length.parse().unwrap_or(usize::MAX);
            if length > BODY_BYTES { Err(No::Answer(413)) } else { Ok(Body::Bytes(length)) }
        }
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") && version == Some(1) => Ok(Body::Chunked),
        (_, _) => Err(No::Answer(400)),
    }
}

/// The body, once all of it is there.
pub(super) fn body(body: Body, bytes: &mut Vec<u8>) -> Result<Option<Vec<u8>>, No> {
    match body {
        Body::Bytes(length) if bytes.len() < length => Ok(None),
        Body::Bytes(length) => {
            bytes.truncate(length);
            Ok(Some(std::mem::take(bytes)))
        }
        Body::Chunked => unchunked(bytes),
    }
}

/// What stands in the chunks, once the last one is there. What follows it is not looked at: the connection ends here.
fn unchunked(bytes: &[u8]) -> Result<Option<Vec<u8>>, No> {
    // Every chunk may say something beside its length; all of that together is bounded too.
    if bytes.len() > 2 * BODY_BYTES {
        return Err(No::Answer(413));
    }
    let mut whole = Vec::new();
    let mut rest = bytes;
    loop {
        let (skip, length) = match httparse::parse_chunk_size(rest) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(No::Answer(400)),
        };
        if length == 0 {
            return Ok(Some(whole));
        }
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if whole.len().saturating_add(length) > BODY_BYTES {
            return Err(No::Answer(413));
        }
        let Some((chunk, after)) = rest.get(skip..).and_then(|rest| rest.split_at_checked(length)) else {
            return Ok(None);
        };
        whole.extend_from_slice(chunk);
        match after.get(..2) {
            Some(b"\r\n") => rest = after.get(2..).unwrap_or_default(),
            Some(_) => return Err(No::Answer(400)),
            None => return Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> Rules {
        Rules::new(&LocalSettings {
            port: 4711,
            public_url: Some("https://Tunnel.example/hooks/7".parse().unwrap()),
        })
    }

    fn asked(lines: &[&str]) -> Result<Option<(Head, usize)>, No> {
        head((lines.join("\r\n") + "\r\n\r\n").as_bytes(), &rules())
    }

    const JSON: &str = "Content-Type: application/json; charset=utf-8";

    #[test]
    fn a_webhook_by_the_tunnel_or_from_here_is_taken() {
        for host in ["tunnel.example", "tunnel.example:443", "127.0.0.1:4711", "[::1]:4711", "LOCALHOST:4711"]
        {
            let host = format!("Host: {host}");
            let (head, _) = asked(&[
                "POST /hooks/7?a=1&a=2&b=%20 HTTP/1.1",
                &host,
                JSON,
                "X-Twice: 1",
                "x-twice: 2",
                "Content-Length: 7",
            ])
            .unwrap()
            .unwrap();
            assert_eq!((head.body, head.waits), (Body::Bytes(7), false));
            assert_eq!(head.headers.all("x-twice"), ["1", "2"]);
            assert_eq!(head.query, BTreeMap::from([("a".into(), "1".into()), ("b".into(), " ".into())]));
        }
        let signed = [
            "PUT /hooks/7 HTTP/1.1",
            "Host: tunnel.example",
            "X-Hub-Signature-256: sha256=00",
            "Transfer-Encoding: chunked",
            "Expect: 100-continue",
        ];
        let (head, _) = asked(&signed).unwrap().unwrap();
        assert_eq!((head.body, head.waits), (Body::Chunked, true));
    }

    #[test]
    fn what_a_page_or_another_name_sends_is_refused_before_anything_else() {
        let good = ["POST /hooks/7 HTTP/1.1", "Host: tunnel.example", JSON];
        for host in [
            "evil.example",
            "tunnel.example:8443",
            "127.0.0.1",
            "127.0.0.1:80",
            "localhost:4711.evil.example",
            "",
        ] {
            assert_eq!(asked(&[good[0], &format!("Host: {host}"), JSON]), Err(No::Answer(403)), "{host}");
        }
        assert_eq!(asked(&[good[0], JSON]), Err(No::Answer(403)), "no host");
        assert_eq!(asked(&[good[0], good[1], good[1], JSON]), Err(No::Answer(403)), "two hosts");
        for from in [
            "Origin: https://evil.example",
            "Origin: null",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Site: same-origin",
        ] {
            assert_eq!(asked(&[good[0], good[1], JSON, from]), Err(No::Answer(403)), "{from}");
        }
        assert_eq!(asked(&["OPTIONS /hooks/7 HTTP/1.1", good[1]]), Err(No::Answer(403)));
        assert!(asked(&[good[0], good[1], JSON, "Sec-Fetch-Site: none"]).is_ok());
    }

    #[test]
    fn unknown_paths_and_methods_are_alike_and_types_that_a_page_may_send_are_not_taken() {
        for line in [
            "POST / HTTP/1.1",
            "POST /hooks/7/ HTTP/1.1",
            "POST /hooks/8 HTTP/1.1",
            "GET /hooks/7 HTTP/1.1",
            "DELETE /x HTTP/1.1",
            "POST http://tunnel.example/hooks/7 HTTP/1.1",
        ] {
            assert_eq!(asked(&[line, "Host: tunnel.example", JSON]), Err(No::Answer(404)), "{line}");
        }
        for kind in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/json+json",
            "",
        ] {
            assert_eq!(
                asked(&["POST /hooks/7 HTTP/1.1", "Host: tunnel.example", &format!("Content-Type: {kind}")]),
                Err(No::Answer(415)),
                "{kind}"
            );
        }
        assert_eq!(
            asked(&["POST /hooks/7 HTTP/1.1", "Host: tunnel.example", JSON, "Content-Encoding: gzip"]),
            Err(No::Answer(415))
        );
    }

    #[test]
    fn a_body_whose_length_is_doubtful_or_too_large_is_not_read() {
        for (lines, status) in [
            (vec!["Transfer-Encoding: chunked", "Content-Length: 3"], 400),
            (vec!["Content-Length: 3", "Transfer-Encoding: chunked"], 400),
            (vec!["Content-Length: 3", "Content-Length: 3"], 400),
            (vec!["Content-Length: +3"], 400),
            (vec!["Content-Length: "], 400),
            (vec!["Transfer-Encoding: gzip, chunked"], 400),
            (vec!["Content-Length: 1048577"], 413),
            (vec!["Content-Length: 99999999999999999999999"], 413),
        ] {
            let all = [vec!["POST /hooks/7 HTTP/1.1", "Host: tunnel.example", JSON], lines.clone()].concat();
            assert_eq!(asked(&all), Err(No::Answer(status)), "{lines:?}");
        }
        assert_eq!(
            asked(&["POST /hooks/7 HTTP/1.0", "Host: tunnel.example", JSON, "Transfer-Encoding: chunked"]),
            Err(No::Answer(400))
        );
        assert_eq!(head(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &rules()), Err(No::Answer(400)));
        assert_eq!(head(b"POST /hooks/7 HTTP/1.1\r\nHost: x", &rules()), Ok(None));
        let many: Vec<String> = (0..200).map(|n| format!("X-{n}: 1")).collect();
        let many: Vec<&str> =
            std::iter::once("POST /hooks/7 HTTP/1.1").chain(many.iter().map(String::as_str)).collect();
        assert_eq!(asked(&many), Err(No::Answer(431)));
    }

    #[test]
    fn chunks_are_put_together_once_all_are_there() {
        let text = b"4\r\nWiki\r\n6;ext=1\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n";
        for cut in 0..text.len() - 4 {
            assert_eq!(unchunked(&text[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(unchunked(text).unwrap().unwrap(), b"Wikipedia in \r\n\r\nchunks.");
        assert_eq!(unchunked(b"4\r\nWikiX"), Ok(None));
        assert_eq!(unchunked(b"4\r\nWikiXY"), Err(No::Answer(400)));
        assert_eq!(unchunked(b"zz\r\n"), Err(No::Answer(400)));
        assert_eq!(unchunked(b"100001\r\n"), Err(No::Answer(413)));
        assert_eq!(unchunked(b"FFFFFFFFFFFFFFFF\r\n"), Err(No::Answer(413)));
    }
}
