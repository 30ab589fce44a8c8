//! `belfry act`: what a person does from a notification, and what came of it.

use std::io::Read;

use clap::{Args, Subcommand};

use crate::act::{Act, LONGEST_REPLY, Offer};
use crate::cli::inbox::notification_id;
use crate::cli::print::{clean, json_line, out};
use crate::env::Tasks;
use crate::front::Notifier;
use crate::front::views::{ActView, Trouble};
use crate::notification::NotificationId;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  belfry act 12                              what can be done, and what was done
  belfry act 12 reply --text 'On Thursday'
  fortune | belfry act 12 reply --text -     the text comes on standard input
  belfry act 12 complete
  belfry act 12 undo                         takes back the last one, if the service was not told yet

Without a running Belfry it is kept, and told to the service by the next one that runs.")]
pub(super) struct Acting {
    /// The notification's number, as `belfry inbox` shows it
    #[arg(value_parser = notification_id)]
    id: NotificationId,
    #[command(subcommand)]
    deed: Option<Deed>,
    /// Print JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
enum Deed {
    /// Answer a message, or comment on what was commented
    Reply {
        /// What to say; `-` reads it from standard input
        #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
        text: String,
    },
    /// Complete the task
    Complete,
    /// Accept the invitation
    Accept,
    /// Decline the invitation
    Decline,
    /// Be reminded again in ten minutes
    Snooze,
    /// Hear of everything that happens to it
    Follow,
    /// Hear of it no more
    Unfollow,
    /// Take back what was done last, if the service was not told yet
    Undo,
}

pub(super) async fn perform(notifier: &Notifier, wish: Acting) -> Result<(), Trouble> {
    let Acting { id, deed, json } = wish;
    let act = match deed {
        None => return list(notifier, id, json).await,
        Some(Deed::Undo) => return undo(notifier, id, json).await,
        Some(Deed::Reply { text }) if text == "-" => Act::Reply { text: from_stdin().await? },
        Some(Deed::Reply { text }) => Act::Reply { text },
        Some(Deed::Complete) => Act::Complete,
        Some(Deed::Accept) => Act::Accept,
        Some(Deed::Decline) => Act::Decline,
        Some(Deed::Snooze) => Act::Snooze,
        Some(Deed::Follow) => Act::Follow,
        Some(Deed::Unfollow) => Act::Unfollow,
    };
    told(&notifier.act(id, act).await?, json)
}

async fn list(notifier: &Notifier, id: NotificationId, json: bool) -> Result<(), Trouble> {
    let (offers, acts) = (notifier.offers(id).await?, notifier.acts(id).await?);
    if json {
        return out(&json_line(&serde_json::json!({ "offers": offers, "acts": acts }))?);
    }
    let mut text = match offers.as_slice() {
        [] => "Nothing can be done from this notification.\n".to_owned(),
        some => {
            let names: Vec<&str> = some.iter().map(|offer| command(*offer)).collect();
            format!("What can be done: {}\n", names.join(", "))
        }
    };
    for act in &acts {
        text.push_str(&format!("{:<9} {}\n", act.act.name(), clean(&act.words)));
    }
    out(&text)
}

/// A comment is a reply, too.
fn command(offer: Offer) -> &'static str {
    match offer {
        Offer::Reply | Offer::Comment => "reply",
        Offer::Complete
        | Offer::Accept
        | Offer::Decline
        | Offer::Snooze
        | Offer::Follow
        | Offer::Unfollow => offer.name(),
    }
}

async fn undo(notifier: &Notifier, id: NotificationId, json: bool) -> Result<(), Trouble> {
    let acts = notifier.acts(id).await?;
    let Some(last) = acts.iter().rev().find(|act| act.can_be_undone) else {
        return Err(Trouble::failed("there is nothing that could still be taken back"));
    };
    told(&notifier.undo_act(last.number).await?, json)
}

fn told(act: &ActView, json: bool) -> Result<(), Trouble> {
    if json { out(&json_line(act)?) } else { out(&(clean(&act.words) + "\n")) }
}

async fn from_stdin() -> Result<String, Trouble> {
    // A little more than may be sent, so that too much is seen to be too much; no character has more than four bytes.
    let most = (LONGEST_REPLY + 1) * 4;
    let read = Tasks::blocking("ask", move || {
        let mut bytes = Vec::new();
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
        // Too much may be cut within a character.
        std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
    });
    match read.await {
        Some(Ok(text)) => Ok(text),
        Some(Err(error)) => Err(Trouble::failed(format!("standard input could not be read: {error}"))),
        None => Err(Trouble::failed("standard input could not be read")),
    }
}
