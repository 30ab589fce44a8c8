//! What makes two deliveries the same. In: a request. Out: an id, which holds the channel: it is unique over the whole store; and, where
//! the request has no name, the id it would have had a moment ago. Pure.
//!
//! A sender that got no answer sends again; most give each delivery an id of its own, in a header or in the body. Where there is none,
//! the same bytes within ten minutes count as the same: an hour later they are news.

use axum::http::HeaderMap;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::channel::ChannelId;
use crate::store::{Earlier, MessageId};

/// Headers by which senders name a delivery: Standard Webhooks, Svix, GitHub, GitLab.
const NAMED_BY: [&str; 4] = ["webhook-id", "svix-id", "x-github-delivery", "x-gitlab-event-uuid"];
/// A longer "id" is none.
const LONGEST: usize = 256;
const BUCKET_MS: u64 = 10 * 60 * 1000;

/// The id of a webhook. Unnamed ones are told apart by the ten minutes in which they came, so that of two the later may stand in the next
/// ten: that is what the second is for.
pub(crate) fn of_webhook(
    channel: ChannelId,
    headers: &HeaderMap,
    method: &str,
    query: &str,
    body: &[u8],
    received: u64,
) -> (MessageId, Option<Earlier>) {
    let named = NAMED_BY.iter().find_map(|name| {
        let value = headers.get(*name)?.as_bytes();
        (!value.is_empty() && value.len() <= LONGEST).then_some((*name, value))
    });
    if let Some((name, value)) = named {
        return (digest(channel, &[name.as_bytes(), value]), None);
    }
    if let Some(uid) = event_uid(body) {
        return (digest(channel, &[b"event uid", uid.as_bytes()]), None);
    }
    let in_bucket = |bucket: u64| {
        digest(channel, &[b"bytes", &bucket.to_be_bytes(), method.as_bytes(), query.as_bytes(), body])
    };
    let bucket = received / BUCKET_MS;
    let earlier = bucket
        .checked_sub(1)
        .map(|before| Earlier { message: in_bucket(before), since: received.saturating_sub(BUCKET_MS) });
    (in_bucket(bucket), earlier)
}

/// The id of a browser's return from a sign-in: loading the page again changes nothing.
pub(crate) fn of_return(channel: ChannelId, query: &str) -> MessageId {
    digest(channel, &[b"return", query.as_bytes()])
}

/// Podium names an event in the body, in one of two spellings.
fn event_uid(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Named {
        metadata: Metadata,
    }
    #[derive(Deserialize)]
    struct Metadata {
        #[serde(rename = "eventUid")]
        camel: Option<String>,
        #[serde(rename = "event_uid")]
        snake: Option<String>,
    }
    let named: Named = serde_json::from_slice(body).ok()?;
    let uid = named.metadata.camel.or(named.metadata.snake)?;
    (!uid.is_empty() && uid.len() <= LONGEST).then_some(uid)
}

/// Each part with its length before it, so that no two lists of parts look alike.
fn digest(channel: ChannelId, parts: &[&[u8]]) -> MessageId {
    let mut hash = Sha256::new();
    hash.update(b"belfry-relay message v1\0");
    hash.update(channel.as_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let whole: [u8; 32] = hash.finalize().into();
    MessageId::from_bytes(whole.first_chunk().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    const MINUTE: u64 = 60_000;

    fn channel(n: u8) -> ChannelId {
        ChannelId::from_bytes([n; 16])
    }

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(n, v)| (HeaderName::from_static(n), HeaderValue::from_static(v))).collect()
    }

    fn id(list: &[(&'static str, &'static str)], body: &[u8], at: u64) -> MessageId {
        of_webhook(channel(1), &headers(list), "POST", "", body, at).0
    }

    #[test]
    fn a_named_delivery_is_the_same_whenever_and_whatever_it_says() {
        for name in NAMED_BY {
            let first = id(&[(name, "77")], b"one", 0);
            assert_eq!(first, id(&[(name, "77"), ("date", "later")], b"two", 900 * MINUTE), "{name}");
            assert_ne!(first, id(&[(name, "78")], b"one", 0), "{name}");
        }
        assert_ne!(id(&[("webhook-id", "77")], b"", 0), id(&[("svix-id", "77")], b"", 0));
    }

    #[test]
    fn podiums_event_uid_names_a_delivery_in_both_spellings() {
        let camel = br#"{"data":{"a":1},"metadata":{"eventUid":"e-1","eventType":"message.received"}}"#;
        let snake = br#"{"metadata":{"event_uid":"e-1"},"data":[]}"#;
        assert_eq!(id(&[], camel, 0), id(&[], snake, 900 * MINUTE));
        let other = br#"{"metadata":{"eventUid":"e-2"}}"#;
        assert_ne!(id(&[], camel, 0), id(&[], other, 0));
    }

    #[test]
    fn what_only_looks_like_a_name_is_none() {
        let odd: [&[u8]; 5] = [
            br#"{"metadata":{"eventUid":7}}"#,
            br#"{"metadata":{"eventUid":""}}"#,
            br#"{"metadata":"eventUid"}"#,
            br#"[{"metadata":{"eventUid":"e"}}]"#,
            b"\xff\xfe",
        ];
        for body in odd {
            assert_ne!(id(&[], body, 0), id(&[], body, 11 * MINUTE), "{body:?}");
        }
        assert_ne!(id(&[("webhook-id", "")], b"a", 0), id(&[("webhook-id", "")], b"b", 0));
    }

    #[test]
    fn the_same_bytes_are_the_same_within_ten_minutes_only() {
        assert_eq!(id(&[], b"ding", 0), id(&[("date", "x")], b"ding", 9 * MINUTE));
        assert_ne!(id(&[], b"ding", 0), id(&[], b"ding", 60 * MINUTE));
        assert_ne!(id(&[], b"ding", 0), id(&[], b"dong", 0));
        let with_query = of_webhook(channel(1), &headers(&[]), "POST", "a=1", b"ding", 0).0;
        assert_ne!(id(&[], b"ding", 0), with_query);
    }

    #[test]
    fn what_came_just_before_the_ten_minutes_turned_is_looked_for_too() {
        let first = id(&[], b"ding", 10 * MINUTE - 1);
        let (second, earlier) = of_webhook(channel(1), &headers(&[]), "POST", "", b"ding", 10 * MINUTE + 500);
        assert_ne!(first, second);
        assert_eq!(earlier, Some(Earlier { message: first, since: 500 }));
        let named =
            of_webhook(channel(1), &headers(&[("webhook-id", "7")]), "POST", "", b"ding", 20 * MINUTE);
        assert_eq!(named.1, None);
    }

    #[test]
    fn another_channel_is_another_message() {
        let named = headers(&[("webhook-id", "77")]);
        assert_ne!(
            of_webhook(channel(1), &named, "POST", "", b"", 0).0,
            of_webhook(channel(2), &named, "POST", "", b"", 0).0
        );
        assert_ne!(of_return(channel(1), "code=1"), of_return(channel(2), "code=1"));
        assert_eq!(of_return(channel(1), "code=1"), of_return(channel(1), "code=1"));
    }
}
