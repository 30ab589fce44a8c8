//! `GET /oauth/callback`: a browser comes back from a sign-in. What it brings goes to the channel that the sign-in was begun for, since
//! services that allow no loopback address need an https one to come back to. The page shown holds nothing of it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use tracing::info;

use super::{Desk, Refusal, hook, in_query};
use crate::store::Entry;
use crate::{event, message, tasks};

/// More than any service brings back.
const LONGEST_QUERY: usize = 8 << 10;

/// Hands on what the browser brings.
pub(super) async fn come_back(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    match hand_on(&desk, &uri).await {
        Ok(()) => page(
            StatusCode::OK,
            "You may close this page",
            "Your answer is on its way to your computer. Go back to Belfry there.",
        ),
        Err(refusal @ (Refusal::Store(_) | Refusal::TooOften(_))) => {
            let again = refusal.into_response();
            let mut shown = page(
                again.status(),
                "Not yet",
                "The relay cannot keep your answer right now. Reload this page in a few seconds.",
            );
            if let Some(after) = again.headers().get(header::RETRY_AFTER) {
                shown.headers_mut().insert(header::RETRY_AFTER, after.clone());
            }
            shown
        }
        Err(_) => page(
            StatusCode::NOT_FOUND,
            "This sign-in is not known here",
            "It was not begun through this relay, or its address was cut short. Begin it again in Belfry.",
        ),
    }
}

async fn hand_on(desk: &Desk, uri: &Uri) -> Result<(), Refusal> {
    let query = uri.query().filter(|query| query.len() <= LONGEST_QUERY).ok_or(Refusal::NoChannel)?;
    let state = in_query(uri, "state").ok_or(Refusal::NoChannel)?;
    let (name, _nonce) = state.split_once('.').ok_or(Refusal::NoChannel)?;
    let channel = desk.channel(name)?;
    desk.may_ring(channel.id()).map_err(Refusal::TooOften)?;
    let received = tasks::now_ms();
    let id = message::of_return(channel.id(), query);
    let entry = Entry {
        channel: channel.id(),
        message: id,
        earlier: None,
        received,
        event: event::RETURN,
        data: event::returned(query, received, id).into(),
    };
    hook::keep(desk, &channel, entry).await?;
    info!(channel = channel.id().short(), "a browser came back from a sign-in");
    Ok(())
}

/// A page without a script, a picture or an address of anything.
fn page(status: StatusCode, title: &str, text: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{title}</title><style>body{{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:20vh auto;padding:0 1rem}}\
         @media(prefers-color-scheme:dark){{body{{background:#1c1c1e;color:#eee}}}}</style><h1>{title}</h1><p>{text}</p></html>"
    );
    let mut response = (status, Html(html)).into_response();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; form-action 'none'; base-uri 'none'";
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response.headers_mut().insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    response
}
