//! Sign-ins under way: each browser sign-in is a task of its own, so that waiting for the browser and pasting a code do not hinder
//! one another.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;
use tokio::sync::{mpsc, oneshot, watch};

use crate::account::{Account, AccountId, Choices, PodioSettings, Service, Settings};
use crate::engine::views::{SignIn, SignInAnswer, SignInStep, Trouble};
use crate::env::tasks::{Task, Tasks};
use crate::env::{Env, SecretName};
use crate::source::podio::sign_in::{
    self, BrowserSignIn, How, SecondFactorSignIn, SignInError, SignedIn, Step,
};

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
type Ended = watch::Receiver<Option<Result<Arc<Step>, Trouble>>>;

#[derive(Debug)]
enum Attempt {
    Browser(Browser),
    SecondFactor(Box<SecondFactorSignIn>, Draft),
}

#[derive(Debug)]
struct Browser {
    pasted: mpsc::Sender<(String, oneshot::Sender<Result<(), Trouble>>)>,
    ended: Ended,
    draft: Draft,
    _task: Task,
}

/// The account as it will be kept.
#[derive(Debug, Clone)]
struct Draft {
    account: Account,
    others: Vec<Account>,
}

impl Attempts {
    /// None under way yet.
    pub(super) fn new(env: Env) -> Self {
        Self { env, under_way: Arc::default(), next: Arc::new(AtomicU64::new(1)) }
    }

    /// Begins one. `accounts` are those there are.
    pub(super) async fn begin(&self, wish: SignIn, accounts: &[Account]) -> Result<Kept, Trouble> {
        let draft = draft(&wish, accounts)?;
        let settings = podio(&draft.account)?;
        let secret = self.client_secret(&wish, &draft).await?;
        let how = match wish.password {
            Some(by) => How::Password { username: by.username, password: SecretString::from(by.password) },
            None => How::Browser,
        };
        let step = sign_in::begin(&self.env, &draft.account.id, settings.clone(), secret, how).await?;
        self.follow(step, draft).await
    }

