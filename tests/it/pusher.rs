//! A Pusher account against the sandbox: what is published becomes a toast that opens its link; every kind of channel; what may go wrong
//! with them; maps tried and changed.

use std::collections::BTreeMap;

use belfry::account::{AccountId, AuthMethod, PusherAuth, PusherServer, PusherSettings};
use belfry::engine::views::{SignIn, SignInStep, SignInTo, Trouble, TroubleKind};
use belfry::feed::{FieldMap, Unmatched};
use belfry::link::LinkState;
use belfry::notification::{Icon, Urgency};
use belfry::toast::ToastEvent;
use belfry_sandbox::pusher::{At, Person, Quirk};
use belfry_sandbox::{Answer, Fault, Side};
use serde_json::json;

use crate::stage::{LIMIT, Stage};

/// How somebody wants to listen.
#[derive(Clone)]
pub struct Wish {
    pub settings: PusherSettings,
    pub app_secret: Option<String>,
    pub auth_headers: Option<BTreeMap<String, String>>,
    pub check: bool,
}

impl Wish {
    pub fn of(stage: &Stage, channels: &[&str], map: FieldMap) -> Self {
        let settings = PusherSettings {
            server: PusherServer::Url(stage.sandbox.pusher_url().parse().unwrap()),
            key: stage.sandbox.pusher().app().key,
            channels: channels.iter().map(|&channel| channel.to_owned()).collect(),
            auth: PusherAuth::None,
            map,
        };
        Self { settings, app_secret: None, auth_headers: None, check: true }
    }

    pub fn signed_here(mut self, secret: &str) -> Self {
        self.settings.auth = PusherAuth::Secret;
        self.app_secret = Some(secret.to_owned());
        self
    }

    pub fn signed_by_endpoint(mut self, stage: &Stage, method: AuthMethod) -> Self {
        let url = format!("{}/pusher/auth", stage.sandbox.pusher_url()).parse().unwrap();
        self.settings.auth = PusherAuth::Endpoint { url, method };
        self
    }

    pub fn unchecked(mut self) -> Self {
        self.check = false;
        self
    }

    pub async fn begin(self, stage: &Stage) -> Result<AccountId, Trouble> {
        let to = SignInTo::Pusher {
            settings: Some(self.settings),
            app_secret: self.app_secret,
            auth_headers: self.auth_headers,
            check: self.check,
        };
        match stage.desk().sign_in(SignIn { account: None, name: None, to }).await? {
            SignInStep::Done { account } => Ok(account),
            step => panic!("{step:?}"),
        }
    }

    pub async fn live(self, stage: &Stage) -> AccountId {
        let account = self.begin(stage).await.unwrap();
        stage.until_state("live", |state| *state == LinkState::Live).await;
        account
    }
}

pub fn map(text: &str) -> FieldMap {
    FieldMap::from_text(text).unwrap()
}

pub fn plain() -> FieldMap {
    FieldMap::preset("plain").unwrap()
}

fn titles(kept: &[belfry::engine::views::Entry]) -> Vec<&str> {
    kept.iter().map(|entry| entry.notification.title.as_str()).collect()
}

/// Live on a connection that has this channel, other than those that the trial made.
async fn until_subscribed(stage: &Stage, channel: &str) -> String {
    let seen = stage.sandbox.pusher().wait_for(|seen| seen.subscribed(channel) == 1, LIMIT).await.unwrap();
    let one = seen.subscriptions.iter().find(|one| one.channel == channel).unwrap();
    one.socket_id.clone()
}

