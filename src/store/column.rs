//! How single values stand in a column. A stored form never changes: it is part of the schema.

use jiff::Timestamp;
use rusqlite::types::{FromSqlError, Type};
use rusqlite::{Error, Row};
use serde::de::DeserializeOwned;

use crate::notification::{Arrival, Detail, Urgency};

/// An instant from UTC milliseconds.
pub(super) fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    instant(row.get(column)?, column)
}

/// An instant that may be missing.
pub(super) fn maybe_time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    row.get::<_, Option<i64>>(column)?.map(|ms| instant(ms, column)).transpose()
}

fn instant(ms: i64, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(ms).map_err(|_| {
        Error::FromSqlConversionFailure(column, Type::Integer, Box::new(FromSqlError::OutOfRange(ms)))
    })
}

/// A value of a closed list by its stored name.
pub(super) fn named<T>(row: &Row<'_>, column: usize, list: &[(T, &str)]) -> rusqlite::Result<T>
where
    T: Copy,
{
    let name: String = row.get(column)?;
    let found = list.iter().find(|(_, stored)| *stored == name);
    found.map(|(value, _)| *value).ok_or_else(|| unknown(column))
}

/// The same for a column that may be NULL.
pub(super) fn maybe_named<T>(row: &Row<'_>, column: usize, list: &[(T, &str)]) -> rusqlite::Result<Option<T>>
where
    T: Copy,
{
    let empty = row.get::<_, Option<String>>(column)?.is_none();
    if empty { Ok(None) } else { named(row, column, list).map(Some) }
}

/// A text that a noun takes only if it is well formed.
pub(super) fn checked<T, E>(
    row: &Row<'_>,
    column: usize,
    take: impl FnOnce(String) -> Result<T, E>,
) -> rusqlite::Result<T> {
    take(row.get(column)?).map_err(|_| unknown(column))
}

/// A value kept as JSON.
pub(super) fn json<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|e| Error::FromSqlConversionFailure(0, Type::Text, Box::new(e)))
}

fn unknown(column: usize) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, Box::new(FromSqlError::InvalidType))
}

pub(super) const ARRIVALS: &[(Arrival, &str)] =
    &[(Arrival::Live, "live"), (Arrival::Backlog, "backlog"), (Arrival::FirstFill, "first-fill")];

pub(super) fn arrival(arrival: Arrival) -> &'static str {
    match arrival {
        Arrival::Live => "live",
        Arrival::Backlog => "backlog",
        Arrival::FirstFill => "first-fill",
    }
}

pub(super) const DETAILS: &[(Detail, &str)] = &[(Detail::Whole, "whole"), (Detail::Hint, "hint")];

pub(super) fn detail(detail: Detail) -> &'static str {
    match detail {
        Detail::Whole => "whole",
        Detail::Hint => "hint",
    }
}

pub(super) const URGENCIES: &[(Urgency, &str)] =
    &[(Urgency::Low, "low"), (Urgency::Normal, "normal"), (Urgency::High, "high")];

pub(super) fn urgency(urgency: Urgency) -> &'static str {
    match urgency {
        Urgency::Low => "low",
        Urgency::Normal => "normal",
        Urgency::High => "high",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_of_a_stored_name_agree() {
        assert!(ARRIVALS.iter().all(|(value, name)| arrival(*value) == *name));
        assert!(URGENCIES.iter().all(|(value, name)| urgency(*value) == *name));
        assert!(DETAILS.iter().all(|(value, name)| detail(*value) == *name));
    }
}
