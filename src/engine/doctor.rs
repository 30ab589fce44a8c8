//! The doctor: pure. What was found out about this machine, in words.

use jiff::Timestamp;

use crate::account::AccountId;
use crate::engine::views::{Finding, Health, Overview};
use crate::env::{Paths, SecretError};
use crate::link::LinkState;
use crate::toast::ToastService;

/// How the push has done, by account: what only a later look found while the link was live.
pub(super) fn found_late(counts: &[(AccountId, u64)]) -> Vec<Finding> {
    let finding = |(account, count): &(AccountId, u64)| Finding {
        part: format!("push:{account}"),
        // They are in the inbox: nothing has to be done.
        works: true,
        words: match count {
            0 => "Push has missed nothing".to_owned(),
            1 => "Push missed 1 notification that a later look found".to_owned(),
            many => format!("Push missed {many} notifications that a later look found"),
        },
    };
    counts.iter().map(finding).collect()
}

/// Composes what `belfry doctor` says.
pub(super) fn health(
    overview: &Overview,
    toasts: ToastService,
    secrets: Result<String, SecretError>,
    kept: u64,
    paths: &Paths,
    now: Timestamp,
) -> Health {
    let mut findings = vec![
        Finding { part: "notifications".into(), works: toasts.works, words: toasts.words.clone() },
        match secrets {
            Ok(words) => Finding { part: "password-store".into(), works: true, words },
            Err(error) => Finding { part: "password-store".into(), works: false, words: error.to_string() },
        },
        Finding {
            part: "database".into(),
            works: true,
            words: format!("{kept} notifications are kept in {}", paths.database().display()),
        },
        Finding {
            part: "resident".into(),
            works: overview.running,
            words: if overview.running {
                "Belfry is running".into()
            } else {
                "Belfry is not running: nothing arrives until `belfry run` is started".into()
            },
        },
    ];
    if overview.accounts.is_empty() {
        findings.push(Finding {
            part: "accounts".into(),
            works: false,
            words: "no account is connected yet; add one with `belfry account add podio`".into(),
        });
    }
    for account in &overview.accounts {
        let life = account.last_sign_of_life.map_or(String::new(), |at| {
            let seconds = now.duration_since(at).as_secs().max(0);
            format!("; last sign of life {seconds} s ago")
        });
        let (works, words) = match &account.state {
            LinkState::Off if account.paused => (true, "paused".to_owned()),
            LinkState::Off if overview.running => {
                (false, format!("not connected; try again with `belfry account resume {}`", account.id))
            }
            LinkState::Off => (true, "not connected while Belfry is not running".to_owned()),
            LinkState::Connecting => (true, "connecting".to_owned()),
            LinkState::CatchingUp => (true, "fetching what was missed".to_owned()),
            LinkState::Live => match &account.unheard {
                None => (true, "live".to_owned()),
                Some(unheard) => (false, format!("live, but {unheard}")),
            },
            LinkState::Waiting { until, reason } => {
                let seconds = until.duration_since(now).as_secs().max(0);
                (false, format!("{reason}; tries again in {seconds} s"))
            }
            LinkState::NeedsSignIn { reason } => {
                (false, format!("{reason}; sign in again with `belfry account sign-in {}`", account.id))
            }
            LinkState::Broken { reason } => (false, reason.clone()),
        };
        findings.push(Finding {
            part: format!("link:{}", account.id),
            works,
            words: format!("{words}{life}"),
        });
    }
    Health { version: env!("CARGO_PKG_VERSION").to_owned(), findings, toasts: Some(toasts) }
}