#[tokio::test]
async fn a_laravel_event_becomes_a_toast_and_a_click_opens_its_link() {
    let stage = Stage::empty().await;
    let channel = "private-App.Models.User.1";
    let wish = Wish::of(&stage, &[channel], FieldMap::preset("laravel").unwrap());
    wish.signed_here("belfry-secret").live(&stage).await;
    let data = json!({
        "id": "9c4c0a1e", "type": r"App\Notifications\InvoicePaid", "message": "Invoice <b>7</b> was paid",
        "url": "https://shop.example.org/invoices/7",
    });
    let event = r"Illuminate\Notifications\Events\BroadcastNotificationCreated";
    assert_eq!(stage.sandbox.pusher().trigger(channel, event, &data), 1);
    let kept = stage.until_kept(1).await.remove(0);
    assert_eq!(kept.notification.title, "Invoice paid");
    let toast = stage.until_shown(1).await.remove(0);
    assert_eq!((toast.title.as_str(), toast.body.as_str()), ("Invoice paid", "Invoice <b>7</b> was paid"));
    assert!(stage.toaster.happen(ToastEvent::Clicked { key: toast.key, token: None }).await);
    stage.until("it is read", LIMIT, async || stage.kept().await[0].notification.read.then_some(())).await;
    let opened = stage.desk().open(kept.id, None).await.unwrap();
    assert_eq!(opened.url.as_str(), "https://shop.example.org/invoices/7");
    let parts = serde_json::to_string(&stage.desk().parts(kept.id).await.unwrap()).unwrap();
    assert!(parts.contains("InvoicePaid") && parts.contains(channel), "{parts}");
}

#[tokio::test]
async fn each_field_of_the_map_reaches_row_and_toast() {
    let stage = Stage::empty().await;
    let rules = "[[rules]]\non = 'build*'\nevent = 'failed'\ntitle = '{{ data.name }} failed'\nbody = '{{ data.why }}'\n\
        icon = 'rejected'\nurgency = 'low'\nactor = '{{ data.by }}'\nid = '{{ data.n }}'\ntime = '{{ data.at }}'\n";
    Wish::of(&stage, &["builds", "news"], map(rules)).live(&stage).await;
    let pusher = stage.sandbox.pusher();
    let data = json!({"name": "main", "why": "2 tests", "by": "Ada", "n": 7, "at": 1_790_000_000});
    pusher.trigger("news", "failed", &data);
    pusher.trigger("builds", "passed", &data);
    // Objects where text is usual, and the same event once more.
    pusher.trigger_raw("builds", "failed", Some(data.clone()));
    pusher.trigger("builds", "failed", &data);
    pusher.trigger("builds", "failed", &json!({"name": "next", "n": 8}));
    let kept = stage.until_kept(2).await;
    stage.until_settled().await;
    assert_eq!(titles(&kept), ["main failed", "next failed"]);
    let one = &kept[0].notification;
    assert_eq!(
        (one.icon, one.urgency, one.actor.as_deref()),
        (Icon::Rejected, Some(Urgency::Low), Some("Ada"))
    );
    assert_eq!(one.occurred_at.as_second(), 1_790_000_000);
    assert_eq!(one.context.place.as_deref(), Some("builds"));
    assert_eq!(stage.kept().await.len(), 2, "one name is one notification");
}

#[tokio::test]
async fn presence_encrypted_and_private_channels_are_heard_through_the_endpoint_and_anew_after_a_cut() {
    let stage = Stage::empty().await;
    let pusher = stage.sandbox.pusher();
    pusher.set(|settings| {
        settings.auth_header = Some(("authorization".into(), "Bearer secret-token".into()));
        settings.auth_user = Person { id: "7".into(), name: "Ada".into() };
    });
    let channels = ["presence-room", "private-encrypted-safe", "private-desk", "hall"];
    let mut wish = Wish::of(&stage, &channels, plain()).signed_by_endpoint(&stage, AuthMethod::Post);
    let refused = wish.clone().begin(&stage).await.unwrap_err();
    assert!(refused.words.contains("private-") || refused.words.contains("presence-"), "{refused}");
    wish.auth_headers = Some(BTreeMap::from([("Authorization".into(), "Bearer secret-token".into())]));
    wish.live(&stage).await;
    let mut socket = until_subscribed(&stage, "private-desk").await;
    for round in 0..3 {
        let said = |channel: &str| json!({"title": format!("{channel} {round}")});
        for channel in ["presence-room", "private-desk", "hall"] {
            assert_eq!(pusher.trigger(channel, "told", &said(channel)), 1, "{channel}");
        }
        assert_eq!(pusher.trigger_encrypted("private-encrypted-safe", "told", &said("safe")), 1);
        let kept = stage.until_kept(4 * (round + 1)).await;
        for channel in ["presence-room", "private-desk", "hall", "safe"] {
            let title = format!("{channel} {round}");
            assert!(titles(&kept).contains(&title.as_str()), "{title}: {:?}", titles(&kept));
        }
        let asked = pusher.observed().asked("private-desk");
        if round == 1 {
            stage.sandbox.restart_pusher().await.unwrap();
        } else {
            pusher.cut();
        }
        let before = socket.clone();
        let new = |seen: &belfry_sandbox::pusher::Observed| {
            seen.subscriptions.iter().any(|one| one.channel == "private-desk" && one.socket_id != before)
        };
        pusher.wait_for(new, LIMIT).await.unwrap();
        socket = until_subscribed(&stage, "private-desk").await;
        assert!(pusher.observed().asked("private-desk") > asked, "asked again for the new connection");
        stage.until_state("live again", |state| *state == LinkState::Live).await;
        let all =
            |seen: &belfry_sandbox::pusher::Observed| channels.iter().all(|one| seen.subscribed(one) == 1);
        pusher.wait_for(all, LIMIT).await.unwrap();
    }
    assert_eq!(stage.kept().await.len(), 12, "nothing came twice");
}

