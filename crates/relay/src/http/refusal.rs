//! Why a request is refused, said to the client: a status, one sentence, and when to come again. Holds nothing secret.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::store::StoreError;

/// When a sender should come again after the store could not keep his webhook.
const COME_AGAIN: Duration = Duration::from_secs(5);

/// A refusal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("There is nothing here")]
    NoPage,
    #[error("This relay made no such channel: make one with POST /channels")]
    NoChannel,
    #[error(
        "This relay gives channels only to those who know its join code: it is printed when the relay starts"
    )]
    NotInvited,
    #[error("The channel is read with the token it was made for, as “Authorization: Bearer …”")]
    NotTheReader,
    #[error("The body is larger than the {0} bytes that this relay takes")]
    TooLarge(usize),
    #[error("The body did not arrive in time")]
    TooSlow,
    #[error("The body broke off")]
    BrokenOff,
    #[error("{0}")]
    Malformed(&'static str),
    #[error("This channel rings too often: come again later")]
    TooOften(Duration),
    #[error("The relay is full: come again in a few seconds")]
    Crowded,
    #[error("{0}")]
    Store(StoreError),
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoPage | Self::NoChannel => StatusCode::NOT_FOUND,
            Self::NotInvited | Self::NotTheReader => StatusCode::UNAUTHORIZED,
            Self::TooLarge(_) | Self::Store(StoreError::Large) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokenOff | Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::TooOften(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Crowded | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn come_again(&self) -> Option<Duration> {
        match self {
            Self::TooOften(after) => Some(*after),
            Self::Store(StoreError::Large) => None,
            Self::Crowded | Self::Store(_) => Some(COME_AGAIN),
            Self::NoPage
            | Self::NoChannel
            | Self::NotInvited
            | Self::NotTheReader
            | Self::TooLarge(_)
            | Self::TooSlow
            | Self::BrokenOff
            | Self::Malformed(_) => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(json!({ "error": self.to_string() }))).into_response();
        if let Some(after) = self.come_again() {
            let seconds = after.as_millis().div_ceil(1000).max(1).to_string();
            if let Ok(seconds) = HeaderValue::from_str(&seconds) {
                response.headers_mut().insert(header::RETRY_AFTER, seconds);
            }
        }
        if self.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if matches!(self, Self::TooSlow | Self::BrokenOff | Self::TooLarge(_)) {
            // What is left of the body would be taken for the next request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
