//! The desk: everything a face may ask or wish, with links running or without.

use jiff::Timestamp;
use tokio::sync::broadcast;

use crate::account::AccountId;
use crate::engine::views::{
    AccountView, Entry, Health, InboxWish, Opened, Overview, SignIn, SignInAnswer, SignInStep, Signal,
    TestToast, Trouble, Why,
};
use crate::env::Env;
use crate::notification::NotificationId;

/// Answers faces. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Desk {}

impl Desk {
    /// A desk without links and toasts: opens the database by itself, for commands while no resident runs. Wishes (read, unread) are
    /// kept and told to the service by the next resident.
    pub async fn offline(env: Env) -> Result<Self, Trouble> {
        let _ = env;
        Err(Trouble::failed("not written yet"))
    }
    /// What to show at a glance.
    pub async fn overview(&self) -> Result<Overview, Trouble> {
        Err(Trouble::failed("not written yet"))
    }
    /// The accounts.
    pub async fn accounts(&self) -> Result<Vec<AccountView>, Trouble> {
        Err(Trouble::failed("not written yet"))
    }
    /// Begins a sign-in, for a new account or an old one.
    pub async fn sign_in(&self, wish: SignIn) -> Result<SignInStep, Trouble> {
        let _ = wish;
        Err(Trouble::failed("not written yet"))
    }
    /// Goes on with a sign-in. `Wait` returns when the browser came back, or after five minutes with a sentence.
    pub async fn sign_in_answer(&self, attempt: u64, answer: SignInAnswer) -> Result<SignInStep, Trouble> {
        let _ = (attempt, answer);
        Err(Trouble::failed("not written yet"))
    }
    /// Pauses or resumes an account.
    pub async fn set_paused(&self, account: AccountId, paused: bool) -> Result<(), Trouble> {
        let _ = (account, paused);
        Err(Trouble::failed("not written yet"))
    }
    /// Removes an account with its secrets, rows and toasts.
    pub async fn remove_account(&self, account: AccountId) -> Result<(), Trouble> {
        let _ = account;
        Err(Trouble::failed("not written yet"))
    }
    /// Tries a waiting or broken link at once.
    pub async fn retry_now(&self, account: AccountId) -> Result<(), Trouble> {
        let _ = account;
        Err(Trouble::failed("not written yet"))
    }
    /// Lists notifications, newest first.
    pub async fn inbox(&self, wish: InboxWish) -> Result<Vec<Entry>, Trouble> {
        let _ = wish;
        Err(Trouble::failed("not written yet"))
    }
    /// Notifications kept after this row, oldest first, at most `limit`: to tell each exactly once.
    pub async fn kept_after(&self, id: NotificationId, limit: u32) -> Result<Vec<Entry>, Trouble> {
        let _ = (id, limit);
        Err(Trouble::failed("not written yet"))
    }
    /// One notification.
    pub async fn entry(&self, id: NotificationId) -> Result<Entry, Trouble> {
        let _ = id;
        Err(Trouble::failed("not written yet"))
    }
    /// Marks notifications read or unread, here and (soon) at the service. Gives back those that changed.
    pub async fn set_read(
        &self,
        ids: Vec<NotificationId>,
        read: bool,
    ) -> Result<Vec<NotificationId>, Trouble> {
        let _ = (ids, read);
        Err(Trouble::failed("not written yet"))
    }
    /// Opens a notification's context in the browser and marks it read. `token` lets the browser come to the front.
    pub async fn open(&self, id: NotificationId, token: Option<String>) -> Result<Opened, Trouble> {
        let _ = (id, token);
        Err(Trouble::failed("not written yet"))
    }
    /// Why a notification was, or was not, told.
    pub async fn why(&self, id: NotificationId) -> Result<Why, Trouble> {
        let _ = id;
        Err(Trouble::failed("not written yet"))
    }
    /// Pauses toasts until then; `None` ends a pause.
    pub async fn pause_toasts(&self, until: Option<Timestamp>) -> Result<(), Trouble> {
        let _ = until;
        Err(Trouble::failed("not written yet"))
    }
    /// What works on this machine.
    pub async fn health(&self) -> Result<Health, Trouble> {
        Err(Trouble::failed("not written yet"))
    }
    /// Raises a test toast.
    pub async fn test_toast(&self) -> Result<TestToast, Trouble> {
        Err(Trouble::failed("not written yet"))
    }
    /// What changes from now on.
    pub fn signals(&self) -> broadcast::Receiver<Signal> {
        broadcast::channel(1).1
    }
}
