//! Sign-ins under way: each browser sign-in is a task of its own, so that waiting for the browser and pasting a code do not hinder
//! one another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::warn;

use crate::account::{Account, AccountId, PodioSettings, Settings};
use crate::engine::views::{SignIn, SignInAnswer, SignInStep, SignInTo, Trouble};
use crate::env::tasks::{Task, Tasks};
use crate::env::{Env, SecretName};
use crate::link::Failure;
use crate::source::podio::sign_in::{self as podio, How, SecondFactorSignIn};
use crate::source::podium::sign_in::{self as podium, PlaceChoice};
use crate::source::{SignedIn, cloudapp, pusher, webhook};

mod draft;
mod next;

use draft::Draft;
pub(super) use draft::free_name;
use next::{InBrowser, Next};

/// What a step led to.
#[derive(Debug, Clone)]
pub(super) enum Kept {
    /// The person has something to do.
    Step(SignInStep),
    /// Signed in: keep this account.
    Account(Box<Account>),
}

/// All sign-ins under way. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Attempts {
    env: Env,
    under_way: Arc<Mutex<BTreeMap<u64, Attempt>>>,
    next: Arc<AtomicU64>,
}

/// How a browser sign-in ended, once it has.
type Ended = watch::Receiver<Option<Result<CameBack, Trouble>>>;

/// What the browser's return led to. Whoever waited for it gets the same.
#[derive(Debug, Clone)]
enum CameBack {
    Done(Arc<SignedIn>),
    Place(Choosing),
}

/// A sign-in that waits for the person's choice among places.
type Choosing = Arc<tokio::sync::Mutex<PlaceChoice>>;

#[derive(Debug)]
enum Attempt {
    Browser(Browser),
    SecondFactor(Box<SecondFactorSignIn>, Draft),
    Place(Choosing, Draft),
}

#[derive(Debug)]
struct Browser {
    pasted: mpsc::Sender<(String, oneshot::Sender<Result<(), Trouble>>)>,
    ended: Ended,
    draft: Draft,
    _task: Task,
}

impl Attempts {
    /// None under way yet.
    pub(super) fn new(env: Env) -> Self {
        Self { env, under_way: Arc::default(), next: Arc::new(AtomicU64::new(1)) }
    }

    /// Begins one. `accounts` are those there are.
    pub(super) async fn begin(&self, wish: SignIn, accounts: &[Account]) -> Result<Kept, Trouble> {
        let draft = draft::of(&wish, accounts)?;
        match (wish.to, &draft.account.settings) {
            (SignInTo::Podio { client_secret, password, .. }, Settings::Podio(settings)) => {
                let secret = self.client_secret(client_secret, &draft.account.id, settings).await?;
                let how = match password {
                    Some(by) => {
                        How::Password { username: by.username, password: SecretString::from(by.password) }
                    }
                    None => How::Browser,
                };
                let step = podio::begin(&self.env, &draft.account.id, settings.clone(), secret, how).await?;
                self.follow(step.into(), draft).await
            }
            (SignInTo::Cloudapp { password, .. }, Settings::Cloudapp(settings)) => {
                let password = SecretString::from(password);
                let signed_in = cloudapp::sign_in(&self.env, settings.clone(), password).await;
                self.finish(&signed_in.map_err(trouble)?, draft).await
            }
            (SignInTo::Pusher { app_secret, auth_headers, check, .. }, Settings::Pusher(settings)) => {
                let secrets = self.pusher_secrets(app_secret, auth_headers, &draft.account.id).await?;
                let signed_in = pusher::sign_in(&self.env, settings.clone(), secrets, check).await;
                self.finish(&signed_in.map_err(trouble)?, draft).await
            }
            (SignInTo::Podium { client_secret, join_code, .. }, Settings::Podium(settings)) => {
                let id = &draft.account.id;
                let secret = self.app_secret(client_secret, id).await?;
                let (code, is_new) = (join_code.map(SecretString::from), wish.account.is_none());
                let joined = webhook::receive(&self.env, id, &settings.receiver, code, is_new).await;
                let joined = joined.map_err(trouble)?;
                let taken = draft.places_of_others();
                let step = podium::begin(&self.env, id, settings.clone(), secret, joined, taken).await?;
                self.follow(step.into(), draft).await
            }
            (SignInTo::Webhook { secret, join_code, .. }, Settings::Webhook(settings)) => {
                let given = webhook::Given {
                    secret: secret.map(SecretString::from),
                    join_code: join_code.map(SecretString::from),
                    is_new: wish.account.is_none(),
                };
                let id = &draft.account.id;
                let signed_in = webhook::sign_in(&self.env, id, settings.clone(), given).await;
                self.finish(&signed_in.map_err(trouble)?, draft).await
            }
            (
                to,
                Settings::Podio(_)
                | Settings::Cloudapp(_)
                | Settings::Pusher(_)
                | Settings::Podium(_)
                | Settings::Webhook(_)
                | Settings::Demo,
            ) => Err(Trouble::usage(format!(
                "“{}” is no account of {}",
                draft.account.id,
                to.service().human()
            ))),
        }
    }

