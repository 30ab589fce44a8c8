//! Our Pusher client against the real soketi, with Pusher's own library as the other end.

use std::time::Duration;

use belfry_sandbox::{Mode, Wire};
use pusher::{Authorization, Client, Config, Error, Event, Resume, Retry, sign};
use serde_json::{Value, json};

use crate::soketi::{Backend, KEY, SECRET, Soketi};

const LIMIT: Duration = Duration::from_secs(60);

/// Somebody who listens, and has the secret of the app.
struct Listener {
    client: Client,
    /// Who it is on presence channels.
    name: &'static str,
    /// Everything told so far but signs of life, in short.
    told: Vec<String>,
}

impl Listener {
    fn start(url: &str, name: &'static str, resume: Option<Resume>) -> Self {
        Self::with(Config::at(&url.parse().unwrap(), KEY).unwrap(), name, resume)
    }

    fn with(config: Config, name: &'static str, resume: Option<Resume>) -> Self {
        let client = Client::start(config, None, resume).unwrap();
        Self { client, name, told: Vec::new() }
    }

    /// With these channels subscribed.
    async fn on(url: &str, name: &'static str, channels: &[&str]) -> Self {
        let mut listener = Self::start(url, name, None);
        for channel in channels {
            listener.client.want(channel).unwrap();
        }
        listener.subscribed(channels).await;
        listener
    }

    async fn subscribed(&mut self, channels: &[&str]) {
        for channel in channels {
            self.until(&format!("subscribed {channel}")).await;
        }
    }

    /// The next event; authorisations are signed here.
    async fn next(&mut self) -> Result<Event, Error> {
        let event = self.client.next().await?;
        if let Event::AuthorizeWanted { channel, socket_id } = &event {
            let channel_data = channel
                .starts_with("presence-")
                .then(|| json!({"user_id": self.name, "user_info": {"name": self.name}}).to_string());
            let auth = sign(KEY, SECRET, socket_id, channel, channel_data.as_deref());
            let answer = Authorization { auth, channel_data, shared_secret: None };
            self.client.authorize(channel, socket_id, answer);
        }
        if let Some(short) = short(&event) {
            self.told.push(short);
        }
        Ok(event)
    }

    /// Waits until this was told, now or before.
    async fn until(&mut self, what: &str) {
        let wait = async {
            while !self.told.iter().any(|told| told == what) {
                if let Err(error) = self.next().await {
                    panic!("{what}: {error}");
                }
            }
        };
        if tokio::time::timeout(LIMIT, wait).await.is_err() {
            panic!("not within {LIMIT:?}: {what}, but {:?}", self.told);
        }
    }

    /// Waits for the next question for an authorisation, and leaves the answer to the test.
    async fn asked(&mut self) -> (String, String) {
        let wait = async {
            loop {
                if let Event::AuthorizeWanted { channel, socket_id } = self.client.next().await.unwrap() {
                    return (channel.to_string(), socket_id.to_string());
                }
            }
        };
        tokio::time::timeout(LIMIT, wait).await.expect("a question for an authorisation")
    }

    fn answer(&mut self, channel: &str, socket_id: &str, answer: Value) {
        self.client.authorize(channel, socket_id, serde_json::from_value(answer).unwrap());
    }

    async fn failed(&mut self) -> Error {
        let wait = async {
            loop {
                if let Err(error) = self.next().await {
                    return error;
                }
            }
        };
        tokio::time::timeout(LIMIT, wait).await.expect("a failure")
    }
}

fn short(event: &Event) -> Option<String> {
    Some(match event {
        Event::Connected { .. } => "connected".to_owned(),
        Event::AuthorizeWanted { channel, .. } => format!("authorize {channel}"),
        Event::Subscribed { channel } => format!("subscribed {channel}"),
        Event::Refused { channel, status, .. } => format!("refused {channel} {status:?}"),
        Event::Message { channel, event, data, user_id } => {
            let from = user_id.as_ref().map(|id| format!(" from {id}")).unwrap_or_default();
            format!("{channel} {event} {data}{from}")
        }
        Event::MemberAdded { channel, user_id, about } => format!("{channel} +{user_id} {about}"),
        Event::MemberRemoved { channel, user_id } => format!("{channel} -{user_id}"),
        Event::CacheMiss { channel } => format!("miss {channel}"),
        Event::Sealed { channel, event } => format!("sealed {channel} {event}"),
        Event::Complaint { code, text } => format!("complaint {code:?} {text}"),
        _ => return None,
    })
}

