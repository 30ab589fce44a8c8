//! The wire of the local socket: JSON-RPC 2.0, one message a line, UTF-8. Pure: bytes become messages and messages become lines.
//!
//! The first line of each side is its greeting, `{"jsonrpc":"2.0","method":"hello","params":{"protocol":1,"version":"0.1.0"}}`; its
//! form never changes, so that programs of different versions can tell each other apart in words. Then the face calls methods and the
//! resident answers, in any order. After the method `signals` the resident also sends `signal` notifications. No batches.
//!
//! Knows no socket, no clock, no desk.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::engine::views::{Signal, Trouble, TroubleKind};
use crate::front::Request;

/// The version of what crosses. Changed whenever a face and a resident of different versions would misunderstand each other.
pub const PROTOCOL: u32 = 1;
/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The longest line of either side in bytes, without its end.
pub const LONGEST_LINE: usize = 1 << 20;
/// So many faces may be connected at once.
pub const MOST_CONNECTIONS: usize = 16;
/// So many requests of one face may be under way at once.
pub const MOST_OUTSTANDING: usize = 32;
/// A line that was begun must be finished within this; between lines a face may be silent as long as it likes.
pub const LINE_LIMIT: Duration = Duration::from_secs(10);

/// A line has no end within the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message is longer than {LONGEST_LINE} bytes")]
pub struct TooLong;

/// Cuts a stream of bytes into lines.
#[derive(Debug, Default)]
pub struct Lines {
    bytes: Vec<u8>,
    /// Up to here there is no end of a line.
    searched: usize,
}

impl Lines {
    /// Takes what was read.
    pub fn take_in(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line without its end, or `None` until more was read.
    pub fn next_line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let unsearched = self.bytes.get(self.searched..).unwrap_or_default();
        let Some(at) = unsearched.iter().position(|byte| *byte == b'\n') else {
            self.searched = self.bytes.len();
            return if self.bytes.len() > LONGEST_LINE { Err(TooLong) } else { Ok(None) };
        };
        let end = self.searched + at;
        let rest = self.bytes.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.bytes, rest);
        self.searched = 0;
        line.pop();
        if line.len() > LONGEST_LINE { Err(TooLong) } else { Ok(Some(line)) }
    }

    /// True while a line was begun and has no end yet.
    pub fn unfinished(&self) -> bool {
        !self.bytes.is_empty()
    }
}

/// The greeting of either side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of what crosses.
    pub protocol: u32,
    /// The program's version, for people.
    pub version: String,
}

impl Hello {
    /// This program's greeting.
    pub fn ours() -> Self {
        Self { protocol: PROTOCOL, version: VERSION.to_owned() }
    }

    /// As a line.
    pub fn line(&self) -> String {
        json!({"jsonrpc": "2.0", "method": "hello", "params": self}).to_string()
    }

    /// Reads a greeting.
    pub fn read(line: &[u8]) -> Option<Self> {
        let message: Message = serde_json::from_slice(line).ok()?;
        if message.method.as_deref() != Some("hello") {
            return None;
        }
        serde_json::from_str(message.params?.get()).ok()
    }

    /// Fine if both speak the same; otherwise a sentence. `whose` is the other side: “the running Belfry”, “the program that asks”.
    pub fn understood(&self, whose: &str) -> Result<(), Trouble> {
        if self.protocol == PROTOCOL {
            return Ok(());
        }
        let version: String = self.version.chars().filter(|c| !c.is_control()).take(40).collect();
        Err(Trouble::failed(format!("{whose} is of another version ({version}, not {VERSION}); restart it")))
    }
}

/// What a face said.
#[derive(Debug)]
pub enum Call {
    /// It asks.
    Ask {
        /// Its name for the answer.
        id: Value,
        /// What it asks.
        request: Box<Request>,
    },
    /// It wants signals from now on.
    Signals {
        /// Its name for the answer.
        id: Value,
    },
    /// It said something that asks for no answer.
    Nothing,
}

/// A call that could not be understood, by the numbers of JSON-RPC 2.0 §5.1.
#[derive(Debug, Clone, PartialEq)]
pub struct Misunderstood {
    /// The face's name for the answer, if that much was clear.
    pub id: Value,
    /// −32700 no JSON, −32600 no request, −32601 no such method, −32602 wrong parameters.
    pub code: i32,
    /// In words.
    pub words: String,
}

/// The code of answers that report trouble of ours; `data.kind` says which.
const TROUBLE: i32 = -32000;

