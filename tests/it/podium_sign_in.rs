//! Signing in to Podium: the code comes back over the relay, the place is chosen, and there is exactly one webhook.

use belfry::account::{
    AccountId, LocalSettings, PodiumPlace, PodiumSettings, Receiver, RelayKind, RelaySettings, Settings,
};
use belfry::env::SecretName;
use belfry::notification::Arrival;
use belfry::source::SignedIn;
use belfry::source::podium::sign_in::{self, SignInError, Step, Taken};
use belfry::source::webhook::{Joined, Secrets, receive};
use belfry_sandbox::podium::{App, Consent, EVENT_TYPES, Observed, TokenErrors};
use belfry_sandbox::{Answer, Fault};
use secrecy::ExposeSecret;
use serde_json::json;

use crate::podium_stage::{Shop, local};
use crate::stage::LIMIT;

/// Signs in again to the account of the shop, over the channel that it has.
async fn sign_in_again(shop: &mut Shop) -> SignedIn {
    sign_in_again_with(shop, |_| ()).await
}

/// The same, with something in its settings that is to be different.
async fn sign_in_again_with(shop: &mut Shop, change: impl FnOnce(&mut PodiumSettings)) -> SignedIn {
    let mut settings = shop.kept().settings.or(shop.settings.clone()).unwrap();
    change(&mut settings);
    let joined = receive(&shop.env, &shop.account, &settings.receiver, None, false).await.unwrap();
    let step = sign_in::begin(&shop.env, &shop.account, settings, shop.secret(), joined, Taken::new())
        .await
        .unwrap();
    let Step::Browser(mut browser) = step else { panic!("no browser") };
    shop.return_to_relay(&shop.browse(browser.url()).await).await;
    let Step::Done(signed_in) = browser.wait().await.unwrap() else { panic!("not done") };
    shop.keep(&signed_in).await;
    *signed_in
}

fn settings_of(signed_in: &SignedIn) -> &PodiumSettings {
    let Settings::Podium(settings) = &signed_in.settings else { panic!("{signed_in:?}") };
    settings
}

#[tokio::test]
async fn the_code_comes_back_over_the_relay_and_the_place_is_chosen() {
    let shop = Shop::empty().await;
    let Step::Browser(mut browser) = shop.begin(shop.wish(None)).await else { panic!("no browser") };
    assert!(browser.comes_by_itself());
    let query: std::collections::BTreeMap<_, _> = browser.url().query_pairs().into_owned().collect();
    assert!(query["scope"].contains("read_messages") && query["scope"].contains("read_phones"), "{query:?}");
    assert!(!query["scope"].contains("write"), "{query:?}");
    assert!(!browser.url().as_str().contains('+') && !query.contains_key("code_challenge"));
    // Somebody else's return does not end this one.
    let to = shop.browse(browser.url()).await;
    let forged = to.as_str().replace(&query["state"], &format!("{}x", query["state"]));
    shop.return_to_relay(&forged.parse().unwrap()).await;
    shop.return_to_relay(&to).await;
    let Step::Place(mut choice) = browser.wait().await.unwrap() else { panic!("no choice") };
    let names: Vec<_> = choice.places().iter().map(PodiumPlace::name).collect();
    assert_eq!(names, ["Harbour Street", "Market Square", "Harbour Bikes"]);
    let wrong = choice.choose("Moon").await.unwrap_err();
    assert!(wrong.to_string().contains("Market Square"), "{wrong}");
    assert_eq!(shop.podium().webhooks(), [], "nothing is made before there is a choice");

    let Step::Done(signed_in) = choice.choose("market square").await.unwrap() else { panic!("not done") };
    assert_eq!(signed_in.label, "Market Square");
    let Settings::Podium(settings) = &signed_in.settings else { panic!("{signed_in:?}") };
    let webhooks = shop.podium().webhooks();
    let [webhook] = webhooks.as_slice() else { panic!("{webhooks:?}") };
    assert_eq!(Some(&webhook.uid), settings.webhook.as_ref());
    assert_eq!(webhook.url.as_deref(), settings.receiver.hook_url().as_ref().map(url::Url::as_str));
    assert_eq!(webhook.location_uid.as_deref(), settings.place.as_ref().map(PodiumPlace::uid));
    let secret = webhook.secret.clone().unwrap();
    assert!(secret.len() == 64 && secret.chars().all(|c| c.is_ascii_hexdigit()), "{secret}");
    let wanted = EVENT_TYPES.iter().filter(|(name, _)| *name != "contact.unchanged").count();
    assert_eq!(webhook.event_types.len(), wanted);
    let kept: Vec<_> = signed_in.secrets.iter().map(|(name, _)| *name).collect();
    assert_eq!(
        kept,
        [SecretName::ClientSecret, SecretName::SigningSecret, SecretName::ReadToken, SecretName::Tokens]
    );
    assert_eq!(signed_in.secrets[1].1.expose_secret(), secret);
    assert!(!format!("{signed_in:?}").contains(&secret), "a secret shows");
}

