//! Several accounts side by side: each with its own state and choices, signed out when it goes, back after a month away.

use belfry::account::{AccountId, Choices, Colour, Say, Signature};
use belfry::engine::views::{AccountView, Entry, InboxWish, PasswordSignIn, SignIn, SignInStep};
use belfry::link::LinkState;
use belfry_sandbox::{Byline, Side, Spec};

use crate::stage::{LIMIT, Stage};
use crate::webhook_stage::{self, Wish, until_unheard};

impl Stage {
    async fn view(&self, id: &AccountId) -> AccountView {
        let accounts = self.desk().accounts().await.unwrap();
        accounts.into_iter().find(|account| account.id == *id).unwrap()
    }

    /// Somebody else, signed in beside the first.
    async fn second_person(&self) -> (AccountId, u64) {
        let user = self.sandbox.podio().add_user("Alan Marsh", "alan@example.test", "sesame");
        let password = PasswordSignIn { username: "alan@example.test".into(), password: "sesame".into() };
        let wish = self.wish_by(Some(password));
        let SignInStep::Done { account } = self.desk().sign_in(wish).await.unwrap() else {
            panic!("not signed in")
        };
        self.until("both are live", LIMIT, async || {
            let accounts = self.desk().accounts().await.unwrap();
            accounts.iter().all(|account| account.state == LinkState::Live).then_some(())
        })
        .await;
        (account, user)
    }

    async fn of(&self, account: &AccountId) -> Vec<Entry> {
        let wish = InboxWish { account: Some(account.clone()), ..InboxWish::default() };
        self.desk().inbox(wish).await.unwrap()
    }

    /// What became of the newest notification's toast, and why.
    async fn newest_fate(&self) -> (String, Option<String>) {
        self.until_settled().await;
        let newest = self.kept().await.pop().unwrap();
        let why = self.desk().why(newest.id).await.unwrap();
        (why.outcome, why.reason)
    }
}

fn quiet(reason: &str) -> (String, Option<String>) {
    ("quiet".to_owned(), Some(reason.to_owned()))
}

#[tokio::test]
async fn two_people_on_one_machine_share_nothing() {
    let stage = Stage::live().await;
    let (first, robin) = (stage.account(), stage.sandbox.user().user_id);
    let (second, alan) = stage.second_person().await;
    let podio = stage.sandbox.podio();
    podio.notify(robin, Spec::comment("for both"));
    podio.notify(alan, Spec::comment("for both"));
    stage.until_kept(2).await;
    let shown = stage.until_shown(2).await;
    assert_ne!(shown[0].key, shown[1].key);
    assert_ne!(shown[0].account, shown[1].account, "a toast says whose it is");

    let of_first = stage.of(&first).await;
    assert_eq!((of_first.len(), stage.of(&second).await.len()), (1, 1));
    stage.desk().set_read(vec![of_first[0].id], true).await.unwrap();
    assert_eq!((stage.view(&first).await.unread, stage.view(&second).await.unread), (0, 1));
    podio.wait_for(|seen| !seen.viewed.is_empty(), LIMIT).await.unwrap();
    assert_eq!(podio.unread(alan).len(), 1);

    stage.desk().set_paused(first.clone(), true).await.unwrap();
    assert_eq!(stage.view(&first).await.state, LinkState::Off);
    podio.notify(robin, Spec::comment("not now"));
    podio.notify(alan, Spec::comment("now"));
    stage.until_kept(3).await;
    assert_eq!(stage.of(&second).await.len(), 2);
    assert_eq!(stage.of(&first).await.len(), 1);
}

#[tokio::test]
async fn each_account_has_a_colour_of_its_own_until_one_is_chosen() {
    let mut stage = Stage::live().await;
    let (second, _) = stage.second_person().await;
    assert_eq!(stage.view(&stage.account()).await.colour, Colour::Blue);
    assert_eq!(stage.view(&second).await.colour, Colour::Orange);
    let choices = Choices { colour: Some(Colour::Teal), ..Choices::default() };
    stage.desk().set_choices(second.clone(), choices).await.unwrap();
    stage.stop().await;
    stage.start().await;
    assert_eq!(stage.view(&second).await.colour, Colour::Teal);
    assert_eq!(stage.view(&stage.account()).await.colour, Colour::Blue);
}