/// Reads a face's line.
pub fn read_call(line: &[u8]) -> Result<Call, Misunderstood> {
    let wrong = |id: &Value, code, words: String| Misunderstood { id: id.clone(), code, words };
    let message: Message = serde_json::from_slice(line)
        .map_err(|error| wrong(&Value::Null, -32700, format!("this is no JSON-RPC message: {error}")))?;
    let Some(method) = message.method else {
        return Err(wrong(&Value::Null, -32600, "the method is missing".to_owned()));
    };
    let Some(id) = message.id else {
        return Ok(Call::Nothing);
    };
    if !(id.is_string() || id.is_number()) {
        return Err(wrong(&Value::Null, -32600, "the id is neither text nor number".to_owned()));
    }
    if message.jsonrpc.as_deref() != Some("2.0") {
        return Err(wrong(&id, -32600, "only JSON-RPC 2.0 is spoken here".to_owned()));
    }
    if method == "signals" {
        return Ok(Call::Signals { id });
    }
    if !Request::METHODS.contains(&method.as_str()) {
        return Err(wrong(&id, -32601, "there is no such method".to_owned()));
    }
    let params = match message.params {
        Some(params) => serde_json::from_str(params.get()).unwrap_or_else(|_| json!({})),
        None => json!({}),
    };
    match serde_json::from_value(json!({"method": method, "params": params})) {
        Ok(request) => Ok(Call::Ask { id, request: Box::new(request) }),
        Err(error) => Err(wrong(&id, -32602, format!("the parameters do not fit: {error}"))),
    }
}

/// A request as a line.
pub fn ask_line(id: u64, request: &Request) -> Result<String, Trouble> {
    #[derive(Serialize)]
    struct Asked<'a> {
        jsonrpc: &'static str,
        id: u64,
        #[serde(flatten)]
        request: &'a Request,
    }
    match serde_json::to_string(&Asked { jsonrpc: "2.0", id, request }) {
        Ok(line) if line.len() <= LONGEST_LINE => Ok(line),
        Ok(_) => Err(Trouble::usage("this is too much for one request; ask for less at once")),
        Err(error) => Err(Trouble::failed(format!("the request could not be written down: {error}"))),
    }
}

/// The wish for signals as a line.
pub fn signals_line(id: u64) -> String {
    json!({"jsonrpc": "2.0", "id": id, "method": "signals"}).to_string()
}

/// An answer as a line. One that is too long becomes a sentence that says so.
pub fn answer_line(id: &Value, answer: Result<Box<RawValue>, Trouble>) -> String {
    #[derive(Serialize)]
    struct Answered<'a> {
        jsonrpc: &'static str,
        id: &'a Value,
        result: Box<RawValue>,
    }
    let trouble = match answer {
        Ok(result) => match serde_json::to_string(&Answered { jsonrpc: "2.0", id, result }) {
            Ok(line) if line.len() <= LONGEST_LINE => return line,
            Ok(_) => Trouble::usage("the answer is too long for one message; ask for fewer at once"),
            Err(error) => Trouble::failed(format!("the answer could not be written down: {error}")),
        },
        Err(trouble) => trouble,
    };
    let words: String = trouble.words.chars().take(4000).collect();
    let error = json!({"code": TROUBLE, "message": words, "data": {"kind": trouble.kind}});
    json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string()
}

/// The answer to a call that could not be understood.
pub fn misunderstood_line(call: &Misunderstood) -> String {
    let error = json!({"code": call.code, "message": call.words});
    json!({"jsonrpc": "2.0", "id": call.id, "error": error}).to_string()
}

/// The last line before the resident closes a connection: why.
pub fn farewell_line(words: &str) -> String {
    answer_line(&Value::Null, Err(Trouble::failed(words)))
}

/// A signal as a line.
pub fn signal_line(signal: &Signal) -> String {
    json!({"jsonrpc": "2.0", "method": "signal", "params": signal}).to_string()
}

/// What the resident said.
#[derive(Debug)]
pub enum Said {
    /// The answer to a request of ours.
    Answer {
        /// Our name for it.
        id: u64,
        /// The answer.
        answer: Result<Box<RawValue>, Trouble>,
    },
    /// Something changed.
    Signal(Signal),
    /// It closes the connection, and why.
    Farewell(Trouble),
    /// Something that this version does not know.
    Unknown,
}

/// Reads a resident's line.
pub fn read_said(line: &[u8]) -> Said {
    let Ok(message) = serde_json::from_slice::<Message>(line) else {
        return Said::Unknown;
    };
    if message.method.as_deref() == Some("signal") {
        let signal = message.params.and_then(|params| serde_json::from_str(params.get()).ok());
        // A signal of a newer kind still means that something changed.
        return Said::Signal(signal.unwrap_or(Signal::Missed));
    }
    let trouble = message.error.map(|error| {
        let kind = error.data.map_or(TroubleKind::Failed, |data| data.kind);
        Trouble { kind, words: error.message }
    });
    match (message.id.as_ref().and_then(Value::as_u64), trouble) {
        (Some(id), Some(trouble)) => Said::Answer { id, answer: Err(trouble) },
        // An empty answer is `null`, which reads like one that is absent.
        (Some(id), None) => Said::Answer { id, answer: Ok(message.result.unwrap_or_else(null)) },
        (None, Some(trouble)) => Said::Farewell(trouble),
        (None, None) => Said::Unknown,
    }
}

fn null() -> Box<RawValue> {
    RawValue::NULL.to_owned()
}

#[derive(Deserialize)]
struct Message {
    jsonrpc: Option<String>,
    id: Option<Value>,
    method: Option<String>,
    params: Option<Box<RawValue>>,
    result: Option<Box<RawValue>>,
    error: Option<RpcError>,
}

