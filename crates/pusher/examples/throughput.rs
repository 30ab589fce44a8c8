//! How many messages a second the client alone can parse and hand over, from frames made beforehand.
//!
//! `cargo run --release -p pusher --example throughput`

use std::time::Instant;

use pusher::{Config, Event, Input, Output, Session};

const MESSAGES: usize = 2_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for channels in [1, 50, 1_000, 10_000] {
        let config = Config::at(&"http://127.0.0.1:1".parse()?, "k")?;
        let mut session = Session::new(config, None);
        let begin = Instant::now();
        session.handle(Input::Opened, begin)?;
        let greeting = r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.2\",\"activity_timeout\":30}"}"#;
        session.handle(Input::Received(greeting), begin)?;
        for n in 0..channels {
            session.want(&format!("user-{n}"), begin)?;
        }
        for n in 0..channels {
            let grant =
                format!(r#"{{"event":"pusher_internal:subscription_succeeded","channel":"user-{n}"}}"#);
            session.handle(Input::Received(&grant), begin)?;
        }
        while session.poll().is_some() {}
        let ready = begin.elapsed();
        let frames: Vec<String> = (0..1_000).map(|n| frame(n, channels)).collect();
        let (mut messages, mut bytes) = (0, 0);
        let begin = Instant::now();
        for text in frames.iter().cycle().take(MESSAGES) {
            session.handle(Input::Received(text), Instant::now())?;
            bytes += text.len();
            while let Some(output) = session.poll() {
                if let Output::Event(Event::Message { data, .. }) = output {
                    std::hint::black_box(&data);
                    messages += 1;
                }
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "{channels:>6} channels: {:>9.0} messages/s, {:>4.0} MB/s; subscribed in {ready:?}",
            f64::from(messages) / seconds,
            f64::from(u32::try_from(bytes / 1_000_000)?) / seconds
        );
    }
    Ok(())
}

/// A message as most servers send it: JSON in a string.
fn frame(n: usize, channels: usize) -> String {
    let channel = (n * 7) % channels;
    let data = format!(
        r#"{{\"id\":1{n},\"text\":\"Somebody commented on an item you follow\",\"link\":\"https:\/\/example.com\/x\/{n}\"}}"#
    );
    format!(r#"{{"event":"item.commented","channel":"user-{channel}","data":"{data}"}}"#)
}
