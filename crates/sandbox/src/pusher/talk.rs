//! The rules of the conversation: who may connect, what each frame of a client brings about, and in which words each
//! server refuses. Frames in, frames into the hub's queues; no socket.

use super::app::{Kind, is_name};
use super::frame::{self, Data};
use super::hub::{Connection, Joined, Out};
use super::observed::{ClientEvent, keep};
use super::settings::Quirk;
use super::socket::Patience;
use super::{Plan, Silence, State};
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// What came of a greeting that went well.
pub(super) struct Greeted {
    pub(super) socket_id: String,
    pub(super) patience: Patience,
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

impl State {
    /// The first word on a new web socket: `connection_established`, or a refusal.
    pub(super) fn greet(
        &mut self,
        key: &str,
        parameters: &BTreeMap<String, String>,
        out: &UnboundedSender<Out>,
        now: Instant,
    ) -> Option<Greeted> {
        self.observed.sockets += 1;
        if let Some(words) = self.refuse_connection(key, parameters) {
            self.observed.refused_connections += 1;
            for word in words {
                // The receiver is the task that asks.
                let _kept = out.send(word);
            }
            return None;
        }
        let socket_id = format!("{}.{}", rand::random::<u32>(), rand::random::<u32>());
        let connection = Connection {
            app: key.to_owned(),
            out: out.clone(),
            channels: BTreeMap::new(),
            sent: VecDeque::new(),
        };
        self.hub.connections.insert(socket_id.clone(), connection);
        self.observed.connections += 1;
        keep(&mut self.observed.socket_ids, socket_id.clone());
        let (settings, quirk) = (&self.settings, self.settings.quirk);
        let mut data = json!({"socket_id": socket_id});
        if let (true, Some(map)) = (settings.names_activity_timeout, data.as_object_mut()) {
            let seconds = settings.activity_timeout_s.unwrap_or_else(|| quirk.activity_timeout_s());
            map.insert("activity_timeout".to_owned(), json!(seconds));
        }
        let patience = Patience {
            ping_after: settings.ping_after.or_else(|| quirk.ping_after()),
            drop_after: settings.drop_after.unwrap_or_else(|| quirk.drop_after()),
        };
        self.hub.send(
            &socket_id,
            frame::text("pusher:connection_established", None, Data::Text(data.to_string())),
        );
        if let Some(Plan { code, reason, .. }) = next_plan(&mut self.close_greeted) {
            let _kept = out.send(Out::Close(code, reason));
        }
        tracing::trace!(?now, "connected");
        Some(Greeted { socket_id, patience })
    }

    fn refuse_connection(&mut self, key: &str, parameters: &BTreeMap<String, String>) -> Option<Vec<Out>> {
        let quirk = self.settings.quirk;
        if let Some(Plan { code, reason, .. }) = next_plan(&mut self.close_new) {
            return Some(vec![Out::Close(code, reason)]);
        }
        if let Some(code) = wrong_protocol(quirk, parameters.get("protocol").map(String::as_str)) {
            let reason = if code == 4008 { "No protocol supplied" } else { "Unsupported protocol version" };
            return Some(refusal(quirk, code, reason));
        }
        let Some(app) = self.apps.get(key) else {
            return Some(refusal(quirk, 4001, &format!("App key {key} does not exist.")));
        };
        let full = self.settings.max_connections.is_some_and(|limit| self.hub.connections_of(app) >= limit);
        let code = if quirk == Quirk::Soketi { 4100 } else { 4004 };
        full.then(|| refusal(quirk, code, "The current concurrent connections quota has been reached."))
    }

