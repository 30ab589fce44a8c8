//! What a person or a monitor may see: one sentence, the store's health, figures. Nothing of any channel.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::time::Instant;

use super::Desk;
use crate::store::StoreError;

/// A look at the store is good for so long: looking costs a commit, and anybody may ask.
const FRESH: Duration = Duration::from_secs(1);

/// One sentence.
pub(super) async fn index() -> &'static str {
    "This is a Belfry relay: it keeps webhooks until the desktops they are meant for fetch them.\n"
}

/// Whether a webhook could be kept right now.
pub(super) async fn health(State(desk): State<Arc<Desk>>) -> Response {
    match look(&desk).await {
        Ok(()) => Json(json!({ "status": "ok" })).into_response(),
        Err(error) => {
            let said = json!({ "status": "unwell", "error": error.to_string() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(said)).into_response()
        }
    }
}

/// Figures for Prometheus.
pub(super) async fn metrics(State(desk): State<Arc<Desk>>) -> Response {
    let well = look(&desk).await.is_ok();
    let text = desk.metrics.text(desk.readers.taken(), desk.bodies.taken(), desk.pages.taken(), well);
    let mut response = text.into_response();
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

async fn look(desk: &Desk) -> Result<(), StoreError> {
    let mut last = desk.health.lock().await;
    if let Some((at, health)) = &*last
        && at.elapsed() < FRESH
    {
        return health.clone();
    }
    let asked = tokio::time::timeout(desk.limits.store_time, desk.store.health()).await;
    let health = asked.unwrap_or(Err(StoreError::Busy));
    *last = Some((Instant::now(), health.clone()));
    health
}