#[tokio::test]
async fn what_the_person_chooses_here_beats_what_they_set_at_the_service() {
    let stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio(), stage.sandbox.user().user_id);
    podio.change_user(user, |user| (user.browser, user.sound) = (false, true)).unwrap();
    let choose = async |banners, sound| {
        let choices = Choices { banners, sound, colour: None };
        stage.desk().set_choices(stage.account(), choices).await.unwrap();
    };
    podio.notify(user, Spec::comment("as the service says"));
    stage.until_kept(1).await;
    assert_eq!(stage.newest_fate().await, quiet("account-wish"));

    choose(Say::Always, Say::Never).await;
    podio.notify(user, Spec::comment("always"));
    assert!(stage.until_shown(1).await[0].silent);

    podio.change_user(user, |user| (user.browser, user.sound) = (true, false)).unwrap();
    choose(Say::Service, Say::Service).await;
    podio.notify(user, Spec::comment("without a sound"));
    assert!(stage.until_shown(2).await[1].silent, "the service asks for no sound");
    choose(Say::Service, Say::Always).await;
    podio.notify(user, Spec::comment("with one"));
    assert!(!stage.until_shown(3).await[2].silent);

    choose(Say::Never, Say::Always).await;
    podio.notify(user, Spec::comment("never"));
    stage.until_kept(5).await;
    assert_eq!(stage.newest_fate().await, quiet("your-wish"));
}

#[tokio::test]
async fn what_a_catch_up_finds_is_told_as_the_services_settings_say() {
    let mut stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    stage.stop().await;
    podio.change_user(user, |user| user.browser = false).unwrap();
    podio.notify(user, Spec::comment("while away"));
    stage.start().await;
    stage.until_kept(1).await;
    assert_eq!(stage.newest_fate().await, quiet("account-wish"));
}

#[tokio::test]
async fn nobody_is_told_of_their_own_deeds_whatever_they_chose() {
    let stage = Stage::live().await;
    let user = stage.sandbox.user();
    let choices = Choices { banners: Say::Always, ..Choices::default() };
    stage.desk().set_choices(stage.account(), choices).await.unwrap();
    let mine = Spec::comment("mine").by(Byline::person(user.user_id, &user.name));
    stage.sandbox.podio().notify(user.user_id, mine);
    stage.until_kept(1).await;
    assert_eq!(stage.newest_fate().await, quiet("no-news"));
}

#[tokio::test]
async fn a_removed_account_is_signed_out_at_the_service() {
    let stage = Stage::live().await;
    let removed = stage.desk().remove_account(stage.account()).await.unwrap();
    assert_eq!(removed.left, None);
    assert_eq!(stage.sandbox.podio().observed().calls("POST", "/oauth/token/invalidate"), 1);
}

#[tokio::test]
async fn an_account_can_be_removed_while_its_service_is_away_and_says_what_is_left_to_do() {
    let stage = Stage::live().await;
    stage.sandbox.close(Side::Api).await;
    let removed = stage.desk().remove_account(stage.account()).await.unwrap();
    assert!(stage.desk().accounts().await.unwrap().is_empty());
    let left = removed.left.unwrap();
    assert!(left.contains("Podio could not be told") && left.contains("remove Belfry's access"), "{left}");
}

#[tokio::test]
async fn after_a_month_away_signing_in_again_brings_everything_as_one_summary() {
    const MISSED: usize = 60;
    let mut stage = Stage::live().await;
    let (podio, user) = (stage.sandbox.podio().clone(), stage.sandbox.user().user_id);
    podio.notify(user, Spec::comment("before the holiday"));
    stage.until_shown(1).await;
    stage.stop().await;
    stage.env.clock.jump(jiff::SignedDuration::from_hours(30 * 24));
    podio.expire_access_tokens();
    podio.kill_refresh_tokens();
    for n in 0..MISSED {
        podio.notify(user, Spec::comment(&format!("missed {n}")).at(stage.env.clock.now()));
    }
    stage.start().await;
    let state = stage
        .until_state("to be signed in again", |state| matches!(state, LinkState::NeedsSignIn { .. }))
        .await;
    assert!(state.reason().unwrap().contains("sign in again"), "{state:?}");
    assert_eq!(stage.kept().await.len(), 1, "what was kept is still there");

    let again = SignIn { account: Some(stage.account()), ..stage.wish() };
    stage.desk().sign_in(again).await.unwrap();
    assert_eq!(stage.until_kept(1 + MISSED).await.len(), 1 + MISSED);
    stage.until_settled().await;
    let shown = stage.toaster.shown();
    assert_eq!(shown.len(), 1, "{shown:?}");
    assert!(shown[0].title.starts_with(&format!("{MISSED} new")), "{shown:?}");
}

#[tokio::test]
async fn what_an_earlier_link_did_not_hear_is_not_said_of_the_next() {
    let (stage, folder) = (Stage::empty().await, tempfile::tempdir().unwrap());
    let relay = webhook_stage::relay(folder.path(), None).await;
    let hook = Wish::at(relay.url().as_str()).signed(Signature::Github).live(&stage).await;
    assert_eq!(webhook_stage::send(&hook, &[], r#"{"title":"not signed"}"#).await, 200);
    until_unheard(&stage, "refused").await;
    let account = webhook_stage::account(&stage).await.id;
    stage.desk().set_paused(account.clone(), true).await.unwrap();
    stage.desk().set_paused(account.clone(), false).await.unwrap();
    stage.until_state("live", |state| *state == LinkState::Live).await;
    assert_eq!(stage.view(&account).await.unheard, None);
}
