//! What can be set on the Pusher side, and how the servers that speak its protocol differ: each difference is named once,
//! here. Marked *inferred* is what no documentation says and no server was seen to do.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Which server it behaves like, as far as a client can see a difference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Quirk {
    /// Pusher Channels as documented.
    #[default]
    Pusher,
    /// soketi 1.6: `subscription_succeeded` without data, refused channels as `pusher:subscription_error`.
    Soketi,
    /// Laravel Reverb: errors are JSON text, stay in-band, and an unknown app is cut off without a close frame.
    Reverb,
    /// sockudo 5: refused channels as error 4009, faults it has no number for as 4000.
    Sockudo,
}

impl Quirk {
    pub(super) fn activity_timeout_s(self) -> u64 {
        match self {
            Self::Pusher | Self::Sockudo => 120,
            Self::Soketi | Self::Reverb => 30,
        }
    }

    /// After so much silence of the client the server pings; `None` never does. Inferred for sockudo: its activity time.
    pub(super) fn ping_after(self) -> Option<Duration> {
        match self {
            Self::Pusher | Self::Soketi => None,
            Self::Reverb => Some(Duration::from_secs(60)),
            Self::Sockudo => Some(Duration::from_secs(120)),
        }
    }

    /// After so much silence (counted from the ping, where there is one) the connection is closed with 4201. The
    /// documents name a number for soketi only; the others are inferred.
    pub(super) fn drop_after(self) -> Duration {
        match self {
            Self::Pusher => Duration::from_secs(180),
            Self::Soketi => Duration::from_secs(120),
            Self::Reverb => Duration::from_secs(60),
            Self::Sockudo => Duration::from_secs(30),
        }
    }

    /// Longest channel name in characters.
    pub(super) fn longest_name(self) -> Option<usize> {
        match self {
            Self::Pusher => Some(164),
            Self::Soketi | Self::Sockudo => Some(200),
            Self::Reverb => None,
        }
    }

    /// Largest `data` of one event in bytes; sockudo's is a setting of its operator and taken as Pusher's.
    pub(super) fn largest_event(self) -> usize {
        match self {
            Self::Pusher | Self::Sockudo => 10_240,
            Self::Soketi => 102_400,
            Self::Reverb => 10_000,
        }
    }

    /// Life of a cached event; inferred for Reverb and sockudo, where an operator sets it.
    pub(super) fn cache_ttl(self) -> Duration {
        match self {
            Self::Pusher | Self::Reverb | Self::Sockudo => Duration::from_secs(1_800),
            Self::Soketi => Duration::from_secs(3_600),
        }
    }
}

/// The settings; [`Settings::default`] is Pusher Channels as documented, with client events allowed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Which server it behaves like.
    pub quirk: Quirk,
    /// `activity_timeout` in seconds; by the quirk when absent (120, or 30).
    pub activity_timeout_s: Option<u64>,
    /// Whether `connection_established` names an activity timeout at all.
    pub names_activity_timeout: bool,
    /// After so much silence the server pings; by the quirk when absent.
    pub ping_after: Option<Duration>,
    /// After so much silence the server closes with 4201; by the quirk when absent.
    pub drop_after: Option<Duration>,
    /// Whether `client-` events are passed on.
    pub client_events: bool,
    /// Client events a connection may send in one second: 10.
    pub client_events_per_second: usize,
    /// Whether `pusher_internal:subscription_count` is sent.
    pub subscription_counts: bool,
    /// Life of a cached event; by the quirk when absent.
    pub cache_ttl: Option<Duration>,
    /// Connections an app may have.
    pub max_connections: Option<usize>,
    /// Largest `data` of one event in bytes; by the quirk when absent.
    pub largest_event: Option<usize>,
    /// A header the auth endpoint demands, name and whole value: `("authorization", "Bearer …")`.
    pub auth_header: Option<(String, String)>,
    /// Who the auth endpoint says is signed in, on presence channels and for user sign-in.
    pub auth_user: Person,
}

/// Someone on a presence channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// `user_id`.
    pub id: String,
    /// `user_info.name`.
    pub name: String,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            quirk: Quirk::default(),
            activity_timeout_s: None,
            names_activity_timeout: true,
            ping_after: None,
            drop_after: None,
            client_events: true,
            client_events_per_second: 10,
            subscription_counts: false,
            cache_ttl: None,
            max_connections: None,
            largest_event: None,
            auth_header: None,
            auth_user: Person { id: "robin".to_owned(), name: "Robin Vale".to_owned() },
        }
    }
}

impl Settings {
    pub(super) fn largest_event(&self) -> usize {
        self.largest_event.unwrap_or_else(|| self.quirk.largest_event())
    }

    pub(super) fn cache_ttl(&self) -> Duration {
        self.cache_ttl.unwrap_or_else(|| self.quirk.cache_ttl())
    }
}