#[tokio::test]
async fn a_webhook_that_is_left_over_is_taken_over_and_others_are_not_touched() {
    let mut shop = Shop::empty().await;
    let other = shop.podium().add_webhook("https://elsewhere.example/hook", "theirs");
    let first = shop.sign_in_to(shop.first_place()).await.unwrap();
    shop.keep(&first).await;
    let mut again = shop.settings.clone().unwrap();
    again.webhook = None;
    let secrets = Secrets { read_token: shop.stored(SecretName::ReadToken).await, seal_key: None };
    let joined = Joined { receiver: again.receiver.clone(), secrets };
    // Of this account nothing was kept.
    let account = AccountId::new("podium-2").unwrap();
    let step = sign_in::begin(&shop.env, &account, again, shop.secret(), joined, Taken::new()).await.unwrap();
    let Step::Browser(mut browser) = step else { panic!("no browser") };
    shop.return_to_relay(&shop.browse(browser.url()).await).await;
    let Step::Done(second) = browser.wait().await.unwrap() else { panic!("not done") };
    let Settings::Podium(settings) = &second.settings else { panic!("{second:?}") };
    assert_eq!(settings.webhook, shop.settings.as_ref().unwrap().webhook, "the same one");
    let webhooks = shop.podium().webhooks();
    assert_eq!(webhooks.len(), 2);
    let ours = webhooks.iter().find(|webhook| Some(&webhook.uid) == settings.webhook.as_ref()).unwrap();
    assert_eq!(ours.secret.as_deref(), Some(second.secrets[1].1.expose_secret()));
    assert_eq!(
        first.secrets[1].1.expose_secret(),
        second.secrets[1].1.expose_secret(),
        "what the relay holds is signed with it"
    );
    assert_eq!(webhooks.iter().find(|webhook| webhook.uid == other.uid), Some(&other));
}

#[tokio::test]
async fn a_sign_in_that_is_not_kept_leaves_nothing_behind() {
    let shop = Shop::empty().await;
    let other = shop.podium().add_webhook("https://elsewhere.example/hook", "theirs");
    let signed_in = shop.sign_in_to(shop.first_place()).await.unwrap();
    assert_eq!(shop.podium().webhooks().len(), 2);
    sign_in::undo(&shop.env, &shop.account, None, &signed_in).await.unwrap();
    assert_eq!(shop.podium().webhooks(), [other]);
}

