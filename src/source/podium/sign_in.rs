//! Signing in to Podium: by the browser, whose return the relay carries here or the person pastes; then the place to listen to; then the
//! one webhook.
//!
//! In: settings, the developer app's secret, a channel that was joined, what the person answers. Out: settings that know place and webhook,
//! and the secrets to keep. Nothing is kept here: whether this is wanted is not known to this part. Who does not keep what came of it calls
//! [`undo`], or a webhook stays behind.
//!
//! The relay may hold what came while nobody was signed in, signed with the secret that is kept: signing in again goes on with that one.

use std::collections::BTreeMap;
use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use secrecy::SecretString;
use tokio::sync::oneshot;
use tracing::{debug, info, warn};
use url::Url;

use super::api::{Api, ApiError, scopes};
use super::places::{self, Places};
use super::webhook::{self, Wanted};
use super::{app_scopes, token_endpoint};
use crate::account::{
    AccountId, PodiumPlace, PodiumSettings, Receiver, RelayKind, Settings, is_this_machine,
};
use crate::env::{Env, SecretName, Tasks};
use crate::link::Failure;
use crate::source::SignedIn;
use crate::source::auth::ApiKey;
use crate::source::auth::oauth::{self, Grant, Granted, No, TokenEndpoint, Yes};
use crate::source::auth::redirect::{self, Return};
use crate::source::auth::tokens::{Session, Tokens, later, unanswered_failure};
use crate::source::exchange::host_of;
use crate::source::webhook::{Heard, Hooks, Joined, Position, leave};

/// How long a person may take in the browser.
const PATIENCE: Duration = Duration::from_secs(300);
/// How long to wait before the relay is asked again while the person is in the browser.
const AGAIN: Duration = Duration::from_secs(1);

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// The person has to go to the browser.
    Browser(Box<BrowserSignIn>),
    /// The person has to choose what to listen to.
    Place(Box<PlaceChoice>),
    /// Signed in, and there is a webhook.
    Done(Box<SignedIn>),
}

/// Why signing in did not work. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The person, or somebody in their place, said no in the browser.
    #[error("access was not allowed in the browser: start again and allow it, or nothing can be shown")]
    Cancelled,
    /// The developer app is wrong.
    #[error(
        "Podium does not know this developer app: check client id and client secret (they are on developer.podium.com)"
    )]
    WrongKey,
    /// The browser's code is no longer good, or nobody came back in time.
    #[error("the sign-in took too long or was used before: start again")]
    Expired,
    /// What was pasted is no code, or belongs to another attempt.
    #[error(
        "this is neither the code nor the address that the browser ended on for this sign-in: copy it again"
    )]
    NotACode,
    /// Podium refused for another reason.
    #[error(
        "Podium refused the sign-in ({sentence}): check the developer app, its scopes and its redirect address, then try again"
    )]
    Refused {
        /// What Podium said.
        sentence: String,
    },
    /// There is nowhere to send the browser back to.
    #[error(
        "Podium has to send the browser back to an https address that is registered with your developer app: name it (--redirect-url), since there is no belfry-relay whose page it could be"
    )]
    NoRedirect,
    /// What the relay passes on cannot be checked.
    #[error(
        "{0} does not pass on what Podium sends as it came, so that no signature can be checked: use belfry-relay or gosmee"
    )]
    Inexact(String),
    /// Nobody outside reaches a port of this machine.
    #[error(
        "Podium cannot reach a port of this machine: name the address of a tunnel that leads to it (--public-url), or use a relay"
    )]
    NoTunnel,
    /// This person sees no location.
    #[error("Podium shows no location to this person: somebody with a location has to sign in")]
    NoPlace,
    /// The place that was wished is not there.
    #[error("Podium has no location or organisation “{wished}” for this person; there are: {there}")]
    UnknownPlace {
        /// What was wished.
        wished: String,
        /// The names there are.
        there: String,
    },
    /// Another account listens there.
    #[error(
        "the account “{by}” listens to “{place}” already: choose another place, or remove that account first"
    )]
    Taken {
        /// What the place is called.
        place: String,
        /// The account.
        by: AccountId,
    },
    /// An address in the settings cannot be used.
    #[error("“{0}” cannot be used: check the addresses of this account")]
    BadAddress(String),
    /// The sign-in does not reach so far.
    #[error("{0}")]
    Scope(String),
    /// No connection, trouble at the service, a wait.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl SignInError {
    /// True if the person has to do something about their sign-in; false if something else is in the way.
    pub fn needs_sign_in(&self) -> bool {
        match self {
            Self::Cancelled
            | Self::WrongKey
            | Self::Expired
            | Self::NotACode
            | Self::Refused { .. }
            | Self::Scope(_)
            | Self::Failed(Failure::SignIn { .. }) => true,
            Self::NoRedirect
            | Self::Inexact(_)
            | Self::NoTunnel
            | Self::NoPlace
            | Self::UnknownPlace { .. }
            | Self::Taken { .. }
            | Self::BadAddress(_)
            | Self::Failed(Failure::Transient { .. } | Failure::Later { .. } | Failure::Fatal { .. }) => {
                false
            }
        }
    }
}