#[tokio::test]
async fn an_endpoint_that_is_asked_by_get_is_understood() {
    let stage = Stage::empty().await;
    let wish = Wish::of(&stage, &["private-a"], plain()).signed_by_endpoint(&stage, AuthMethod::Get);
    wish.live(&stage).await;
    assert!(stage.sandbox.pusher().observed().auths.iter().all(|asked| asked.method == "GET"));
    stage.sandbox.pusher().trigger("private-a", "told", &json!("text"));
    stage.until_kept(1).await;
}

#[tokio::test]
async fn who_comes_and_goes_is_told_only_where_a_rule_names_it() {
    let stage = Stage::empty().await;
    let rules = "[[rules]]\nevent = 'member_added'\ntitle = '{{ data.user_info.name }} is here'\n[[rules]]\ntitle = '{{ event }}'\n";
    Wish::of(&stage, &["presence-room"], map(rules)).signed_here("belfry-secret").live(&stage).await;
    let pusher = stage.sandbox.pusher();
    until_subscribed(&stage, "presence-room").await;
    pusher.join("presence-room", "8", &json!({"name": "Alan"}));
    pusher.leave("presence-room", "8");
    pusher.trigger("presence-room", "told", &json!(1));
    assert_eq!(titles(&stage.until_kept(2).await), ["Alan is here", "told"]);
}

#[tokio::test]
async fn the_last_event_of_a_cache_channel_is_told_once_however_often_it_comes_again() {
    let stage = Stage::empty().await;
    let pusher = stage.sandbox.pusher();
    pusher.trigger("cache-status", "changed", &json!({"title": "before we came"}));
    Wish::of(&stage, &["cache-status"], plain()).live(&stage).await;
    stage.until_kept(1).await;
    pusher.trigger("cache-status", "changed", &json!({"title": "while we listen"}));
    stage.until_kept(2).await;
    for _ in 0..3 {
        let before = until_subscribed(&stage, "cache-status").await;
        pusher.cut();
        let new = |seen: &belfry_sandbox::pusher::Observed| {
            seen.subscriptions.iter().any(|one| one.socket_id != before)
        };
        pusher.wait_for(new, LIMIT).await.unwrap();
    }
    until_subscribed(&stage, "cache-status").await;
    pusher.trigger("cache-status", "changed", &json!({"title": "last"}));
    let kept = stage.until_kept(3).await;
    assert_eq!(titles(&kept), ["before we came", "while we listen", "last"]);
}

