//! Listens to channels and prints what comes, one line each, coming back as the protocol wishes.
//!
//! `cargo run -p pusher --example listen -- <key> <address> [--count N] <channel> …`
//!
//! A channel such as `news-{0..999}` stands for all of these. The secret of the app, which private channels need here, is
//! taken from the variable PUSHER_SECRET. With `--count` nothing is printed for a message; after so many of them comes one
//! line about what they cost.

use std::time::{Duration, Instant};

use pusher::{Authorization, Client, Config, Error, Event, Resume, Retry, sign};

struct Listener {
    config: Config,
    channels: Vec<String>,
    secret: Option<String>,
    count: Option<u64>,
    heard: u64,
    first: Option<Instant>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let mut count = None;
    if let Some(at) = args.iter().position(|arg| arg == "--count") {
        args.remove(at);
        count = Some(args.remove(at).parse()?);
    }
    let [key, address, channels @ ..] = &args[..] else {
        return Err("usage: listen <key> <address> [--count N] <channel> …".into());
    };
    let mut listener = Listener {
        config: Config::at(&address.parse()?, key)?,
        channels: channels.iter().flat_map(|channel| expanded(channel)).collect(),
        secret: std::env::var("PUSHER_SECRET").ok(),
        count,
        heard: 0,
        first: None,
    };
    let mut resume = None;
    loop {
        let (error, next) = match listener.listen(resume).await? {
            Some(ended) => ended,
            None => return Ok(()),
        };
        println!("ended: {error}");
        resume = Some(next);
        match error.retry() {
            Retry::Never | Retry::Tls => return Err(error.into()),
            Retry::AtOnce => {}
            Retry::After(wait) => tokio::time::sleep(wait).await,
        }
    }
}

impl Listener {
    /// On one connection; `None` when enough was heard.
    async fn listen(
        &mut self,
        resume: Option<Resume>,
    ) -> Result<Option<(Error, Resume)>, Box<dyn std::error::Error>> {
        let mut client = Client::start(self.config.clone(), None, resume)?;
        for channel in &self.channels {
            client.want(channel)?;
        }
        let mut subscribed = 0;
        loop {
            match client.next().await {
                Ok(Event::AuthorizeWanted { channel, socket_id }) => {
                    let Some(secret) = &self.secret else {
                        println!("{channel} needs PUSHER_SECRET");
                        client.give_up(&channel, &socket_id);
                        continue;
                    };
                    let channel_data = channel
                        .starts_with("presence-")
                        .then(|| format!(r#"{{"user_id":"{}"}}"#, std::process::id()));
                    let auth = sign(self.config.key(), secret, &socket_id, &channel, channel_data.as_deref());
                    let answer = Authorization { auth, channel_data, shared_secret: None };
                    client.authorize(&channel, &socket_id, answer);
                }
                Ok(Event::Message { channel, event, data, .. }) => {
                    self.first.get_or_insert_with(Instant::now);
                    self.heard += 1;
                    if self.count.is_none() {
                        println!("{channel} {event} {data}");
                    } else if self.count == Some(self.heard) {
                        self.report();
                        return Ok(None);
                    }
                }
                Ok(Event::Subscribed { .. }) if self.count.is_some() => {
                    subscribed += 1;
                    if subscribed == self.channels.len() {
                        println!("subscribed {subscribed}");
                    }
                }
                Ok(Event::Alive) => {}
                Ok(event) => println!("{event:?}"),
                Err(error) => return Ok(Some((error, client.resume()))),
            }
        }
    }

    fn report(&self) {
        let seconds = self.first.map(|first| first.elapsed().as_secs_f64()).unwrap_or_default();
        let cpu = cpu_seconds().map_or_else(|| "?".to_owned(), |cpu| format!("{cpu:.2}"));
        let pss = pss_kib().map_or_else(|| "?".to_owned(), |pss| pss.to_string());
        println!("heard {} in {seconds:.3} s, {cpu} s of processor, {pss} KiB PSS", self.heard);
    }
}

/// `a-{0..2}` is `a-0`, `a-1` and `a-2`.
fn expanded(channel: &str) -> Vec<String> {
    let range = || {
        let (head, rest) = channel.split_once('{')?;
        let (range, tail) = rest.split_once('}')?;
        let (first, last) = range.split_once("..")?;
        Some((head, first.parse::<u32>().ok()?, last.parse::<u32>().ok()?, tail))
    };
    match range() {
        Some((head, first, last, tail)) => (first..=last).map(|n| format!("{head}{n}{tail}")).collect(),
        None => vec![channel.to_owned()],
    }
}

/// Of this process so far, from the kernel's own count; `None` where there is no such file.
fn cpu_seconds() -> Option<f64> {
    const TICK: Duration = Duration::from_millis(10);
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u32>().ok()? + fields.get(12)?.parse::<u32>().ok()?;
    Some(TICK.as_secs_f64() * f64::from(ticks))
}

fn pss_kib() -> Option<u64> {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}
