//! What the page may ask: one call of the front door each. Each name stands in `build.rs` and in `capabilities/main.json` as well; what
//! does not is refused. A page can open nothing but what is kept, by its number, and not many at once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use belfry::account::{AccountId, Choices, PodiumSettings, PusherSettings, WebhookSettings};
use belfry::act::{Act, Offer};
use belfry::env::Opener;
use belfry::feed::{FieldMap, Tried};
use belfry::front::views::{
    AccountView, ActView, Entry, FeedView, Health, InboxWish, Marked, Opened, Overview, Removed, Settings,
    SignIn, SignInAnswer, SignInStep, TestToast, Trouble, Why,
};
use belfry::notification::NotificationId;
use belfry::part::Part;
use tauri::ipc::Invoke;
use tauri::{AppHandle, State, Url, Wry};

use crate::login_start::{self, LoginStart};
use crate::resident::Resident;
use crate::window::{At, Wanted};

type Answer<T> = Result<T, Trouble>;
type Hold<'a> = State<'a, Resident>;

/// All commands.
pub(crate) fn all() -> impl Fn(Invoke<Wry>) -> bool + Send + Sync + 'static {
    tauri::generate_handler![
        overview,
        accounts,
        inbox,
        entry,
        parts,
        why,
        set_read,
        set_thread_read,
        set_starred,
        mark_all_read,
        undo,
        open,
        offers,
        act,
        acts,
        undo_act,
        sign_in,
        sign_in_answer,
        set_paused,
        set_choices,
        feed,
        try_map,
        set_map,
        pusher_settings,
        webhook_settings,
        podium_settings,
        hook_address,
        remove_account,
        retry_now,
        pause_toasts,
        settings,
        set_settings,
        health,
        test_toast,
        add_demo,
        wanted,
        login_start,
        set_login_start,
    ]
}

#[tauri::command]
async fn overview(resident: Hold<'_>) -> Answer<Overview> {
    resident.notifier().await?.overview().await
}

#[tauri::command]
async fn accounts(resident: Hold<'_>) -> Answer<Vec<AccountView>> {
    resident.notifier().await?.accounts().await
}

#[tauri::command]
async fn inbox(resident: Hold<'_>, wish: InboxWish) -> Answer<Vec<Entry>> {
    resident.notifier().await?.inbox(wish).await
}

#[tauri::command]
async fn entry(resident: Hold<'_>, id: NotificationId) -> Answer<Entry> {
    resident.notifier().await?.entry(id).await
}

#[tauri::command]
async fn parts(resident: Hold<'_>, id: NotificationId) -> Answer<Vec<Part>> {
    resident.notifier().await?.parts(id).await
}

#[tauri::command]
async fn why(resident: Hold<'_>, id: NotificationId) -> Answer<Why> {
    resident.notifier().await?.why(id).await
}

#[tauri::command]
async fn set_read(resident: Hold<'_>, ids: Vec<NotificationId>, read: bool) -> Answer<Vec<NotificationId>> {
    resident.notifier().await?.set_read(ids, read).await
}

#[tauri::command]
async fn set_thread_read(resident: Hold<'_>, id: NotificationId, read: bool) -> Answer<Vec<NotificationId>> {
    resident.notifier().await?.set_thread_read(id, read).await
}

#[tauri::command]
async fn set_starred(
    resident: Hold<'_>,
    ids: Vec<NotificationId>,
    starred: bool,
) -> Answer<Vec<NotificationId>> {
    resident.notifier().await?.set_starred(ids, starred).await
}

#[tauri::command]
async fn mark_all_read(resident: Hold<'_>, account: Option<AccountId>) -> Answer<Marked> {
    resident.notifier().await?.mark_all_read(account).await
}

#[tauri::command]
async fn undo(resident: Hold<'_>, batch: u64) -> Answer<u64> {
    resident.notifier().await?.undo(batch).await
}

#[tauri::command]
async fn open(resident: Hold<'_>, openings: State<'_, Openings>, id: NotificationId) -> Answer<Opened> {
    openings.one_more()?;
    resident.notifier().await?.open(id, None).await
}

#[tauri::command]
async fn offers(resident: Hold<'_>, id: NotificationId) -> Answer<Vec<Offer>> {
    resident.notifier().await?.offers(id).await
}

#[tauri::command]
async fn act(resident: Hold<'_>, id: NotificationId, act: Act) -> Answer<ActView> {
    resident.notifier().await?.act(id, act).await
}

#[tauri::command]
async fn acts(resident: Hold<'_>, id: NotificationId) -> Answer<Vec<ActView>> {
    resident.notifier().await?.acts(id).await
}

#[tauri::command]
async fn undo_act(resident: Hold<'_>, number: i64) -> Answer<ActView> {
    resident.notifier().await?.undo_act(number).await
}

#[tauri::command]
async fn sign_in(resident: Hold<'_>, openings: State<'_, Openings>, wish: SignIn) -> Answer<SignInStep> {
    openings.one_more()?;
    let step = resident.notifier().await?.sign_in(wish).await?;
    if let SignInStep::Browser { url, .. } = &step {
        // The resident made this address from the account's own settings, so its host is one the person named.
        let own = Url::parse(url).ok();
        if let Err(error) = Opener::default().open(url, own.as_ref().as_slice(), false, None).await {
            // The page shows the address, too.
            eprintln!("belfry-desktop: {error}");
        }
    }
    Ok(step)
}

