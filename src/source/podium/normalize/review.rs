//! Reviews, the requests for them and the answers to them: who, how many stars, where, the first words. Pure.

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::words::{capital, first_time, site};
use super::{Draft, REVIEWS, Reader, called, name};
use crate::notification::{Context, Hush, Icon, PodiumKind, Urgency};
use crate::source::podio::json::{at, field, flag, int, items, text};

/// So few stars that somebody should look soon.
const FEW: i64 = 2;
/// A review is new if it was changed so soon after it was made.
const AT_ONCE_MS: i64 = 60_000;

pub(super) fn draft(kind: PodiumKind, review: &Value, reader: Reader<'_>) -> Draft {
    let author = called(at(review, &["author", "name"]));
    let who = author.clone().unwrap_or_else(|| "Somebody".to_owned());
    let inner = field(review, "review");
    let on = called(field(inner, "siteName")).map(|name| format!(" on {}", site(&name))).unwrap_or_default();
    let stars = stars(review);
    let liked = flag(field(review, "isRecommendation"));
    let title = match (kind, stars, liked) {
        (PodiumKind::ReviewUpdated, Some(stars), _) => {
            format!("{who} changed a review to {}{on}", of_stars(stars))
        }
        (PodiumKind::ReviewUpdated, None, _) => format!("{who} changed a review{on}"),
        (_, Some(stars), _) => format!("{who} gave {}{on}", of_stars(stars)),
        (_, None, Some(true)) => format!("{who} recommends you{on}"),
        (_, None, Some(false)) => format!("{who} does not recommend you{on}"),
        (_, None, None) => format!("{who} wrote a review{on}"),
    };
    let bad = stars.is_some_and(|stars| stars <= FEW) || (stars.is_none() && liked == Some(false));
    let uid = text(field(review, "uid"));
    let location = items(field(review, "locations")).first().and_then(|one| text(field(one, "uid")));
    let url = text(field(inner, "url")).and_then(|url| public(&url)).or_else(|| reader.inbox());
    let context = Context {
        what: "review".to_owned(),
        id: uid.as_deref().map(name).unwrap_or_default(),
        title: None,
        place: reader.place(location),
        url,
    };
    let changed = changed(review);
    Draft {
        id: uid.map(|uid| format!("{REVIEWS}{}", name(&uid))),
        version: changed.map_or(1, Timestamp::as_millisecond),
        title,
        body: text(field(inner, "body")).unwrap_or_default(),
        actor: author,
        context,
        at: match kind {
            PodiumKind::ReviewCreated => first_time(review, &["createdAt"]).or(changed),
            _ => changed,
        },
        urgency: bad.then_some(Urgency::High),
        ..Draft::default()
    }
}

/// A list shows how a review is, not what was last done to it.
pub(super) fn what_happened(review: &Value) -> PodiumKind {
    let made = first_time(review, &["createdAt"]);
    let later = made.zip(changed(review)).is_some_and(|(made, changed)| {
        changed.as_millisecond().saturating_sub(made.as_millisecond()) > AT_ONCE_MS
    });
    if later { PodiumKind::ReviewUpdated } else { PodiumKind::ReviewCreated }
}

/// True if the customer's part of both is the same: what else belongs to a review (an answer, whom it is put down to) changes it too.
pub(crate) fn same_review(one: &Value, other: &Value) -> bool {
    let part = |review: &Value| {
        let inner = field(review, "review");
        (stars(review), flag(field(review, "isRecommendation")), text(field(inner, "body")))
    };
    part(one) == part(other)
}

pub(super) fn what_happened_to_invite(invite: &Value) -> PodiumKind {
    let new = flag(field(invite, "linkClicked")) != Some(true)
        && !matches!(text(field(invite, "deliveryStatus")).as_deref(), Some("failed" | "delivered"));
    if new { PodiumKind::ReviewInviteCreated } else { PodiumKind::ReviewInviteUpdated }
}