#[derive(Deserialize)]
struct RpcError {
    message: String,
    data: Option<ErrorData>,
}

#[derive(Deserialize)]
struct ErrorData {
    kind: TroubleKind,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notification::NotificationId;

    fn cut(pieces: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut whole = Vec::new();
        for piece in pieces {
            lines.take_in(piece);
            while let Some(line) = lines.next_line().unwrap() {
                whole.push(String::from_utf8(line).unwrap());
            }
        }
        whole
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_arrive() {
        assert_eq!(cut(&[b"one\ntwo\nthr"]), ["one", "two"]);
        assert_eq!(cut(&[b"o", b"ne", b"\n", b"\n", b"two\nth", b"ree\n"]), ["one", "", "two", "three"]);
    }

    #[test]
    fn a_line_without_end_is_refused_at_the_limit() {
        let mut lines = Lines::default();
        lines.take_in(&vec![b'x'; LONGEST_LINE]);
        assert_eq!(lines.next_line(), Ok(None));
        assert!(lines.unfinished());
        lines.take_in(b"x");
        assert_eq!(lines.next_line(), Err(TooLong));
    }

    #[test]
    fn a_line_of_the_longest_length_passes() {
        let mut lines = Lines::default();
        lines.take_in(&vec![b'x'; LONGEST_LINE]);
        lines.take_in(b"\n");
        assert_eq!(lines.next_line().unwrap().unwrap().len(), LONGEST_LINE);
        assert!(!lines.unfinished());
    }

    #[test]
    fn another_version_is_told_apart_in_words() {
        let line =
            br#"{"jsonrpc":"2.0","method":"hello","params":{"protocol":9,"version":"0.2.0","more":[]}}"#;
        let hello = Hello::read(line).unwrap();
        let trouble = hello.understood("the running Belfry").unwrap_err();
        assert_eq!(
            trouble.words,
            format!("the running Belfry is of another version (0.2.0, not {VERSION}); restart it")
        );
        assert_eq!(Hello::read(Hello::ours().line().as_bytes()), Some(Hello::ours()));
    }

    #[test]
    fn calls_that_make_no_sense_get_the_number_of_their_mistake() {
        let cases: &[(&str, i32)] = &[
            ("", -32700),
            ("{", -32700),
            ("[]", -32700),
            ("\u{1}", -32700),
            (r#"{"jsonrpc":"2.0","id":1}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":[1],"method":"overview"}"#, -32600),
            (r#"{"jsonrpc":"1.0","id":1,"method":"overview"}"#, -32600),
            (r#"{"jsonrpc":"2.0","id":1,"method":"launch"}"#, -32601),
            (r#"{"jsonrpc":"2.0","id":1,"method":"entry"}"#, -32602),
            (r#"{"jsonrpc":"2.0","id":1,"method":"entry","params":{"id":"x"}}"#, -32602),
        ];
        for (line, code) in cases {
            assert_eq!(read_call(line.as_bytes()).unwrap_err().code, *code, "{line}");
        }
    }

    #[test]
    fn parameters_may_be_left_out_where_there_are_none() {
        for line in [
            r#"{"jsonrpc":"2.0","id":"a","method":"overview"}"#,
            r#"{"jsonrpc":"2.0","id":"a","method":"overview","params":{}}"#,
        ] {
            let Ok(Call::Ask { request, .. }) = read_call(line.as_bytes()) else { panic!("{line}") };
            assert_eq!(request.method(), "overview");
        }
    }

    #[test]
    fn a_request_reads_back_as_itself() {
        let asked = Request::SetRead { ids: vec![NotificationId(3), NotificationId(4)], read: true };
        let line = ask_line(7, &asked).unwrap();
        let Ok(Call::Ask { id, request }) = read_call(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(id, json!(7));
        assert_eq!(serde_json::to_value(request).unwrap(), serde_json::to_value(asked).unwrap());
    }

    #[test]
    fn an_empty_answer_is_an_answer() {
        let line = answer_line(&json!(3), Ok(null()));
        let Said::Answer { id: 3, answer: Ok(answer) } = read_said(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(answer.get(), "null");
    }

    #[test]
    fn trouble_keeps_its_kind_and_words() {
        let line = answer_line(&json!(3), Err(Trouble::needs_sign_in("sign in first")));
        let Said::Answer { id: 3, answer } = read_said(line.as_bytes()) else { panic!("{line}") };
        assert_eq!(answer.unwrap_err(), Trouble::needs_sign_in("sign in first"));
    }

    #[test]
    fn an_answer_beyond_the_limit_becomes_a_sentence() {
        let long = serde_json::value::to_raw_value(&"x".repeat(LONGEST_LINE)).unwrap();
        let line = answer_line(&json!(1), Ok(long));
        assert!(line.len() < 1000 && line.contains("ask for fewer"), "{line}");
    }

    #[test]
    fn a_signal_of_an_unknown_kind_means_that_something_was_missed() {
        let line = br#"{"jsonrpc":"2.0","method":"signal","params":{"signal":"eclipse"}}"#;
        assert!(matches!(read_said(line), Said::Signal(Signal::Missed)));
    }
}
