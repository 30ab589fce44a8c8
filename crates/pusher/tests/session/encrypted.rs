//! Encrypted channels: opened, opened with a new secret, or given up.

use crypto_secretbox::aead::{Aead, KeyInit};
use crypto_secretbox::{Nonce, XSalsa20Poly1305};
use data_encoding::BASE64;
use pusher::{Authorization, Input, SharedSecret};
use serde_json::json;

use crate::desk::{Desk, SECOND, SOCKET};

const CHANNEL: &str = "private-encrypted-a";

fn sealed(secret: u8, text: &str) -> String {
    let cipher = XSalsa20Poly1305::new(&[secret; 32].into());
    let nonce = [5; 24];
    let ciphertext = cipher.encrypt(&Nonce::from(nonce), text.as_bytes()).unwrap();
    json!({"nonce": BASE64.encode(&nonce), "ciphertext": BASE64.encode(&ciphertext)}).to_string()
}

fn answer(secret: Option<u8>) -> Authorization {
    let shared_secret = secret.map(|byte| SharedSecret::new([byte; 32]));
    Authorization { auth: "k:s".to_owned(), channel_data: None, shared_secret }
}

fn subscribed() -> Desk {
    let mut desk = Desk::live();
    desk.want(CHANNEL);
    desk.session.authorize(CHANNEL, SOCKET, answer(Some(1)), desk.now);
    desk.drain();
    desk.grant(CHANNEL);
    desk.events.clear();
    desk
}

#[test]
fn what_is_sealed_with_our_secret_is_opened() {
    let mut desk = subscribed();
    desk.message(CHANNEL, &sealed(1, r#"{"a":1}"#));
    desk.message(CHANNEL, &sealed(1, "plain words"));
    let told = desk.take_told();
    assert_eq!(told, [format!(r#"{CHANNEL} e {{"a":1}}"#), format!(r#"{CHANNEL} e "plain words""#)]);
}

#[test]
fn a_new_secret_is_asked_for_once_and_opens_what_was_held() {
    let mut desk = subscribed();
    desk.message(CHANNEL, &sealed(2, "1"));
    desk.message(CHANNEL, &sealed(2, "2"));
    assert_eq!(desk.take_told(), [format!("authorize {CHANNEL} for 1.2")]);
    desk.take_sent();
    desk.session.authorize(CHANNEL, SOCKET, answer(Some(2)), desk.now);
    desk.drain();
    assert_eq!(desk.take_told(), [format!("{CHANNEL} e 1"), format!("{CHANNEL} e 2")]);
    assert!(desk.take_sent().is_empty(), "it is still subscribed");
    desk.message(CHANNEL, &sealed(3, "3"));
    assert_eq!(desk.take_told(), [format!("authorize {CHANNEL} for 1.2")], "the next rotation");
}

#[test]
fn what_the_new_secret_does_not_open_is_given_up_and_not_asked_for_again_soon() {
    let mut desk = subscribed();
    desk.message(CHANNEL, &sealed(2, "1"));
    desk.events.clear();
    desk.session.authorize(CHANNEL, SOCKET, answer(Some(1)), desk.now);
    desk.drain();
    assert_eq!(desk.take_told(), [format!("sealed {CHANNEL} e")]);
    desk.message(CHANNEL, "not even sealed");
    assert_eq!(desk.take_told(), [format!("sealed {CHANNEL} e")]);
    desk.message(CHANNEL, &sealed(1, "4"));
    assert_eq!(desk.take_told(), [format!("{CHANNEL} e 4")], "the others go on");
    desk.pass(29 * SECOND).unwrap();
    desk.hear(&json!({"event": "pusher:pong"})).unwrap();
    desk.pass(2 * SECOND).unwrap();
    desk.events.clear();
    desk.message(CHANNEL, &sealed(2, "1"));
    assert_eq!(desk.take_told(), [format!("authorize {CHANNEL} for 1.2")]);
}

#[test]
fn giving_up_the_new_secret_keeps_the_subscription() {
    let mut desk = subscribed();
    desk.message(CHANNEL, &sealed(2, "1"));
    desk.events.clear();
    desk.session.give_up(CHANNEL, SOCKET, desk.now);
    desk.message(CHANNEL, &sealed(1, "2"));
    desk.drain();
    assert_eq!(desk.take_told(), [format!("sealed {CHANNEL} e"), format!("{CHANNEL} e 2")]);
}

#[test]
fn what_is_held_is_bounded_and_told_when_the_connection_ends() {
    let mut desk = subscribed();
    for _ in 0..100 {
        desk.message(CHANNEL, &sealed(2, "1"));
    }
    let told = desk.take_told();
    assert_eq!(told.iter().filter(|told| told.starts_with("sealed")).count(), 36);
    desk.input(Input::Closed { code: None, reason: "" }).unwrap_err();
    assert_eq!(desk.take_told().len(), 64);
}

#[test]
fn without_a_secret_an_encrypted_channel_is_refused() {
    let mut desk = Desk::live();
    desk.want(CHANNEL);
    desk.events.clear();
    desk.session.authorize(CHANNEL, SOCKET, answer(None), desk.now);
    desk.drain();
    assert_eq!(
        desk.take_told(),
        [format!("refused {CHANNEL} None the authorisation holds no shared secret")]
    );
    assert!(desk.take_sent().is_empty());
}
