//! Secrets against a store that a test can hold up, refuse and look into.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Condvar;

use super::*;

/// A store like a locked one: it keeps what it is given, once the test lets it.
#[derive(Debug, Default)]
struct Door {
    inside: Mutex<Inside>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct Inside {
    kept: BTreeMap<String, String>,
    refusals: VecDeque<SecretError>,
    locked: bool,
    waiting: usize,
    asked: usize,
    left: usize,
}

impl Door {
    fn lock_up(&self) {
        self.inside.lock().unwrap().locked = true;
    }

    fn unlock(&self) {
        self.inside.lock().unwrap().locked = false;
        self.moved.notify_all();
    }

    fn refuse_once(&self, error: SecretError) {
        self.inside.lock().unwrap().refusals.push_back(error);
    }

    fn kept(&self, entry: &str) -> Option<String> {
        self.inside.lock().unwrap().kept.get(entry).cloned()
    }

    fn asked(&self) -> usize {
        self.inside.lock().unwrap().asked
    }

    fn pass<T>(&self, act: impl FnOnce(&mut BTreeMap<String, String>) -> T) -> Result<T, SecretError> {
        let mut inside = self.inside.lock().unwrap();
        inside.asked += 1;
        inside.waiting += 1;
        assert_eq!(inside.waiting - inside.left, 1, "two requests at a time");
        let mut inside = self.moved.wait_while(inside, |inside| inside.locked).unwrap();
        inside.waiting -= 1;
        inside.left = inside.left.min(inside.waiting);
        if let Some(error) = inside.refusals.pop_front() {
            return Err(error);
        }
        Ok(act(&mut inside.kept))
    }
}

impl Vault for Door {
    fn read(&self, entry: &str) -> Result<Option<SecretString>, SecretError> {
        self.pass(|kept| kept.get(entry).cloned().map(SecretString::from))
    }
    fn write(&self, entry: &str, secret: &SecretString) -> Result<(), SecretError> {
        self.pass(|kept| {
            kept.insert(entry.to_owned(), secret.expose_secret().to_owned());
        })
    }
    fn delete(&self, entry: &str) -> Result<(), SecretError> {
        self.pass(|kept| {
            kept.remove(entry);
        })
    }
    fn start_over(&self) {
        let mut inside = self.inside.lock().unwrap();
        inside.left = inside.waiting;
    }
}

fn behind(door: &Arc<Door>, limit: Duration) -> Secrets {
    Secrets::at(Place::Keyring(Arc::clone(door) as Arc<dyn Vault>)).with_limit(limit)
}

fn podio() -> AccountId {
    AccountId::new("podio").unwrap()
}

fn text(found: Option<SecretString>) -> Option<String> {
    found.map(|secret| secret.expose_secret().to_owned())
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(20);

async fn until(mut reached: impl FnMut() -> bool) {
    let waiting = async {
        while !reached() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("the state was never reached");
}

#[tokio::test]
async fn a_secret_once_known_is_not_asked_for_again() {
    let door = Arc::new(Door::default());
    behind(&door, LONG).put(&podio(), SecretName::Tokens, "a".into()).await.unwrap();
    assert_eq!(door.kept("podio/tokens").as_deref(), Some("a"));
    let secrets = behind(&door, LONG);
    let before = door.asked();
    for _ in 0..3 {
        assert_eq!(text(secrets.get(&podio(), SecretName::Tokens).await.unwrap()).as_deref(), Some("a"));
    }
    assert_eq!(door.asked(), before + 1);
}

#[tokio::test]
async fn a_missing_secret_is_asked_for_each_time_since_it_may_come() {
    let door = Arc::new(Door::default());
    let secrets = behind(&door, LONG);
    assert_eq!(text(secrets.get(&podio(), SecretName::Tokens).await.unwrap()), None);
    door.inside.lock().unwrap().kept.insert("podio/tokens".into(), "a".into());
    assert_eq!(text(secrets.get(&podio(), SecretName::Tokens).await.unwrap()).as_deref(), Some("a"));
}

#[tokio::test]
async fn forgetting_an_account_leaves_the_others() {
    let door = Arc::new(Door::default());
    let secrets = behind(&door, LONG);
    let other = AccountId::new("podio-2").unwrap();
    for name in SecretName::ALL {
        secrets.put(&podio(), name, "a".into()).await.unwrap();
        secrets.put(&other, name, "b".into()).await.unwrap();
    }
    secrets.forget(&podio()).await.unwrap();
    let left: Vec<_> = door.inside.lock().unwrap().kept.keys().cloned().collect();
    let mut all = SecretName::ALL.map(|name| format!("podio-2/{}", name.as_str()));
    all.sort();
    assert_eq!(left, all);
    assert_eq!(text(secrets.get(&podio(), SecretName::Tokens).await.unwrap()), None);
    assert_eq!(text(secrets.get(&other, SecretName::Tokens).await.unwrap()).as_deref(), Some("b"));
}

#[tokio::test]
async fn a_locked_store_is_reported_within_the_limit_and_its_late_answer_is_not_lost() {
    let door = Arc::new(Door::default());
    door.inside.lock().unwrap().kept.insert("podio/tokens".into(), "a".into());
    door.lock_up();
    let secrets = behind(&door, SHORT);
    let asked = secrets.get(&podio(), SecretName::Tokens).await;
    assert_eq!(asked.unwrap_err(), SecretError::TimedOut { seconds: 0 });
    door.unlock();
    until(|| secrets.wanted().known(&(podio(), SecretName::Tokens)).is_some()).await;
    assert_eq!(door.asked(), 1);
}

#[tokio::test]
async fn the_last_of_several_secrets_put_while_the_store_was_locked_is_the_one_it_holds() {
    let door = Arc::new(Door::default());
    door.lock_up();
    let secrets = behind(&door, SHORT);
    for token in ["a", "b", "c"] {
        secrets.put(&podio(), SecretName::Tokens, token.into()).await.unwrap_err();
    }
    // The service takes only the newest token, whatever the store holds.
    assert_eq!(text(secrets.get(&podio(), SecretName::Tokens).await.unwrap()).as_deref(), Some("c"));
    door.unlock();
    until(|| door.kept("podio/tokens").as_deref() == Some("c")).await;
}

#[tokio::test]
async fn a_secret_that_arrives_after_its_account_was_forgotten_is_deleted() {
    let door = Arc::new(Door::default());
    door.lock_up();
    let secrets = behind(&door, SHORT);
    secrets.put(&podio(), SecretName::Tokens, "a".into()).await.unwrap_err();
    secrets.forget(&podio()).await.unwrap_err();
    door.unlock();
    // Written late, then deleted: two requests, or three where the forgetting also got its turn.
    until(|| door.asked() >= 2 && secrets.wanted().unkept_one(&(podio(), SecretName::Tokens)).is_none())
        .await;
    assert_eq!(door.kept("podio/tokens"), None);
}

#[tokio::test]
async fn a_secret_refused_once_is_kept_along_with_a_later_one() {
    let door = Arc::new(Door::default());
    door.refuse_once(SecretError::NoStore("gone".into()));
    let secrets = behind(&door, LONG);
    let refused = secrets.put(&podio(), SecretName::ClientSecret, "a".into()).await;
    assert_eq!(refused.unwrap_err(), SecretError::NoStore("gone".into()));
    assert_eq!(door.kept("podio/client-secret"), None);
    secrets.put(&podio(), SecretName::Tokens, "b".into()).await.unwrap();
    assert_eq!(door.kept("podio/client-secret").as_deref(), Some("a"));
}

#[tokio::test]
async fn a_store_that_never_answers_again_is_left_for_a_new_connection() {
    let door = Arc::new(Door::default());
    door.lock_up();
    let secrets = behind(&door, SHORT);
    until_left(&secrets, &door).await;
    door.unlock();
    secrets.put(&podio(), SecretName::Tokens, "new".into()).await.unwrap();
    assert_eq!(door.kept("podio/tokens").as_deref(), Some("new"));
}

async fn until_left(secrets: &Secrets, door: &Door) {
    let asking = async {
        while door.inside.lock().unwrap().left == 0 {
            secrets.get(&podio(), SecretName::ClientSecret).await.unwrap_err();
        }
    };
    tokio::time::timeout(LONG, asking).await.expect("the stuck request was never left");
}

#[tokio::test]
async fn the_probe_leaves_nothing_behind_and_tells_the_trouble() {
    let door = Arc::new(Door::default());
    let secrets = behind(&door, LONG);
    assert!(secrets.probe().await.unwrap().contains("password store"));
    assert!(door.inside.lock().unwrap().kept.is_empty());
    door.refuse_once(SecretError::Locked);
    assert_eq!(secrets.probe().await.unwrap_err(), SecretError::Locked);
}

#[tokio::test]
async fn no_debug_text_shows_a_secret() {
    let door = Arc::new(Door::default());
    let secrets = behind(&door, LONG);
    secrets.put(&podio(), SecretName::Tokens, "hush".into()).await.unwrap();
    assert!(!format!("{secrets:?} {:?}", secrets.wanted()).contains("hush"));
}

#[tokio::test]
async fn memory_keeps_and_forgets() {
    let secrets = Secrets::memory();
    secrets.put(&podio(), SecretName::Tokens, "a".into()).await.unwrap();
    assert_eq!(text(secrets.get(&podio(), SecretName::Tokens).await.unwrap()).as_deref(), Some("a"));
    secrets.forget(&podio()).await.unwrap();
    assert_eq!(text(secrets.get(&podio(), SecretName::Tokens).await.unwrap()), None);
    assert!(secrets.probe().await.unwrap().contains("memory"));
}

#[test]
fn the_choice_is_one_of_three_words() {
    let paths = Paths::under(std::path::Path::new("/nowhere"));
    for (choice, place) in [
        (None, "password store"),
        (Some(""), "password store"),
        (Some("keyring"), "password store"),
        (Some("file"), "/nowhere/config/secrets.json"),
        (Some("memory"), "memory"),
    ] {
        let words = Secrets::from_choice(choice, &paths).unwrap().describe();
        assert!(words.contains(place), "{choice:?}: {words}");
    }
    let error = Secrets::from_choice(Some("keychain"), &paths).unwrap_err();
    assert_eq!(error.to_string(), "BELFRY_SECRETS is “keychain”; use keyring, file or memory");
}
