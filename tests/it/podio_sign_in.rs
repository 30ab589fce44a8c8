//! Signing in to the sandbox: by browser, by pasted code, by password with and without a second factor; and every way it can go wrong.

use belfry::account::Settings;
use belfry::env::SecretName;
use belfry::source::podio::sign_in::{BrowserSignIn, How, SignInError, Step, begin};
use belfry_sandbox::{Answer, Consent, Fault, SecondFactor, Side};
use secrecy::ExposeSecret;

use crate::podio_bench::Bench;

fn password(of: &Bench, password: &str) -> How {
    How::Password { username: of.sandbox.user().mail, password: password.into() }
}

async fn browser(bench: &Bench) -> Box<BrowserSignIn> {
    let Step::Browser(sign_in) = bench.begin(How::Browser).await.unwrap() else { panic!("no browser") };
    sign_in
}

/// What a browser does with the address: goes there and follows the redirect. Gives the address it ends on, and the page's status.
async fn visit(bench: &Bench, address: &str) -> (String, u16) {
    let client = &bench.env.http.client;
    let there = client.get(address).send().await.unwrap();
    let location = there.headers()["location"].to_str().unwrap().to_owned();
    let page = client.get(&location).send().await.unwrap();
    assert_eq!(page.headers()["cache-control"], "no-store");
    (location, page.status().as_u16())
}

async fn is_kept(bench: &Bench) -> bool {
    let secrets = &bench.env.secrets;
    let tokens = secrets.get(&bench.account, SecretName::Tokens).await.unwrap();
    let key = secrets.get(&bench.account, SecretName::ClientSecret).await.unwrap();
    assert_eq!(tokens.is_some(), key.is_some(), "both or none");
    key.is_some_and(|key| key.expose_secret() == bench.sandbox.key().client_secret)
}

async fn done(step: Step, bench: &Bench) {
    let Step::Done(done) = step else { panic!("not done: {step:?}") };
    for (name, secret) in done.secrets {
        bench.env.secrets.put(&bench.account, name, secret).await.unwrap();
    }
    assert_eq!(done.label, "Robin Vale");
    let Settings::Podio(settings) = done.settings else { panic!("not an account of Podio") };
    assert_eq!(settings.user_id, i64::try_from(bench.user()).ok());
}

#[tokio::test]
async fn by_the_browser() {
    let bench = Bench::fresh().await;
    let user = bench.user();
    bench.sandbox.podio().set(|settings| settings.consent = Consent::Allow(user));
    let mut sign_in = browser(&bench).await;
    let address = sign_in.url().to_string();
    let (came, (_, page)) = tokio::join!(sign_in.wait(), visit(&bench, &address));
    assert!(!is_kept(&bench).await, "nothing is kept before the caller agrees");
    done(came.unwrap(), &bench).await;
    assert_eq!(page, 200);
    assert!(is_kept(&bench).await);
    assert_eq!(bench.sandbox.podio().observed().code_grants, 1);
}

#[tokio::test]
async fn a_return_with_a_wrong_state_is_refused_and_the_right_one_still_served() {
    let bench = Bench::fresh().await;
    let user = bench.user();
    bench.sandbox.podio().set(|settings| settings.consent = Consent::Allow(user));
    let mut sign_in = browser(&bench).await;
    let address = sign_in.url().clone();
    let redirect = address.query_pairs().find(|(name, _)| name == "redirect_uri").unwrap().1.into_owned();
    let work = async {
        let forged = format!("{redirect}?code=stolen&state=wrong");
        let refused = bench.env.http.client.get(forged).send().await.unwrap().status().as_u16();
        (refused, visit(&bench, address.as_str()).await.1)
    };
    let (came, statuses) = tokio::join!(sign_in.wait(), work);
    done(came.unwrap(), &bench).await;
    assert_eq!(statuses, (400, 200));
    assert_eq!(
        bench.sandbox.podio().observed().refused_grants,
        0,
        "the forged code was never shown to Podio"
    );
}

#[tokio::test]
async fn a_refusal_in_the_browser_is_told_in_words() {
    let bench = Bench::fresh().await;
    bench.sandbox.podio().set(|settings| settings.consent = Consent::Deny);
    let mut sign_in = browser(&bench).await;
    let address = sign_in.url().to_string();
    let (came, _) = tokio::join!(sign_in.wait(), visit(&bench, &address));
    assert_eq!(came.unwrap_err(), SignInError::Cancelled);
    assert!(!is_kept(&bench).await);
}