#[tokio::test]
async fn what_is_wrong_is_said_before_anything_is_kept() {
    let stage = Stage::empty().await;
    // Pusher itself names neither number nor channel when it refuses a signature.
    stage.sandbox.pusher().set(|settings| settings.quirk = Quirk::Soketi);
    let base = Wish::of(&stage, &["news"], plain());
    let with = |change: &dyn Fn(&mut Wish)| {
        let mut wish = base.clone();
        change(&mut wish);
        wish
    };
    let private = |wish: &mut Wish| wish.settings.channels = vec!["private-a".into()];
    let cases: [(&str, Wish, &[&str]); 8] = [
        ("an unknown app", with(&|wish| wish.settings.key = "no-such-key".into()), &["key", "4001"]),
        (
            "an unknown host",
            with(&|wish| wish.settings.server = PusherServer::Url("http://127.0.0.1:1".parse().unwrap())),
            &["127.0.0.1:1", "cannot be reached"],
        ),
        ("a wrong signature", with(&private).signed_here("wrong-secret"), &["private-a", "secret"]),
        ("nobody who signs", with(&private), &["private-a", "auth endpoint"]),
        (
            "an encrypted channel without an endpoint",
            with(&|wish| wish.settings.channels = vec!["private-encrypted-a".into()])
                .signed_here("belfry-secret"),
            &["private-encrypted-a", "encrypted"],
        ),
        ("no channel", with(&|wish| wish.settings.channels = vec![" ".into()]), &["channel"]),
        (
            "a name that is none",
            with(&|wish| wish.settings.channels = vec!["a b".into()]),
            &["a b", "channel"],
        ),
        (
            "a map that makes no sense",
            with(&|wish| wish.settings.map = map("[[rules]]\ntitle = '{{ data.title|shout }}'")),
            &["rule 1", "title", "shout"],
        ),
    ];
    for (what, wish, words) in cases {
        let trouble = wish.begin(&stage).await.unwrap_err();
        assert!(words.iter().all(|word| trouble.words.contains(word)), "{what}: {trouble}");
        assert!(stage.desk().accounts().await.unwrap().is_empty(), "{what}: no dead account");
    }
    let auth = Wish::of(&stage, &["private-a"], plain()).signed_by_endpoint(&stage, AuthMethod::Post);
    for answer in [Answer::Status(403), Answer::Garbage, Answer::Status(500)] {
        stage.sandbox.pusher().fault(Fault { path: "/pusher/auth".into(), times: 1, answer: answer.clone() });
        let trouble = auth.clone().begin(&stage).await.unwrap_err();
        assert!(trouble.words.contains("127.0.0.1"), "{answer:?}: {trouble}");
    }
    auth.live(&stage).await;
}

#[tokio::test]
async fn a_refused_channel_is_said_and_leaves_the_others_alone_and_none_left_is_broken() {
    let stage = Stage::empty().await;
    stage.sandbox.pusher().set(|settings| settings.quirk = Quirk::Reverb);
    let both = Wish::of(&stage, &["hall", "private-a"], plain()).signed_here("wrong-secret");
    assert!(both.clone().begin(&stage).await.unwrap_err().words.contains("private-a"));
    let first = both.unchecked().live(&stage).await;
    stage.sandbox.pusher().trigger("hall", "told", &json!({"title": "heard"}));
    stage.until_kept(1).await;
    let said = stage
        .until("what is not heard is said", LIMIT, async || {
            stage.desk().accounts().await.unwrap().remove(0).unheard
        })
        .await;
    assert!(said.contains("private-a") && said.contains("secret"), "{said}");
    let health = stage.desk().health().await.unwrap();
    assert!(
        health.findings.iter().any(|found| !found.works && found.words.contains("private-a")),
        "{health:?}"
    );
    stage.desk().remove_account(first).await.unwrap();
    let none = Wish::of(&stage, &["private-a", "private-b"], plain()).signed_here("wrong-secret");
    none.unchecked().begin(&stage).await.unwrap();
    let broken = stage.until_state("broken", |state| matches!(state, LinkState::Broken { .. })).await;
    assert!(broken.reason().unwrap().contains("secret"), "{broken:?}");
}