impl From<ApiError> for SignInError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Scope { .. } => Self::Scope(error.to_string()),
            ApiError::Failed(failure) => Self::Failed(failure),
            ApiError::Gone | ApiError::OldCursor | ApiError::Refused(_) => {
                Self::Refused { sentence: error.to_string() }
            }
        }
    }
}

/// The places, by their uid, that other accounts of the same server listen to.
pub type Taken = BTreeMap<String, AccountId>;

/// Begins to sign in. `joined` is the channel that the webhook will send to; a place of `taken` is refused before anything is made for it.
pub async fn begin(
    env: &Env,
    account: &AccountId,
    settings: PodiumSettings,
    client_secret: SecretString,
    joined: Joined,
    taken: Taken,
) -> Result<Step, SignInError> {
    let before = settings;
    // What is withheld is asked for again: the developer app may have been given the scope since.
    let settings =
        PodiumSettings { receiver: joined.receiver.clone(), withheld: Vec::new(), ..before.clone() };
    can_be_heard(&settings)?;
    let own_page = relays_page(&settings.receiver);
    // The relay knows by the state to whom it carries what the browser brings back.
    let nonce = BASE64URL_NOPAD.encode(&rand::random::<[u8; 24]>());
    let (redirect, state) = match (&settings.redirect_url, own_page) {
        (Some(url), _) => (url.clone(), with_channel(&settings.receiver, &nonce)),
        (None, Some(url)) => (url, with_channel(&settings.receiver, &nonce)),
        (None, None) => return Err(SignInError::NoRedirect),
    };
    let state = SecretString::from(state);
    let events = webhook::events(&settings);
    let scopes = app_scopes(&scopes(&events));
    let url = oauth::authorize_url(&settings.authorize_url, &redirect, &settings.client_id, &scopes, &state);
    let url = url.ok_or_else(|| SignInError::BadAddress(redirect.to_string()))?;
    let key = ApiKey { id: settings.client_id.clone(), secret: client_secret };
    let endpoint = token_endpoint(&settings, env);
    let (env, account) = (env.clone(), account.clone());
    let ground = Ground { env, account, before, settings, key, endpoint, joined, taken };
    Ok(Step::Browser(Box::new(BrowserSignIn {
        ground,
        url,
        redirect,
        state,
        hooks: None,
        after: None,
        code: None,
        deadline: tokio::time::Instant::now() + PATIENCE,
    })))
}

/// What comes through smee was read and written anew, and Podium signs every byte; a port of this machine is reached by this machine only.
fn can_be_heard(settings: &PodiumSettings) -> Result<(), SignInError> {
    match &settings.receiver {
        Receiver::Relay(relay) if relay.kind == RelayKind::Smee => {
            Err(SignInError::Inexact(host_of(&relay.url)))
        }
        Receiver::Local(local) if local.public_url.is_none() && !is_this_machine(&settings.api_url) => {
            Err(SignInError::NoTunnel)
        }
        Receiver::Relay(_) | Receiver::Local(_) => Ok(()),
    }
}