#[tokio::test]
async fn by_what_the_person_pasted() {
    let bench = Bench::fresh().await;
    let user = bench.user();
    bench.sandbox.podio().set(|settings| settings.consent = Consent::Allow(user));
    for whole in [true, false] {
        let mut sign_in = browser(&bench).await;
        let there = bench.env.http.client.get(sign_in.url().clone()).send().await.unwrap();
        let location = there.headers()["location"].to_str().unwrap().to_owned();
        let url: url::Url = location.parse().unwrap();
        let code = url.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        assert_eq!(sign_in.pasted("no code at all").await.unwrap_err(), SignInError::NotACode);
        done(sign_in.pasted(if whole { &location } else { &code }).await.unwrap(), &bench).await;
        assert_eq!(sign_in.pasted(&code).await.unwrap_err(), SignInError::Expired, "a code serves once");
    }
}

#[tokio::test]
async fn by_password() {
    let bench = Bench::fresh().await;
    done(bench.begin(password(&bench, "open-sesame")).await.unwrap(), &bench).await;
    assert!(is_kept(&bench).await);
}

#[tokio::test]
async fn by_password_at_a_service_of_the_older_form() {
    let bench = Bench::fresh().await;
    let missing = Fault { path: "/oauth/token/v2".into(), times: 9, answer: Answer::Status(405) };
    bench.sandbox.podio().fault(missing);
    done(bench.begin(password(&bench, "open-sesame")).await.unwrap(), &bench).await;
}

#[tokio::test]
async fn with_a_second_factor() {
    let bench = Bench::fresh().await;
    let factor = SecondFactor { otp: "123456".into(), recovery_code: "spare-key".into() };
    bench.sandbox.podio().change_user(bench.user(), |user| user.second_factor = Some(factor)).unwrap();
    for (wrong, right) in [("000000", "123 456"), ("not-it", "spare-key")] {
        let step = bench.begin(password(&bench, "open-sesame")).await.unwrap();
        let Step::SecondFactor(mut second) = step else { panic!("no second factor: {step:?}") };
        assert_eq!(second.answer(wrong).await.unwrap_err(), SignInError::WrongCode);
        done(second.answer(right).await.unwrap(), &bench).await;
    }
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_kept() {
    let bench = Bench::fresh().await;
    let wrong = bench.begin(password(&bench, "shut-sesame")).await.unwrap_err();
    assert_eq!(wrong, SignInError::WrongPassword);
    let unknown = How::Password { username: "nobody@example.test".into(), password: "x".into() };
    assert_eq!(bench.begin(unknown).await.unwrap_err(), SignInError::WrongPassword);
    let key = begin(
        &bench.env,
        &bench.account,
        bench.settings.clone(),
        "wrong".into(),
        password(&bench, "open-sesame"),
    );
    assert_eq!(key.await.unwrap_err(), SignInError::WrongKey);
    let mut settings = bench.settings.clone();
    settings.client_id = "nobody".into();
    let id =
        begin(&bench.env, &bench.account, settings, "sandbox-secret".into(), password(&bench, "open-sesame"));
    let id = id.await.unwrap_err();
    assert_eq!(id, SignInError::WrongKey);
    assert!(wrong.needs_sign_in() && id.needs_sign_in());
    assert!(!is_kept(&bench).await);
}

#[tokio::test]
async fn a_service_out_of_reach_or_out_of_order_is_no_matter_of_the_password() {
    let bench = Bench::fresh().await;
    let cases = [
        (Answer::CaptivePortal, "sign in first"),
        (Answer::Garbage, "not understood"),
        (Answer::Status(503), "try again later"),
        (Answer::RateLimited { wait: 60 }, "wait until"),
    ];
    for (answer, words) in cases {
        bench.sandbox.podio().fault(Fault {
            path: "/oauth/token/v2".into(),
            times: 1,
            answer: answer.clone(),
        });
        let error = bench.begin(password(&bench, "open-sesame")).await.unwrap_err();
        assert!(error.to_string().contains(words), "{answer:?}: {error}");
        assert!(!error.needs_sign_in(), "{error:?}");
    }
    bench.sandbox.close(Side::Api).await;
    let error = bench.begin(password(&bench, "open-sesame")).await.unwrap_err();
    assert!(error.to_string().contains("cannot be reached"), "{error}");
    assert!(!is_kept(&bench).await);
}

#[tokio::test]
async fn a_redirect_host_that_is_none_is_refused_before_the_browser_opens() {
    let mut bench = Bench::fresh().await;
    for host in ["evil.example/path?", "user@evil.example", "", "a b"] {
        bench.settings.redirect_host = host.into();
        let error = bench.begin(How::Browser).await.unwrap_err();
        assert!(matches!(error, SignInError::BadAddress(_)), "{host}: {error:?}");
    }
    bench.settings.redirect_host = "localtest.me".into();
    let sign_in = browser(&bench).await;
    assert!(sign_in.url().as_str().contains("localtest.me"));
}