#[tokio::test]
async fn each_way_of_closing_has_its_consequence() {
    let stage = Stage::empty().await;
    let pusher = stage.sandbox.pusher();
    Wish::of(&stage, &["news"], plain()).live(&stage).await;
    assert_eq!(pusher.complain(Some(4301), "too fast"), 1);
    pusher.trigger("news", "told", &json!({"title": "a complaint ends nothing"}));
    stage.until_kept(1).await;
    for code in [4200, 4100, 1006] {
        let before = until_subscribed(&stage, "news").await;
        pusher.close_all(code, "later");
        let new = |seen: &belfry_sandbox::pusher::Observed| {
            seen.subscriptions.iter().any(|one| one.channel == "news" && one.socket_id != before)
        };
        pusher.wait_for(new, LIMIT).await.unwrap();
    }
    stage.until_state("live again", |state| *state == LinkState::Live).await;
    pusher.plan_close(At::Connect, 4004, "over quota", 1);
    pusher.cut();
    let waits =
        |state: &LinkState| matches!(state, LinkState::Waiting { reason, .. } if reason.contains("4004"));
    let LinkState::Waiting { until, .. } = stage.until_state("waiting", waits).await else { panic!() };
    assert!(until.duration_since(stage.env.clock.now()).as_secs() > 240, "left alone for minutes");
    pusher.plan_close(At::Connect, 4001, "gone", 1);
    stage.desk().retry_now(AccountId::new("pusher").unwrap()).await.unwrap();
    stage
        .until_state(
            "broken",
            |state| matches!(state, LinkState::Broken { reason } if reason.contains("key")),
        )
        .await;
}

#[tokio::test]
async fn an_endpoint_that_is_down_is_tried_again_until_it_is_up() {
    let stage = Stage::empty().await;
    let pusher = stage.sandbox.pusher();
    Wish::of(&stage, &["private-a"], plain()).signed_by_endpoint(&stage, AuthMethod::Post).live(&stage).await;
    pusher.fault(Fault { path: "/pusher/auth".into(), times: 3, answer: Answer::Status(503) });
    let asked = pusher.observed().asked("private-a");
    pusher.cut();
    pusher
        .wait_for(|seen| seen.asked("private-a") > asked && seen.subscribed("private-a") == 1, LIMIT)
        .await
        .unwrap();
    stage.until_state("live again", |state| *state == LinkState::Live).await;
    pusher.trigger("private-a", "told", &json!("back"));
    stage.until_kept(1).await;
}

#[tokio::test]
async fn a_map_is_tried_on_what_came_and_changed_without_losing_that() {
    let stage = Stage::empty().await;
    let account =
        Wish::of(&stage, &["news"], map("[[rules]]\nevent = 'never'\ntitle = 'x'")).live(&stage).await;
    let pusher = stage.sandbox.pusher();
    for n in 0..25 {
        pusher.trigger("news", "told", &json!({"headline": format!("number {n}"), "n": n}));
    }
    let desk = stage.desk();
    let last = async || {
        let payloads = desk.feed(account.clone()).await.unwrap().payloads;
        payloads.first().and_then(|payload| payload.data.clone()).filter(|data| data.contains("number 24"))
    };
    // Nothing signals what is kept nowhere, so the memory is asked until it has it.
    let remembered = async {
        while last().await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LIMIT, remembered).await.unwrap();
    assert_eq!(desk.feed(account.clone()).await.unwrap().payloads.len(), 20);
    let tried = desk.try_map(account.clone(), None).await.unwrap();
    assert!(tried.iter().all(|one| one.told.is_none()) && stage.kept().await.is_empty());
    let new = map("[[rules]]\ntitle = '{{ data.headline|upper }}'\nwhen = '{{ data.n > 22 }}'");
    let tried = desk.try_map(account.clone(), Some(new.clone())).await.unwrap();
    let told: Vec<_> =
        tried.iter().filter_map(|one| one.told.as_ref().map(|told| told.title.as_str())).collect();
    assert_eq!(told, ["NUMBER 24", "NUMBER 23"]);
    let wrong = map("[[rules]]\ntitle = '{{ dta }}'");
    for trouble in [
        desk.try_map(account.clone(), Some(wrong.clone())).await.unwrap_err(),
        desk.set_map(account.clone(), wrong).await.unwrap_err(),
    ] {
        assert_eq!(trouble.kind, TroubleKind::Usage);
        assert!(
            trouble.words.contains("rule 1, title, line 1") && trouble.words.contains("“dta”"),
            "{trouble}"
        );
    }
    desk.set_map(account.clone(), FieldMap { other: Unmatched::Show, ..new }).await.unwrap();
    let set = desk.pusher_settings(account.clone()).await.unwrap();
    assert_eq!((set.map.other, set.channels), (Unmatched::Show, vec!["news".to_owned()]));
    stage.until_state("live", |state| *state == LinkState::Live).await;
    until_subscribed(&stage, "news").await;
    assert_eq!(desk.feed(account.clone()).await.unwrap().payloads.len(), 20, "still remembered");
    pusher.trigger("news", "told", &json!({"headline": "now", "n": 99}));
    pusher.trigger("news", "old.story", &json!({"n": 1}));
    assert_eq!(titles(&stage.until_kept(2).await), ["NOW", "Old story"]);
}