#[tokio::test]
async fn without_a_relay_the_address_is_pasted() {
    let shop = Shop::empty().await;
    let mut wish = shop.wish_over(local(4711), shop.first_place());
    let joined = shop.join(&wish).await;
    let refused =
        sign_in::begin(&shop.env, &shop.account, wish.clone(), shop.secret(), joined.clone(), Taken::new())
            .await;
    assert_eq!(refused.err(), Some(SignInError::NoRedirect));
    wish.redirect_url = Some("https://me.example/done".parse().unwrap());
    let step =
        sign_in::begin(&shop.env, &shop.account, wish, shop.secret(), joined, Taken::new()).await.unwrap();
    let Step::Browser(mut browser) = step else { panic!("no browser") };
    assert!(!browser.comes_by_itself());
    let to = shop.browse(browser.url()).await;
    assert!(to.as_str().starts_with("https://me.example/done?"), "{to}");
    let forged = format!("{to}x");
    assert_eq!(browser.pasted(&forged).await.err(), Some(SignInError::NotACode));
    let Step::Done(signed_in) = browser.pasted(to.as_str()).await.unwrap() else { panic!("not done") };
    let Settings::Podium(settings) = &signed_in.settings else { panic!("{signed_in:?}") };
    assert!(matches!(settings.receiver, Receiver::Local(_)));
    assert_eq!(shop.podium().webhooks()[0].url.as_deref(), Some("http://127.0.0.1:4711/hook"));
}

#[tokio::test]
async fn each_way_in_which_a_sign_in_fails_has_its_words() {
    let shop = Shop::empty().await;
    let podium = shop.podium();
    podium.set(|settings| settings.consent = Consent::Deny);
    assert_eq!(shop.sign_in_to(shop.first_place()).await.err(), Some(SignInError::Cancelled));
    podium.set(|settings| settings.consent = Consent::Allow);
    for errors in [TokenErrors::Oauth, TokenErrors::Podium] {
        podium.set(|settings| settings.token_errors = errors);
        podium.add_app(App { client_secret: "another".into(), ..podium.app() });
        let mut wish = shop.wish(shop.first_place());
        wish.client_id = podium.app().client_id;
        let joined = shop.join(&wish).await;
        let step = sign_in::begin(&shop.env, &shop.account, wish, "wrong".into(), joined, Taken::new())
            .await
            .unwrap();
        let Step::Browser(mut browser) = step else { panic!("no browser") };
        shop.return_to_relay(&shop.browse(browser.url()).await).await;
        assert_eq!(browser.wait().await.err(), Some(SignInError::WrongKey), "{errors:?}");
    }
    let nowhere = PodiumPlace::Location { uid: "Moon".into(), organization_uid: None, name: String::new() };
    let error = shop.sign_in_to(Some(nowhere)).await.unwrap_err();
    assert!(error.to_string().contains("“Moon”") && error.to_string().contains("Harbour Street"), "{error}");
    podium.set(|settings| settings.withheld_scopes = vec!["read_locations".into()]);
    let error = shop.sign_in_to(shop.first_place()).await.unwrap_err();
    assert!(error.needs_sign_in() && error.to_string().contains("read_locations"), "{error}");
    assert_eq!(podium.webhooks(), [], "nothing was made");
}

#[tokio::test]
async fn events_that_the_app_may_not_have_are_left_out_unless_they_were_asked_for() {
    let shop = Shop::empty().await;
    shop.podium().set(|settings| settings.withheld_scopes = vec!["read_phones".into()]);
    let signed_in = shop.sign_in_to(shop.first_place()).await.unwrap();
    let Settings::Podium(settings) = &signed_in.settings else { panic!("{signed_in:?}") };
    assert_eq!(settings.events, [""; 0], "the usual ones are wished as before");
    assert!(settings.withheld.len() == 4 && settings.withheld.iter().all(|event| event.starts_with("call.")));
    let told = shop.podium().webhooks().remove(0).event_types;
    assert!(told.len() > 15 && told.iter().all(|event| !event.starts_with("call.")), "{told:?}");
    sign_in::undo(&shop.env, &shop.account, None, &signed_in).await.unwrap();
    let mut wish = shop.wish(shop.first_place());
    wish.events = vec!["call.missed".into(), "message.received".into()];
    let error = shop.sign_in_by(wish).await.unwrap_err();
    assert!(error.needs_sign_in() && error.to_string().contains("read_phones"), "{error}");
    assert_eq!(shop.podium().webhooks(), []);
}

