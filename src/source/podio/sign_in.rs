//! Signing in to Podio: by the browser, or by user name and password with a second factor where the account has one.
//!
//! In: settings, the API key's secret, what the person answers. Out: settings that know who is signed in, and the secrets
//! to keep. Nothing is kept here: whether this is the right person is not known to this part.

use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use url::Url;

use super::api::{Api, ApiError};
use super::token_endpoint;
use crate::account::{AccountId, PodioSettings, Settings};
use crate::env::{Env, SecretError, SecretName};
use crate::link::Failure;
use crate::source::SignedIn;
use crate::source::auth::ApiKey;
use crate::source::auth::oauth::{self, Attempt, Grant, Granted, No, TokenEndpoint, Yes};
use crate::source::auth::redirect::{self, NoReturn, Redirect, Return};
use crate::source::auth::tokens::{Session, Tokens};
use crate::source::exchange::Unanswered;

/// How to sign in.
#[derive(Debug)]
pub enum How {
    /// In the system's browser.
    Browser,
    /// By user name and password.
    Password {
        /// The login, an e-mail address.
        username: String,
        /// The password.
        password: SecretString,
    },
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// The person has to go to the browser.
    Browser(Box<BrowserSignIn>),
    /// The person has to answer with a second factor.
    SecondFactor(Box<SecondFactorSignIn>),
    /// Signed in.
    Done(Box<SignedIn>),
}

/// Why signing in did not work. Each says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignInError {
    /// The person, or somebody in their place, said no in the browser.
    #[error("access was not allowed in the browser: start again and allow it, or nothing can be shown")]
    Cancelled,
    /// The API key is wrong.
    #[error(
        "Podio does not know this API key: check client id and client secret (they are on podio.com/settings/api)"
    )]
    WrongKey,
    /// User name or password is wrong.
    #[error("Podio refused user name or password: check both and try again")]
    WrongPassword,
    /// The second factor's code is wrong or too old.
    #[error("Podio refused the code of the second factor: wait for a new code and try again")]
    WrongCode,
    /// The browser's code is no longer good, or nobody came back in time.
    #[error("the sign-in took too long or was used before: start again")]
    Expired,
    /// What was pasted is no code, or belongs to another attempt.
    #[error(
        "this is neither the code nor the address that the browser ended on for this sign-in: copy it again"
    )]
    NotACode,
    /// Podio refused for another reason.
    #[error(
        "Podio refused the sign-in ({sentence}): check the API key and its redirect domain, then try again"
    )]
    Refused {
        /// What Podio said.
        sentence: String,
    },
    /// Podio asks to wait.
    #[error("Podio asks to wait until {until} before the next try")]
    Wait {
        /// Not before this.
        until: Timestamp,
    },
    /// No connection, or the service is in trouble.
    #[error("{sentence}")]
    Unreachable {
        /// What happened and what to do.
        sentence: String,
    },
    /// The server's certificate cannot be trusted.
    #[error("{sentence}")]
    BadCertificate {
        /// What is wrong and what to do.
        sentence: String,
    },
    /// The answer was not what Podio says.
    #[error("{sentence}: check the address of the API")]
    Garbage {
        /// What came instead.
        sentence: String,
    },
    /// An address in the settings cannot be used.
    #[error("“{0}” cannot be used: check the addresses and the redirect host of this account")]
    BadAddress(String),
    /// This computer does not let Belfry listen for the browser's return.
    #[error("{0}")]
    Listen(String),
    /// The sign-in worked but cannot be kept.
    #[error("signed in, but the sign-in cannot be kept: {0}")]
    Secrets(#[from] SecretError),
}

impl SignInError {
    /// True if the person has to do something about their sign-in; false if something else is in the way.
    pub fn needs_sign_in(&self) -> bool {
        match self {
            Self::Cancelled
            | Self::WrongKey
            | Self::WrongPassword
            | Self::WrongCode
            | Self::Expired
            | Self::NotACode
            | Self::Refused { .. } => true,
            Self::Wait { .. }
            | Self::Unreachable { .. }
            | Self::BadCertificate { .. }
            | Self::Garbage { .. }
            | Self::BadAddress(_)
            | Self::Listen(_)
            | Self::Secrets(_) => false,
        }
    }
}

/// The API key that was built in by `BELFRY_PODIO_CLIENT_ID` and `BELFRY_PODIO_CLIENT_SECRET` at compile time, if any.
pub fn built_in_key() -> Option<ApiKey> {
    let (id, secret) = (option_env!("BELFRY_PODIO_CLIENT_ID")?, option_env!("BELFRY_PODIO_CLIENT_SECRET")?);
    Some(ApiKey { id: id.to_owned(), secret: SecretString::from(secret) })
}

