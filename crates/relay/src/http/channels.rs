//! `POST /channels` makes a channel; `DELETE /channels/{channel}` forgets what is kept of one. Making needs no registry: the answer is
//! worked out, nothing is stored.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::json;
use tracing::{info, warn};

use super::{Desk, Refusal, bearer, hook, same};
use crate::channel::Channel;

/// More than any wish for a channel has.
const LONGEST_WISH: usize = 4 << 10;

#[derive(Deserialize)]
struct Wish {
    reader: String,
    #[serde(default)]
    seal_to: Option<String>,
}

/// Makes a channel.
pub(super) async fn make(State(desk): State<Arc<Desk>>, request: Request) -> Result<Response, Refusal> {
    let (parts, body) = request.into_parts();
    let invited =
        desk.open || bearer(&parts.headers).is_some_and(|code| same(code, &desk.store.keys().join_code));
    if !invited {
        warn!("somebody asked for a channel without the join code");
        return Err(Refusal::NotInvited);
    }
    if !is_json(&parts.headers) {
        // A web page may send any other type here without asking its browser's leave.
        return Err(Refusal::Malformed("Say what channel you wish as application/json"));
    }
    let taken = hook::read_body(&desk, &parts.headers, body, LONGEST_WISH).await?;
    let channel = wished(&taken.bytes)?;
    let name = channel.name(&desk.store.keys().relay);
    let base = desk.base(&parts.headers);
    info!(channel = channel.id().short(), sealed = channel.seal_to().is_some(), "a channel was made");
    desk.metrics.channels_made.add(1);
    let made = json!({
        "channel": name,
        "hook_url": format!("{base}hook/{name}"),
        "events_url": format!("{base}events/{name}"),
        "oauth_url": format!("{base}oauth/callback"),
    });
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

fn wished(body: &Bytes) -> Result<Channel, Refusal> {
    let wish: Wish = serde_json::from_slice(body).map_err(|_| {
        Refusal::Malformed(
            "A channel is wished for as {\"reader\":\"…\"}: the first 16 bytes of the SHA-256 of the read token, in base64url",
        )
    })?;
    let bytes = |text: &str| BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes()).ok();
    let reader = bytes(&wish.reader).and_then(|reader| reader.try_into().ok()).ok_or(Refusal::Malformed(
        "“reader” must be the first 16 bytes of the SHA-256 of the read token, in base64url",
    ))?;
    let seal_to = match wish.seal_to.as_deref().filter(|key| !key.is_empty()) {
        None => None,
        Some(key) => Some(
            bytes(key)
                .and_then(|key| key.try_into().ok())
                .filter(|key: &[u8; 32]| key.iter().any(|byte| *byte != 0))
                .ok_or(Refusal::Malformed(
                    "“seal_to” must be the 32 bytes of an X25519 public key, in base64url",
                ))?,
        ),
    };
    Ok(Channel::new(reader, seal_to))
}

fn is_json(headers: &HeaderMap) -> bool {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    value.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

/// Forgets what is kept of a channel. The channel itself cannot end: its name goes on to be valid for whoever knows it.
pub(super) async fn forget(
    State(desk): State<Arc<Desk>>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let channel = desk.channel(&name)?;
    if !bearer(&headers).is_some_and(|token| channel.is_read_by(token)) {
        return Err(Refusal::NotTheReader);
    }
    let entries = hook::in_time(&desk, desk.store.forget(channel.id())).await.map_err(|error| {
        warn!(channel = channel.id().short(), "a channel was not forgotten: {error}");
        Refusal::Store(error)
    })?;
    info!(channel = channel.id().short(), entries, "a channel was forgotten");
    Ok(StatusCode::NO_CONTENT)
}
