//! The stage with accounts of CloudApp on it instead of Podio's.

use std::ops::{Deref, DerefMut};

use belfry::account::{AccountId, CloudappSettings};
use belfry::engine::views::{Entry, SignIn, SignInStep, SignInTo, Trouble};
use belfry::link::LinkState;
use belfry_sandbox::{CloudApp, PusherApps};

use crate::stage::{LIMIT, Stage};

/// The number of Ada's account at the sandbox, and of Ben's.
pub const ADA: u64 = 1;
pub const BEN: u64 = 2;

pub struct Drops(Stage);

impl Deref for Drops {
    type Target = Stage;
    fn deref(&self) -> &Stage {
        &self.0
    }
}

impl DerefMut for Drops {
    fn deref_mut(&mut self) -> &mut Stage {
        &mut self.0
    }
}

impl Drops {
    /// No account yet.
    pub async fn empty() -> Self {
        Self(Stage::empty().await)
    }

    /// Ada signed in and live.
    pub async fn live() -> Self {
        let drops = Self::empty().await;
        drops.sign_in(ADA).await.unwrap();
        drops.until_live().await;
        drops
    }

    pub fn there(&self) -> CloudApp {
        self.sandbox.cloudapp().clone()
    }

    pub fn pusher(&self) -> PusherApps {
        self.sandbox.pusher().clone()
    }

    /// Signs somebody in with the password that is right today.
    pub async fn sign_in(&self, number: u64) -> Result<AccountId, Trouble> {
        let user = self.there().user(number).unwrap();
        self.sign_in_with(None, &user.email, &user.password).await
    }

    pub async fn sign_in_with(
        &self,
        account: Option<AccountId>,
        email: &str,
        password: &str,
    ) -> Result<AccountId, Trouble> {
        let settings = CloudappSettings {
            push_url: Some(self.sandbox.pusher_url().parse().unwrap()),
            ..CloudappSettings::at(self.sandbox.cloudapp_url().parse().unwrap(), email)
        };
        let settings = Some(settings).filter(|_| account.is_none());
        let to = SignInTo::Cloudapp { settings, password: password.to_owned() };
        match self.desk().sign_in(SignIn { account, name: None, to }).await? {
            SignInStep::Done { account } => Ok(account),
            step => panic!("{step:?}"),
        }
    }

    pub async fn until_live(&self) {
        self.until_state("live", |state| matches!(state, LinkState::Live)).await;
    }

    /// Waits until the only row has this title.
    pub async fn until_titled(&self, title: &str) -> Entry {
        let what = format!("the row says “{title}”");
        self.until(&what, LIMIT, async || {
            self.kept().await.into_iter().find(|row| row.notification.title == title)
        })
        .await
    }

    pub async fn titles(&self) -> Vec<String> {
        let mut titles: Vec<String> =
            self.kept().await.into_iter().map(|row| row.notification.title).collect();
        titles.sort();
        titles
    }
}