/// The page that carries the browser's return here: only Belfry's own relay has one.
fn relays_page(receiver: &Receiver) -> Option<Url> {
    match receiver {
        Receiver::Relay(relay) if relay.kind == RelayKind::Belfry => Some(relay.oauth_url()),
        Receiver::Relay(_) | Receiver::Local(_) => None,
    }
}

fn with_channel(receiver: &Receiver, nonce: &str) -> String {
    match receiver {
        Receiver::Relay(relay) if !relay.channel.is_empty() => format!("{}.{nonce}", relay.channel),
        Receiver::Relay(_) | Receiver::Local(_) => nonce.to_owned(),
    }
}

/// What every step stands on.
#[derive(Debug, Clone)]
struct Ground {
    env: Env,
    account: AccountId,
    /// As they were when this sign-in began.
    before: PodiumSettings,
    settings: PodiumSettings,
    key: ApiKey,
    endpoint: TokenEndpoint,
    joined: Joined,
    taken: Taken,
}

/// A sign-in that waits for the browser.
#[derive(Debug)]
pub struct BrowserSignIn {
    ground: Ground,
    url: Url,
    redirect: Url,
    state: SecretString,
    hooks: Option<Hooks>,
    after: Option<Position>,
    /// What came back and is not exchanged yet: kept, so that a wait broken off can be taken up again.
    code: Option<SecretString>,
    deadline: tokio::time::Instant,
}

impl BrowserSignIn {
    /// The address to open in the browser.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// True if the browser's return comes here by itself; false if the person has to paste the address it ended on.
    pub fn comes_by_itself(&self) -> bool {
        relays_page(&self.ground.settings.receiver).as_ref() == Some(&self.redirect)
    }

    /// Waits until the browser has come back, at most five minutes from the beginning. May be dropped and called again.
    pub async fn wait(&mut self) -> Result<Step, SignInError> {
        if self.code.is_none() {
            let deadline = self.deadline;
            let came = tokio::time::timeout_at(deadline, self.returned()).await;
            self.code = Some(code(came.map_err(|_| SignInError::Expired)??)?);
        }
        self.exchange().await
    }

    /// Takes what the person copied from the browser instead: the code, or the whole address that it ended on.
    pub async fn pasted(&mut self, text: &str) -> Result<Step, SignInError> {
        let came = redirect::pasted(text, &self.state).ok_or(SignInError::NotACode)?;
        self.code = Some(code(came)?);
        self.exchange().await
    }

