//! The opener: the only way out to the person's browser, and the only place where an address is judged.

use url::Url;

/// Opens checked addresses.
#[derive(Debug, Default)]
pub struct Opener {}

/// Why an address was not opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The address is not one that Belfry opens.
    #[error("this link is not opened: {0}")]
    Refused(String),
    /// No browser could be started.
    #[error("no browser could be started: {0}")]
    NoBrowser(String),
}

impl Opener {
    /// Opens an address. `own` are the servers the person configured: plain http is allowed to their hosts only. `token` is the desktop's
    /// permission to come to the front.
    pub async fn open(&self, address: &str, own: &[&Url], token: Option<&str>) -> Result<Url, OpenError> {
        let _ = (own, token);
        Err(OpenError::Refused(address.to_owned()))
    }
}
