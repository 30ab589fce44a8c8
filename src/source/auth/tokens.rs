//! Tokens in use: gives out an access token that is good, refreshing it in time, once, and never twice at the same moment.
//!
//! In: an account's secrets. Out: [`Access`] tokens. A new pair is kept by `env::secrets` before anyone may use it, and a refresh once begun
//! runs to its end whoever waits for it: with rotating refresh tokens an answer thrown away would sign the person out.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, oneshot};

use super::oauth::{ApiKey, Grant, Granted, No, TokenEndpoint, Yes};
use crate::account::AccountId;
use crate::env::{Env, SecretError, SecretName, Tasks};
use crate::link::Failure;
use crate::source::exchange::Unanswered;

/// After early renewal failed without a word of when to come back, it rests so long.
const REST: Duration = Duration::from_secs(60);

const SIGN_IN_AGAIN: &str = "the sign-in is no longer valid: sign in again";

/// An access and refresh token with their times, in UTC.
#[derive(Debug, Clone)]
pub(crate) struct Tokens {
    access: SecretString,
    refresh: Option<SecretString>,
    issued: Timestamp,
    expires: Timestamp,
}

/// The form in the password store: one text, so that both tokens change together.
#[derive(Serialize, Deserialize)]
struct Kept {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    issued_at: Timestamp,
    expires_at: Timestamp,
}

impl Tokens {
    /// What was just granted.
    pub(crate) fn fresh(granted: Granted, now: Timestamp) -> Self {
        let lifetime = SignedDuration::try_from(granted.lifetime).unwrap_or(SignedDuration::from_hours(1));
        let expires = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        Self { access: granted.access, refresh: granted.refresh, issued: now, expires }
    }

    /// True when it is time for a new pair: a fifth of its life before its end, at least 60 s before, but never in its first half (a
    /// very short life would otherwise be renewed for every call). A clock set back behind the issue counts as time too.
    pub(crate) fn due(&self, now: Timestamp) -> bool {
        let lifetime = self.expires.duration_since(self.issued);
        let early = (lifetime / 5).max(SignedDuration::from_secs(60)).min(lifetime / 2);
        now < self.issued || now >= self.expires.checked_sub(early).unwrap_or(self.issued)
    }

    fn expired(&self, now: Timestamp) -> bool {
        now >= self.expires || now < self.issued
    }

    /// The text for the password store.
    pub(crate) fn stored(&self) -> SecretString {
        let kept = Kept {
            access_token: self.access.expose_secret().to_owned(),
            refresh_token: self.refresh.as_ref().map(|token| token.expose_secret().to_owned()),
            issued_at: self.issued,
            expires_at: self.expires,
        };
        // Texts and times only: there is nothing in it that could fail to become JSON.
        SecretString::from(serde_json::to_string(&kept).unwrap_or_default())
    }

    /// Reads the text of the password store.
    pub(crate) fn from_stored(text: &SecretString) -> Option<Self> {
        let kept: Kept = serde_json::from_str(text.expose_secret()).ok()?;
        Some(Self {
            access: kept.access_token.into(),
            refresh: kept.refresh_token.map(SecretString::from),
            issued: kept.issued_at,
            expires: kept.expires_at,
        })
    }

    fn same_as(&self, other: &Self) -> bool {
        self.access.expose_secret() == other.access.expose_secret()
    }
}

/// An access token to put into one request.
#[derive(Debug, Clone)]
pub(crate) struct Access {
    /// The token.
    pub(crate) token: SecretString,
}

/// The signed-in state of one account. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    env: Env,
    account: AccountId,
    endpoint: TokenEndpoint,
    client_id: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tokens: Option<Tokens>,
    /// True while the pair in memory could not be kept: nobody gets it before it is.
    unkept: bool,
    /// The pair that the service has refused for good. Not shown to it again.
    refused: Option<Tokens>,
    /// The secret of the API key while a sign-in is under way: nothing is read from the password store or kept there then.
    signing_in: Option<SecretString>,
    /// Early renewal failed and rests until then.
    rests_until: Option<Instant>,
}

impl Session {
    /// Over the secrets of an account; nothing is read yet.
    pub(crate) fn new(env: Env, account: AccountId, endpoint: TokenEndpoint, client_id: String) -> Self {
        Self { shared: Arc::new(Shared { env, account, endpoint, client_id, state: Mutex::default() }) }
    }

