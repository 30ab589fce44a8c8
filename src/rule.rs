//! A rule: what the person wants told, when, and how. Plain values; `toast::policy` and `toast::quiet` apply them.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How much of a notification a toast may show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Shown {
    /// Title and body.
    #[default]
    TitleAndBody,
    /// The title only.
    TitleOnly,
    /// Only that there is something.
    CountOnly,
}

/// What a click on a toast opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum ClickTo {
    /// The very thing at the service, in the browser.
    #[default]
    Service,
    /// Belfry's window, at that notification.
    Window,
}

/// The colours of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Theme {
    /// As the desktop has it.
    #[default]
    System,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

impl Weekday {
    /// The week, from Monday.
    pub const ALL: [Self; 7] = [Self::Mon, Self::Tue, Self::Wed, Self::Thu, Self::Fri, Self::Sat, Self::Sun];

    /// Its short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mon => "mon",
            Self::Tue => "tue",
            Self::Wed => "wed",
            Self::Thu => "thu",
            Self::Fri => "fri",
            Self::Sat => "sat",
            Self::Sun => "sun",
        }
    }
}

/// Why a text is no day of the week.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no day: use mon, tue, wed, thu, fri, sat or sun")]
pub struct BadWeekday(pub String);

impl FromStr for Weekday {
    type Err = BadWeekday;
    fn from_str(text: &str) -> Result<Self, BadWeekday> {
        Self::ALL.into_iter().find(|day| day.name() == text).ok_or_else(|| BadWeekday(text.to_owned()))
    }
}

/// A time as a clock on the wall shows it, without a day and without a zone: `22:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[cfg_attr(test, derive(ts_rs::TS), ts(type = "string"))]
pub struct TimeOfDay(u16);

/// Why a text is no time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("“{0}” is no time of day: use two digits each, from 00:00 to 23:59, such as 22:00")]
pub struct BadTimeOfDay(pub String);

impl TimeOfDay {
    const TEN_AT_NIGHT: Self = Self(22 * 60);
    const SEVEN_IN_THE_MORNING: Self = Self(7 * 60);

    /// Minutes since midnight on a day without a change of clocks, 0 to 1439.
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl FromStr for TimeOfDay {
    type Err = BadTimeOfDay;
    fn from_str(text: &str) -> Result<Self, BadTimeOfDay> {
        let two_digits = |part: &str, below: u16| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            part.parse::<u16>().ok().filter(|number| digits && *number < below)
        };
        let parsed = text
            .split_once(':')
            .and_then(|(hours, minutes)| Some(two_digits(hours, 24)? * 60 + two_digits(minutes, 60)?));
        parsed.map(Self).ok_or_else(|| BadTimeOfDay(text.to_owned()))
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = BadTimeOfDay;
    fn try_from(text: String) -> Result<Self, BadTimeOfDay> {
        text.parse()
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        time.to_string()
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

/// A time of silence that comes again: local time, wherever the machine is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct QuietHours {
    /// True if they hold.
    pub on: bool,
    /// The days on which a quiet time begins.
    pub days: Vec<Weekday>,
    /// When it begins.
    pub from: TimeOfDay,
    /// When it ends; on the next day if that is not later than `from`, so that the same time twice is a whole day.
    pub until: TimeOfDay,
}

impl Default for QuietHours {
    fn default() -> Self {
        Self {
            on: false,
            days: Weekday::ALL.to_vec(),
            from: TimeOfDay::TEN_AT_NIGHT,
            until: TimeOfDay::SEVEN_IN_THE_MORNING,
        }
    }
}

impl QuietHours {
    /// As people write them: `22:00–07:00`.
    pub fn words(&self) -> String {
        format!("{}–{}", self.from, self.until)
    }
}

/// The person's wishes, as stored. What an older Belfry did not know yet is at its default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// How much a toast shows.
    pub shown: Shown,
    /// No toasts before this instant; the inbox still fills.
    pub paused_until: Option<Timestamp>,
    /// No toasts at these times; the inbox still fills.
    pub quiet: QuietHours,
    /// What a click on a toast opens.
    pub click: ClickTo,
    /// How the window looks. No rule about toasts, but kept with them: a person's choices are one value.
    pub theme: Theme,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_four_digits_and_a_colon() {
        for (text, minutes) in [("00:00", 0), ("07:05", 425), ("22:00", 1320), ("23:59", 1439)] {
            let time: TimeOfDay = text.parse().unwrap();
            assert_eq!((time.minutes(), time.to_string()), (minutes, text.to_owned()));
        }
        for bad in ["", "7:00", "24:00", "12:60", "12.00", "12:00:00", "-1:00", "+1:00", "ab:cd", "１２:00"]
        {
            assert!(bad.parse::<TimeOfDay>().is_err(), "{bad}");
        }
        let told = serde_json::from_str::<TimeOfDay>("\"25:00\"").unwrap_err().to_string();
        assert!(told.contains("“25:00” is no time of day: use"), "{told}");
    }

    #[test]
    fn days_are_known_by_their_short_names() {
        for day in Weekday::ALL {
            assert_eq!(day.name().parse(), Ok(day));
            assert_eq!(serde_json::to_value(day).unwrap(), day.name());
        }
        assert!("monday".parse::<Weekday>().is_err());
    }

    #[test]
    fn rules_cross_as_the_page_writes_them() {
        let rules = Rules { click: ClickTo::Window, theme: Theme::Dark, ..Rules::default() };
        let expected = serde_json::json!({
            "shown": "title-and-body", "paused_until": null, "click": "window", "theme": "dark",
            "quiet": {"on": false, "days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "from": "22:00", "until": "07:00"},
        });
        assert_eq!(serde_json::to_value(&rules).unwrap(), expected);
        assert_eq!(serde_json::from_value::<Rules>(expected).unwrap(), rules);
    }

    #[test]
    fn rules_that_an_older_belfry_stored_are_read() {
        let rules: Rules = serde_json::from_str(r#"{"shown":"title-only","paused_until":null}"#).unwrap();
        assert_eq!(rules, Rules { shown: Shown::TitleOnly, ..Rules::default() });
        assert_eq!(serde_json::from_str::<Rules>("{}").unwrap(), Rules::default());
    }
}
