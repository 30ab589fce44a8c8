//! What a CloudApp account needs to know besides its password. The public service is no more; a compatible server stands at any address.

use serde::{Deserialize, Serialize};
use url::Url;

/// Where a CloudApp account is, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS), ts(optional_fields = nullable))]
pub struct CloudappSettings {
    /// Base of the REST API, by default [`CloudappSettings::API_URL`].
    #[serde(default = "CloudappSettings::usual_api")]
    #[cfg_attr(test, ts(as = "Option<Url>", optional))]
    pub api_url: Url,
    /// The Pusher server that carries the item stream; where the service says nothing else, Pusher's own oldest cluster.
    #[serde(default)]
    pub push_url: Option<Url>,
    /// The e-mail address of the person.
    pub email: String,
    /// The account's number at the service, once known.
    #[serde(default)]
    pub account_id: Option<i64>,
    /// The account's own domain for its links, once known and if it has one.
    #[serde(default)]
    pub site: Option<Url>,
}

#[expect(clippy::expect_used, reason = "constants; a test reads each of them")]
impl CloudappSettings {
    /// Where the public service was.
    pub const API_URL: &str = "https://my.cl.ly";
    /// Where its short links lead.
    pub const SITE: &str = "https://cl.ly";

    /// An account at this server.
    pub fn at(api_url: Url, email: impl Into<String>) -> Self {
        Self { api_url, push_url: None, email: email.into(), account_id: None, site: None }
    }

    fn usual_api() -> Url {
        Url::parse(Self::API_URL).expect("an address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_enough_for_the_server_it_was_made_for() {
        let settings: CloudappSettings = serde_json::from_str(r#"{"email":"ada@example.com"}"#).unwrap();
        assert_eq!(settings.api_url.as_str().trim_end_matches('/'), CloudappSettings::API_URL);
        assert_eq!((settings.push_url, settings.account_id, settings.site), (None, None, None));
        assert!(Url::parse(CloudappSettings::SITE).is_ok());
    }
}
