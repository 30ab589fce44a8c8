//! `belfry account map`: what becomes of a feed's events.

use clap::Args;
use serde_json::Value;

use super::account_id;
use crate::account::AccountId;
use crate::cli::print::{ago, clean, clean_cut, json_line, out, say};
use crate::env::Env;
use crate::feed::{FieldMap, PRESETS, Tried};
use crate::front::Notifier;
use crate::front::views::Trouble;

/// Longest line shown of what came.
const SHOWN: usize = 160;

#[derive(Debug, Args)]
pub(in crate::cli) struct MapArgs {
    /// The account's name
    #[arg(value_parser = account_id)]
    account: AccountId,
    /// Another map: the name of one that is built in (plain, laravel, github), a file, or single fields as in title='{{ data.title }}'; checked, then kept unless --try is given
    #[arg(long, value_name = "MAP")]
    map: Vec<String>,
    /// Show what came last and what the map makes of it; keep nothing
    #[arg(long = "try")]
    tried: bool,
    /// Print JSON: the map, or one object for each event tried
    #[arg(long)]
    pub(super) json: bool,
}

pub(super) async fn perform(wish: MapArgs, env: &Env) -> Result<(), Trouble> {
    let map = if wish.map.is_empty() { None } else { Some(map_of(&wish.map)?) };
    let notifier = Notifier::reach(env.clone()).await?;
    if wish.tried {
        return try_out(&notifier, wish.account, map, wish.json, env).await;
    }
    match map {
        Some(map) => {
            notifier.set_map(wish.account.clone(), map).await?;
            out(&format!("{} has a new map; it holds for what comes from now on.\n", wish.account))
        }
        None => {
            let feed = notifier.feed(wish.account.clone()).await?;
            if wish.json { out(&json_line(&feed.map)?) } else { out(&clean_lines(&feed.map.to_text())) }
        }
    }
}

/// The map that was asked for: a preset, a file, or single fields.
pub(super) fn map_of(written: &[String]) -> Result<FieldMap, Trouble> {
    let wrong = |error: crate::feed::BadMap| Trouble::usage(error.to_string());
    if written.iter().any(|one| FieldMap::is_field(one)) {
        return FieldMap::from_fields(written.iter().map(String::as_str)).map_err(wrong);
    }
    let [name] = written else {
        return Err(Trouble::usage(
            "give one map with --map, or single fields as in title='{{ data.title }}'",
        ));
    };
    if name == "-" {
        return Err(Trouble::usage("standard input is for secrets; give the map as a file"));
    }
    if let Some(map) = FieldMap::preset(name) {
        return Ok(map);
    }
    let text = std::fs::read_to_string(name).map_err(|error| {
        let presets: Vec<_> = PRESETS.iter().map(|(name, _)| *name).collect();
        Trouble::usage(format!(
            "“{name}” is no map: it is none of {}, and no file that can be read ({error})",
            presets.join(", ")
        ))
    })?;
    FieldMap::from_text(&text).map_err(|error| Trouble::usage(format!("{name}: {error}")))
}

async fn try_out(
    notifier: &Notifier,
    account: AccountId,
    map: Option<FieldMap>,
    json: bool,
    env: &Env,
) -> Result<(), Trouble> {
    let tried = notifier.try_map(account.clone(), map).await?;
    if tried.is_empty() {
        let running = notifier.overview().await?.running;
        say(if running {
            "Nothing came yet since Belfry was started. The map itself makes sense."
        } else {
            "The map makes sense. What came is known to a running Belfry only: start `belfry run`."
        });
    }
    for one in &tried {
        if json {
            out(&json_line(one)?)?;
        } else {
            out(&shown(one, env.clock.now()))?;
        }
    }
    Ok(())
}

/// An event and what becomes of it.
fn shown(one: &Tried, now: jiff::Timestamp) -> String {
    let payload = &one.payload;
    let data = payload.data.as_deref().unwrap_or("(too long)");
    let mut text = format!(
        "{}  {}  {}  {}\n",
        ago(payload.at, now),
        clean_cut(&payload.channel, 60),
        clean_cut(&payload.event, 80),
        clean_cut(data, SHOWN)
    );
    let rule = one.rule.map_or("no rule fits".to_owned(), |rule| format!("rule {rule}"));
    match &one.told {
        None => text.push_str(&format!("  {rule}: no notification\n")),
        Some(told) => {
            text.push_str(&format!("  {rule}: {}\n", clean_cut(&told.title, SHOWN)));
            let url = told.context.url.as_deref().unwrap_or_default();
            for line in [told.body.as_str(), url].into_iter().filter(|line| !line.is_empty()) {
                text.push_str(&format!("    {}\n", clean_cut(line, SHOWN)));
            }
            let urgency = told.urgency.map(|urgency| serde_json::to_value(urgency).unwrap_or_default());
            let urgency = urgency.as_ref().and_then(Value::as_str).unwrap_or("normal");
            let own =
                if told.external_id.starts_with('i') { clean_cut(&told.external_id, 60) } else { "-".into() };
            text.push_str(&format!(
                "    picture {}, urgency {urgency}, id {own}, at {}\n",
                told.icon.name(),
                told.occurred_at
            ));
        }
    }
    for trouble in &one.troubles {
        text.push_str(&format!("  ! {}\n", clean(trouble)));
    }
    text
}

/// A text of several lines, fit for the terminal.
fn clean_lines(text: &str) -> String {
    text.lines()
        .map(|line| if line.trim().is_empty() { "\n".to_owned() } else { clean_keep(line) + "\n" })
        .collect()
}

/// The line as it stands, without what acts on a terminal.
fn clean_keep(line: &str) -> String {
    line.chars().filter(|c| !c.is_control() || *c == '\t').collect()
}
