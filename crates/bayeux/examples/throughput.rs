//! How many events a second the client alone can parse and hand over, from frames made beforehand.
//!
//! `cargo run --release -p bayeux --example throughput`

use std::time::Instant;

use bayeux::{Config, Event, Input, Output, Session, TransportKind};

const EVENTS: usize = 2_000_000;
const CHANNELS: usize = 50;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for per_frame in [1, 10, 100] {
        let mut config = Config::new("http://127.0.0.1:1/faye".parse()?);
        config.transports = vec![TransportKind::WebSocket];
        let mut session = Session::new(config, None)?;
        let begin = Instant::now();
        session.handle(Input::Opened, begin)?;
        let handshake = r#"[{"channel":"/meta/handshake","successful":true,"clientId":"x"}]"#;
        session.handle(Input::Received { request: None, text: handshake }, begin)?;
        for n in 0..CHANNELS {
            session.subscribe(&format!("/user/{n}"), None, begin)?;
            let reply =
                format!(r#"[{{"channel":"/meta/subscribe","subscription":"/user/{n}","successful":true}}]"#);
            session.handle(Input::Received { request: None, text: &reply }, begin)?;
        }
        let frames: Vec<String> = (0..100).map(|n| frame(n, per_frame)).collect();
        let (mut events, mut bytes) = (0, 0);
        let begin = Instant::now();
        for text in frames.iter().cycle().take(EVENTS / per_frame) {
            session.handle(Input::Received { request: None, text }, Instant::now())?;
            bytes += text.len();
            while let Some(output) = session.poll() {
                if let Output::Event(Event::Message { data, .. }) = output {
                    std::hint::black_box(&data);
                    events += 1;
                }
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{per_frame:>3} events a frame: {:>9.0} events/s, {:>4.0} MB/s",
            f64::from(events) / seconds,
            f64::from(u32::try_from(bytes / 1_000_000)?) / seconds
        );
    }
    Ok(())
}

/// Events as Podio sends them: data within data.
fn frame(seed: usize, per_frame: usize) -> String {
    let events: Vec<String> = (0..per_frame).map(|n| {
        let channel = (seed * 7 + n) % CHANNELS;
        format!(
            r#"{{"channel":"/user/{channel}","data":{{"channel":"/user/{channel}","data":{{"event":"notification_create","data":{{"notification_id":1{seed}{n},"text":"Somebody commented on an item you follow","link":"https://example.com/x/{n}"}}}}}},"id":"{n}"}}"#
        )
    }).collect();
    format!("[{}]", events.join(","))
}