    async fn returned(&mut self) -> Result<Return, SignInError> {
        if !self.comes_by_itself() {
            return std::future::pending().await;
        }
        loop {
            if self.hooks.is_none() {
                let (receiver, secrets) = (&self.ground.joined.receiver, &self.ground.joined.secrets);
                self.hooks = Some(Hooks::start(receiver, secrets, &self.ground.env, self.after.clone())?);
            }
            let Some(hooks) = &mut self.hooks else { continue };
            match hooks.next().await {
                Ok(Heard::Returned(came, position)) => {
                    self.after = position.or(self.after.take());
                    if let Some(came) = redirect::carried(&came.query, &self.state) {
                        return Ok(came);
                    }
                    debug!("a browser came back from another sign-in");
                }
                // What comes meanwhile is kept by the relay for the account that will be.
                Ok(_) => {}
                Err(failure @ (Failure::SignIn { .. } | Failure::Fatal { .. })) => return Err(failure.into()),
                Err(failure) => {
                    debug!(%failure, "the relay is asked again");
                    self.hooks = None;
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn exchange(&mut self) -> Result<Step, SignInError> {
        let Some(code) = self.code.clone() else { return Err(SignInError::Expired) };
        let grant = Grant::Code { code: &code, redirect: &self.redirect, verifier: None };
        let answer = self.ground.endpoint.ask(&self.ground.key, &grant).await;
        // Good or bad, it has been used.
        (self.code, self.hooks) = (None, None);
        let granted = match answer {
            Ok(Yes::Tokens(granted)) => granted,
            Ok(Yes::SecondFactor(_)) | Err(No::Grant | No::SecondFactor) => return Err(SignInError::Expired),
            Err(No::Key) => return Err(SignInError::WrongKey),
            Err(No::Other(sentence) | No::Vague(sentence)) => {
                return Err(SignInError::Refused { sentence });
            }
            Err(no @ No::Wait(wait)) => {
                return Err(later(self.ground.env.clock.now(), wait, no.to_string()).into());
            }
            Err(no @ No::Trouble(_)) => {
                return Err(Failure::transient(format!("{no}: try again later")).into());
            }
            Err(No::Unanswered(unanswered)) => return Err(unanswered_failure(&unanswered).into()),
        };
        self.ground.clone().with_tokens(granted).await
    }
}

impl Ground {
    async fn with_tokens(self, granted: Granted) -> Result<Step, SignInError> {
        let tokens = Tokens::fresh(granted, self.env.clock.now());
        let session = Session::signing_in(
            self.env.clone(),
            self.account.clone(),
            self.endpoint.clone(),
            self.key.id.clone(),
            self.key.secret.clone(),
            tokens,
        );
        let api = Api::new(&self.env, &self.settings, session.clone());
        let places = places::there(&api).await?;
        let signed = Signed { ground: self, session, api };
        match places.wished(signed.ground.settings.place.as_ref()) {
            places::Wished::This(place) => signed.listen(place).await,
            places::Wished::Ask => Ok(Step::Place(Box::new(PlaceChoice { signed, places }))),
            places::Wished::Nothing => Err(SignInError::NoPlace),
            places::Wished::Unknown(wished) => {
                Err(SignInError::UnknownPlace { wished, there: places.names() })
            }
        }
    }
}

/// Signed in, with nothing to listen to yet.
#[derive(Debug, Clone)]
struct Signed {
    ground: Ground,
    session: Session,
    api: Api,
}

/// A sign-in that waits for the person to say what to listen to.
#[derive(Debug)]
pub struct PlaceChoice {
    signed: Signed,
    places: Places,
}

impl PlaceChoice {
    /// What there is to choose from.
    pub fn places(&self) -> &[PodiumPlace] {
        self.places.all()
    }

    /// Listens to this one, by its uid or its name. May be tried again.
    pub async fn choose(&mut self, place: &str) -> Result<Step, SignInError> {
        let found = self.places.find(place).ok_or_else(|| SignInError::UnknownPlace {
            wished: place.to_owned(),
            there: self.places.names(),
        })?;
        self.signed.listen(found).await
    }
}

impl Signed {
    /// Makes the webhook, or takes over the one that is there. In a task of its own that runs to its end: whoever waits here may be called
    /// off at any moment, and then nothing may stay behind.
    async fn listen(&self, place: PodiumPlace) -> Result<Step, SignInError> {
        if let Some(by) = self.ground.taken.get(place.uid()) {
            return Err(SignInError::Taken { place: place.name().to_owned(), by: by.clone() });
        }
        let (answer, answered) = oneshot::channel();
        let signed = self.clone();
        Tasks::start("webhook at Podium", async move {
            let Err(Ok(unwanted)) = answer.send(signed.listened(place).await) else { return };
            let Ground { env, account, before, .. } = &signed.ground;
            if let Err(failure) = undo(env, account, Some(before), &unwanted).await {
                warn!(%account, "a webhook may be left at Podium: {failure}");
            }
        })
        .detach();
        let listened =
            answered.await.unwrap_or_else(|_| Err(Failure::transient("Belfry is stopping").into()));
        listened.map(|signed_in| Step::Done(Box::new(signed_in)))
    }

    async fn listened(&self, place: PodiumPlace) -> Result<SignedIn, SignInError> {
        let ground = &self.ground;
        let url = ground.settings.receiver.hook_url().ok_or_else(|| {
            SignInError::Failed(Failure::fatal("the relay gave no channel to send to: start again"))
        })?;
        let secret = self.signing_secret(&url).await?;
        let chosen = !ground.settings.events.is_empty();
        let wished = webhook::wished(&ground.settings);
        let mut events = wished.clone();
        let order = loop {
            let wanted = Wanted {
                place: &place,
                url: url.as_str(),
                events: events.clone(),
                secret: &secret,
                known: ground.settings.webhook.as_deref(),
            };
            match webhook::put_in_order(&self.api, &wanted).await {
                Ok(order) => break order,
                // What nobody asked for by name is left out where the developer app may not have it.
                Err(ApiError::Scope { scope, .. }) if !chosen && without(&mut events, &scope) => {
                    info!(scope, "Podium does not tell everything: the sign-in lacks a scope");
                }
                Err(error) => return Err(error.into()),
            }
        };
        let mut settings = ground.settings.clone();
        settings.withheld = wished.into_iter().filter(|event| !order.events.contains(event)).collect();
        let label = Some(place.name()).filter(|name| !name.is_empty()).unwrap_or("Podium").to_owned();
        (settings.place, settings.webhook) = (Some(place), Some(order.uid));
        let secrets = &ground.joined.secrets;
        let optional =
            [(SecretName::ReadToken, &secrets.read_token), (SecretName::SealKey, &secrets.seal_key)];
        let mut kept =
            vec![(SecretName::ClientSecret, ground.key.secret.clone()), (SecretName::SigningSecret, secret)];
        kept.extend(optional.into_iter().filter_map(|(name, secret)| Some((name, secret.clone()?))));
        // They may have been refreshed on the way.
        let tokens = self.session.held().await.ok_or(SignInError::Expired)?;
        kept.push((SecretName::Tokens, tokens.stored()));
        Ok(SignedIn { settings: Settings::Podium(settings), label, secrets: kept })
    }

    /// The secret that is kept, else the one that the webhook has, else a fresh one.
    async fn signing_secret(&self, url: &Url) -> Result<SecretString, SignInError> {
        let Ground { env, account, settings, .. } = &self.ground;
        let kept = env.secrets.get(account, SecretName::SigningSecret).await;
        if let Some(kept) = kept.map_err(|error| Failure::transient(error.to_string()))? {
            return Ok(kept);
        }
        let in_use = webhook::secret_in_use(&self.api, Some(url.as_str()), settings.webhook.as_deref());
        Ok(in_use.await?.unwrap_or_else(webhook::fresh_secret))
    }
}

/// Leaves out what needs this scope. False if that changes nothing, or leaves nothing.
fn without(events: &mut Vec<String>, scope: &str) -> bool {
    let left: Vec<String> = events
        .iter()
        .filter(|event| !scopes(std::slice::from_ref(*event)).contains(&scope))
        .cloned()
        .collect();
    let less = !left.is_empty() && left.len() < events.len();
    if less {
        *events = left;
    }
    less
}

/// Undoes a sign-in that is not kept after all: deletes the webhook that it made and gives its channel up. `before` are the settings of
/// the account that was signed in to again, if there was one: what is theirs stays.
pub async fn undo(
    env: &Env,
    account: &AccountId,
    before: Option<&PodiumSettings>,
    signed_in: &SignedIn,
) -> Result<(), Failure> {
    let Settings::Podium(settings) = &signed_in.settings else { return Ok(()) };
    let secret = |name: SecretName| {
        signed_in.secrets.iter().find(|(kept, _)| *kept == name).map(|(_, secret)| secret.clone())
    };
    let tokens = secret(SecretName::Tokens).as_ref().and_then(Tokens::from_stored);
    let (Some(tokens), Some(key)) = (tokens, secret(SecretName::ClientSecret)) else { return Ok(()) };
    let endpoint = token_endpoint(settings, env);
    let session =
        Session::signing_in(env.clone(), account.clone(), endpoint, settings.client_id.clone(), key, tokens);
    let api = Api::new(env, settings, session);
    let mut undone = Ok(());
    if before.is_none_or(|before| before.webhook != settings.webhook)
        && let Some(uid) = &settings.webhook
    {
        undone = api.delete_webhook(uid).await.map_err(ApiError::into_failure);
    }
    if before.is_none_or(|before| before.receiver != settings.receiver) {
        let secrets = crate::source::webhook::Secrets {
            read_token: secret(SecretName::ReadToken),
            seal_key: secret(SecretName::SealKey),
        };
        undone = undone.and(leave(env, &settings.receiver, &secrets).await);
    }
    undone
}

fn code(came: Return) -> Result<SecretString, SignInError> {
    match came {
        Return::Code(code) => Ok(code),
        Return::Denied => Err(SignInError::Cancelled),
        Return::Refused(sentence) => Err(SignInError::Refused { sentence }),
    }
}
