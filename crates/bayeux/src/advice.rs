//! Advice: what the server wants of the client's next step (Bayeux 1.0 §7.6).
//!
//! In comes the `advice` object of any reply, out comes what holds for the transport in use. The newest advice replaces
//! the older one and is laid over the defaults. `hosts` is ignored: a server must not send our secrets elsewhere.

use std::time::Duration;

use serde_json::{Map, Value};

/// What to do after a failed or finished request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reconnect {
    /// Send `/meta/connect` again, with the same client id.
    Retry,
    /// Get a new client id.
    Handshake,
    /// Do nothing by oneself.
    Never,
}

/// How long to wait before the next `/meta/connect`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interval {
    After(Duration),
    /// A negative number: never by oneself.
    Never,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Advice {
    /// `None` when the server did not say; then `Retry` is the rule, and errors are judged by their text.
    pub(crate) reconnect: Option<Reconnect>,
    pub(crate) interval: Interval,
    /// How long the server holds a `/meta/connect`.
    pub(crate) timeout: Duration,
}

/// What a server that says nothing is taken to mean: Faye's and CometD's own client default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);
/// A wait longer than this is not a wait any more; the bound keeps hostile numbers out of the arithmetic.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl Default for Advice {
    fn default() -> Self {
        Self { reconnect: None, interval: Interval::After(Duration::ZERO), timeout: DEFAULT_TIMEOUT }
    }
}

impl Advice {
    /// Reads an advice object as it holds for the transport of this name. Fields of the wrong type count as absent.
    pub(crate) fn read(raw: &str, transport: &str) -> Option<Self> {
        let Ok(Value::Object(general)) = serde_json::from_str::<Value>(raw) else { return None };
        let mut advice = Self::default();
        advice.lay_over(&general);
        if let Some(Value::Object(special)) = general.get(transport) {
            advice.lay_over(special);
        }
        Some(advice)
    }

    fn lay_over(&mut self, fields: &Map<String, Value>) {
        match fields.get("reconnect").and_then(Value::as_str) {
            Some("retry") => self.reconnect = Some(Reconnect::Retry),
            Some("handshake") => self.reconnect = Some(Reconnect::Handshake),
            Some("none") => self.reconnect = Some(Reconnect::Never),
            Some(_) | None => {}
        }
        if let Some(ms) = fields.get("interval").and_then(Value::as_f64) {
            self.interval = if ms < 0.0 { Interval::Never } else { Interval::After(millis(ms)) };
        }
        if let Some(ms) = fields.get("timeout").and_then(Value::as_f64) {
            self.timeout = millis(ms.max(0.0));
        }
    }
}

fn millis(ms: f64) -> Duration {
    Duration::try_from_secs_f64(ms / 1000.0).map_or(LONGEST, |wait| wait.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_laid_over_the_defaults() {
        let ms = |n| Interval::After(Duration::from_millis(n));
        let minute = Duration::from_secs(60);
        let cases = [
            ("{}", None, ms(0), minute),
            (
                r#"{"reconnect":"retry","interval":0,"timeout":45000}"#,
                Some(Reconnect::Retry),
                ms(0),
                Duration::from_secs(45),
            ),
            (r#"{"reconnect":"handshake"}"#, Some(Reconnect::Handshake), ms(0), minute),
            (r#"{"reconnect":"none","interval":-1}"#, Some(Reconnect::Never), Interval::Never, minute),
            (r#"{"reconnect":"dance","interval":"soon","timeout":[]}"#, None, ms(0), minute),
            (
                r#"{"interval":1500.5,"timeout":-4}"#,
                None,
                Interval::After(Duration::from_micros(1_500_500)),
                Duration::ZERO,
            ),
            (r#"{"interval":1e300,"timeout":1e300}"#, None, Interval::After(LONGEST), LONGEST),
            (r#"{"interval":5,"websocket":{"interval":7}}"#, None, ms(7), minute),
            (r#"{"interval":5,"long-polling":{"interval":7}}"#, None, ms(5), minute),
            (
                r#"{"websocket":{"reconnect":"none"},"reconnect":"retry"}"#,
                Some(Reconnect::Never),
                ms(0),
                minute,
            ),
            (r#"{"hosts":["evil.example"],"multiple-clients":true}"#, None, ms(0), minute),
        ];
        for (raw, reconnect, interval, timeout) in cases {
            let expected = Advice { reconnect, interval, timeout };
            assert_eq!(Advice::read(raw, "websocket"), Some(expected), "{raw}");
        }
        for not_advice in ["null", "3", "[]", "\"retry\"", "{"] {
            assert_eq!(Advice::read(not_advice, "websocket"), None, "{not_advice}");
        }
    }
}
