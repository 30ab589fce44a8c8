//! Words that several events share: channels, money, times. Pure.

use jiff::Timestamp;
use serde_json::Value;

use crate::source::podio::json::{field, int, text, time};

/// What is sent over a channel of this type, with its article.
pub(super) fn a_message(channel: Option<&str>) -> String {
    let brand = |name: &str| format!("a message by {name}");
    match channel.unwrap_or_default() {
        "phone" | "sms" | "text" => "a text message".to_owned(),
        "email" | "fallback_email" => "an e-mail".to_owned(),
        "whatsapp" => "a WhatsApp message".to_owned(),
        "facebook" => "a Facebook message".to_owned(),
        "instagram" => "an Instagram message".to_owned(),
        "google" | "google_brand" => "a Google message".to_owned(),
        "apple" => "an Apple message".to_owned(),
        "car_wars" => brand("Car Wars"),
        "iframe" => "a message on the website".to_owned(),
        "secure" => "a secure message".to_owned(),
        _ => "a message".to_owned(),
    }
}

/// The same at the beginning of a sentence.
pub(super) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// An amount in the currency's smallest units, as people write it: `1,204.50 USD`.
pub(crate) fn money(minor: i64, currency: Option<&str>) -> String {
    let code: String = currency.unwrap_or_default().chars().take(3).collect::<String>().to_ascii_uppercase();
    let code = Some(code).filter(|code| code.len() == 3 && code.chars().all(|c| c.is_ascii_uppercase()));
    // ISO 4217: how many digits the smaller unit has where these are not two.
    let digits = match code.as_deref() {
        Some(
            "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
            | "VUV" | "XAF" | "XOF" | "XPF",
        ) => 0,
        Some("BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND") => 3,
        Some(_) | None => 2,
    };
    let unit = 10_u64.pow(digits);
    let (whole, rest) = (minor.unsigned_abs() / unit, minor.unsigned_abs() % unit);
    let mut text = String::new();
    let number = whole.to_string();
    for (place, digit) in number.chars().enumerate() {
        if place > 0 && (number.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if digits > 0 {
        text.push_str(&format!(".{rest:0width$}", width = digits as usize));
    }
    let sign = if minor < 0 { "-" } else { "" };
    match code {
        Some(code) => format!("{sign}{text} {code}"),
        None => format!("{sign}{text}"),
    }
}

/// The same out of JSON.
pub(super) fn amount(value: &Value, currency: &Value) -> Option<String> {
    int(value).map(|minor| money(minor, text(currency).as_deref()))
}

/// A span as people say it: `3 min 5 s`.
pub(super) fn span(seconds: i64) -> Option<String> {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match (hours, minutes, rest) {
        _ if seconds <= 0 => None,
        (0, 0, rest) => Some(format!("{rest} s")),
        (0, minutes, 0) => Some(format!("{minutes} min")),
        (0, minutes, rest) => Some(format!("{minutes} min {rest} s")),
        (hours, minutes, _) => Some(format!("{hours} h {minutes} min")),
    }
}

/// The first of these fields that is a time.
pub(super) fn first_time(value: &Value, names: &[&str]) -> Option<Timestamp> {
    names.iter().find_map(|name| time(field(value, name)))
}

/// A site's name as people write it.
pub(super) fn site(name: &str) -> String {
    let readable = name.replace(['_', '-'], " ");
    readable.split_whitespace().map(capital).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_written_as_its_currency_is() {
        for (minor, currency, want) in [
            (12_050, Some("USD"), "120.50 USD"),
            (5, Some("usd"), "0.05 USD"),
            (123_456_789, Some("EUR"), "1,234,567.89 EUR"),
            (1_500, Some("JPY"), "1,500 JPY"),
            (1_500, Some("KWD"), "1.500 KWD"),
            (-200, Some("USD"), "-2.00 USD"),
            (100_000, None, "1,000.00"),
            (100, Some("12"), "1.00"),
            (i64::MIN, None, "-92,233,720,368,547,758.08"),
        ] {
            assert_eq!(money(minor, currency), want);
        }
    }

    #[test]
    fn a_span_is_short() {
        let said = [0, 59, 60, 185, 3_725].map(|seconds| span(seconds).unwrap_or_default());
        assert_eq!(said, ["", "59 s", "1 min", "3 min 5 s", "1 h 2 min"]);
        assert_eq!(site("google_brand"), "Google Brand");
    }
}