#[tokio::test]
async fn what_came_while_nobody_was_signed_in_is_taken_in_after_signing_in_again() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    let secret = podium.webhooks().remove(0).secret;
    shop.stop().await;
    podium.revoke();
    // No list has these: what the relay holds is all there is.
    for number in 0..30 {
        podium.contact("contact.created", &format!("Customer {number}"));
    }
    podium.delivered(LIMIT).await.unwrap();
    sign_in_again(&mut shop).await;
    assert_eq!(podium.webhooks().remove(0).secret, secret);
    shop.start();
    shop.until_live().await;
    let kept = shop.kept();
    assert_eq!((kept.rows.len(), kept.unheard), (30, None));
}

#[tokio::test]
async fn what_a_scope_withholds_is_said_and_comes_once_the_scope_is_there() {
    let mut shop = Shop::empty().await;
    let podium = shop.podium();
    podium.set(|settings| settings.withheld_scopes = vec!["read_phones".into()]);
    let signed_in = shop.sign_in_to(shop.first_place()).await.unwrap();
    shop.keep(&signed_in).await;
    shop.start();
    shop.until_live().await;
    let said = shop.kept().unheard.unwrap();
    assert!(
        said.contains("calls") && said.contains("read_phones") && said.contains("sign in again"),
        "{said}"
    );
    shop.stop().await;
    podium.set(|settings| settings.withheld_scopes.clear());
    let signed_in = sign_in_again(&mut shop).await;
    assert_eq!((&settings_of(&signed_in).withheld, &settings_of(&signed_in).events), (&vec![], &vec![]));
    shop.start();
    shop.until_live().await;
    assert_eq!(shop.kept().unheard, None);
    podium.call("call.missed", "Ada Brook");
    shop.until("the call", |kept| kept.rows.len() == 1).await;
}

#[tokio::test]
async fn another_place_has_a_webhook_of_its_own_and_its_past_is_no_news() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    let market = podium.locations().remove(1).uid;
    let there = |from: &str, identifier: &str| {
        json!({"contactName": from, "body": "Hello", "locationUid": market,
            "conversation": {"channel": {"type": "phone", "identifier": identifier}}})
    };
    podium.message_received("Ada Brook", "Harbour");
    shop.until("the row", |kept| kept.rows.len() == 1).await;
    // The webhook of the one place tells nothing of the other.
    let mut old = there("Ben Carter", "+15550111");
    old["createdAt"] = json!("2026-01-02T03:04:05Z");
    let past = podium.silently().happens("message.received", &old).uid;
    let (first, old) = (podium.webhooks().remove(0), shop.settings.clone().unwrap().place);
    shop.stop().await;
    let to = PodiumPlace::Location { uid: market.clone(), organization_uid: None, name: String::new() };
    let signed_in = sign_in_again_with(&mut shop, |settings| settings.place = Some(to)).await;
    assert_ne!(settings_of(&signed_in).place, old);
    let webhooks = podium.webhooks();
    assert_eq!(webhooks.len(), 1, "{webhooks:?}");
    assert_eq!(webhooks[0].location_uid.as_ref(), Some(&market));
    assert_eq!((&webhooks[0].url, &webhooks[0].secret), (&first.url, &first.secret));
    shop.start();
    shop.until_live().await;
    let id = |uid: &str| format!("message/{uid}");
    let kept = shop.until("its past", |kept| kept.rows.contains_key(&id(&past))).await;
    let arrivals: Vec<_> = kept.came.iter().filter(|(of, _)| *of == id(&past)).map(|(_, how)| *how).collect();
    assert_eq!(arrivals, [Arrival::FirstFill]);
    assert_eq!(kept.rows.len(), 2, "nobody says that a webhook was gone: {:?}", shop.titles());
    let now = podium.happens("message.received", &there("Cy Dale", "+15550112")).uid;
    shop.until("the next one", |kept| kept.rows.contains_key(&id(&now))).await;
    podium.message_received("Ada Brook", "To the harbour");
    podium.happens("message.received", &there("Dee Evans", "+15550113"));
    shop.until_titled("Dee Evans sent a text message").await;
    assert_eq!(shop.kept().rows.len(), 4, "the harbour is not heard any more: {:?}", shop.titles());
}

