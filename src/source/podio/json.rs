//! Reading JSON the way Podio writes it: booleans that are 0 or 1, numbers that are text, times in UTC without a zone, fields that are
//! missing or null. Pure. A thing that is not there or not understood is `None`, never an error.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

static NOTHING: Value = Value::Null;

/// The field, or null.
pub(crate) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&NOTHING)
}

/// The field at the end of a way of names, or null.
pub(crate) fn at<'a>(value: &'a Value, way: &[&str]) -> &'a Value {
    way.iter().fold(value, |value, name| field(value, name))
}

/// A text that is not empty. A number counts as its digits.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A 64-bit number, also as text.
pub(crate) fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A boolean, also as 0 or 1, also as text.
pub(crate) fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        Value::String(text) => match text.trim() {
            "1" | "true" => Some(true),
            "0" | "false" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// A time: `2014-10-30 07:43:59` in UTC (Podio's form), or any form with a zone.
pub(crate) fn time(value: &Value) -> Option<Timestamp> {
    let Value::String(text) = value else { return None };
    let text = text.trim();
    text.parse::<Timestamp>().ok().or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

/// A time as Podio's query parameters want it.
pub(crate) fn as_query(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// The elements of an array; none for anything else.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn booleans_numbers_and_times_are_read_in_every_form_seen() {
        for yes in [json!(true), json!(1), json!("1"), json!("true")] {
            assert_eq!(flag(&yes), Some(true), "{yes}");
        }
        for no in [json!(false), json!(0), json!("0")] {
            assert_eq!(flag(&no), Some(false), "{no}");
        }
        assert_eq!(flag(&json!(null)), None);
        assert_eq!(int(&json!("9007199254740993")), Some(9_007_199_254_740_993));
        assert_eq!(int(&json!(9_007_199_254_740_993_i64)), Some(9_007_199_254_740_993));
        assert_eq!(int(&json!(1.5)), None);
        let podio = time(&json!("2014-10-30 07:43:59"));
        assert_eq!(podio, time(&json!("2014-10-30T07:43:59Z")));
        assert_eq!(podio.map(as_query), Some("2014-10-30 07:43:59".to_owned()));
        assert_eq!(time(&json!("soon")), None);
        assert_eq!(text(&json!("  ")), None);
    }
}
