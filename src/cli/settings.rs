//! `belfry settings`: what the person chose.

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde::de::DeserializeOwned;

use crate::cli::print::{json_line, out};
use crate::front::Notifier;
use crate::front::views::{self, Trouble};
use crate::rule::{ClickTo, QuietHours, Shown, Theme, TimeOfDay, Weekday};

const SHOWN: [&str; 3] = ["title-and-body", "title-only", "count-only"];
const CLICK: [&str; 2] = ["service", "window"];
const THEME: [&str; 3] = ["system", "light", "dark"];

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  belfry settings
  belfry settings --shown title-only
  belfry settings --quiet 22:00-07:00 --quiet-days mon,tue,wed,thu,sun
  belfry settings --quiet-off")]
pub(super) struct Settings {
    /// What a toast shows
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(SHOWN))]
    shown: Option<String>,
    /// Keep quiet at these hours, local time; an end that is not later than the beginning is the next day
    #[arg(long, value_name = "FROM-UNTIL", value_parser = hours, conflicts_with = "quiet_off")]
    quiet: Option<(TimeOfDay, TimeOfDay)>,
    /// The days on which quiet hours begin
    #[arg(long, value_name = "DAYS", value_delimiter = ',', value_parser = day)]
    quiet_days: Option<Vec<Weekday>>,
    /// Keep no quiet hours
    #[arg(long)]
    quiet_off: bool,
    /// What a click on a toast opens
    #[arg(long, value_name = "WHAT", value_parser = PossibleValuesParser::new(CLICK))]
    click: Option<String>,
    /// How the window looks
    #[arg(long, value_name = "THEME", value_parser = PossibleValuesParser::new(THEME))]
    theme: Option<String>,
    /// Print a JSON object
    #[arg(long)]
    pub(super) json: bool,
}

fn hours(text: &str) -> Result<(TimeOfDay, TimeOfDay), String> {
    let (from, until) = text.split_once('-').ok_or("two times are needed, such as 22:00-07:00")?;
    let time = |text: &str| text.parse::<TimeOfDay>().map_err(|error| error.to_string());
    Ok((time(from)?, time(until)?))
}

fn day(text: &str) -> Result<Weekday, String> {
    text.parse::<Weekday>().map_err(|error| error.to_string())
}

/// Changes what was named, then shows all.
pub(super) async fn settings(notifier: &Notifier, wish: Settings) -> Result<(), Trouble> {
    let before = notifier.settings().await?;
    let json = wish.json;
    let after = changed(before.clone(), wish)?;
    if after != before {
        notifier.set_settings(after).await?;
    }
    let now = notifier.settings().await?;
    out(&if json { json_line(&now)? } else { words(&now) })
}

fn changed(mut settings: views::Settings, wish: Settings) -> Result<views::Settings, Trouble> {
    if let Some(shown) = wish.shown {
        settings.shown = named(&shown)?;
    }
    if let Some((from, until)) = wish.quiet {
        settings.quiet = QuietHours { on: true, from, until, ..settings.quiet };
    }
    if let Some(days) = wish.quiet_days {
        settings.quiet.days = days;
    }
    if wish.quiet_off {
        settings.quiet.on = false;
    }
    if let Some(click) = wish.click {
        settings.click = named(&click)?;
    }
    if let Some(theme) = wish.theme {
        settings.theme = named(&theme)?;
    }
    Ok(settings)
}

/// The value of that name, which is the one it is stored under.
fn named<T: DeserializeOwned>(name: &str) -> Result<T, Trouble> {
    serde_json::from_value(name.into()).map_err(|error| Trouble::usage(error.to_string()))
}

fn words(settings: &views::Settings) -> String {
    let shown = match settings.shown {
        Shown::TitleAndBody => "title and body",
        Shown::TitleOnly => "the title only",
        Shown::CountOnly => "a count only",
    };
    let quiet = &settings.quiet;
    let days = if quiet.days == Weekday::ALL {
        "every day".to_owned()
    } else {
        quiet.days.iter().map(|day| day.name()).collect::<Vec<_>>().join(", ")
    };
    let quiet = match (quiet.on, days.as_str()) {
        (false, _) => format!("off ({} when on)", quiet.words()),
        (true, "") => "on no day".to_owned(),
        (true, days) => format!("{}, {days}", quiet.words()),
    };
    let click = match settings.click {
        ClickTo::Service => "the thing itself, in the browser",
        ClickTo::Window => "Belfry's window",
    };
    let theme = match settings.theme {
        Theme::System => "as the desktop",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    format!(
        "A toast shows  {shown}\nQuiet hours    {quiet}\nA click opens  {click}\nThe window is  {theme}\n"
    )
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches};

    use super::*;

    fn asked(arguments: &[&str]) -> Result<views::Settings, String> {
        let command = Settings::augment_args(Command::new("settings").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments).map_err(|error| error.to_string())?;
        let wish = Settings::from_arg_matches(&matches).map_err(|error| error.to_string())?;
        changed(views::Settings::default(), wish).map_err(|trouble| trouble.words)
    }

    #[test]
    fn only_what_is_named_changes() {
        let usual = views::Settings::default();
        assert_eq!(asked(&[]), Ok(usual.clone()));
        let title = views::Settings { shown: Shown::TitleOnly, ..usual.clone() };
        assert_eq!(asked(&["--shown", "title-only"]), Ok(title));
        let quiet = QuietHours {
            on: true,
            days: vec![Weekday::Mon, Weekday::Fri],
            from: "21:30".parse().unwrap(),
            until: "06:00".parse().unwrap(),
        };
        let asked_for = asked(&["--quiet", "21:30-06:00", "--quiet-days", "mon,fri"]);
        assert_eq!(asked_for, Ok(views::Settings { quiet, ..usual.clone() }));
        let others = asked(&["--click", "window", "--theme", "dark", "--quiet-off"]);
        assert_eq!(others, Ok(views::Settings { click: ClickTo::Window, theme: Theme::Dark, ..usual }));
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_words() {
        for (arguments, words) in [
            (["--quiet", "22:00"], "two times are needed"),
            (["--quiet", "22:00-25:00"], "“25:00” is no time of day"),
            (["--quiet-days", "monday"], "“monday” is no day"),
            (["--shown", "all"], "title-and-body"),
        ] {
            let told = asked(&arguments).unwrap_err();
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn the_names_offered_are_those_stored() {
        assert!(SHOWN.iter().all(|name| named::<Shown>(name).is_ok()));
        assert!(CLICK.iter().all(|name| named::<ClickTo>(name).is_ok()));
        assert!(THEME.iter().all(|name| named::<Theme>(name).is_ok()));
    }

    #[test]
    fn settings_are_told_in_words() {
        let mut settings = views::Settings::default();
        assert!(words(&settings).contains("Quiet hours    off (22:00–07:00 when on)"));
        settings.quiet.on = true;
        assert!(words(&settings).contains("Quiet hours    22:00–07:00, every day"));
        settings.quiet.days = vec![Weekday::Sat];
        assert!(words(&settings).contains("Quiet hours    22:00–07:00, sat"));
    }
}
