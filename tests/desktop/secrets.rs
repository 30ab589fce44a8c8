//! Secrets in a real GNOME Keyring, and without one.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use belfry::account::AccountId;
use belfry::env::{Paths, SecretError, SecretName, Secrets};
use secrecy::ExposeSecret;
use xtask::desktop::{Desktop, Keyring, Options, Toasts};

use crate::inside::{Inner, is_inner, tell, wait_for_word};

const LIMIT: Duration = Duration::from_secs(30);

fn desktop(keyring: Keyring) -> Desktop {
    Desktop::start(Options { toasts: Toasts::None, keyring, openbox: false, ..Options::default() }).unwrap()
}

fn store() -> Secrets {
    Secrets::from_choice(None, &Paths::under(Path::new("/nowhere"))).unwrap()
}

fn podio() -> AccountId {
    AccountId::new("podio").unwrap()
}

async fn tokens(secrets: &Secrets) -> Result<Option<String>, SecretError> {
    let found = secrets.get(&podio(), SecretName::Tokens).await?;
    Ok(found.map(|secret| secret.expose_secret().to_owned()))
}

/// Runs the inner half. A thread that still waits for the password store must not hold up its end.
fn run(inner: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(inner)));
    runtime.shutdown_background();
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}

#[test]
fn a_sign_in_survives_the_program_and_the_password_stores_restart() {
    if is_inner() {
        return run(async {
            let first = store();
            // Longer than a packet of the store's cipher, and not ASCII.
            let long = "ünter ".repeat(300);
            first.put(&podio(), SecretName::Tokens, long.clone().into()).await.unwrap();
            first.put(&podio(), SecretName::ClientSecret, "a".into()).await.unwrap();
            // As a program started later.
            let later = store();
            assert_eq!(tokens(&later).await.unwrap(), Some(long));
            tell("kept");
            assert_eq!(wait_for_word(), "restarted");
            // A connection that knew the old daemon.
            let secret = later.get(&podio(), SecretName::ClientSecret).await.unwrap().unwrap();
            assert_eq!(secret.expose_secret(), "a");
            later.put(&podio(), SecretName::Tokens, "new".into()).await.unwrap();
            assert_eq!(tokens(&store()).await.unwrap().as_deref(), Some("new"));
            assert!(later.probe().await.unwrap().contains("Secret Service"));
            later.forget(&podio()).await.unwrap();
            assert_eq!(tokens(&store()).await.unwrap(), None);
            tell("done");
        });
    }
    let mut desktop = desktop(Keyring::Unlocked);
    let mut inner =
        Inner::start(&desktop, "secrets::a_sign_in_survives_the_program_and_the_password_stores_restart");
    assert_eq!(inner.hear(), "kept");
    desktop.keyring_stop().unwrap();
    desktop.keyring_start(Keyring::Unlocked).unwrap();
    inner.word("restarted");
    assert_eq!(inner.hear(), "done");
    inner.finish();
}

#[test]
fn without_a_password_store_that_is_said_at_once_and_one_that_starts_later_is_used() {
    if is_inner() {
        return run(async {
            let secrets = store();
            let start = Instant::now();
            let words = secrets.probe().await.unwrap_err().to_string();
            assert!(words.contains("no password store is available"), "{words}");
            assert!(words.contains("BELFRY_SECRETS=file"), "{words}");
            let refused = secrets.put(&podio(), SecretName::Tokens, "a".into()).await;
            assert!(matches!(refused, Err(SecretError::NoStore(_))), "{refused:?}");
            // The store's own limit is 30 s; nobody waits for it.
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
            tell("refused");
            assert_eq!(wait_for_word(), "started");
            secrets.put(&podio(), SecretName::ClientSecret, "b".into()).await.unwrap();
            // What was refused then is kept now.
            assert_eq!(tokens(&store()).await.unwrap().as_deref(), Some("a"));
        });
    }
    let mut desktop = desktop(Keyring::None);
    let mut inner = Inner::start(
        &desktop,
        "secrets::without_a_password_store_that_is_said_at_once_and_one_that_starts_later_is_used",
    );
    assert_eq!(inner.hear(), "refused");
    desktop.keyring_start(Keyring::Unlocked).unwrap();
    inner.word("started");
    inner.finish();
}