pub(super) fn invite(kind: PodiumKind, invite: &Value, reader: Reader<'_>) -> Draft {
    let who =
        called(field(invite, "customerName")).or_else(|| called(at(invite, &["channel", "identifier"])));
    let who = who.unwrap_or_else(|| "a customer".to_owned());
    let sender = called(at(invite, &["sender", "name"]));
    let status = text(field(invite, "deliveryStatus"));
    let failed = status.as_deref() == Some("failed");
    let title = match (kind, status.as_deref()) {
        (_, Some("failed")) => format!("The request for a review did not reach {who}"),
        (PodiumKind::ReviewInviteCreated, _) => match &sender {
            Some(sender) => format!("{sender} asked {who} for a review"),
            None => format!("{} was asked for a review", capital(&who)),
        },
        _ if flag(field(invite, "linkClicked")) == Some(true) => {
            format!("{} opened the request for a review", capital(&who))
        }
        (_, Some("delivered")) => format!("The request for a review reached {who}"),
        (_, _) => format!("The request for a review to {who} was changed"),
    };
    let uid = text(field(invite, "uid"));
    // Its own links are the customer's: opening one would count as the customer's click.
    let mut context = reader.thing("invite", uid.as_deref(), None);
    context.place = reader.place(text(at(invite, &["location", "uid"])));
    let changed = changed(invite);
    Draft {
        id: uid.map(|uid| format!("invite/{}", name(&uid))),
        version: changed.map_or(1, Timestamp::as_millisecond),
        icon: failed.then_some(Icon::NotSent),
        title,
        actor: sender.filter(|_| kind == PodiumKind::ReviewInviteCreated),
        context,
        at: match kind {
            PodiumKind::ReviewInviteCreated => first_time(invite, &["createdAt"]).or(changed),
            _ => changed,
        },
        hush: failed.then_some(Hush::Tell),
        urgency: failed.then_some(Urgency::Normal),
        ..Draft::default()
    }
}

pub(super) fn response(kind: PodiumKind, response: &Value, reader: Reader<'_>) -> Draft {
    let author = called(field(response, "siteAuthorName"));
    let on = called(field(response, "source")).map(|name| format!(" on {}", site(&name))).unwrap_or_default();
    let gone = flag(field(response, "isDeleted")) == Some(true);
    let title = match (kind, &author) {
        _ if gone => format!("An answer to a review was deleted{on}"),
        (PodiumKind::ReviewResponseCreated, Some(author)) => format!("{author} answered a review{on}"),
        (PodiumKind::ReviewResponseCreated, None) => format!("A review was answered{on}"),
        (_, Some(author)) => format!("{author} changed the answer to a review{on}"),
        (_, None) => format!("The answer to a review was changed{on}"),
    };
    let uid = text(field(response, "uid"));
    let at = first_time(response, &["publishDate"]).filter(|_| kind == PodiumKind::ReviewResponseCreated);
    Draft {
        title,
        body: text(field(response, "body")).unwrap_or_default(),
        actor: author,
        context: reader.thing("response", uid.as_deref(), None),
        at,
        ..Draft::default()
    }
}

fn changed(thing: &Value) -> Option<Timestamp> {
    first_time(thing, &["updatedAt", "createdAt"])
}

/// From one to ten: some sites have more than five.
pub(super) fn stars(review: &Value) -> Option<i64> {
    let rating = at(review, &["review", "rating"]);
    #[expect(clippy::cast_possible_truncation, reason = "a rating is a small number, and rounded")]
    let rounded = || rating.as_f64().map(|rating| rating.round() as i64);
    int(rating).or_else(rounded).filter(|stars| (1..=10).contains(stars))
}

fn of_stars(stars: i64) -> String {
    if stars == 1 { "1 star".to_owned() } else { format!("{stars} stars") }
}

/// A public page: only https, with no name before the host and at the usual port.
fn public(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let plain = url.scheme() == "https" && url.username().is_empty() && url.password().is_none();
    (plain && url.port().is_none() && url.host_str().is_some_and(|host| host.contains('.')))
        .then(|| url.into())
}
