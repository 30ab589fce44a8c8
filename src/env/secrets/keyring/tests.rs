//! The translation of the stores' errors, and the second chance of a store that was opened before.

use std::any::Any;
use std::collections::VecDeque;

use keyring_core::api::CredentialStoreApi;
use keyring_core::mock;

use super::*;

/// The keyring project's mock, which takes no modifiers.
struct Plain(Arc<mock::Store>);

impl CredentialStoreApi for Plain {
    fn vendor(&self) -> String {
        self.0.vendor()
    }
    fn id(&self) -> String {
        self.0.id()
    }
    fn build(
        &self,
        service: &str,
        user: &str,
        _: Option<&HashMap<&str, &str>>,
    ) -> keyring_core::Result<Entry> {
        self.0.build(service, user, None)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn debug_fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Plain")
    }
}

fn failure(words: &str) -> Error {
    Error::PlatformFailure(words.into())
}

/// A keyring that opens these in turn.
fn opening(stores: Vec<keyring_core::Result<Arc<mock::Store>>>) -> Keyring {
    let stores = Mutex::new(VecDeque::from(stores));
    Keyring::opened_by(Box::new(move || {
        let next = stores.lock().unwrap().pop_front().expect("opened once too often");
        next.map(|store| Arc::new(Plain(store)) as Arc<CredentialStore>)
    }))
}

fn will_fail(store: &mock::Store, error: Error) {
    let entry = store.build(SERVICE, "podio/tokens", None).unwrap();
    entry.as_any().downcast_ref::<mock::Cred>().unwrap().set_error(error);
}

fn read(keyring: &Keyring) -> Result<Option<String>, SecretError> {
    Ok(keyring.read("podio/tokens")?.map(|secret| secret.expose_secret().to_owned()))
}

#[test]
fn a_store_that_starts_late_is_found() {
    let keyring = opening(vec![Err(failure("nobody there")), mock::Store::new()]);
    assert_eq!(read(&keyring), Err(SecretError::NoStore("nobody there".into())));
    keyring.write("podio/tokens", &"a".into()).unwrap();
    assert_eq!(read(&keyring), Ok(Some("a".into())));
}

#[test]
fn a_store_that_started_anew_is_opened_anew() {
    let (old, new) = (mock::Store::new().unwrap(), mock::Store::new().unwrap());
    new.build(SERVICE, "podio/tokens", None).unwrap().set_password("a").unwrap();
    let keyring = opening(vec![Ok(Arc::clone(&old)), Ok(new)]);
    assert_eq!(read(&keyring), Ok(None));
    will_fail(&old, failure("the session is gone"));
    assert_eq!(read(&keyring), Ok(Some("a".into())));
}

#[test]
fn a_fresh_store_that_fails_gets_no_second_chance_in_the_same_request() {
    let store = mock::Store::new().unwrap();
    will_fail(&store, failure("broken"));
    let keyring = opening(vec![Ok(Arc::clone(&store)), Ok(store)]);
    assert_eq!(read(&keyring), Err(SecretError::Other("broken".into())));
    assert_eq!(read(&keyring), Ok(None));
}

#[test]
fn a_cancelled_question_is_not_asked_again_at_once() {
    #[cfg(target_os = "linux")]
    {
        let store = mock::Store::new().unwrap();
        let keyring = opening(vec![Ok(Arc::clone(&store))]);
        assert_eq!(read(&keyring), Ok(None));
        will_fail(&store, Error::NoStorageAccess(Box::new(secret_service::Error::Prompt)));
        assert_eq!(read(&keyring), Err(SecretError::Denied));
    }
}

#[test]
fn deleting_what_is_not_there_is_no_error() {
    let keyring = opening(vec![mock::Store::new()]);
    keyring.delete("podio/tokens").unwrap();
}

#[test]
fn each_error_of_a_store_becomes_words_without_its_bytes() {
    let cases = [
        (Error::TooLong("secret".into(), 2560), SecretError::TooLong { limit: 2560 }),
        (Error::BadEncoding(b"hush".to_vec()), SecretError::NotText),
        (Error::BadDataFormat(b"hush".to_vec(), "hush".into()), SecretError::NotText),
        (Error::NoStorageAccess("closed".into()), SecretError::NoStore("closed".into())),
        (failure("broken"), SecretError::Other("broken".into())),
    ];
    for (error, expected) in cases {
        let told = explain(error);
        assert!(!told.to_string().contains("hush"));
        assert_eq!(told, expected);
    }
    let store = mock::Store::new().unwrap();
    store.build(SERVICE, "podio/tokens", None).unwrap().set_secret(&[0xff, 0xfe]).unwrap();
    assert_eq!(read(&opening(vec![Ok(store)])), Err(SecretError::NotText));
}

#[cfg(target_os = "linux")]
#[test]
fn each_error_of_the_secret_service_becomes_words() {
    use secret_service::Error as Service;
    let io = |kind: std::io::ErrorKind| zbus::Error::InputOutput(Arc::new(kind.into()));
    let fdo = |name: fn(String) -> zbus::fdo::Error| zbus::Error::FDO(Box::new(name("gone".into())));
    let no_store = |error: &SecretError| matches!(error, SecretError::NoStore(_));
    type Expected = fn(&SecretError) -> bool;
    let cases: Vec<(Service, Expected)> = vec![
        (Service::Locked, |error| *error == SecretError::Locked),
        (Service::Prompt, |error| *error == SecretError::Denied),
        (Service::NoResult, no_store),
        (Service::Unavailable, no_store),
        (Service::PromptDisconnected, no_store),
        (Service::Zbus(io(std::io::ErrorKind::ConnectionRefused)), no_store),
        (Service::Zbus(fdo(zbus::fdo::Error::ServiceUnknown)), no_store),
        (Service::ZbusFdo(zbus::fdo::Error::ServiceUnknown("gone".into())), no_store),
        (Service::Zbus(fdo(zbus::fdo::Error::AccessDenied)), |error| matches!(error, SecretError::Other(_))),
        (Service::Crypto("bad padding"), |error| matches!(error, SecretError::Other(_))),
    ];
    for (error, expected) in cases {
        let words = error.to_string();
        let told = explain(Error::PlatformFailure(Box::new(error)));
        assert!(expected(&told), "{words} became {told:?}");
    }
}