    /// A frame came.
    pub(super) fn hear(&mut self, socket_id: &str, frame: &str, now: Instant) {
        let quirk = self.settings.quirk;
        let message =
            serde_json::from_str::<Value>(frame).ok().filter(|message| message.get("event").is_some());
        let Some(message) = message else {
            self.observed.garbage += 1;
            // Which number Pusher gives is not documented.
            let code = match quirk {
                Quirk::Soketi => return,
                Quirk::Pusher => None,
                Quirk::Reverb => Some(4200),
                Quirk::Sockudo => Some(4000),
            };
            return self.hub.send(socket_id, frame::error(quirk, code, "Invalid message format"));
        };
        let nothing = Value::Null;
        let data = message.get("data").unwrap_or(&nothing);
        match text(&message, "event") {
            "pusher:ping" => {
                self.observed.pings += 1;
                if self.silence == Silence::Never {
                    let data = match quirk {
                        Quirk::Pusher | Quirk::Soketi => Data::Plain(json!({})),
                        Quirk::Reverb | Quirk::Sockudo => Data::Absent,
                    };
                    self.hub.send(socket_id, frame::text("pusher:pong", None, data));
                }
            }
            "pusher:pong" => self.observed.pongs += 1,
            "pusher:subscribe" => self.subscribe(socket_id, data, now),
            "pusher:unsubscribe" => {
                let channel = text(data, "channel");
                if self.hub.leave(socket_id, channel) {
                    self.observed.unsubscribes += 1;
                    self.count_again(socket_id, channel);
                }
            }
            "pusher:signin" => self.sign_in(socket_id, data),
            event if event.starts_with("client-") => self.pass_on(socket_id, &message, now),
            event => {
                self.observed.garbage += 1;
                if quirk != Quirk::Soketi {
                    let words = format!("Event {event} is not known");
                    self.hub.send(socket_id, frame::error(quirk, None, &words));
                }
            }
        }
    }

    fn subscribe(&mut self, socket_id: &str, data: &Value, now: Instant) {
        let channel = text(data, "channel").to_owned();
        let Some(connection) = self.hub.connections.get(socket_id) else { return };
        let app = connection.app.clone();
        if let Some(Plan { code, reason, .. }) = next_plan(&mut self.close_subscribing) {
            return self.close(socket_id, code, reason);
        }
        if connection.channels.contains_key(&channel) {
            return self.subscribe_twice(socket_id, &app, &channel);
        }
        let joined = match self.check_subscription(socket_id, &app, &channel, data) {
            Ok(joined) => joined,
            Err(refused) => return self.refuse_subscription(socket_id, &channel, refused),
        };
        self.observed.subscribes += 1;
        if let (Some(user_id), Some(channel_data)) = (&joined.user_id, &joined.channel_data) {
            let info = serde_json::from_str::<Value>(channel_data).unwrap_or_default();
            let info = info.get("user_info").cloned().unwrap_or(Value::Null);
            self.hub.add_member(&app, &channel, user_id, &info, Some(socket_id));
        }
        self.hub.join(socket_id, &channel, joined);
        self.succeed(socket_id, &app, &channel);
        self.count_again(socket_id, &channel);
        if Kind::of(&channel).cache {
            let text = match self.hub.cached(&app, &channel, self.settings.cache_ttl(), now) {
                Some(cached) => cached.to_string(),
                None => frame::text("pusher:cache_miss", Some(&channel), Data::Absent),
            };
            self.hub.send(socket_id, text);
        }
    }

    fn succeed(&self, socket_id: &str, app: &str, channel: &str) {
        let data = if Kind::of(channel).presence {
            Data::Text(self.hub.presence(app, channel).to_string())
        } else if self.settings.quirk == Quirk::Soketi {
            Data::Absent
        } else {
            Data::Text("{}".to_owned())
        };
        let text = frame::text("pusher_internal:subscription_succeeded", Some(channel), data);
        self.hub.send(socket_id, text);
    }

    /// soketi grants it again, as was seen; the documents say nothing, so the others are inferred.
    fn subscribe_twice(&self, socket_id: &str, app: &str, channel: &str) {
        match self.settings.quirk {
            Quirk::Pusher => {
                let words = format!("Existing subscription to channel {channel}");
                self.hub.send(socket_id, frame::error(Quirk::Pusher, None, &words));
            }
            Quirk::Soketi | Quirk::Reverb | Quirk::Sockudo => self.succeed(socket_id, app, channel),
        }
    }

    /// Name, authorisation and, on presence channels, the user.
    fn check_subscription(
        &self,
        socket_id: &str,
        app: &str,
        channel: &str,
        data: &Value,
    ) -> Result<Joined, Refused> {
        let quirk = self.settings.quirk;
        if quirk.longest_name().is_some_and(|longest| channel.len() > longest) {
            return Err(Refused::LongName);
        }
        if quirk != Quirk::Reverb && !is_name(channel) {
            return Err(Refused::OddName);
        }
        let kind = Kind::of(channel);
        if !kind.wants_auth() {
            return Ok(Joined::default());
        }
        let auth = data.get("auth").and_then(Value::as_str).unwrap_or_default();
        let channel_data = data.get("channel_data").and_then(Value::as_str);
        if kind.presence && channel_data.is_none() {
            return Err(Refused::NoPerson);
        }
        let signed = if kind.presence { channel_data } else { None };
        let right = self.apps.get(app).map(|app| app.sign(socket_id, channel, signed));
        if right.as_deref() != Some(auth) {
            return Err(Refused::Auth);
        }
        let user_id = if kind.presence {
            let person = channel_data.and_then(|text| serde_json::from_str::<Value>(text).ok());
            let id = match person.as_ref().and_then(|person| person.get("user_id")) {
                Some(Value::String(id)) => id.clone(),
                Some(Value::Number(id)) => id.to_string(),
                Some(_) | None => return Err(Refused::Auth),
            };
            Some(id)
        } else {
            None
        };
        Ok(Joined { auth: Some(auth.to_owned()), channel_data: channel_data.map(str::to_owned), user_id })
    }