    /// Goes on with one.
    pub(super) async fn answer(&self, attempt: u64, answer: SignInAnswer) -> Result<Kept, Trouble> {
        match answer {
            SignInAnswer::Cancel => {
                self.lock().remove(&attempt).ok_or_else(over)?;
                Err(Trouble::failed("the sign-in was cancelled; nothing was changed"))
            }
            SignInAnswer::Wait => {
                let (ended, draft) = match self.lock().get(&attempt) {
                    Some(Attempt::Browser(it)) => (it.ended.clone(), it.draft.clone()),
                    Some(Attempt::SecondFactor(..) | Attempt::Place(..)) | None => return Err(over()),
                };
                self.wait(attempt, ended, draft).await
            }
            SignInAnswer::Pasted { text } => {
                let (done, taken) = oneshot::channel();
                // Looked up once: a face that waited beside this may take the end of the attempt away.
                let (pasted, ended, draft) = match self.lock().get(&attempt) {
                    Some(Attempt::Browser(it)) => (it.pasted.clone(), it.ended.clone(), it.draft.clone()),
                    Some(Attempt::SecondFactor(..) | Attempt::Place(..)) | None => return Err(over()),
                };
                pasted.send((text, done)).await.map_err(|_| over())?;
                taken.await.map_err(|_| over())??;
                self.wait(attempt, ended, draft).await
            }
            SignInAnswer::Place { uid } => {
                let (choosing, draft) = match self.lock().get(&attempt) {
                    Some(Attempt::Place(choosing, draft)) => (choosing.clone(), draft.clone()),
                    Some(Attempt::Browser(_) | Attempt::SecondFactor(..)) | None => return Err(over()),
                };
                let mut places = choosing.lock().await;
                if !self.lock().contains_key(&attempt) {
                    return Err(over());
                }
                // Another place may be chosen if this one does not work.
                let next = places.choose(&uid).await?.into();
                if self.lock().remove(&attempt).is_some() {
                    return self.follow(next, draft).await;
                }
                // Cancelled meanwhile.
                if let Next::Done(signed_in) = &next {
                    self.undo(&draft.account, signed_in).await;
                }
                Err(over())
            }
            SignInAnswer::SecondFactor { code } => {
                let Some(Attempt::SecondFactor(mut factor, draft)) = self.lock().remove(&attempt) else {
                    return Err(over());
                };
                match factor.answer(&code).await {
                    Ok(step) => self.follow(step.into(), draft).await,
                    Err(error) => {
                        // A mistyped code may be typed again.
                        self.lock().insert(attempt, Attempt::SecondFactor(factor, draft));
                        Err(error.into())
                    }
                }
            }
        }
    }

    async fn wait(&self, attempt: u64, mut ended: Ended, draft: Draft) -> Result<Kept, Trouble> {
        let outcome = ended.wait_for(Option::is_some).await.map_err(|_| over())?.clone();
        self.lock().remove(&attempt);
        match outcome {
            Some(Ok(CameBack::Done(signed_in))) => self.finish(&signed_in, draft).await,
            Some(Ok(CameBack::Place(choosing))) => Ok(self.choose(attempt, choosing, draft).await),
            Some(Err(trouble)) => Err(trouble),
            None => Err(over()),
        }
    }

    /// The attempt goes on under its number: whoever waited for the browser may choose.
    async fn choose(&self, attempt: u64, choosing: Choosing, draft: Draft) -> Kept {
        let places = choosing.lock().await.places().to_vec();
        self.lock().insert(attempt, Attempt::Place(choosing, draft));
        Kept::Step(SignInStep::Place { attempt, places })
    }

    async fn follow(&self, step: Next, draft: Draft) -> Result<Kept, Trouble> {
        match step {
            Next::Place(place) => {
                let choosing = Arc::new(tokio::sync::Mutex::new(*place));
                Ok(self.choose(self.number(), choosing, draft).await)
            }
            Next::Done(signed_in) => self.finish(&signed_in, draft).await,
            Next::SecondFactor(factor) => {
                let attempt = self.number();
                self.lock().insert(attempt, Attempt::SecondFactor(factor, draft));
                Ok(Kept::Step(SignInStep::SecondFactor { attempt }))
            }
            Next::Browser(browser) => {
                let attempt = self.number();
                let (url, comes_by_itself) = (browser.url().to_string(), browser.comes_by_itself());
                let (pasted, pastes) = mpsc::channel(1);
                let (end, ended) = watch::channel(None);
                let task = Tasks::start("sign-in", wait_for_browser(browser, pastes, end));
                let waiting = Attempt::Browser(Browser { pasted, ended, draft, _task: task });
                self.lock().insert(attempt, waiting);
                Ok(Kept::Step(SignInStep::Browser { attempt, url, comes_by_itself }))
            }
        }
    }

    /// Signed in. What is not kept after all is undone at the service.
    async fn finish(&self, signed_in: &SignedIn, draft: Draft) -> Result<Kept, Trouble> {
        let before = draft.account.clone();
        let kept = self.keep(signed_in, draft).await;
        if kept.is_err() {
            self.undo(&before, signed_in).await;
        }
        kept
    }

