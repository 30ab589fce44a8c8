//! Listens to one channel and prints what comes, one line each, coming back whenever the connection ends.
//!
//! `cargo run -p bayeux --example listen -- <endpoint> <websocket|long-polling> <channel> [ext as JSON] [ack]`

use std::time::{Duration, Instant};

use bayeux::{Client, Config, Event, TransportKind};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().collect();
    let [_, endpoint, transport, channel, rest @ ..] = &args[..] else {
        return Err("usage: listen <endpoint> <websocket|long-polling> <channel> [ext as JSON] [ack]".into());
    };
    let ext = rest.first().map(|text| serde_json::from_str(text)).transpose()?;
    let mut config = Config::new(endpoint.parse()?);
    config.ack = rest.iter().any(|word| word == "ack");
    if transport == "websocket" {
        config.transports = vec![TransportKind::WebSocket, TransportKind::LongPolling];
    }
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        return Err("another cryptography provider is installed".into());
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "an example has no program around it that builds the HTTP client"
    )]
    let http =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).cookie_store(true).build()?;

    let start = Instant::now();
    let mut resume = None;
    loop {
        let mut client = Client::start(config.clone(), http.clone(), None, resume)?;
        client.want(channel)?;
        let error = loop {
            match client.next().await {
                Ok(Event::SubscribeWanted { channel }) => client.subscribe(&channel, ext.clone())?,
                Ok(Event::Message { channel, data, .. }) => {
                    println!("{:.3} {channel} {data}", start.elapsed().as_secs_f64());
                    client.confirm();
                }
                Ok(event) => println!("{:.3} {event:?}", start.elapsed().as_secs_f64()),
                Err(error) => break error,
            }
        };
        println!("{:.3} ended: {error}", start.elapsed().as_secs_f64());
        resume = Some(client.resume());
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}