    fn refuse_subscription(&mut self, socket_id: &str, channel: &str, refused: Refused) {
        self.observed.refused_subscribes += 1;
        let quirk = self.settings.quirk;
        let longest = quirk.longest_name().unwrap_or_default();
        // The words and numbers are soketi's own; elsewhere they are not documented.
        let (kind, status, words) = match refused {
            Refused::Auth => ("AuthError", 401, "The connection is unauthorized.".to_owned()),
            Refused::NoPerson => ("ServerError", 4302, "A server error has occured.".to_owned()),
            Refused::LongName => (
                "LimitReached",
                4009,
                format!("The channel name is longer than the allowed {longest} characters."),
            ),
            Refused::OddName => {
                ("LimitReached", 4009, format!("The channel name is not allowed. {CONVENTIONS}"))
            }
        };
        let text = match (quirk, refused) {
            (Quirk::Soketi, _) => {
                let mut data = json!({"type": kind, "error": words, "status": status});
                if let (Refused::OddName, Some(data)) = (refused, data.as_object_mut()) {
                    data.remove("type");
                }
                frame::text("pusher:subscription_error", Some(channel), Data::Plain(data))
            }
            (Quirk::Reverb | Quirk::Sockudo, Refused::Auth | Refused::NoPerson) => {
                frame::error(quirk, Some(4009), "The connection is unauthorized.")
            }
            // Which number Pusher gives is not documented.
            (Quirk::Pusher | Quirk::Reverb | Quirk::Sockudo, _) => frame::error(quirk, None, &words),
        };
        self.hub.send(socket_id, text);
    }

    fn count_again(&mut self, socket_id: &str, channel: &str) {
        let Some(connection) = self.hub.connections.get(socket_id) else { return };
        if !self.settings.subscription_counts || Kind::of(channel).presence {
            return;
        }
        let app = connection.app.clone();
        self.tell_count(&app, channel);
    }

    fn tell_count(&mut self, app: &str, channel: &str) {
        let data = json!({"subscription_count": self.hub.count(app, channel)});
        let text =
            frame::text("pusher_internal:subscription_count", Some(channel), Data::Text(data.to_string()));
        self.hub.publish(app, channel, text, None, None);
    }

    fn sign_in(&mut self, socket_id: &str, data: &Value) {
        let Some(connection) = self.hub.connections.get(socket_id) else { return };
        let user_data = text(data, "user_data");
        let right = self.apps.get(&connection.app).map(|app| app.sign_user(socket_id, user_data));
        if right.as_deref() == Some(text(data, "auth")) {
            self.observed.signins += 1;
            let data = Data::Text(json!({"user_data": user_data}).to_string());
            self.hub.send(socket_id, frame::text("pusher:signin_success", None, data));
        } else {
            let words = "The connection is unauthorized.";
            self.close_with_error(socket_id, 4009, words);
        }
    }