    async fn undo(&self, before: &Account, signed_in: &SignedIn) {
        let Settings::Podium(settings) = &before.settings else { return };
        let undone = podium::undo(&self.env, &before.id, Some(settings), signed_in).await;
        if let Err(failure) = undone {
            warn!(account = %before.id, "a webhook may be left at Podium: {failure}");
        }
    }

    /// One person is one account and one account one person; only when that is certain are the secrets kept.
    async fn keep(&self, signed_in: &SignedIn, draft: Draft) -> Result<Kept, Trouble> {
        let same = draft.others.iter().find(|other| draft::same_person(&other.settings, &signed_in.settings));
        if let Some(same) = same {
            return Err(Trouble::usage(format!(
                "this person is signed in already as “{}”; use `belfry account sign-in {}` to sign in again",
                same.id, same.id
            )));
        }
        let id = &draft.account.id;
        if draft::another_person(&draft.account.settings, &signed_in.settings) {
            return Err(Trouble::usage(format!(
                "this is not the person whose account “{id}” is; nothing was changed. Add this person with `belfry account add`"
            )));
        }
        for (name, secret) in &signed_in.secrets {
            let kept = self.env.secrets.put(id, *name, secret.clone()).await;
            kept.map_err(|error| Trouble::failed(error.to_string()))?;
        }
        let account =
            Account { label: signed_in.label.clone(), settings: signed_in.settings.clone(), ..draft.account };
        Ok(Kept::Account(Box::new(account)))
    }

    async fn client_secret(
        &self,
        given: Option<String>,
        account: &AccountId,
        settings: &PodioSettings,
    ) -> Result<SecretString, Trouble> {
        if let Some(secret) = given {
            return Ok(SecretString::from(secret));
        }
        if let Some(key) = podio::built_in_key()
            && key.id == settings.client_id
        {
            return Ok(key.secret);
        }
        self.kept(account, SecretName::ClientSecret).await?.ok_or_else(|| {
            Trouble::usage(
                "the secret of the API key is needed; a script gives it with --client-secret-stdin",
            )
        })
    }

    /// What was given, or else what is kept of an account that exists.
    async fn pusher_secrets(
        &self,
        app_secret: Option<String>,
        auth_headers: Option<BTreeMap<String, String>>,
        account: &AccountId,
    ) -> Result<pusher::Secrets, Trouble> {
        let app_secret = match app_secret {
            Some(secret) => Some(SecretString::from(secret)),
            None => self.kept(account, SecretName::AppSecret).await?,
        };
        let headers = match auth_headers {
            Some(headers) => Some(SecretString::from(serde_json::json!(headers).to_string())),
            None => self.kept(account, SecretName::AuthHeaders).await?,
        };
        Ok(pusher::Secrets { app_secret, headers })
    }

    /// The secret of a developer app: what was given, or else what is kept of an account that exists.
    async fn app_secret(&self, given: Option<String>, account: &AccountId) -> Result<SecretString, Trouble> {
        if let Some(secret) = given {
            return Ok(SecretString::from(secret));
        }
        self.kept(account, SecretName::ClientSecret).await?.ok_or_else(|| {
            Trouble::usage(
                "the secret of the developer app is needed; a script gives it with --client-secret-stdin",
            )
        })
    }

    async fn kept(&self, account: &AccountId, name: SecretName) -> Result<Option<SecretString>, Trouble> {
        let kept = self.env.secrets.get(account, name).await;
        kept.map_err(|error| Trouble::failed(error.to_string()))
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Attempt>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a service that could not be signed in to means for the person.
fn trouble(failure: Failure) -> Trouble {
    match failure {
        Failure::SignIn { reason } => Trouble::needs_sign_in(reason),
        Failure::Transient { reason } | Failure::Later { reason, .. } | Failure::Fatal { reason } => {
            Trouble::failed(reason)
        }
    }
}

async fn wait_for_browser(
    mut browser: InBrowser,
    mut pastes: mpsc::Receiver<(String, oneshot::Sender<Result<(), Trouble>>)>,
    end: watch::Sender<Option<Result<CameBack, Trouble>>>,
) {
    loop {
        tokio::select! {
            came_back = browser.wait() => {
                drop(end.send(Some(came_back.and_then(CameBack::of))));
                return;
            }
            Some((text, taken)) = pastes.recv() => match browser.pasted(&text).await {
                Ok(step) => {
                    drop(end.send(Some(CameBack::of(step))));
                    drop(taken.send(Ok(())));
                    return;
                }
                // A wrong paste is told; the browser may still come back.
                Err(trouble) => drop(taken.send(Err(trouble))),
            },
        }
    }
}

impl CameBack {
    fn of(next: Next) -> Result<Self, Trouble> {
        match next {
            Next::Done(signed_in) => Ok(Self::Done(Arc::new(*signed_in))),
            Next::Place(place) => Ok(Self::Place(Arc::new(tokio::sync::Mutex::new(*place)))),
            Next::Browser(_) | Next::SecondFactor(_) => Err(over()),
        }
    }
}

fn over() -> Trouble {
    Trouble::failed("this sign-in is over; begin again")
}
