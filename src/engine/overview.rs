//! The overview: pure. Accounts, links and counts become what a face shows.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::account::{Account, AccountId, Colour};
use crate::engine::links::LinkView;
use crate::engine::views::{AccountView, Overview};
use crate::link::LinkState;

/// Composes the overview. `links` holds what is known of running links; accounts missing there are off.
pub(super) fn overview(
    running: bool,
    accounts: &[Account],
    links: &BTreeMap<AccountId, LinkView>,
    unread: &BTreeMap<AccountId, u64>,
    paused_until: Option<Timestamp>,
    now: Timestamp,
) -> Overview {
    let accounts: Vec<AccountView> = accounts
        .iter()
        .enumerate()
        .map(|(place, account)| {
            let link = links.get(&account.id);
            AccountView {
                id: account.id.clone(),
                service: account.settings.service(),
                label: account.label.clone(),
                paused: account.paused,
                colour: account.choices.colour.unwrap_or_else(|| Colour::in_place(place)),
                choices: account.choices,
                state: link.map_or(LinkState::Off, |link| link.state.clone()),
                last_sign_of_life: link.and_then(|link| link.last_sign_of_life),
                unheard: link
                    .filter(|link| link.state == LinkState::Live)
                    .and_then(|link| link.unheard.clone()),
                unread: unread.get(&account.id).copied().unwrap_or(0),
            }
        })
        .collect();
    Overview {
        running,
        unread: accounts.iter().map(|account| account.unread).sum(),
        accounts,
        paused_until: paused_until.filter(|until| *until > now),
    }
}