#[tauri::command]
async fn sign_in_answer(resident: Hold<'_>, attempt: u64, answer: SignInAnswer) -> Answer<SignInStep> {
    resident.notifier().await?.sign_in_answer(attempt, answer).await
}

#[tauri::command]
async fn set_paused(resident: Hold<'_>, account: AccountId, paused: bool) -> Answer<()> {
    resident.notifier().await?.set_paused(account, paused).await
}

#[tauri::command]
async fn set_choices(resident: Hold<'_>, account: AccountId, choices: Choices) -> Answer<()> {
    resident.notifier().await?.set_choices(account, choices).await
}

#[tauri::command]
async fn feed(resident: Hold<'_>, account: AccountId) -> Answer<FeedView> {
    resident.notifier().await?.feed(account).await
}

#[tauri::command]
async fn try_map(resident: Hold<'_>, account: AccountId, map: Option<FieldMap>) -> Answer<Vec<Tried>> {
    resident.notifier().await?.try_map(account, map).await
}

#[tauri::command]
async fn set_map(resident: Hold<'_>, account: AccountId, map: FieldMap) -> Answer<()> {
    resident.notifier().await?.set_map(account, map).await
}

#[tauri::command]
async fn pusher_settings(resident: Hold<'_>, account: AccountId) -> Answer<PusherSettings> {
    resident.notifier().await?.pusher_settings(account).await
}

#[tauri::command]
async fn webhook_settings(resident: Hold<'_>, account: AccountId) -> Answer<WebhookSettings> {
    resident.notifier().await?.webhook_settings(account).await
}

#[tauri::command]
async fn podium_settings(resident: Hold<'_>, account: AccountId) -> Answer<PodiumSettings> {
    resident.notifier().await?.podium_settings(account).await
}

#[tauri::command]
async fn hook_address(resident: Hold<'_>, account: AccountId) -> Answer<String> {
    resident.notifier().await?.hook_address(account).await
}

#[tauri::command]
async fn remove_account(resident: Hold<'_>, account: AccountId) -> Answer<Removed> {
    resident.notifier().await?.remove_account(account).await
}

#[tauri::command]
async fn retry_now(resident: Hold<'_>, account: AccountId) -> Answer<()> {
    resident.notifier().await?.retry_now(account).await
}

#[tauri::command]
async fn pause_toasts(resident: Hold<'_>, until: Option<jiff::Timestamp>) -> Answer<()> {
    resident.notifier().await?.pause_toasts(until).await
}

#[tauri::command]
async fn settings(resident: Hold<'_>) -> Answer<Settings> {
    resident.notifier().await?.settings().await
}

#[tauri::command]
async fn set_settings(resident: Hold<'_>, settings: Settings) -> Answer<()> {
    resident.notifier().await?.set_settings(settings).await
}

#[tauri::command]
async fn health(resident: Hold<'_>) -> Answer<Health> {
    resident.notifier().await?.health().await
}

#[tauri::command]
async fn test_toast(resident: Hold<'_>) -> Answer<TestToast> {
    resident.notifier().await?.test_toast().await
}

#[tauri::command]
async fn add_demo(resident: Hold<'_>) -> Answer<AccountId> {
    resident.notifier().await?.add_demo().await
}

#[tauri::command]
async fn wanted(wanted: State<'_, Wanted>) -> Answer<At> {
    Ok(wanted.take())
}

#[tauri::command]
async fn login_start(app: AppHandle) -> Answer<LoginStart> {
    login_start::look(&app)
}

#[tauri::command]
async fn set_login_start(app: AppHandle, on: bool) -> Answer<LoginStart> {
    login_start::set(&app, on)
}

/// When the browser was last opened: a page that has gone wild must not open a hundred tabs.
#[derive(Debug, Default)]
pub(crate) struct Openings(Mutex<VecDeque<Instant>>);

impl Openings {
    const MOST: usize = 5;
    const WITHIN: Duration = Duration::from_secs(2);

    fn one_more(&self) -> Answer<()> {
        self.one_more_at(Instant::now())
    }

    fn one_more_at(&self, now: Instant) -> Answer<()> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        opened.retain(|then| now.saturating_duration_since(*then) < Self::WITHIN);
        if opened.len() >= Self::MOST {
            return Err(Trouble::usage("too much was opened at once; wait a moment"));
        }
        opened.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_may_be_opened_within_two_seconds_and_then_more() {
        let openings = Openings::default();
        let began = Instant::now();
        let at = |ms| began + Duration::from_millis(ms);
        for ms in [0, 100, 200, 300, 400] {
            openings.one_more_at(at(ms)).unwrap();
        }
        assert!(openings.one_more_at(at(1_900)).is_err());
        openings.one_more_at(at(2_000)).unwrap();
        assert!(openings.one_more_at(at(2_001)).is_err());
        openings.one_more_at(at(2_100)).unwrap();
    }
}