    /// Goes on with one.
    pub(super) async fn answer(&self, attempt: u64, answer: SignInAnswer) -> Result<Kept, Trouble> {
        match answer {
            SignInAnswer::Cancel => {
                self.lock().remove(&attempt);
                Err(Trouble::failed("the sign-in was cancelled; nothing was changed"))
            }
            SignInAnswer::Wait => {
                let (ended, draft) = match self.lock().get(&attempt) {
                    Some(Attempt::Browser(it)) => (it.ended.clone(), it.draft.clone()),
                    Some(Attempt::SecondFactor(..)) | None => return Err(over()),
                };
                self.wait(attempt, ended, draft).await
            }
            SignInAnswer::Pasted { text } => {
                let (done, taken) = oneshot::channel();
                // Looked up once: a face that waited beside this may take the end of the attempt away.
                let (pasted, ended, draft) = match self.lock().get(&attempt) {
                    Some(Attempt::Browser(it)) => (it.pasted.clone(), it.ended.clone(), it.draft.clone()),
                    Some(Attempt::SecondFactor(..)) | None => return Err(over()),
                };
                pasted.send((text, done)).await.map_err(|_| over())?;
                taken.await.map_err(|_| over())??;
                self.wait(attempt, ended, draft).await
            }
            SignInAnswer::SecondFactor { code } => {
                let Some(Attempt::SecondFactor(mut factor, draft)) = self.lock().remove(&attempt) else {
                    return Err(over());
                };
                match factor.answer(&code).await {
                    Ok(step) => self.follow(step, draft).await,
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
            Some(Ok(step)) => match step.as_ref() {
                Step::Done(signed_in) => self.finish(signed_in, draft).await,
                Step::Browser(_) | Step::SecondFactor(_) => Err(over()),
            },
            Some(Err(trouble)) => Err(trouble),
            None => Err(over()),
        }
    }

    async fn follow(&self, step: Step, draft: Draft) -> Result<Kept, Trouble> {
        match step {
            Step::Done(signed_in) => self.finish(&signed_in, draft).await,
            Step::SecondFactor(factor) => {
                let attempt = self.number();
                self.lock().insert(attempt, Attempt::SecondFactor(factor, draft));
                Ok(Kept::Step(SignInStep::SecondFactor { attempt }))
            }
            Step::Browser(browser) => {
                let attempt = self.number();
                let url = browser.url().to_string();
                let (pasted, pastes) = mpsc::channel(1);
                let (end, ended) = watch::channel(None);
                let task = Tasks::start("sign-in", wait_for_browser(browser, pastes, end));
                let waiting = Attempt::Browser(Browser { pasted, ended, draft, _task: task });
                self.lock().insert(attempt, waiting);
                Ok(Kept::Step(SignInStep::Browser { attempt, url }))
            }
        }
    }

    /// Signed in. One person is one account and one account one person; only when that is certain are the secrets kept.
    async fn finish(&self, signed_in: &SignedIn, draft: Draft) -> Result<Kept, Trouble> {
        let same = draft.others.iter().find(|other| same_person(&other.settings, &signed_in.settings));
        if let Some(same) = same {
            return Err(Trouble::usage(format!(
                "this person is signed in already as “{}”; use `belfry account sign-in {}` to sign in again",
                same.id, same.id
            )));
        }
        let id = &draft.account.id;
        if another_person(&draft.account.settings, &signed_in.settings) {
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

    async fn client_secret(&self, wish: &SignIn, draft: &Draft) -> Result<SecretString, Trouble> {
        if let Some(secret) = &wish.client_secret {
            return Ok(SecretString::from(secret.clone()));
        }
        let settings = podio(&draft.account)?;
        if let Some(key) = sign_in::built_in_key()
            && key.id == settings.client_id
        {
            return Ok(key.secret);
        }
        let kept = self.env.secrets.get(&draft.account.id, SecretName::ClientSecret).await;
        kept.map_err(|error| Trouble::failed(error.to_string()))?.ok_or_else(|| {
            Trouble::usage(
                "the secret of the API key is needed; a script gives it with --client-secret-stdin",
            )
        })
    }

    fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<u64, Attempt>> {
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<SignInError> for Trouble {
    fn from(error: SignInError) -> Self {
        if error.needs_sign_in() {
            Self::needs_sign_in(error.to_string())
        } else {
            Self::failed(error.to_string())
        }
    }
}

async fn wait_for_browser(
    mut browser: Box<BrowserSignIn>,
    mut pastes: mpsc::Receiver<(String, oneshot::Sender<Result<(), Trouble>>)>,
    end: watch::Sender<Option<Result<Arc<Step>, Trouble>>>,
) {
    loop {
        tokio::select! {
            came_back = browser.wait() => {
                let outcome = came_back.map(Arc::new).map_err(Trouble::from);
                drop(end.send(Some(outcome)));
                return;
            }
            Some((text, taken)) = pastes.recv() => match browser.pasted(&text).await {
                Ok(step) => {
                    drop(end.send(Some(Ok(Arc::new(step)))));
                    drop(taken.send(Ok(())));
                    return;
                }
                // A wrong paste is told; the browser may still come back.
                Err(error) => drop(taken.send(Err(error.into()))),
            },
        }
    }
}

fn draft(wish: &SignIn, accounts: &[Account]) -> Result<Draft, Trouble> {
    if let Some(id) = &wish.account {
        let account = accounts.iter().find(|account| &account.id == id).cloned().ok_or_else(|| {
            Trouble::usage(format!("there is no account “{id}”; `belfry account list` shows those there are"))
        })?;
        let others = accounts.iter().filter(|other| &other.id != id).cloned().collect();
        return Ok(Draft { account, others });
    }
    let mut settings = wish.podio.clone().unwrap_or_else(|| PodioSettings::live(""));
    if settings.client_id.is_empty() {
        let key = sign_in::built_in_key().ok_or_else(|| {
            Trouble::usage("the ID and the secret of an API key are needed; Podio gives you one at podio.com/settings/api")
        })?;
        settings.client_id = key.id;
    }
    let id = match &wish.name {
        Some(name) if accounts.iter().any(|account| &account.id == name) => {
            return Err(Trouble::usage(format!("there is an account “{name}” already; choose another name")));
        }
        Some(name) => name.clone(),
        None => free_name(Service::Podio, accounts)?,
    };
    let label = id.to_string();
    let account = Account {
        id,
        label,
        paused: false,
        settings: Settings::Podio(settings),
        choices: Choices::default(),
    };
    Ok(Draft { account, others: accounts.to_vec() })
}

/// The settings of an account that somebody can sign in to.
fn podio(account: &Account) -> Result<&PodioSettings, Trouble> {
    match &account.settings {
        Settings::Podio(settings) => Ok(settings),
        Settings::Demo => Err(Trouble::usage("the demo needs no sign-in")),
    }
}

/// The service's own name, numbered where it is taken.
pub(super) fn free_name(service: Service, accounts: &[Account]) -> Result<AccountId, Trouble> {
    let taken = |name: &str| accounts.iter().any(|account| account.id.as_str() == name);
    let numbered = (2..=accounts.len() + 2).map(|n| format!("{}-{n}", service.as_str()));
    let name = std::iter::once(service.as_str().to_owned()).chain(numbered).find(|name| !taken(name));
    name.and_then(|name| AccountId::new(name).ok())
        .ok_or_else(|| Trouble::failed("no free account name was found"))
}

/// True if both are known and differ.
fn another_person(one: &Settings, other: &Settings) -> bool {
    let (Settings::Podio(one), Settings::Podio(other)) = (one, other) else {
        return false;
    };
    one.user_id.is_some() && other.user_id.is_some() && one.user_id != other.user_id
}

fn same_person(one: &Settings, other: &Settings) -> bool {
    let (Settings::Podio(one), Settings::Podio(other)) = (one, other) else {
        return false;
    };
    one.api_url == other.api_url && one.user_id.is_some() && one.user_id == other.user_id
}

fn over() -> Trouble {
    Trouble::failed("this sign-in is over; begin again")
}