    /// A client event goes to the others of its channel, within the rules. soketi says nothing to one on a channel that is
    /// not open to it, as was seen.
    fn pass_on(&mut self, socket_id: &str, message: &Value, now: Instant) {
        let (event, channel) = (text(message, "event"), text(message, "channel"));
        let quirk = self.settings.quirk;
        let limit = self.settings.client_events_per_second;
        let Some(connection) = self.hub.connections.get_mut(socket_id) else { return };
        let kind = Kind::of(channel);
        let joined = connection.channels.get(channel);
        let refused = if !self.settings.client_events {
            Some("The app does not have client messaging enabled.")
        } else if joined.is_none() || !kind.wants_auth() || kind.encrypted {
            if quirk == Quirk::Soketi {
                return;
            }
            Some("Client events are for private and presence channels that are subscribed.")
        } else {
            let second = Duration::from_secs(1);
            while connection.sent.front().is_some_and(|at| now.saturating_duration_since(*at) >= second) {
                connection.sent.pop_front();
            }
            if connection.sent.len() >= limit {
                Some("The client event rate limit was exceeded.")
            } else {
                connection.sent.push_back(now);
                None
            }
        };
        if let Some(words) = refused {
            return self.hub.send(socket_id, frame::error(quirk, Some(4301), words));
        }
        let app = connection.app.clone();
        let user_id = joined.and_then(|joined| joined.user_id.clone());
        let data = message.get("data").cloned().unwrap_or(Value::Null);
        let passed = frame::with_user(event, Some(channel), Data::Plain(data.clone()), user_id.as_deref());
        self.hub.publish(&app, channel, passed, Some(socket_id), None);
        let (socket_id, channel, event) = (socket_id.to_owned(), channel.to_owned(), event.to_owned());
        keep(&mut self.observed.client_events, ClientEvent { socket_id, channel, event, data });
    }

    pub(super) fn close(&self, socket_id: &str, code: u16, reason: String) {
        if let Some(connection) = self.hub.connections.get(socket_id) {
            let _ended_already = connection.out.send(Out::Close(code, reason));
        }
    }

    fn close_with_error(&self, socket_id: &str, code: u16, words: &str) {
        if let Some(connection) = self.hub.connections.get(socket_id) {
            for word in refusal(self.settings.quirk, code, words) {
                let _ended_already = connection.out.send(word);
            }
        }
    }

    pub(super) fn ping(&self, socket_id: &str) {
        self.hub.send(socket_id, frame::text("pusher:ping", None, Data::Plain(json!({}))));
    }

    /// The client was silent for too long.
    pub(super) fn drop_stale(&self, socket_id: &str) {
        let words = "Pong reply not received in time";
        if self.settings.quirk == Quirk::Reverb {
            self.hub.send(socket_id, frame::error(Quirk::Reverb, Some(4201), words));
        }
        self.close(socket_id, 4201, words.to_owned());
    }

    /// A connection ended: it leaves its channels.
    pub(super) fn forget(&mut self, socket_id: &str) {
        let Some(connection) = self.hub.connections.get(socket_id) else { return };
        let (app, channels) =
            (connection.app.clone(), connection.channels.keys().cloned().collect::<Vec<_>>());
        for channel in &channels {
            self.hub.leave(socket_id, channel);
            if self.settings.subscription_counts && !Kind::of(channel).presence {
                self.tell_count(&app, channel);
            }
        }
        self.hub.connections.remove(socket_id);
        self.observed.ended_connections += 1;
    }
}

/// Why a subscription is not taken.
#[derive(Clone, Copy)]
enum Refused {
    Auth,
    /// A presence channel, and nobody named.
    NoPerson,
    LongName,
    OddName,
}

const CONVENTIONS: &str = "Read channel conventions: https://pusher.com/docs/channels/using_channels/channels/#channel-naming-conventions";

/// Takes one turn of a plan.
fn next_plan(plans: &mut Vec<Plan>) -> Option<Plan> {
    plans.retain(|plan| plan.times > 0);
    let plan = plans.first_mut()?;
    plan.times -= 1;
    Some(plan.clone())
}

/// Which close code a protocol number earns. Inferred for sockudo, which has the code, and for Pusher that no number
/// at all is taken for an old one.
fn wrong_protocol(quirk: Quirk, protocol: Option<&str>) -> Option<u16> {
    match (quirk, protocol.map(str::parse::<u16>)) {
        (Quirk::Soketi | Quirk::Reverb, _) | (_, Some(Ok(4..=7))) => None,
        (Quirk::Pusher | Quirk::Sockudo, None) => Some(4008),
        (Quirk::Pusher | Quirk::Sockudo, Some(Err(_))) => Some(4006),
        (Quirk::Pusher | Quirk::Sockudo, Some(Ok(_))) => Some(4007),
    }
}

/// How a server says that a connection cannot be.
fn refusal(quirk: Quirk, code: u16, words: &str) -> Vec<Out> {
    let error = Out::Text(frame::error(quirk, Some(code), words).into());
    match quirk {
        Quirk::Pusher | Quirk::Sockudo => vec![Out::Close(code, words.to_owned())],
        Quirk::Soketi => vec![error, Out::Close(code, String::new())],
        Quirk::Reverb => vec![error, Out::Cut],
    }
}