/// Begins to sign in.
pub async fn begin(
    env: &Env,
    account: &AccountId,
    settings: PodioSettings,
    client_secret: SecretString,
    how: How,
) -> Result<Step, SignInError> {
    let key = ApiKey { id: settings.client_id.clone(), secret: client_secret };
    let endpoint = token_endpoint(&settings, env);
    let ground = Ground { env: env.clone(), account: account.clone(), settings, key, endpoint };
    match how {
        How::Browser => {
            let bad = || SignInError::BadAddress(ground.settings.redirect_host.clone());
            let redirect = Redirect::listen(&ground.settings.redirect_host).await.map_err(no_return)?;
            let address = redirect.address().ok_or_else(bad)?;
            let attempt = oauth::attempt(&ground.settings.authorize_url, &address, &ground.key.id);
            let attempt = attempt.ok_or_else(bad)?;
            Ok(Step::Browser(Box::new(BrowserSignIn { ground, redirect, address, attempt, code: None })))
        }
        How::Password { username, password } => {
            let grant = Grant::Password { username: &username, password: &password };
            let answer = ground.endpoint.ask(&ground.key, &grant).await;
            ground.answered(answer, SignInError::WrongPassword).await
        }
    }
}

/// What every way of signing in stands on.
#[derive(Debug)]
struct Ground {
    env: Env,
    account: AccountId,
    settings: PodioSettings,
    key: ApiKey,
    endpoint: TokenEndpoint,
}

/// A sign-in that waits for the browser. Dropping it closes the listener.
#[derive(Debug)]
pub struct BrowserSignIn {
    ground: Ground,
    redirect: Redirect,
    address: Url,
    attempt: Attempt,
    /// What came back and is not exchanged yet: kept, so that a wait broken off can be taken up again.
    code: Option<SecretString>,
}

impl BrowserSignIn {
    /// The address to open in the browser.
    pub fn url(&self) -> &Url {
        &self.attempt.url
    }

    /// Waits until the browser comes back, at most five minutes from the beginning. May be dropped and called again.
    pub async fn wait(&mut self) -> Result<Step, SignInError> {
        if self.code.is_none() {
            let came = self.redirect.wait(&self.attempt.state).await.map_err(no_return)?;
            self.code = Some(code(came)?);
        }
        self.exchange().await
    }

    /// Takes what the person copied from the browser instead: the code, or the whole address that it ended on.
    pub async fn pasted(&mut self, text: &str) -> Result<Step, SignInError> {
        let came = redirect::pasted(text, &self.attempt.state).ok_or(SignInError::NotACode)?;
        self.code = Some(code(came)?);
        self.exchange().await
    }

    async fn exchange(&mut self) -> Result<Step, SignInError> {
        let Some(code) = self.code.clone() else { return Err(SignInError::Expired) };
        let verifier = &self.attempt.verifier;
        let grant = Grant::Code { code: &code, redirect: &self.address, verifier: Some(verifier) };
        let answer = self.ground.endpoint.ask(&self.ground.key, &grant).await;
        // Good or bad, it has been used.
        self.code = None;
        self.ground.answered(answer, SignInError::Expired).await
    }
}

/// A sign-in that waits for the second factor.
#[derive(Debug)]
pub struct SecondFactorSignIn {
    ground: Ground,
    nonce: SecretString,
}

impl SecondFactorSignIn {
    /// Answers with the code of the second factor, or with a recovery code. May be tried again after [`SignInError::WrongCode`].
    pub async fn answer(&mut self, otp: &str) -> Result<Step, SignInError> {
        let typed: String = otp.chars().filter(|c| !c.is_whitespace()).collect();
        let digits = !typed.is_empty() && typed.chars().all(|c| c.is_ascii_digit());
        let name = if digits { "otp" } else { "recoveryCode" };
        let body: Map<String, Value> = [("nonce", self.nonce.expose_secret()), (name, typed.as_str())]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Value::from(value)))
            .collect();
        let base = self.ground.settings.api_url.as_str().trim_end_matches('/');
        let url = format!("{base}/mfa/verify").parse();
        let url = url.map_err(|_| SignInError::BadAddress(base.to_owned()))?;
        let answer = self.ground.endpoint.ask_at(url, &body).await;
        self.ground.answered(answer, SignInError::WrongCode).await
    }
}