    /// A session of a sign-in under way: with tokens just granted and the secret of the API key. It keeps nothing.
    pub(crate) fn signing_in(
        env: Env,
        account: AccountId,
        endpoint: TokenEndpoint,
        client_id: String,
        secret: SecretString,
        tokens: Tokens,
    ) -> Self {
        let state = Mutex::new(State { tokens: Some(tokens), signing_in: Some(secret), ..State::default() });
        Self { shared: Arc::new(Shared { env, account, endpoint, client_id, state }) }
    }

    /// The pair in use now.
    pub(crate) async fn held(&self) -> Option<Tokens> {
        self.shared.state.lock().await.tokens.clone()
    }

    /// A good access token, refreshed first if its time has come.
    pub(crate) async fn access(&self) -> Result<Access, Failure> {
        self.asked(None).await
    }

    /// A good access token after the service refused `stale`: refreshed, unless someone else has done so meanwhile.
    pub(crate) async fn access_after(&self, stale: &Access) -> Result<Access, Failure> {
        self.asked(Some(stale.clone())).await
    }

    async fn asked(&self, stale: Option<Access>) -> Result<Access, Failure> {
        // In a task of its own, let run to its end: whoever waits here may be dropped at any moment, a refresh may not.
        let (answer, answered) = oneshot::channel();
        let shared = Arc::clone(&self.shared);
        Tasks::start("access token", async move {
            let mut state = shared.state.lock().await;
            let access = shared.access(&mut state, stale).await;
            drop(state);
            // Nobody waits any more; the pair is kept all the same.
            drop(answer.send(access));
        })
        .detach();
        answered.await.unwrap_or_else(|_| Err(Failure::transient("Belfry is stopping")))
    }
}

impl Shared {
    async fn access(&self, state: &mut State, stale: Option<Access>) -> Result<Access, Failure> {
        if state.tokens.is_none() {
            state.tokens = self.kept(state).await?;
        }
        let Some(tokens) = state.tokens.clone() else {
            return Err(Failure::sign_in("not signed in yet: sign in"));
        };
        if state.unkept {
            self.keep(state, &tokens).await?;
        }
        let now = self.env.clock.now();
        let stale = stale.is_some_and(|stale| stale.token.expose_secret() == tokens.access.expose_secret());
        if !stale && !tokens.due(now) {
            return Ok(Access { token: tokens.access });
        }
        let early = !stale && !tokens.expired(now);
        if early && state.rests_until.is_some_and(|until| self.env.clock.instant() < until) {
            return Ok(Access { token: tokens.access });
        }
        let wait = match self.refreshed(state, &tokens).await {
            Ok(access) => {
                state.rests_until = None;
                return Ok(access);
            }
            // Early renewal may fail while the old token is still good.
            Err(Failure::Later { until, .. }) if early => {
                Duration::try_from(until.duration_since(self.env.clock.now())).unwrap_or(REST)
            }
            Err(Failure::Transient { .. }) if early => REST,
            Err(failure) => return Err(failure),
        };
        state.rests_until = self.env.clock.instant().checked_add(wait);
        Ok(Access { token: tokens.access })
    }

    /// What the password store has, unless the service has refused exactly that.
    async fn kept(&self, state: &State) -> Result<Option<Tokens>, Failure> {
        if state.signing_in.is_some() {
            return Ok(None);
        }
        let text = self.env.secrets.get(&self.account, SecretName::Tokens).await.map_err(unkept)?;
        let Some(text) = text else { return Ok(None) };
        let tokens = Tokens::from_stored(&text)
            .ok_or_else(|| Failure::sign_in("the kept sign-in cannot be read: sign in again"))?;
        match &state.refused {
            Some(refused) if refused.same_as(&tokens) => Err(Failure::sign_in(SIGN_IN_AGAIN)),
            Some(_) | None => Ok(Some(tokens)),
        }
    }

    async fn refreshed(&self, state: &mut State, old: &Tokens) -> Result<Access, Failure> {
        let Some(refresh) = &old.refresh else {
            return Err(self.refuse(state, old));
        };
        let secret = match &state.signing_in {
            Some(secret) => Some(secret.clone()),
            None => self.env.secrets.get(&self.account, SecretName::ClientSecret).await.map_err(unkept)?,
        };
        let Some(secret) = secret else {
            return Err(Failure::sign_in("the secret of the API key is missing: sign in again"));
        };
        let key = ApiKey { id: self.client_id.clone(), secret };
        let asked = self.env.clock.now();
        let mut granted = match self.endpoint.ask(&key, &Grant::Refresh { token: refresh }).await {
            Ok(Yes::Tokens(granted)) => granted,
            Ok(Yes::SecondFactor(_)) | Err(No::Grant | No::SecondFactor | No::Vague(_)) => {
                // Somebody may have signed in again beside us.
                state.tokens = None;
                return match self.kept(state).await? {
                    Some(newer) if !newer.same_as(old) => {
                        let access = Access { token: newer.access.clone() };
                        state.tokens = Some(newer);
                        Ok(access)
                    }
                    Some(_) | None => Err(self.refuse(state, old)),
                };
            }
            Err(no) => return Err(failure(no, asked)),
        };
        // A server that does not rotate may leave the refresh token out (RFC 6749 §6).
        granted.refresh = granted.refresh.or_else(|| old.refresh.clone());
        let tokens = Tokens::fresh(granted, asked);
        let access = Access { token: tokens.access.clone() };
        // The old refresh token may be dead already, so the new pair stays in memory even where it cannot be kept just now.
        state.tokens = Some(tokens.clone());
        state.unkept = true;
        self.keep(state, &tokens).await?;
        Ok(access)
    }

