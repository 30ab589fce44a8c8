//! What a sign-in needs next, whatever the service.

use url::Url;

use crate::engine::views::Trouble;
use crate::source::SignedIn;
use crate::source::podio::sign_in as podio;
use crate::source::podium::sign_in as podium;

/// What comes next.
#[derive(Debug)]
pub(super) enum Next {
    /// The person has to go to the browser.
    Browser(InBrowser),
    /// The person has to answer with a second factor.
    SecondFactor(Box<podio::SecondFactorSignIn>),
    /// The person has to say which of several places is meant.
    Place(Box<podium::PlaceChoice>),
    /// Signed in.
    Done(Box<SignedIn>),
}

/// A sign-in that waits for the browser.
#[derive(Debug)]
pub(super) enum InBrowser {
    Podio(Box<podio::BrowserSignIn>),
    Podium(Box<podium::BrowserSignIn>),
}

impl InBrowser {
    /// The address to open in the browser.
    pub(super) fn url(&self) -> &Url {
        match self {
            Self::Podio(browser) => browser.url(),
            Self::Podium(browser) => browser.url(),
        }
    }

    /// True if what the browser brings back comes here by itself; false if the person has to paste the address it ends at.
    pub(super) fn comes_by_itself(&self) -> bool {
        match self {
            // Podio sends the browser to this very machine.
            Self::Podio(_) => true,
            Self::Podium(browser) => browser.comes_by_itself(),
        }
    }

    /// Waits until the browser comes back. May be dropped and called again.
    pub(super) async fn wait(&mut self) -> Result<Next, Trouble> {
        match self {
            Self::Podio(browser) => Ok(browser.wait().await?.into()),
            Self::Podium(browser) => Ok(browser.wait().await?.into()),
        }
    }

    /// Takes what the person copied from the browser instead.
    pub(super) async fn pasted(&mut self, text: &str) -> Result<Next, Trouble> {
        match self {
            Self::Podio(browser) => Ok(browser.pasted(text).await?.into()),
            Self::Podium(browser) => Ok(browser.pasted(text).await?.into()),
        }
    }
}

impl From<podio::Step> for Next {
    fn from(step: podio::Step) -> Self {
        match step {
            podio::Step::Browser(browser) => Self::Browser(InBrowser::Podio(browser)),
            podio::Step::SecondFactor(factor) => Self::SecondFactor(factor),
            podio::Step::Done(signed_in) => Self::Done(signed_in),
        }
    }
}

impl From<podium::Step> for Next {
    fn from(step: podium::Step) -> Self {
        match step {
            podium::Step::Browser(browser) => Self::Browser(InBrowser::Podium(browser)),
            podium::Step::Place(place) => Self::Place(place),
            podium::Step::Done(signed_in) => Self::Done(signed_in),
        }
    }
}

impl From<podio::SignInError> for Trouble {
    fn from(error: podio::SignInError) -> Self {
        told(error.needs_sign_in(), error.to_string())
    }
}

impl From<podium::SignInError> for Trouble {
    fn from(error: podium::SignInError) -> Self {
        told(error.needs_sign_in(), error.to_string())
    }
}

fn told(needs_sign_in: bool, words: String) -> Trouble {
    if needs_sign_in { Trouble::needs_sign_in(words) } else { Trouble::failed(words) }
}