#[tokio::test]
async fn public_and_private_channels_are_heard_in_order() {
    let soketi = Soketi::start().await;
    let mut listener = Listener::on(&soketi.url(), "ada", &["news", "private-a"]).await;
    soketi.until_channels(&["news", "private-a"]).await;
    listener.told.clear();
    let mut expected = Vec::new();
    for n in 0..20 {
        for channel in ["news", "private-a", "elsewhere"] {
            soketi.trigger(channel, "created", &json!({"n": n, "text": "ü \"quoted\""})).await;
        }
        for channel in ["news", "private-a"] {
            expected.push(format!(r#"{channel} created {{"n":{n},"text":"ü \"quoted\""}}"#));
        }
    }
    listener.until(expected.last().unwrap()).await;
    assert_eq!(listener.told, expected);
    listener.client.unwant("news");
    // What reads the socket sends, too; the next event shows that it has.
    soketi.trigger("private-a", "more", &json!(1)).await;
    listener.until("private-a more 1").await;
    soketi.until_channels(&["private-a"]).await;
}

#[tokio::test]
async fn a_wrong_signature_refuses_one_channel_and_the_connection_stays() {
    let soketi = Soketi::start().await;
    let mut listener = Listener::on(&soketi.url(), "ada", &["news"]).await;
    listener.client.want("private-bad").unwrap();
    let (channel, socket_id) = listener.asked().await;
    let wrong = sign(KEY, "another secret", &socket_id, &channel, None);
    listener.answer(&channel, &socket_id, json!({"auth": wrong}));
    listener.until("refused private-bad Some(401)").await;
    soketi.trigger("private-bad", "created", &json!(1)).await;
    soketi.trigger("news", "created", &json!(2)).await;
    listener.until("news created 2").await;
    assert!(!listener.told.contains(&"private-bad created 1".to_owned()));
    // Wanted again, with a right signature this time.
    listener.client.want("private-bad").unwrap();
    listener.until("subscribed private-bad").await;
}

#[tokio::test]
async fn what_pusher_s_own_library_signs_and_seals_is_taken() {
    let soketi = Soketi::start().await;
    let mut backend = Backend::start(&soketi).await;
    let mut listener = Listener::start(&soketi.url(), "ada", None);
    let channels = ["private-a", "presence-a", "private-encrypted-a"];
    for channel in channels {
        listener.client.want(channel).unwrap();
    }
    for _ in channels {
        let (channel, socket_id) = listener.asked().await;
        let member =
            channel.starts_with("presence-").then(|| json!({"user_id": "7", "user_info": {"name": "Ada"}}));
        let answer = backend.authorize(&socket_id, &channel, member).await;
        assert_eq!(channel.contains("encrypted"), answer["shared_secret"].is_string());
        if channel == "private-a" {
            assert_eq!(answer["auth"], sign(KEY, SECRET, &socket_id, &channel, None), "the same as ours");
        }
        listener.answer(&channel, &socket_id, answer);
    }
    listener.subscribed(&channels).await;
    assert_eq!(listener.client.members("presence-a").unwrap().me(), Some("7"));
    for channel in channels {
        backend.trigger(channel, "created", &json!({"secret": "ä", "n": 1})).await;
        listener.until(&format!(r#"{channel} created {{"n":1,"secret":"ä"}}"#)).await;
    }
    // Somebody without the right key writes on the encrypted channel: asked once more, then given up.
    soketi.trigger("private-encrypted-a", "forged", &json!({"nonce": "AAAA", "ciphertext": "AAAA"})).await;
    let (channel, socket_id) = listener.asked().await;
    let answer = backend.authorize(&socket_id, &channel, None).await;
    listener.answer(&channel, &socket_id, answer);
    listener.until("sealed private-encrypted-a forged").await;
    backend.trigger("private-encrypted-a", "created", &json!("after")).await;
    listener.until(r#"private-encrypted-a created "after""#).await;
}

#[tokio::test]
async fn members_come_and_go_and_write_to_each_other() {
    let soketi = Soketi::start().await;
    let mut ada = Listener::on(&soketi.url(), "ada", &["presence-room", "private-a"]).await;
    let mut bo = Listener::on(&soketi.url(), "bo", &["presence-room", "private-a"]).await;
    ada.until(r#"presence-room +bo {"name":"bo"}"#).await;
    let there = |listener: &Listener| {
        let members = listener.client.members("presence-room").unwrap();
        members.iter().map(|(id, _)| id.to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((there(&ada), there(&bo)), (vec!["ada".into(), "bo".into()], vec!["ada".into(), "bo".into()]));
    bo.client.trigger("presence-room", "client-typing", &json!({"on": true})).unwrap();
    bo.client.trigger("private-a", "client-typing", &json!({"on": false})).unwrap();
    // Writing happens inside `next`.
    let (other, mine) = (
        async {
            ada.until(r#"presence-room client-typing {"on":true} from bo"#).await;
            ada.until(r#"private-a client-typing {"on":false}"#).await;
        },
        async { while bo.next().await.is_ok() {} },
    );
    tokio::select! {
        () = other => {}
        () = mine => panic!("bo's connection ended"),
    }
    drop(bo);
    ada.until("presence-room -bo").await;
    assert_eq!(there(&ada), ["ada"]);
}

#[tokio::test]
async fn a_cache_channel_begins_with_its_last_event_on_every_connection() {
    let soketi = Soketi::start().await;
    let mut first = Listener::on(&soketi.url(), "ada", &["cache-a"]).await;
    first.until("miss cache-a").await;
    soketi.trigger("cache-a", "created", &json!(1)).await;
    soketi.trigger("cache-a", "created", &json!(2)).await;
    first.until("cache-a created 2").await;
    let mut second = Listener::start(&soketi.url(), "ada", Some(first.client.resume()));
    second.until("cache-a created 2").await;
    assert!(!second.told.contains(&"cache-a created 1".to_owned()));
}

#[tokio::test]
async fn an_unknown_key_is_refused_for_good() {
    let soketi = Soketi::start().await;
    let config = Config::at(&soketi.url().parse().unwrap(), "nobody's key").unwrap();
    let error = Listener::with(config, "ada", None).failed().await;
    assert_eq!((error.code(), error.retry()), (Some(4001), Retry::Never), "{error:?}");
    assert!(error.to_string().contains("does not exist"), "{error}");
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_has_everything_again() {
    let soketi = Soketi::start().await;
    let channels = ["news", "presence-room", "private-a"];
    let mut listener = Listener::on(&soketi.url(), "ada", &channels).await;
    soketi.until_channels(&channels).await;
    let former = listener.client.socket_id().unwrap().to_owned();
    let (soketi, error) = tokio::join!(soketi.restart(), listener.failed());
    assert!(matches!(error, Error::Network(_)), "{error:?}");
    assert_eq!(soketi.channels().await, Vec::<String>::new());

    let mut listener = Listener::start(&soketi.url(), "ada", Some(listener.client.resume()));
    listener.subscribed(&channels).await;
    assert_ne!(listener.client.socket_id().unwrap(), former);
    let asked: Vec<_> = listener.told.iter().filter(|told| told.starts_with("authorize")).collect();
    assert_eq!(asked, ["authorize presence-room", "authorize private-a"]);
    soketi.until_channels(&channels).await;
    soketi.trigger("private-a", "created", &json!(1)).await;
    listener.until("private-a created 1").await;
}

#[tokio::test]
async fn a_server_that_says_goodbye_is_come_back_to_at_once() {
    let soketi = Soketi::start().await;
    let mut listener = Listener::on(&soketi.url(), "ada", &["news"]).await;
    let ((), error) = tokio::join!(soketi.stop(), listener.failed());
    assert_eq!((error.code(), error.retry()), (Some(4200), Retry::AtOnce), "{error:?}");
}

#[tokio::test]
async fn a_quiet_connection_is_kept_by_pings_and_a_half_open_one_is_noticed() {
    let soketi = Soketi::start().await;
    let wire = Wire::start(soketi.address()).await.unwrap();
    let mut config = Config::at(&wire.url().parse().unwrap(), KEY).unwrap();
    (config.activity, config.pong) = (Duration::from_millis(200), Duration::from_secs(2));
    let mut listener = Listener::with(config, "ada", None);
    listener.client.want("news").unwrap();
    // The first wait runs from the last word heard, which is before this task hears of it.
    let begin = std::time::Instant::now();
    listener.subscribed(&["news"]).await;
    let pongs = async {
        for _ in 0..5 {
            while !matches!(listener.next().await.unwrap(), Event::Alive) {}
        }
    };
    tokio::time::timeout(LIMIT, pongs).await.expect("five pings are answered");
    assert!(begin.elapsed() >= Duration::from_secs(1), "one each 200 ms");
    wire.set(Mode::Stall);
    let begin = std::time::Instant::now();
    let error = listener.failed().await;
    assert!(matches!(error, Error::Silent { what: "a ping", retry: Retry::AtOnce }), "{error:?}");
    assert!(begin.elapsed() >= Duration::from_secs(2), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn two_hundred_channels_share_one_connection() {
    let soketi = Soketi::start().await;
    let wire = Wire::start(soketi.address()).await.unwrap();
    let names: Vec<String> =
        (0..200).map(|n| if n % 2 == 0 { format!("news-{n}") } else { format!("private-{n}") }).collect();
    let channels: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut listener = Listener::on(&wire.url(), "ada", &channels).await;
    let mut sorted = channels.clone();
    sorted.sort_unstable();
    soketi.until_channels(&sorted).await;
    listener.told.clear();
    let events: Vec<_> = names.iter().map(|name| (name.clone(), "created", json!(name))).collect();
    for batch in events.chunks(10) {
        soketi.trigger_batch(batch).await;
    }
    for name in &names {
        listener.until(&format!("{name} created \"{name}\"")).await;
    }
    assert_eq!((listener.told.len(), wire.accepted()), (200, 1));
}
