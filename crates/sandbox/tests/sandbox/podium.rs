//! The fake Podium's sign-in and REST, called over real HTTP by a client that knows the documentation alone.

use crate::{LIMIT, http, json_of};
use belfry_sandbox::podium::{Consent, Refresh, Settings, TokenErrors};
use belfry_sandbox::{Answer, Fault, Options, Podium, Sandbox, Side};
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use url::Url;

pub(crate) const ALL: &str = "read_contacts read_locations read_messages read_organizations read_payments read_phones \
    read_reviews read_users write_messages";

pub(crate) struct Desk {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
    pub(crate) token: String,
}

pub(crate) async fn desk() -> Desk {
    desk_with(ALL, Settings::default()).await
}

pub(crate) async fn desk_with(scope: &str, podium: Settings) -> Desk {
    let sandbox = Sandbox::start(Options { podium, ..Options::default() }).await.unwrap();
    let token = sandbox.podium().issue_token(scope)["access_token"].as_str().unwrap().to_owned();
    Desk { sandbox, http: http(), token }
}

impl Desk {
    pub(crate) fn podium(&self) -> &Podium {
        self.sandbox.podium()
    }

    pub(crate) async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Response {
        let request = self
            .http
            .request(method, format!("{}/v4{path}", self.sandbox.podium_url()))
            .bearer_auth(&self.token)
            .header("podium-version", "2021.04.01");
        let request = match body {
            Some(body) => request.json(&body),
            None => request,
        };
        request.send().await.unwrap()
    }

    /// The whole answer of a GET that must go well.
    pub(crate) async fn get(&self, path: &str) -> Value {
        let answer = self.call(Method::GET, path, None).await;
        assert_eq!(answer.status(), 200, "{path}");
        json_of(answer).await
    }

    /// Status and `code` of a call that must not.
    async fn refused(&self, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
        let answer = self.call(method, path, body).await;
        let status = answer.status().as_u16();
        let body = json_of(answer).await;
        assert!(body["message"].is_string() && body["moreInfo"].is_string(), "{body}");
        (status, body["code"].clone())
    }

    async fn token(&self, body: &Value) -> (u16, Value) {
        let url = format!("{}/oauth/token", self.sandbox.podium_url());
        let answer = self.http.post(url).json(body).send().await.unwrap();
        (answer.status().as_u16(), json_of(answer).await)
    }

    /// Where the authorisation page leads, with its parameters.
    async fn authorize(&self, redirect: &str) -> (String, BTreeMap<String, String>) {
        let mut url = Url::parse(&format!("{}/oauth/authorize", self.sandbox.podium_url())).unwrap();
        url.query_pairs_mut()
            .append_pair("client_id", "podium-sandbox")
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", "read_messages read_reviews")
            .append_pair("state", "s & t");
        let answer = self.http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 302);
        let location = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
        let query = location.query_pairs().into_owned().collect();
        (format!("{}{}", location.origin().ascii_serialization(), location.path()), query)
    }

    fn exchange(code: &str, redirect: &str) -> Value {
        json!({"client_id": "podium-sandbox", "client_secret": "podium-secret", "grant_type": "authorization_code",
            "redirect_uri": redirect, "code": code})
    }

    async fn refresh(&self, token: &Value) -> (u16, Value) {
        self.token(&json!({"client_id": "podium-sandbox", "client_secret": "podium-secret",
            "grant_type": "refresh_token", "refresh_token": token}))
            .await
    }
}

#[tokio::test]
async fn a_code_comes_back_to_any_web_address_and_is_good_once() {
    let desk = desk().await;
    desk.podium().set(|settings| settings.consent = Consent::Allow);
    for redirect in ["https://relay.example.test/oauth/callback", "http://127.0.0.1:4711/oauth/callback"] {
        let (to, query) = desk.authorize(redirect).await;
        assert_eq!((to.as_str(), query["state"].as_str()), (redirect, "s & t"));
        let exchange = Desk::exchange(&query["code"], redirect);
        let (status, tokens) = desk.token(&exchange).await;
        assert_eq!((status, &tokens["expires_in"]), (200, &json!(36_000)), "{tokens}");
        assert_eq!(tokens["access_token"].as_str().unwrap().split('.').count(), 3);
        let (status, again) = desk.token(&exchange).await;
        assert_eq!((status, &again["error"]), (400, &json!("invalid_grant")));
    }
    assert_eq!(desk.podium().observed().code_grants, 2);
    // Only what was asked for is granted.
    let (_, query) = desk.authorize("https://a.example.test/").await;
    let (_, tokens) = desk.token(&Desk::exchange(&query["code"], "https://a.example.test/")).await;
    let desk = Desk { token: tokens["access_token"].as_str().unwrap().to_owned(), ..desk };
    assert_eq!(desk.get("/conversations").await["data"], json!([]));
    assert_eq!(desk.refused(Method::GET, "/users", None).await, (403, json!("unauthorized")));
}

