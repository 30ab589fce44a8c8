//! What surrounds every call of the fakes beside Podio's (which has its own, with tokens and limits): the request log,
//! planned faults, the date by the sandbox's clock. It knows a service only as a [`Watched`].

use crate::faults::{self, Answer};
use crate::tasks;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use std::time::Duration;

/// A service whose calls are logged and may go wrong.
pub(crate) trait Watched: Clone + Send + Sync + 'static {
    /// A call came in; the answer is its number.
    fn asked(&self, method: &str, path: &str, query: Option<&str>, at_ms: i64) -> u64;
    /// The planned fault for this path, if any.
    fn fault_for(&self, path: &str) -> Option<Answer>;
    /// A planned fault in the service's own words, where it has some.
    fn worded(&self, _answer: &Answer) -> Option<Response> {
        None
    }
    /// The call with this number got its answer.
    fn answered(&self, number: u64, status: u16);
}

pub(crate) async fn watch<W: Watched>(State(service): State<W>, request: Request, next: Next) -> Response {
    let uri = request.uri().clone();
    let now = tasks::now().as_millisecond();
    let number = service.asked(request.method().as_str(), uri.path(), uri.query(), now);
    let mut response = match service.fault_for(uri.path()) {
        Some(Answer::Silence) => std::future::pending().await,
        Some(Answer::Deaf) => {
            next.run(request).await;
            std::future::pending().await
        }
        Some(Answer::Late { ms }) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            next.run(request).await
        }
        Some(answer) => service.worded(&answer).unwrap_or_else(|| wrong(&answer)),
        None => next.run(request).await,
    };
    // The server's own would go by another clock.
    let date = jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&tasks::now());
    if let Some(date) = date.ok().and_then(|date| HeaderValue::try_from(date).ok()) {
        response.headers_mut().insert(header::DATE, date);
    }
    service.answered(number, response.status().as_u16());
    response
}

fn wrong(answer: &Answer) -> Response {
    let json = [(header::CONTENT_TYPE, "application/json")];
    match answer {
        Answer::Status(status) => {
            StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
        }
        Answer::RateLimited { wait } => {
            let status = StatusCode::from_u16(420).unwrap_or(StatusCode::TOO_MANY_REQUESTS);
            (status, format!("Please wait {wait} seconds")).into_response()
        }
        Answer::TooMany { retry_after } => {
            (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, retry_after.to_string())]).into_response()
        }
        Answer::CaptivePortal => ([(header::CONTENT_TYPE, "text/html")], faults::PORTAL_PAGE).into_response(),
        Answer::Garbage => (json, faults::GARBAGE).into_response(),
        Answer::Oversized { bytes } => (json, faults::oversized(*bytes)).into_response(),
        Answer::Json(value) => axum::Json(value.clone()).into_response(),
        // The caller never lets these come so far.
        Answer::Silence | Answer::Deaf | Answer::Late { .. } => {
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
