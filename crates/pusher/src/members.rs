//! Who is on a presence channel.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::message::{self, Data};

/// How many members of one channel are kept; Pusher allows 100.
const MOST: usize = 10_000;

/// The members of a presence channel, ordered by their id.
#[derive(Debug, Clone, Default)]
pub struct Members {
    me: Option<String>,
    members: BTreeMap<String, Data>,
}

impl Members {
    /// Our own id, if the channel data of our subscription told it.
    pub fn me(&self) -> Option<&str> {
        self.me.as_deref()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// What is told about a member; `None` if there is no such member.
    pub fn get(&self, user_id: &str) -> Option<&Data> {
        self.members.get(user_id)
    }

    /// The ids and what is told about each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Data)> {
        self.members.iter().map(|(id, about)| (id.as_str(), about))
    }

    /// Those whom a server lists when it grants a subscription.
    pub(crate) fn read(list: &str, channel_data: Option<&str>) -> Self {
        let me = channel_data
            .and_then(|text| serde_json::from_str::<Member<'_>>(text).ok())
            .and_then(|member| member.user_id.and_then(message::id));
        let mut members = BTreeMap::new();
        let presence = serde_json::from_str::<Granted<'_>>(list).ok().and_then(|granted| granted.presence);
        if let Some(presence) = presence {
            let ids = presence.ids.and_then(|raw| serde_json::from_str::<Vec<&RawValue>>(raw.get()).ok());
            for id in ids.unwrap_or_default().into_iter().filter_map(message::id).take(MOST) {
                members.insert(id, Data::default());
            }
            // An empty PHP array is `[]` in JSON, even where an object is meant.
            let hash = presence
                .hash
                .and_then(|raw| serde_json::from_str::<BTreeMap<String, &RawValue>>(raw.get()).ok());
            for (id, about) in hash.unwrap_or_default().into_iter().take(MOST) {
                members.insert(id, Data::plain(about));
            }
        }
        Self { me, members }
    }

    /// Takes a member in; `false` if it was there, or there is no room.
    pub(crate) fn add(&mut self, user_id: &str, about: &Data) -> bool {
        if let Some(known) = self.members.get_mut(user_id) {
            *known = about.clone();
            return false;
        }
        let room = self.members.len() < MOST;
        if room {
            self.members.insert(user_id.to_owned(), about.clone());
        }
        room
    }

    pub(crate) fn remove(&mut self, user_id: &str) -> bool {
        self.members.remove(user_id).is_some()
    }
}

#[derive(Deserialize)]
struct Granted<'a> {
    #[serde(borrow)]
    presence: Option<Presence<'a>>,
}

#[derive(Deserialize)]
struct Presence<'a> {
    #[serde(borrow)]
    ids: Option<&'a RawValue>,
    #[serde(borrow)]
    hash: Option<&'a RawValue>,
}

/// One member as it is added, removed, or signed.
#[derive(Deserialize)]
pub(crate) struct Member<'a> {
    #[serde(borrow)]
    pub(crate) user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) user_info: Option<&'a RawValue>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_in_every_shape_seen() {
        let list = r#"{"presence":{"ids":["1","2"],"hash":{"1":{"name":"Ada"},"2":null},"count":2}}"#;
        let members = Members::read(list, Some(r#"{"user_id":2}"#));
        assert_eq!((members.len(), members.me()), (2, Some("2")));
        assert_eq!(members.get("1").unwrap().as_str(), r#"{"name":"Ada"}"#);
        let numbers = Members::read(r#"{"presence":{"ids":[1],"hash":[],"count":1}}"#, None);
        assert_eq!(numbers.iter().map(|(id, _)| id).collect::<Vec<_>>(), ["1"]);
        for odd in ["", "{}", "null", "[]", r#"{"presence":3}"#, r#"{"presence":{"ids":{}}}"#] {
            assert!(Members::read(odd, Some("x")).is_empty(), "{odd}");
        }
    }

    #[test]
    fn a_member_is_added_and_removed_once() {
        let mut members = Members::default();
        assert!(members.add("1", &Data::default()));
        assert!(!members.add("1", &Data::default()));
        assert!(members.remove("1"));
        assert!(!members.remove("1"));
    }
}