#[tokio::test]
async fn a_code_is_refused_for_another_redirect_or_client_and_when_it_is_old() {
    let desk = desk().await;
    desk.podium().set(|settings| settings.consent = Consent::Allow);
    let redirect = "https://relay.example.test/cb";
    let (_, query) = desk.authorize(redirect).await;
    let (_, other) = desk.token(&Desk::exchange(&query["code"], "https://other.example.test/cb")).await;
    assert_eq!(other["error"], "invalid_grant");
    let mut stranger = Desk::exchange(&query["code"], redirect);
    stranger["client_secret"] = json!("wrong");
    let (status, answer) = desk.token(&stranger).await;
    assert_eq!((status, &answer["error"]), (401, &json!("invalid_client")));
    desk.podium().set(|settings| {
        settings.code_lifetime = Duration::ZERO;
        settings.token_errors = TokenErrors::Podium;
    });
    let (_, query) = desk.authorize(redirect).await;
    let (_, late) = desk.token(&Desk::exchange(&query["code"], redirect)).await;
    assert_eq!(late["code"], "invalid_grant");
    // A form is no JSON.
    let url = format!("{}/oauth/token", desk.sandbox.podium_url());
    let form = desk.http.post(url).form(&[("grant_type", "authorization_code")]).send().await.unwrap();
    assert_eq!((form.status().as_u16(), &json_of(form).await["code"]), (400, &json!("invalid_request")));
    assert_eq!(desk.podium().observed().refused_grants, 4);
}

