//! A webhook as it came: plain values.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use tokio::sync::oneshot;

/// A place in a relay's stream: the text of an event's `id:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position(String);

impl Position {
    /// Takes a text of the form `digits-digits`; no other is ever sent back to a relay, since others count anew on every connection.
    pub fn new(text: &str) -> Option<Self> {
        let digits = |text: &str| (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let (epoch, number) = text.split_once('-')?;
        (digits(epoch) && digits(number)).then(|| Self(text.to_owned()))
    }

    /// As it is sent back.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The headers of a request: names in lower case, every value.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Headers(BTreeMap<String, Vec<String>>);

/// Names only: values may be passwords.
impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Headers {
    /// Adds a value.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        self.0.entry(name.to_ascii_lowercase()).or_default().push(value.into());
    }

    /// The first value of this name, which is in lower case.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.all(name).first().map(String::as_str)
    }

    /// All values of this name.
    pub fn all(&self, name: &str) -> &[String] {
        self.0.get(name).map(Vec::as_slice).unwrap_or_default()
    }

    /// Names and their values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: AsRef<str>, V: Into<String>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            headers.add(name.as_ref(), value);
        }
        headers
    }
}

/// One webhook.
pub struct Delivery {
    /// Where it stands in the relay's stream, if that can be gone on from.
    pub position: Option<Position>,
    /// When the relay took it in, by the relay's clock; by ours where it was taken in here.
    pub received: Timestamp,
    /// How it was sent.
    pub method: String,
    /// Its headers.
    pub headers: Headers,
    /// The query of the address it was sent to: the first value of each name.
    pub query: BTreeMap<String, String>,
    /// Its body.
    pub body: Vec<u8>,
    /// False if the relay read the body and wrote it anew: no signature can be checked then.
    pub exact: bool,
    /// Who waits for it to be kept, where it was taken in here.
    pub answer: Option<Answer>,
}

/// Says nothing of what people wrote.
impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("position", &self.position)
            .field("received", &self.received)
            .field("headers", &self.headers)
            .field("bytes", &self.body.len())
            .field("exact", &self.exact)
            .finish_non_exhaustive()
    }
}

/// The sender of a webhook that was taken in here still waits. It is told that all is well by [`kept`](Self::kept), and to try again
/// later if this is dropped.
#[derive(Debug)]
pub struct Answer(oneshot::Sender<Verdict>);

/// What the sender is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Kept,
    Refused,
}

impl Answer {
    pub(super) fn new() -> (Self, oneshot::Receiver<Verdict>) {
        let (sender, told) = oneshot::channel();
        (Self(sender), told)
    }

    /// It is committed: 200.
    pub fn kept(self) {
        // Whoever went away meanwhile sends it again, and it is known then.
        drop(self.0.send(Verdict::Kept));
    }

    /// It will never be taken: its signature is wrong. 401.
    pub fn refused(self) {
        drop(self.0.send(Verdict::Refused));
    }
}

/// What a browser brought back to the relay's page after a sign-in: `code` and `state`, or `error`.
#[derive(Clone, PartialEq, Eq)]
pub struct OAuthReturn {
    /// The query of the address: the first value of each name.
    pub query: BTreeMap<String, String>,
    /// When it came, by the relay's clock.
    pub received: Timestamp,
}

/// Says nothing of the code.
impl fmt::Debug for OAuthReturn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthReturn").field("received", &self.received).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_position_that_means_the_same_on_the_next_connection_is_one() {
        for good in ["1763880000000-7", "0-0", "1-18446744073709551615"] {
            assert_eq!(Position::new(good).unwrap().as_str(), good);
        }
        for bad in ["", "7", "-", "1-", "-1", "1-2-3", "1-x", "1 -2", "1-2\n", "٣-٣", &"1".repeat(50)] {
            assert_eq!(Position::new(bad), None, "{bad}");
        }
    }

    #[test]
    fn nothing_of_a_delivery_is_in_its_debug_form_but_its_outlines() {
        let delivery = Delivery {
            position: Position::new("1-2"),
            received: Timestamp::UNIX_EPOCH,
            method: "POST".into(),
            headers: [("Authorization", "Basic secret")].into_iter().collect(),
            query: BTreeMap::from([("token".into(), "secret".into())]),
            body: b"secret".to_vec(),
            exact: true,
            answer: None,
        };
        assert_eq!(delivery.headers.first("authorization"), Some("Basic secret"));
        let said = format!("{delivery:?}");
        assert!(!said.contains("secret") && said.contains("authorization"), "{said}");
    }
}
