//! CloudApp's endpoints, under `/_sandbox/cloudapp`. Every deed may be `silent`: then only the REST API knows of it.

use super::{Control, Done, Wait, done, set, waited};
use crate::cloudapp::{Algorithm, AuthForm, AuthUrl, ItemType};
use crate::{CloudApp, Fault};
use axum::Router;
use axum::extract::{Json, Query, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

pub(super) fn router() -> Router<Control> {
    Router::new()
        .route("/observed", get(observed))
        .route("/forget", post(forget))
        .route("/wait", get(wait))
        .route("/user", post(add_user))
        .route("/upload", post(upload))
        .route("/bookmark", post(bookmark))
        .route("/item", post(item))
        .route("/push", post(push))
        .route("/settings", post(settings))
        .route("/sign-in", post(sign_in))
        .route("/fault", post(fault))
        .route("/heal", post(heal))
}

impl Control {
    fn deeds(&self, silent: bool) -> CloudApp {
        if silent { self.cloudapp.silently() } else { self.cloudapp.clone() }
    }
}

/// The account of `ada@example.test`.
fn first_user() -> u64 {
    1
}

async fn observed(State(control): State<Control>) -> Json<Value> {
    Json(json!(control.cloudapp.observed()))
}

async fn forget(State(control): State<Control>) -> Done {
    control.cloudapp.forget_observed();
    done()
}

async fn wait(State(control): State<Control>, Query(wait): Query<Wait>) -> Done {
    waited(control.cloudapp.wait_for(|observed| wait.reached(observed), wait.limit()).await)
}

#[derive(Deserialize)]
struct NewUser {
    email: String,
    password: String,
}

async fn add_user(State(control): State<Control>, Json(new): Json<NewUser>) -> Done {
    Ok(Json(json!({"id": control.cloudapp.add_user(&new.email, &new.password)})))
}

#[derive(Deserialize)]
struct Upload {
    #[serde(default = "first_user")]
    user: u64,
    name: String,
    #[serde(rename = "type", default = "image")]
    kind: ItemType,
    #[serde(default)]
    silent: bool,
}

fn image() -> ItemType {
    ItemType::Image
}

async fn upload(State(control): State<Control>, Json(wish): Json<Upload>) -> Done {
    let href = control.deeds(wish.silent).upload(wish.user, &wish.name, wish.kind);
    Ok(Json(json!({"href": href})))
}

#[derive(Deserialize)]
struct Bookmark {
    #[serde(default = "first_user")]
    user: u64,
    name: Option<String>,
    redirect_url: String,
    #[serde(default)]
    silent: bool,
}

async fn bookmark(State(control): State<Control>, Json(wish): Json<Bookmark>) -> Done {
    let deeds = control.deeds(wish.silent);
    Ok(Json(json!({"href": deeds.bookmark(wish.user, wish.name.as_deref(), &wish.redirect_url)})))
}

/// Something happens to an item.
#[derive(Deserialize)]
struct OnItem {
    href: String,
    #[serde(default)]
    silent: bool,
    deed: Deed,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Deed {
    Rename(String),
    SetPrivate(bool),
    View,
    Delete,
    Recover,
    Purge,
    /// This event with the item as it stands.
    PushAgain(String),
}

async fn item(State(control): State<Control>, Json(wish): Json<OnItem>) -> Done {
    let (deeds, href) = (control.deeds(wish.silent), wish.href.as_str());
    match wish.deed {
        Deed::Rename(name) => deeds.rename(href, &name),
        Deed::SetPrivate(private) => deeds.set_private(href, private),
        Deed::View => deeds.view(href),
        Deed::Delete => deeds.delete(href),
        Deed::Recover => deeds.recover(href),
        Deed::Purge => deeds.purge(href),
        Deed::PushAgain(event) => deeds.push_again(href, &event),
    }?;
    done()
}

#[derive(Deserialize)]
struct Push {
    #[serde(default = "first_user")]
    user: u64,
    event: String,
    #[serde(default)]
    data: Value,
}

async fn push(State(control): State<Control>, Json(wish): Json<Push>) -> Done {
    control.cloudapp.push(wish.user, &wish.event, &wish.data);
    done()
}

/// Settings that are named change; times in milliseconds.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsWish {
    algorithms: Option<Vec<Algorithm>>,
    nonce_lifetime_ms: Option<u64>,
    sessions: Option<bool>,
    auth_url: Option<AuthUrl>,
    app_key: Option<String>,
    auth_form: Option<AuthForm>,
    auth_by_post: Option<bool>,
    views_update: Option<bool>,
}

async fn settings(State(control): State<Control>, Json(wish): Json<SettingsWish>) -> Done {
    control.cloudapp.set(|settings| {
        set(&mut settings.algorithms, wish.algorithms);
        set(&mut settings.nonce_lifetime, wish.nonce_lifetime_ms.map(Duration::from_millis));
        set(&mut settings.sessions, wish.sessions);
        set(&mut settings.auth_url, wish.auth_url);
        set(&mut settings.app_key, wish.app_key);
        set(&mut settings.auth_form, wish.auth_form);
        set(&mut settings.auth_by_post, wish.auth_by_post);
        set(&mut settings.views_update, wish.views_update);
    });
    done()
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SignInWish {
    ExpireNonces,
    EndSessions,
    ChangePassword { user: u64, password: String },
}

async fn sign_in(State(control): State<Control>, Json(wish): Json<SignInWish>) -> Done {
    match wish {
        SignInWish::ExpireNonces => control.cloudapp.expire_nonces(),
        SignInWish::EndSessions => control.cloudapp.end_sessions(),
        SignInWish::ChangePassword { user, password } => {
            control.cloudapp.change_password(user, &password)?;
        }
    }
    done()
}

async fn fault(State(control): State<Control>, Json(fault): Json<Fault>) -> Done {
    control.cloudapp.fault(fault);
    done()
}

async fn heal(State(control): State<Control>) -> Done {
    control.cloudapp.heal();
    done()
}