#[test]
fn without_a_message_bus_that_is_said_at_once() {
    if is_inner() {
        return run(async {
            let words = store().probe().await.unwrap_err().to_string();
            assert!(words.contains("no password store is available"), "{words}");
        });
    }
    let desktop = desktop(Keyring::None);
    let mut command = desktop.command(std::env::current_exe().unwrap());
    command.env("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", desktop.home().join("no-bus").display()));
    Inner::of(command, "secrets::without_a_message_bus_that_is_said_at_once").finish();
}

#[test]
fn a_locked_password_store_is_said_within_the_limit_and_keeps_the_secret_once_it_is_unlocked() {
    if is_inner() {
        return run(async {
            let secrets = store().with_limit(Duration::from_secs(2));
            let start = Instant::now();
            let refused = secrets.put(&podio(), SecretName::Tokens, "a".into()).await.unwrap_err();
            assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
            // Good for this run all the same.
            assert_eq!(tokens(&secrets).await.unwrap().as_deref(), Some("a"));
            tell(&refused.to_string());
            assert_eq!(wait_for_word(), "unlocked");
            // The late answer put it there: nobody puts it again.
            let deadline = Instant::now() + LIMIT;
            while tokens(&store()).await.unwrap().as_deref() != Some("a") {
                assert!(Instant::now() < deadline, "the secret never reached the unlocked store");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
    }
    let desktop = desktop(Keyring::Locked);
    let mut inner = Inner::start(
        &desktop,
        "secrets::a_locked_password_store_is_said_within_the_limit_and_keeps_the_secret_once_it_is_unlocked",
    );
    let words = inner.hear();
    assert!(words.contains("gave no answer within 2 s") && words.contains("enter its password"), "{words}");
    // The store's own question is still up.
    let search = ["search", "--sync", "--onlyvisible", "--class", "gcr-prompter"];
    let focus = ["windowfocus", "--sync"];
    let asked = desktop.command("timeout").args(["20", "xdotool"]).args(search).args(focus).status().unwrap();
    assert!(asked.success(), "no question came up");
    // It takes keys once it is painted; a picture is taken when the screen rests.
    desktop.screenshot(&desktop.home().join("question.png")).unwrap();
    let typed = desktop.command("xdotool").args(["type", "--delay", "50", "bench"]).status().unwrap();
    assert!(typed.success());
    let entered = desktop.command("xdotool").args(["key", "Return"]).status().unwrap();
    assert!(entered.success());
    inner.word("unlocked");
    inner.finish();
}

#[test]
fn a_password_store_that_ends_while_it_asks_is_used_again_when_it_is_back() {
    if is_inner() {
        return run(async {
            let secrets = store().with_limit(Duration::from_secs(1));
            secrets.put(&podio(), SecretName::Tokens, "a".into()).await.unwrap_err();
            tell("asked");
            assert_eq!(wait_for_word(), "back");
            let deadline = Instant::now() + LIMIT;
            while let Err(error) = secrets.put(&podio(), SecretName::Tokens, "b".into()).await {
                assert!(Instant::now() < deadline, "{error}");
            }
            assert_eq!(tokens(&store()).await.unwrap().as_deref(), Some("b"));
        });
    }
    let mut desktop = desktop(Keyring::Locked);
    let mut inner = Inner::start(
        &desktop,
        "secrets::a_password_store_that_ends_while_it_asks_is_used_again_when_it_is_back",
    );
    assert_eq!(inner.hear(), "asked");
    desktop.keyring_stop().unwrap();
    desktop.keyring_start(Keyring::Unlocked).unwrap();
    inner.word("back");
    inner.finish();
}

#[tokio::test]
async fn a_file_is_used_only_by_choice_and_read_by_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let paths = Paths::under(home.path());
    let file = || Secrets::from_choice(Some("file"), &paths).unwrap();
    file().put(&podio(), SecretName::Tokens, "a".into()).await.unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let path = paths.secrets_file();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    assert_eq!(tokens(&file()).await.unwrap().as_deref(), Some("a"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let words = tokens(&file()).await.unwrap_err().to_string();
    assert!(words.contains("other users may read it"), "{words}");
}