#[tokio::test]
async fn two_accounts_on_one_server_share_nothing() {
    let stage = Stage::empty().await;
    let pusher = stage.sandbox.pusher();
    let other_app = pusher.add_app(belfry_sandbox::pusher::App::new("other-key", "other-secret", "other"));
    let first =
        Wish::of(&stage, &["private-a"], plain()).signed_here("belfry-secret").begin(&stage).await.unwrap();
    let mut wish = Wish::of(&stage, &["private-a"], plain()).signed_here("other-secret");
    wish.settings.key = "other-key".into();
    let second = wish.begin(&stage).await.unwrap();
    assert_eq!((first.as_str(), second.as_str()), ("pusher", "pusher-2"));
    stage
        .until("both are live", LIMIT, async || {
            let accounts = stage.desk().accounts().await.unwrap();
            accounts.iter().all(|account| account.state == LinkState::Live).then_some(())
        })
        .await;
    pusher.wait_for(|seen| seen.open.len() == 2, LIMIT).await.unwrap();
    assert_eq!(pusher.trigger("private-a", "told", &json!({"title": "first"})), 1);
    assert_eq!(other_app.trigger("private-a", "told", &json!({"title": "second"})), 1);
    let kept = stage.until_kept(2).await;
    for entry in &kept {
        let account = &entry.notification.account;
        let title = if *account == first { "first" } else { "second" };
        assert_eq!(entry.notification.title, title, "{account}");
    }
    stage.desk().remove_account(first.clone()).await.unwrap();
    let left = belfry::env::SecretName::ALL.map(|name| stage.env.secrets.get(&first, name));
    for kept in left {
        assert!(kept.await.unwrap().is_none(), "its secrets go with it");
    }
}

#[tokio::test]
async fn a_thousand_channels_are_heard_on_one_connection() {
    let stage = Stage::empty().await;
    let names: Vec<String> = (0..1_000).map(|n| format!("private-orders.{n}")).collect();
    let channels: Vec<&str> = names.iter().map(String::as_str).collect();
    let rules = "[[rules]]\ntitle = '{{ channel }}'\nid = '{{ channel }}'";
    Wish::of(&stage, &channels, map(rules)).signed_here("belfry-secret").unchecked().live(&stage).await;
    let pusher = stage.sandbox.pusher();
    let seen = pusher.observed();
    assert_eq!((seen.open.len(), seen.subscriptions.len()), (1, 1_000));
    for channel in &channels {
        assert_eq!(pusher.trigger(channel, "told", &json!(1)), 1);
    }
    stage
        .until("all are kept", LIMIT, async || {
            (stage.desk().newest().await.unwrap().0 >= 1_000).then_some(())
        })
        .await;
    assert_eq!(stage.desk().overview().await.unwrap().unread, 1_000);
    stage.sandbox.close(Side::Pusher).await;
    stage.until_state("not live", |state| *state != LinkState::Live).await;
    stage.sandbox.reopen(Side::Pusher).await.unwrap();
    stage.until_state("live again", |state| *state == LinkState::Live).await;
    assert_eq!(pusher.observed().subscriptions.len(), 1_000);
}