    async fn keep(&self, state: &mut State, tokens: &Tokens) -> Result<(), Failure> {
        if state.signing_in.is_none() {
            let text = tokens.stored();
            self.env.secrets.put(&self.account, SecretName::Tokens, text).await.map_err(unkept)?;
        }
        state.unkept = false;
        Ok(())
    }

    fn refuse(&self, state: &mut State, old: &Tokens) -> Failure {
        state.tokens = None;
        state.refused = Some(old.clone());
        Failure::sign_in(SIGN_IN_AGAIN)
    }
}

/// The one place where a refused refresh becomes one of the four failures.
fn failure(no: No, now: Timestamp) -> Failure {
    let reason = no.to_string();
    match no {
        No::Key | No::Grant | No::SecondFactor => Failure::sign_in(reason),
        No::Wait(wait) => later(now, wait, reason),
        No::Other(_) | No::Vague(_) => Failure::sign_in(reason),
        No::Trouble(_) => Failure::transient(reason),
        No::Unanswered(unanswered) => unanswered_failure(&unanswered),
    }
}

/// The one place where “no answer” becomes one of the four failures.
pub(crate) fn unanswered_failure(unanswered: &Unanswered) -> Failure {
    let reason = unanswered.to_string();
    match unanswered {
        Unanswered::Certificate { .. } => Failure::fatal(reason),
        Unanswered::Unreachable { .. }
        | Unanswered::Cut { .. }
        | Unanswered::Late { .. }
        | Unanswered::Portal { .. }
        | Unanswered::TooLong { .. }
        | Unanswered::Garbage { .. } => Failure::transient(reason),
    }
}

/// A failure that names a time.
pub(crate) fn later(now: Timestamp, wait: Duration, reason: String) -> Failure {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::from_hours(1));
    Failure::Later { until: now.checked_add(wait).unwrap_or(Timestamp::MAX), reason }
}

fn unkept(error: SecretError) -> Failure {
    // The password store may be unlocked or started at any moment; the sign-in itself is still good.
    Failure::transient(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(lifetime: u64) -> (Tokens, Timestamp) {
        let now: Timestamp = "2026-11-22T10:00:00Z".parse().unwrap();
        let granted = Granted {
            access: "a".into(),
            refresh: Some("r".into()),
            lifetime: Duration::from_secs(lifetime),
            user_id: None,
        };
        (Tokens::fresh(granted, now), now)
    }

    #[test]
    fn a_pair_is_due_a_fifth_before_its_end_and_at_least_a_minute_but_not_in_its_first_half() {
        for (lifetime, first_due) in [(28_800, 23_040), (200, 140), (100, 50), (1, 0)] {
            let (tokens, issued) = tokens(lifetime);
            let after = |seconds: i64| issued + SignedDuration::from_secs(seconds);
            assert!(tokens.due(after(first_due + 1)), "{lifetime}");
            assert!(first_due == 0 || !tokens.due(after(first_due - 1)), "{lifetime}");
        }
    }

    #[test]
    fn a_clock_set_back_makes_a_pair_due() {
        let (tokens, issued) = tokens(28_800);
        assert!(tokens.due(issued - SignedDuration::from_hours(1)));
        assert!(tokens.expired(issued - SignedDuration::from_hours(1)));
    }

    #[test]
    fn a_pair_survives_its_stored_form() {
        let (tokens, _) = tokens(28_800);
        let read = Tokens::from_stored(&tokens.stored()).unwrap();
        assert!(read.same_as(&tokens));
        assert_eq!((read.issued, read.expires), (tokens.issued, tokens.expires));
        assert_eq!(read.refresh.unwrap().expose_secret(), "r");
        assert!(Tokens::from_stored(&"{}".into()).is_none());
    }
}