#[tokio::test]
async fn consent_can_be_asked_for_refused_and_bound_to_https() {
    let desk = desk().await;
    let ask = format!(
        "{}/oauth/authorize?client_id=podium-sandbox&redirect_uri=http%3A%2F%2F127.0.0.1%3A1%2F&state=x&scope=read_users",
        desk.sandbox.podium_url()
    );
    let page = desk.http.get(&ask).send().await.unwrap().text().await.unwrap();
    assert!(page.contains("<li>read_users</li>") && page.contains("name=allow"), "{page}");
    let form = [
        ("client_id", "podium-sandbox"),
        ("redirect_uri", "http://127.0.0.1:1/"),
        ("state", "x"),
        ("deny", "1"),
    ];
    let url = format!("{}/oauth/authorize", desk.sandbox.podium_url());
    let pressed = desk.http.post(url).form(&form).send().await.unwrap();
    assert!(pressed.headers()["location"].to_str().unwrap().contains("error=access_denied"));
    desk.podium().set(|settings| settings.consent = Consent::Deny);
    let (_, query) = desk.authorize("https://relay.example.test/cb").await;
    assert_eq!((query["error"].as_str(), query["state"].as_str()), ("access_denied", "s & t"));
    desk.podium().set(|settings| settings.https_redirects = true);
    assert_eq!(desk.http.get(&ask).send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_refresh_rotates_or_repeats_or_says_nothing() {
    let desk = desk().await;
    let first = desk.podium().issue_token(ALL)["refresh_token"].clone();
    let (_, second) = desk.refresh(&first).await;
    assert_ne!(second["refresh_token"], first);
    let (status, dead) = desk.refresh(&first).await;
    assert_eq!((status, &dead["error"]), (400, &json!("invalid_grant")));
    desk.podium().set(|settings| settings.refresh = Refresh::Same);
    let (_, third) = desk.refresh(&second["refresh_token"]).await;
    assert_eq!(third["refresh_token"], second["refresh_token"]);
    desk.podium().set(|settings| {
        settings.refresh = Refresh::Silent;
        settings.access_lifetime = Duration::from_secs(7);
    });
    let (_, fourth) = desk.refresh(&second["refresh_token"]).await;
    assert_eq!((fourth.get("refresh_token"), &fourth["expires_in"]), (None, &json!(7)));
    assert_eq!(desk.refresh(&second["refresh_token"]).await.0, 200);
    desk.podium().kill_refresh_tokens();
    assert_eq!(desk.refresh(&second["refresh_token"]).await.0, 400);
    desk.podium().expire_access_tokens();
    assert_eq!(desk.refused(Method::GET, "/webhooks", None).await, (401, json!("unauthenticated")));
}

#[tokio::test]
async fn answers_come_in_the_envelope_and_errors_with_a_code() {
    let desk = desk().await;
    let locations = desk.get("/locations").await;
    let names: Vec<_> = locations["data"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["Market Square", "Harbour Street"]);
    assert_eq!(locations["metadata"]["version"], "2021.04.01");
    assert_eq!(locations["metadata"]["url"], format!("{}/v4/locations", desk.sandbox.podium_url()));
    let organization = locations["data"][0]["organizationUid"].as_str().unwrap();
    assert_eq!(
        desk.get(&format!("/organizations/{organization}")).await["data"]["businessName"],
        "Harbour Bikes"
    );
    let user = &desk.get("/users?search=ROBIN").await["data"];
    assert_eq!((&user[0]["role"], user.as_array().unwrap().len()), (&json!("Account Owner"), 1));
    assert_eq!(
        desk.refused(Method::GET, "/locations/nowhere", None).await,
        (404, json!("resource_not_found"))
    );
    assert_eq!(desk.refused(Method::GET, "/nothing", None).await, (404, json!("route_not_found")));
    assert_eq!(
        desk.refused(Method::GET, "/users?limit=101", None).await,
        (400, json!("invalid_request_values"))
    );
    let bare = desk.http.get(format!("{}/v4/users", desk.sandbox.podium_url())).bearer_auth(&desk.token);
    let bare = json_of(bare.send().await.unwrap()).await;
    assert_eq!(bare["code"], "invalid_header_version");
    desk.podium().set(|settings| settings.numeric_codes = true);
    assert_eq!(desk.refused(Method::GET, "/nothing", None).await, (404, json!(404)));
    desk.podium().set(|settings| settings.nulls = true);
    let nulls = desk.get("/locations").await;
    assert_eq!((&nulls["data"][0]["name"], nulls["data"][0]["uid"].is_string()), (&Value::Null, true));
}

#[tokio::test]
async fn the_301st_call_of_a_minute_is_refused_and_every_answer_says_how_many_are_left() {
    let desk =
        desk_with(ALL, Settings { rate_window: Duration::from_secs(600), ..Settings::default() }).await;
    let url = format!("{}/v4/webhooks", desk.sandbox.podium_url());
    let stranger = desk.http.get(&url).send().await.unwrap();
    assert_eq!(
        (stranger.status().as_u16(), &stranger.headers()["ratelimit-remaining"]),
        (401, &"299".parse().unwrap())
    );
    for _ in 2..300 {
        assert_eq!(desk.call(Method::GET, "/webhooks", None).await.status(), 200);
    }
    let last = desk.call(Method::GET, "/webhooks", None).await;
    assert_eq!(
        (last.status().as_u16(), &last.headers()["ratelimit-remaining"]),
        (200, &"0".parse().unwrap())
    );
    let over = desk.call(Method::GET, "/webhooks", None).await;
    let reset: u64 = over.headers()["ratelimit-reset"].to_str().unwrap().parse().unwrap();
    assert!(
        over.status() == 429 && over.headers()["ratelimit-limit"] == "300" && (500..=600).contains(&reset)
    );
    assert_eq!(json_of(over).await["code"], "rate_limit");
    assert_eq!(desk.podium().observed().rate_limited, 1);
    desk.podium().set(|settings| settings.rate_window = Duration::ZERO);
    assert_eq!(desk.call(Method::GET, "/webhooks", None).await.status(), 200);
}

#[tokio::test]
async fn a_long_list_comes_in_pages_by_a_cursor_that_stands_alone() {
    let desk = desk().await;
    desk.podium().burst(25);
    let texts = |page: &Value| -> Vec<String> {
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["contactName"].as_str().unwrap().to_owned())
            .collect()
    };
    let first = desk.get("/conversations").await;
    assert_eq!((texts(&first).len(), texts(&first)[0].as_str()), (10, "Customer 25"));
    let cursor = first["metadata"]["nextCursor"].as_str().unwrap();
    // What comes later does not move the pages.
    desk.podium().message_received("Late Guest", "Hi");
    let second = desk.get(&format!("/conversations?cursor={cursor}&limit=3&locationUid=elsewhere")).await;
    assert_eq!((texts(&second).len(), texts(&second)[0].as_str()), (10, "Customer 15"));
    assert_eq!(desk.podium().observed().crowded_cursors, 1);
    let cursor = second["metadata"]["nextCursor"].as_str().unwrap();
    let third = desk.get(&format!("/conversations?cursor={cursor}")).await;
    assert_eq!((texts(&third).len(), &third["metadata"]["nextCursor"]), (5, &Value::Null));
    assert_eq!(desk.get("/conversations?limit=100").await["data"].as_array().unwrap().len(), 26);
    assert_eq!(
        desk.refused(Method::GET, &format!("/users?cursor={cursor}"), None).await,
        (400, json!("invalid_cursor"))
    );
    desk.podium().expire_cursors();
    let expired = desk.refused(Method::GET, &format!("/conversations?cursor={cursor}"), None).await;
    assert_eq!(expired, (400, json!("invalid_cursor")));
    desk.podium().set(|settings| settings.newest_first = false);
    assert_eq!(texts(&desk.get("/conversations").await)[0], "Customer 1");
}

#[tokio::test]
async fn what_happened_can_be_read_and_filtered_by_time_and_place() {
    let desk = desk().await;
    let podium = desk.podium();
    let there = podium.locations()[1].uid.clone();
    let old = podium.happens("review.created", &json!({"createdAt": "2026-01-05T10:00:00Z"}));
    let new = podium.happens(
        "review.created",
        &json!({"createdAt": "2026-03-05T10:00:00Z", "locations": [{"uid": there}]}),
    );
    let uids = |page: Value| -> Vec<String> {
        page["data"].as_array().unwrap().iter().map(|one| one["uid"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(uids(desk.get("/reviews?createdAt[gt]=2026-01-05T10:00:00Z").await), [new.uid.as_str()]);
    assert_eq!(uids(desk.get("/reviews?createdAt[gte]=2026-01-05T10:00:00Z").await).len(), 2);
    assert_eq!(uids(desk.get("/reviews?createdAt%5Blt%5D=2026-02-01").await), [old.uid.as_str()]);
    assert_eq!(desk.refused(Method::GET, "/reviews?createdAt[gt]=yesterday", None).await.0, 400);
    podium.happens("review.response_created", &json!({"reviewUid": old.uid, "body": "Thanks!"}));
    let review = desk.get(&format!("/reviews/{}", old.uid)).await["data"].clone();
    assert_eq!(
        (&review["needsResponse"], &review["responses"][0]["body"]),
        (&json!(false), &json!("Thanks!"))
    );
    assert_eq!(desk.get(&format!("/reviews/{}/responses", old.uid)).await["data"][0]["body"], "Thanks!");

    let paid = podium.invoice("invoice.created", "Ben Marsh", 4_200);
    podium.happens("invoice.payment_succeeded", &json!({"uid": paid.uid, "paidAt": "2026-02-02T00:00:00Z"}));
    let open = podium.happens("invoice.created", &json!({"location": {"uid": there}}));
    assert_eq!(uids(desk.get("/invoices?datePaid=2026-02-01").await), [paid.uid.as_str()]);
    assert_eq!(uids(desk.get(&format!("/invoices?locationUid={there}")).await), [open.uid.as_str()]);
    let invoice = desk.get(&format!("/invoices/{}", paid.uid)).await["data"].clone();
    assert_eq!(
        (&invoice["status"], &invoice["amount"], &invoice["payments"][0]["status"]),
        (&json!("paid"), &json!(4_200), &json!("paid"))
    );

    let contact = podium.contact("contact.created", "Cleo Hart");
    let phone = contact.data["after"]["phoneNumbers"][0].as_str().unwrap().replace('+', "%2B");
    assert_eq!(desk.get(&format!("/contacts/{phone}")).await["data"]["uid"], contact.uid);
    assert_eq!(uids(desk.get("/contacts?updated_at=2026-01-01T00:00:00Z").await), [contact.uid.as_str()]);
    podium.happens("contact.deleted", &json!({"uid": contact.uid}));
    assert_eq!(desk.refused(Method::GET, &format!("/contacts/{}", contact.uid), None).await.0, 404);
    let call = podium.call("call.missed", "Dora Fox");
    assert_eq!(desk.get(&format!("/calls/{}", call.uid)).await["data"]["status"], "missed");
    let invite = podium.happens("review.invite_link_created", &json!({"sender": {"uid": "robin"}}));
    assert_eq!(uids(desk.get("/reviews/invites?senderUid=robin").await), [invite.uid]);
}

#[tokio::test]
async fn messages_gather_in_conversations_and_sending_one_twice_makes_two() {
    let desk = desk().await;
    let podium = desk.podium();
    let first = podium.happens(
        "message.received",
        &json!({"contactName": "Ada Brook", "body": "Hi", "createdAt": "2026-02-02T00:00:00Z"}),
    );
    let second = podium.silently().message_received("Ada Brook", "Anybody there?");
    let conversation = first.conversation_uid.clone().unwrap();
    assert_eq!(second.conversation_uid.as_ref(), Some(&conversation));
    let kept = desk.get(&format!("/conversations/{conversation}")).await["data"].clone();
    assert_eq!((&kept["contactName"], &kept["lastItemAt"]), (&json!("Ada Brook"), &second.data["createdAt"]));
    let channel = kept["channel"].clone();
    let location = &podium.locations()[0].uid;
    let send = json!({"body": "Yes!", "channel": channel, "locationUid": location});
    for _ in 0..2 {
        let sent = desk.call(Method::POST, "/messages", Some(send.clone())).await;
        assert_eq!((sent.status().as_u16(), &json_of(sent).await["data"]["body"]), (200, &json!("Yes!")));
    }
    let messages = desk.get(&format!("/conversations/{conversation}/messages")).await["data"].clone();
    let bodies: Vec<_> = messages.as_array().unwrap().iter().map(|one| &one["body"]).collect();
    assert_eq!(bodies, ["Yes!", "Yes!", "Anybody there?", "Hi"]);
    assert!(messages[0].get("contact").is_none() && first.data.get("contact").is_some());
    let one = desk.get(&format!("/conversations/{conversation}/messages/{}", first.uid)).await;
    assert_eq!(one["data"]["items"][0]["body"], "Hi");
    let closed = desk
        .call(Method::PUT, &format!("/conversations/{conversation}"), Some(json!({"closed": true})))
        .await;
    assert_eq!(json_of(closed).await["data"]["closed"], true);
    assert_eq!(
        desk.refused(Method::POST, "/messages", Some(json!({"body": ""}))).await,
        (400, json!("invalid_request_values"))
    );
}

#[tokio::test]
async fn webhooks_are_made_read_changed_and_removed_as_documented() {
    let desk = desk_with("read_messages read_reviews", Settings::default()).await;
    let (location, organization) = {
        let location = &desk.podium().locations()[0];
        (location.uid.clone(), location.organization_uid.clone())
    };
    let wish = json!({"eventTypes": ["message.received"], "url": "https://relay.example.test/hook/x", "locationUid": location, "secret": "s3cret"});
    let made = json_of(desk.call(Method::POST, "/webhooks", Some(wish.clone())).await).await["data"].clone();
    let uid = made["uid"].as_str().unwrap();
    assert_eq!(
        (&made["secret"], &made["disabled"], &made["organizationUid"]),
        (&json!("s3cret"), &json!(false), &Value::Null)
    );
    assert_eq!(desk.get("/webhooks").await["data"], json!([made]));
    assert!(desk.get("/webhooks").await["metadata"]["nextCursor"].is_null());
    let with = |name: &str, value: Value| {
        let mut wish = wish.clone();
        wish[name] = value;
        wish
    };
    for (wrong, status, code) in [
        (with("eventTypes", json!([])), 400, "invalid_request_values"),
        (with("eventTypes", json!(["message.dreamt"])), 400, "invalid_request_values"),
        (with("url", json!("nonsense")), 400, "invalid_request_values"),
        (with("locationUid", Value::Null), 400, "invalid_request_values"),
        (with("locationUid", json!("nowhere")), 404, "resource_not_found"),
        (with("eventTypes", json!(["message.received", "invoice.created"])), 403, "unauthorized"),
        (json!([]), 400, "bad_request"),
    ] {
        let refused = desk.refused(Method::POST, "/webhooks", Some(wrong.clone())).await;
        assert_eq!(refused, (status, json!(code)), "{wrong}");
    }
    let both = json_of(
        desk.call(Method::POST, "/webhooks", Some(with("organizationUid", json!(organization)))).await,
    )
    .await;
    assert_eq!(
        (&both["data"]["organizationUid"], &both["data"]["locationUid"]),
        (&json!(organization), &Value::Null)
    );

    let path = format!("/webhooks/{uid}");
    let changed =
        desk.call(Method::PUT, &path, Some(json!({"disabled": true, "locationUid": "other"}))).await;
    let changed = json_of(changed).await["data"].clone();
    assert_eq!(
        (&changed["disabled"], &changed["secret"], &changed["locationUid"]),
        (&json!(true), &json!("s3cret"), &json!(location))
    );
    let widened = desk.refused(Method::PUT, &path, Some(json!({"eventTypes": ["contact.created"]}))).await;
    assert_eq!(widened, (403, json!("unauthorized")));
    desk.podium().set(|settings| settings.withheld_scopes = vec!["read_messages".to_owned()]);
    let withheld = desk.call(Method::PUT, &path, Some(json!({"disabled": false}))).await;
    assert!(json_of(withheld).await["message"].as_str().unwrap().contains("read_messages"));
    assert_eq!(desk.call(Method::DELETE, &path, None).await.status(), 204);
    assert_eq!(desk.refused(Method::GET, &path, None).await, (404, json!("resource_not_found")));
    assert_eq!(desk.podium().webhooks().len(), 1);
}

#[tokio::test]
async fn another_apps_webhooks_are_not_there() {
    let desk = desk().await;
    desk.podium().add_app(belfry_sandbox::podium::App {
        client_id: "other".to_owned(),
        client_secret: "x".to_owned(),
        redirect_uris: vec![],
    });
    let webhook = desk.podium().add_webhook("http://127.0.0.1:1/", "s");
    assert_eq!(desk.get(&format!("/webhooks/{}", webhook.uid)).await["data"]["uid"], webhook.uid);
    desk.podium().set(|settings| settings.consent = Consent::Allow);
    let url = format!(
        "{}/oauth/authorize?client_id=other&redirect_uri=https%3A%2F%2Fa.test%2F",
        desk.sandbox.podium_url()
    );
    let answer = desk.http.get(url).send().await.unwrap();
    let to = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let code = to.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let exchange = json!({"client_id": "other", "client_secret": "x", "grant_type": "authorization_code",
        "redirect_uri": "https://a.test/", "code": code});
    let token = desk.token(&exchange).await.1["access_token"].as_str().unwrap().to_owned();
    let desk = Desk { token, ..desk };
    assert_eq!(desk.get("/webhooks").await["data"], json!([]));
    assert_eq!(desk.refused(Method::DELETE, &format!("/webhooks/{}", webhook.uid), None).await.0, 404);
}

#[tokio::test]
async fn planned_faults_speak_the_services_words() {
    let desk = desk().await;
    let fault = |answer: Answer| desk.podium().fault(Fault { path: "/v4/".to_owned(), times: 1, answer });
    fault(Answer::Status(500));
    assert_eq!(desk.refused(Method::GET, "/users", None).await, (500, json!("internal_server_error")));
    fault(Answer::Status(401));
    assert_eq!(desk.refused(Method::GET, "/users", None).await, (401, json!("unauthenticated")));
    fault(Answer::TooMany { retry_after: 17 });
    let limited = desk.call(Method::GET, "/users", None).await;
    assert_eq!(
        (limited.status().as_u16(), limited.headers()["ratelimit-reset"].to_str().unwrap()),
        (429, "17")
    );
    fault(Answer::Garbage);
    let garbage = desk.call(Method::GET, "/users", None).await.text().await.unwrap();
    assert!(serde_json::from_str::<Value>(&garbage).is_err());
    assert_eq!(desk.call(Method::GET, "/users", None).await.status(), 200);
    desk.sandbox.close(Side::Podium).await;
    assert!(desk.http.get(desk.sandbox.podium_url()).send().await.is_err());
    desk.sandbox.reopen(Side::Podium).await.unwrap();
    assert_eq!(desk.call(Method::GET, "/users", None).await.status(), 200);
    let seen =
        desk.podium().wait_for(|observed| observed.calls("GET", "/v4/users") == 6, LIMIT).await.unwrap();
    assert_eq!((seen.unauthorized, seen.rate_limited), (1, 1));
}