#[tokio::test]
async fn other_events_are_told_from_the_next_sign_in_on() {
    let mut shop = Shop::live().await;
    let podium = shop.podium();
    let uid = podium.webhooks().remove(0).uid;
    shop.stop().await;
    let signed_in =
        sign_in_again_with(&mut shop, |settings| settings.events = vec!["call.missed".into()]).await;
    assert_eq!(settings_of(&signed_in).events, ["call.missed"]);
    let webhook = podium.webhooks().remove(0);
    assert_eq!((webhook.uid, webhook.event_types), (uid, vec!["call.missed".to_owned()]));
    podium.message_received("Ada Brook", "Nobody wants this");
    podium.call("call.missed", "Ben Carter");
    shop.start();
    shop.until_live().await;
    let kept = shop.until("the call", |kept| !kept.rows.is_empty()).await;
    assert_eq!(kept.rows.len(), 1, "{:?}", shop.titles());
}

#[tokio::test]
async fn what_could_never_be_heard_is_refused_before_anybody_goes_to_the_browser() {
    let shop = Shop::empty().await;
    let begin = async |receiver: Receiver, api_url: &str| {
        let settings = PodiumSettings {
            api_url: api_url.parse().unwrap(),
            redirect_url: Some("https://me.example/done".parse().unwrap()),
            ..shop.wish_over(receiver.clone(), None)
        };
        let joined = Joined { receiver, secrets: Secrets::default() };
        sign_in::begin(&shop.env, &shop.account, settings, shop.secret(), joined, Taken::new()).await
    };
    let smee = RelaySettings::at("https://smee.example".parse().unwrap());
    let smee = RelaySettings { kind: RelayKind::Smee, channel: "c".into(), ..smee };
    let refused = begin(Receiver::Relay(smee.clone()), PodiumSettings::API_URL).await.unwrap_err();
    assert_eq!(refused, SignInError::Inexact("smee.example".into()));
    let gosmee = RelaySettings { kind: RelayKind::Gosmee, ..smee };
    assert!(begin(Receiver::Relay(gosmee), PodiumSettings::API_URL).await.is_ok());
    let refused = begin(local(4711), PodiumSettings::API_URL).await.unwrap_err();
    assert_eq!(refused, SignInError::NoTunnel);
    assert!(refused.to_string().contains("--public-url"), "{refused}");
    assert!(begin(local(4711), "http://127.0.0.1:8080").await.is_ok(), "a Podium on this very machine");
    let public_url = Some("https://tunnel.example".parse().unwrap());
    let tunnel = Receiver::Local(LocalSettings { port: 4711, public_url });
    assert!(begin(tunnel, PodiumSettings::API_URL).await.is_ok());
}

#[tokio::test]
async fn a_sign_in_that_is_called_off_while_the_webhook_is_made_leaves_none() {
    let shop = Shop::empty().await;
    let podium = shop.podium();
    let Step::Browser(mut browser) = shop.begin(shop.wish(shop.first_place())).await else {
        panic!("no browser")
    };
    shop.return_to_relay(&shop.browse(browser.url()).await).await;
    podium.fault(Fault { path: "/v4/webhooks".into(), times: 1, answer: Answer::Late { ms: 500 } });
    tokio::select! {
        done = browser.wait() => panic!("{done:?}"),
        seen = podium.wait_for(|seen| seen.calls("GET", "/v4/webhooks") > 0, LIMIT) => drop(seen.unwrap()),
    }
    drop(browser);
    let gone = |seen: &Observed| seen.requests.iter().any(|request| request.method == "DELETE");
    podium.wait_for(gone, LIMIT).await.unwrap();
    assert_eq!(podium.webhooks(), []);
}