impl Ground {
    /// What the token endpoint said. `refused` is what a refused grant means here.
    async fn answered(&self, answer: Result<Yes, No>, refused: SignInError) -> Result<Step, SignInError> {
        match answer {
            Ok(Yes::Tokens(granted)) => self.finish(granted).await.map(|done| Step::Done(Box::new(done))),
            Ok(Yes::SecondFactor(nonce)) => {
                let ground = Self {
                    env: self.env.clone(),
                    account: self.account.clone(),
                    settings: self.settings.clone(),
                    key: self.key.clone(),
                    endpoint: self.endpoint.clone(),
                };
                Ok(Step::SecondFactor(Box::new(SecondFactorSignIn { ground, nonce })))
            }
            Err(No::Grant) => Err(refused),
            Err(No::Key) => Err(SignInError::WrongKey),
            Err(No::SecondFactor) => Err(SignInError::WrongCode),
            Err(No::Wait(wait)) => {
                let wait =
                    jiff::SignedDuration::try_from(wait).unwrap_or(jiff::SignedDuration::from_hours(1));
                let until = self.env.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
                Err(SignInError::Wait { until })
            }
            Err(No::Other(sentence) | No::Vague(sentence)) => Err(SignInError::Refused { sentence }),
            Err(no @ No::Trouble(_)) => {
                Err(SignInError::Unreachable { sentence: format!("{no}: try again later") })
            }
            Err(No::Unanswered(unanswered)) => Err(no_answer(&unanswered)),
        }
    }

    /// Asks who is signed in. Nothing is kept yet: only the caller knows whether this is the right person.
    async fn finish(&self, granted: Granted) -> Result<SignedIn, SignInError> {
        let by_token = granted.user_id;
        let tokens = Tokens::fresh(granted, self.env.clock.now());
        let client_id = self.settings.client_id.clone();
        let session = Session::signing_in(
            self.env.clone(),
            self.account.clone(),
            self.endpoint.clone(),
            client_id,
            self.key.secret.clone(),
            tokens.clone(),
        );
        let (client, clock) = (self.env.http.client.clone(), self.env.clock.clone());
        let api = Api::new(client, &self.settings, session.clone(), clock);
        let mut settings = self.settings.clone();
        let name = match api.status().await {
            Ok(status) => {
                settings.user_id = status.user_id.or(by_token);
                status.name
            }
            // A pair once granted is not thrown away for a trouble that passes, if the answer said whose it is.
            Err(ApiError::Failed(Failure::Transient { .. } | Failure::Later { .. }))
                if by_token.is_some() =>
            {
                settings.user_id = by_token;
                None
            }
            Err(error) => return Err(not_known(error)),
        };
        let label = name.unwrap_or_else(|| "Podio".to_owned());
        // It may have been refreshed on the way.
        let tokens = session.held().await.unwrap_or(tokens);
        let secrets =
            vec![(SecretName::ClientSecret, self.key.secret.clone()), (SecretName::Tokens, tokens.stored())];
        Ok(SignedIn { settings: Settings::Podio(settings), label, secrets })
    }
}

fn code(came: Return) -> Result<SecretString, SignInError> {
    match came {
        Return::Code(code) => Ok(code),
        Return::Denied => Err(SignInError::Cancelled),
        Return::Refused(sentence) => Err(SignInError::Refused { sentence }),
    }
}

fn no_return(no: NoReturn) -> SignInError {
    match no {
        NoReturn::TooLate => SignInError::Expired,
        NoReturn::Listen(_) => SignInError::Listen(no.to_string()),
    }
}

fn no_answer(unanswered: &Unanswered) -> SignInError {
    let sentence = unanswered.to_string();
    match unanswered {
        Unanswered::Certificate { .. } => SignInError::BadCertificate { sentence },
        Unanswered::Unreachable { .. }
        | Unanswered::Cut { .. }
        | Unanswered::Late { .. }
        | Unanswered::Portal { .. } => SignInError::Unreachable { sentence },
        Unanswered::TooLong { .. } | Unanswered::Garbage { .. } => SignInError::Garbage { sentence },
    }
}

/// The tokens are there, but Podio does not say whose they are.
fn not_known(error: ApiError) -> SignInError {
    match error {
        ApiError::Gone => {
            SignInError::Garbage { sentence: "this server knows nothing of “/user/status”".to_owned() }
        }
        ApiError::Refused(sentence) => SignInError::Refused { sentence },
        ApiError::Failed(Failure::Transient { reason }) => SignInError::Unreachable { sentence: reason },
        ApiError::Failed(Failure::Later { until, .. }) => SignInError::Wait { until },
        ApiError::Failed(Failure::SignIn { reason }) => SignInError::Refused { sentence: reason },
        ApiError::Failed(Failure::Fatal { reason }) => SignInError::BadCertificate { sentence: reason },
    }
}
