//! One HTTP request that came to this machine: who may send what. Pure.

use std::collections::BTreeMap;

use url::form_urlencoded;

use super::super::Headers;
use super::BODY_BYTES;
use crate::account::LocalSettings;

/// Most headers.
const HEADERS: usize = 100;
/// Most bytes that say where the chunks of a body begin and end: room for the longest body in chunks of 32 bytes.
const FRAMING: usize = 256 * 1024;

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

/// A body on its way in. Every byte is looked at once, however it is cut.
#[derive(Debug)]
pub(super) struct Arriving {
    stands: Stands,
    whole: Vec<u8>,
    /// The line between two chunks, as far as it is there.
    line: Vec<u8>,
    /// Bytes of such lines so far.
    framing: usize,
}

/// What comes next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stands {
    /// So many bytes, and then nothing.
    Rest(usize),
    /// A line with the size of a chunk.
    Size,
    /// So many bytes of a chunk.
    Chunk(usize),
    /// The end of the line behind a chunk.
    Behind,
    /// What is not looked at: the connection ends here.
    Nothing,
}

impl Arriving {
    pub(super) fn new(body: Body) -> Self {
        let stands = match body {
            Body::Bytes(0) => Stands::Nothing,
            Body::Bytes(length) => Stands::Rest(length),
            Body::Chunked => Stands::Size,
        };
        Self { stands, whole: Vec::new(), line: Vec::new(), framing: 0 }
    }

    /// Takes what came; gives the body once all of it is there.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) -> Result<Option<Vec<u8>>, No> {
        while !bytes.is_empty() {
            bytes = match self.stands {
                Stands::Rest(left) => {
                    let (rest, left) = self.content(bytes, left);
                    self.stands = if left == 0 { Stands::Nothing } else { Stands::Rest(left) };
                    rest
                }
                Stands::Chunk(left) => {
                    let (rest, left) = self.content(bytes, left);
                    self.stands = if left == 0 { Stands::Behind } else { Stands::Chunk(left) };
                    rest
                }
                Stands::Size | Stands::Behind => self.framing(bytes)?,
                Stands::Nothing => break,
            };
        }
        Ok((self.stands == Stands::Nothing).then(|| std::mem::take(&mut self.whole)))
    }

    /// Gives what is behind it, and how much of it is still to come.
    fn content<'a>(&mut self, bytes: &'a [u8], left: usize) -> (&'a [u8], usize) {
        let (part, rest) = bytes.split_at(left.min(bytes.len()));
        self.whole.extend_from_slice(part);
        (rest, left - part.len())
    }

    /// Up to the end of the line; gives what is behind it.
    fn framing<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], No> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let (part, rest) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
        self.framing += part.len();
        // Every chunk costs work, and may say something beside its size.
        if self.framing > FRAMING {
            return Err(No::Answer(413));
        }
        self.line.extend_from_slice(part);
        if end.is_some() {
            self.stands = self.end_of_line()?;
            self.line.clear();
        }
        Ok(rest)
    }

    fn end_of_line(&self) -> Result<Stands, No> {
        if self.stands == Stands::Behind {
            return if self.line == b"\r\n" { Ok(Stands::Size) } else { Err(No::Answer(400)) };
        }
        // Without a digit it would be read as the end.
        if !self.line.first().is_some_and(u8::is_ascii_hexdigit) {
            return Err(No::Answer(400));
        }
        let length = match httparse::parse_chunk_size(&self.line) {
            Ok(httparse::Status::Complete((end, length))) if end == self.line.len() => length,
            Ok(_) | Err(_) => return Err(No::Answer(400)),
        };
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        if self.whole.len().saturating_add(length) > BODY_BYTES {
            return Err(No::Answer(413));
        }
        Ok(if length == 0 { Stands::Nothing } else { Stands::Chunk(length) })
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

    /// What comes of these parts: the body, or why not; nothing if something is missing.
    fn arrived<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Option<Vec<u8>>, No> {
        let mut arriving = Arriving::new(Body::Chunked);
        for part in parts {
            if let Some(whole) = arriving.feed(part)? {
                return Ok(Some(whole));
            }
        }
        Ok(None)
    }

    #[test]
    fn chunks_are_put_together_wherever_they_are_cut() {
        let text = b"4\r\nWiki\r\n6;ext=1\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\n\r\n";
        let whole = Ok(Some(b"Wikipedia in \r\n\r\nchunks.".to_vec()));
        for cut in 0..=text.len() {
            let (first, second) = text.split_at(cut);
            assert_eq!(arrived([first, second]), whole, "{cut}");
            // The last line says nothing.
            assert_eq!(arrived([first]).unwrap().is_some(), cut >= text.len() - 2, "{cut}");
        }
        assert_eq!(arrived(text.chunks(1)), whole);
        assert_eq!(arrived([b"0\r\n".as_slice()]), Ok(Some(Vec::new())));
    }

    #[test]
    fn what_is_no_chunk_or_too_much_of_them_is_refused_at_once() {
        let refused = |text: &[u8]| arrived([text]);
        for bad in ["4\r\nWikiXY\n", "4\r\nWiki\n", "4\nWiki\r\n", "zz\r\n", "\r\n", "4;x\ny\r\n", "-1\r\n"] {
            assert_eq!(refused(bad.as_bytes()), Err(No::Answer(400)), "{bad:?}");
        }
        assert_eq!(refused(b"100001\r\n"), Err(No::Answer(413)));
        assert_eq!(refused(b"100000\r\n"), Ok(None));
        assert_eq!(refused(b"FFFFFFFFFFFFFFFF\r\n"), Err(No::Answer(413)));
        let large = [b"80001\r\n".as_slice(), &[b'x'; 0x80001], b"\r\n80000\r\n"];
        assert_eq!(arrived(large), Err(No::Answer(413)));
        let tiny = b"1\r\nx\r\n".repeat(FRAMING / 5);
        let mut whole = tiny.clone();
        whole.extend_from_slice(b"0\r\n");
        assert_eq!(arrived(whole.chunks(7)).unwrap().map(|body| body.len()), Some(FRAMING / 5));
        assert_eq!(arrived([tiny.as_slice(), b"1\r\nx\r\n"]), Err(No::Answer(413)));
        let idle = vec![b'x'; FRAMING];
        assert_eq!(arrived([b"4;".as_slice(), &idle]), Err(No::Answer(413)));
    }

    #[test]
    fn a_body_of_a_known_length_is_whole_wherever_it_is_cut() {
        for cut in 0..=4 {
            let mut arriving = Arriving::new(Body::Bytes(4));
            let (first, second) = b"Wiki".split_at(cut);
            let early = arriving.feed(first).unwrap();
            assert_eq!(early.is_some(), cut == 4);
            assert_eq!(early.or_else(|| arriving.feed(second).unwrap()), Some(b"Wiki".to_vec()), "{cut}");
        }
        assert_eq!(Arriving::new(Body::Bytes(2)).feed(b"Wiki"), Ok(Some(b"Wi".to_vec())));
        assert_eq!(Arriving::new(Body::Bytes(0)).feed(b""), Ok(Some(Vec::new())));
    }
}
