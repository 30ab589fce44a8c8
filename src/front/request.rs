//! The requests: one list gives the messages of the local socket, the desk's answers to them, and the calls a face makes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::account::{AccountId, Choices, PodiumSettings, PusherSettings, WebhookSettings};
use crate::act::{Act, Offer};
use crate::engine::Desk;
use crate::engine::views::{
    AccountView, ActView, Entry, FeedView, Health, InboxWish, Marked, Opened, Overview, Removed, Settings,
    SignIn, SignInAnswer, SignInStep, TestToast, Trouble, Why,
};
use crate::feed::{FieldMap, Tried};
use crate::front::Notifier;
use crate::notification::NotificationId;
use crate::part::Part;

/// How long a running Belfry may take to answer what needs no person.
const PROMPT: Duration = Duration::from_secs(60);
/// A sign-in talks to a service, maybe more than once.
const SERVICE: Duration = Duration::from_secs(180);
/// The desk gives a person five minutes at the browser; this is a little more.
const PERSON: Duration = Duration::from_secs(360);

/// Each line reads `method as Variant (parameters) -> answer, within limit;` and has the name and the meaning of the desk's method.
macro_rules! requests {
    ($(
        $(#[$doc:meta])*
        $method:ident as $variant:ident ( $($name:ident: $type:ty),* ) -> $answer:ty, within $limit:ident;
    )*) => {
        /// What a face asks, as it crosses the local socket.
        #[derive(Debug, Clone, Serialize, Deserialize)]
        #[serde(tag = "method", content = "params", rename_all = "snake_case")]
        #[expect(clippy::large_enum_variant, reason = "one request lives for a moment; a box would only be in the way")]
        #[allow(missing_docs, reason = "each field is the parameter of that name of the desk's method")]
        pub enum Request {
            $($(#[$doc])* $variant { $($name: $type),* },)*
        }

        impl Request {
            /// The methods by name.
            pub const METHODS: &[&str] = &[$(stringify!($method),)*];

            /// The method's name.
            pub fn method(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => stringify!($method),)*
                }
            }

            /// How long to wait for the answer.
            pub fn limit(&self) -> Duration {
                match self {
                    $(Self::$variant { .. } => $limit,)*
                }
            }

            /// The desk's answer, as JSON.
            pub async fn answered_by(self, desk: &Desk) -> Result<Box<RawValue>, Trouble> {
                match self {
                    $(Self::$variant { $($name),* } => to_json(&desk.$method($($name),*).await?),)*
                }
            }
        }

        impl Notifier {
            $(
                $(#[$doc])*
                pub async fn $method(&self $(, $name: $type)*) -> Result<$answer, Trouble> {
                    match self {
                        Self::Here(desk) => desk.$method($($name),*).await,
                        Self::There(client) => client.ask(Request::$variant { $($name),* }).await,
                    }
                }
            )*
        }
    };
}

requests! {
    /// What to show at a glance.
    overview as Overview () -> Overview, within PROMPT;
    /// The accounts.
    accounts as Accounts () -> Vec<AccountView>, within PROMPT;
    /// Begins a sign-in, for a new account or an old one.
    sign_in as SignIn (wish: SignIn) -> SignInStep, within SERVICE;
    /// Goes on with a sign-in.
    sign_in_answer as SignInAnswer (attempt: u64, answer: SignInAnswer) -> SignInStep, within PERSON;
    /// Adds the demo and starts it; where there is one already, gives back its name.
    add_demo as AddDemo () -> AccountId, within PROMPT;
    /// Pauses or resumes an account.
    set_paused as SetPaused (account: AccountId, paused: bool) -> (), within PROMPT;
    /// Keeps what the person chose for an account; holds for what comes from now on.
    set_choices as SetChoices (account: AccountId, choices: Choices) -> (), within PROMPT;
    /// What an account's feed is made into notifications by, and what came last.
    feed as Feed (account: AccountId) -> FeedView, within PROMPT;
    /// What this map, or the account's own, makes of what came last, newest first.
    try_map as TryMap (account: AccountId, map: Option<FieldMap>) -> Vec<Tried>, within PROMPT;
    /// Keeps another map for an account, if it makes sense; holds for what comes from now on.
    set_map as SetMap (account: AccountId, map: FieldMap) -> (), within PROMPT;
    /// How an account at a Pusher-compatible server is set. There is no secret in it.
    pusher_settings as PusherSettings (account: AccountId) -> PusherSettings, within PROMPT;
    /// How a webhook account is set. The channel in it is as good as a password for sending.
    webhook_settings as WebhookSettings (account: AccountId) -> WebhookSettings, within PROMPT;
    /// How an account at Podium is set. The channel in it is as good as a password for sending.
    podium_settings as PodiumSettings (account: AccountId) -> PodiumSettings, within PROMPT;
    /// The address that a service has to send to for this account to ring. Whoever knows it can send.
    hook_address as HookAddress (account: AccountId) -> String, within PROMPT;
    /// Signs an account out at its service, and removes it with its secrets, rows and toasts.
    remove_account as RemoveAccount (account: AccountId) -> Removed, within PROMPT;
    /// Tries a waiting or broken link at once.
    retry_now as RetryNow (account: AccountId) -> (), within PROMPT;
    /// Lists notifications, newest first, without their `raw`. Over the local socket an answer is limited in size: ask for pages.
    inbox as Inbox (wish: InboxWish) -> Vec<Entry>, within PROMPT;
    /// Notifications kept after this row, oldest first, at most `limit`.
    kept_after as KeptAfter (id: NotificationId, limit: u32) -> Vec<Entry>, within PROMPT;
    /// The newest row number in use; rows kept from now on are above it.
    newest as Newest () -> NotificationId, within PROMPT;
    /// One notification.
    entry as Entry (id: NotificationId) -> Entry, within PROMPT;
    /// What the detail view of a notification shows.
    parts as Parts (id: NotificationId) -> Vec<Part>, within PROMPT;
    /// Marks notifications read or unread, here and (soon) at the service. Gives back those that changed.
    set_read as SetRead (ids: Vec<NotificationId>, read: bool) -> Vec<NotificationId>, within PROMPT;
    /// Marks all that is kept about the same thing as this notification read or unread. Gives back those that changed.
    set_thread_read as SetThreadRead (id: NotificationId, read: bool) -> Vec<NotificationId>, within PROMPT;
    /// Stars notifications, or takes their stars away, here and (soon) at the service. Gives back those that changed.
    set_starred as SetStarred (ids: Vec<NotificationId>, starred: bool) -> Vec<NotificationId>, within PROMPT;
    /// Marks all as read, of one account or of all, here and (soon) at the service. Heard as one signal.
    mark_all_read as MarkAllRead (account: Option<AccountId>) -> Marked, within PROMPT;
    /// Takes back what [`Notifier::mark_all_read`] did, as far as nothing else happened to it since. Gives back how many it was.
    undo as Undo (batch: u64) -> u64, within PROMPT;
    /// Opens a notification's context in the browser and marks it read.
    open as Open (id: NotificationId, token: Option<String>) -> Opened, within PROMPT;
    /// What a notification offers to do at its service, by how things stand.
    offers as Offers (id: NotificationId) -> Vec<Offer>, within PROMPT;
    /// Does it: keeps it, and tells the service some seconds later, or when it can be reached.
    act as Act (id: NotificationId, act: Act) -> ActView, within PROMPT;
    /// What was done from a notification, oldest first, and what came of each.
    acts as Acts (id: NotificationId) -> Vec<ActView>, within PROMPT;
    /// Takes back what the service was not told yet.
    undo_act as UndoAct (number: i64) -> ActView, within PROMPT;
    /// Why a notification was, or was not, told.
    why as Why (id: NotificationId) -> Why, within PROMPT;
    /// Pauses toasts until then; `None` ends a pause.
    pause_toasts as PauseToasts (until: Option<Timestamp>) -> (), within PROMPT;
    /// What the person chose.
    settings as Settings () -> Settings, within PROMPT;
    /// Keeps what the person chose; holds at once.
    set_settings as SetSettings (settings: Settings) -> (), within PROMPT;
    /// What works on this machine.
    health as Health () -> Health, within PROMPT;
    /// Raises a test toast.
    test_toast as TestToast () -> TestToast, within PROMPT;
}

fn to_json(answer: &impl Serialize) -> Result<Box<RawValue>, Trouble> {
    serde_json::value::to_raw_value(answer)
        .map_err(|error| Trouble::failed(format!("the answer could not be written down: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_crosses_under_the_name_of_its_method() {
        let request = Request::SetPaused { account: AccountId::new("podio").unwrap(), paused: true };
        let crossed = serde_json::to_value(&request).unwrap();
        assert_eq!(
            crossed,
            serde_json::json!({"method": "set_paused", "params": {"account": "podio", "paused": true}})
        );
        assert_eq!(request.method(), "set_paused");
    }

    #[test]
    fn each_listed_method_is_one_the_messages_know() {
        for method in Request::METHODS {
            let answer = serde_json::from_value::<Request>(
                serde_json::json!({"method": method, "params": {"no such": 1}}),
            );
            if let Err(error) = answer {
                assert!(!error.to_string().contains("unknown variant"), "{method}: {error}");
            }
        }
    }
}
