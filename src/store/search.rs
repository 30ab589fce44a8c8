//! Search: what a person types becomes words, words become rows, newest first. In: any text. Out: row ids; never a syntax error.

use std::collections::HashSet;

use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::inbox::{Filter, at_most};

/// Words that are looked for at once; more would only say the same.
const MOST_WORDS: usize = 16;
/// Letters of a word that count.
const LONGEST_WORD: usize = 64;
/// Up to here, all rows that match are looked up and sorted; beyond, the newest rows are looked through for matches.
const FEW: usize = 4_000;
/// Rows looked through at first; doubled until the page is full.
const STRIDE: usize = 2_000;

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Words {
    /// Nothing: the text is blank.
    None,
    /// An expression of the word index: each word quoted, so that nothing in it is an operator; the last as a beginning.
    Match(String),
}

impl Words {
    pub(super) fn new(text: &str) -> Self {
        // A NUL would end the expression inside a quotation.
        let blank = |c: char| c.is_whitespace() || c == '\0';
        let words = text.split(blank).filter(|word| !word.is_empty()).take(MOST_WORDS);
        let quoted: Vec<String> = words
            .map(|word| {
                let word: String = word.chars().take(LONGEST_WORD).collect();
                format!("\"{}\"", word.replace('"', "\"\""))
            })
            .collect();
        if quoted.is_empty() { Self::None } else { Self::Match(format!("{}*", quoted.join(" "))) }
    }
}

/// The rows that hold the words and pass the filter, newest first.
pub(super) fn page(
    conn: &Connection,
    words: &str,
    filter: &Filter,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let all = matches(conn, words, FEW + 1)?;
    if all.len() <= FEW {
        sorted(conn, &all, filter, limit)
    } else {
        looked_through(conn, words, filter, limit)
    }
}

fn matches(conn: &Connection, words: &str, limit: usize) -> rusqlite::Result<Vec<i64>> {
    conn.prepare_cached("SELECT rowid FROM notification_search WHERE notification_search MATCH ?1 LIMIT ?2")?
        .query_map((words, at_most(limit)), |row| row.get(0))?
        .collect()
}

/// A rare word: all its rows, sorted.
fn sorted(conn: &Connection, ids: &[i64], filter: &Filter, limit: usize) -> rusqlite::Result<Vec<i64>> {
    let (conditions, values) = filter.conditions();
    let list = format!("[{}]", ids.iter().map(i64::to_string).collect::<Vec<_>>().join(","));
    let values = [Value::Text(list)].into_iter().chain(values).chain([Value::Integer(at_most(limit))]);
    let sql = format!(
        "SELECT n.id FROM json_each(?) AS found CROSS JOIN notification AS n ON n.id = found.value
         WHERE {conditions} ORDER BY n.occurred_at DESC, n.id DESC LIMIT ?"
    );
    conn.prepare_cached(&sql)?.query_map(params_from_iter(values), |row| row.get(0))?.collect()
}

/// A frequent word: the newest rows, a stretch at a time. Rows that are near in time have near ids, so each look into the word index is
/// short; where they have not, it is only slower.
fn looked_through(
    conn: &Connection,
    words: &str,
    filter: &Filter,
    limit: usize,
) -> rusqlite::Result<Vec<i64>> {
    let (mut page, mut filter, mut stride) = (Vec::new(), filter.clone(), STRIDE);
    while page.len() < limit {
        let keys = filter.keys(conn, stride)?;
        let (Some(first), Some(last), Some(end)) =
            (keys.iter().map(|key| key.1).min(), keys.iter().map(|key| key.1).max(), keys.last())
        else {
            break;
        };
        let found = matches_between(conn, words, first, last)?;
        page.extend(keys.iter().map(|key| key.1).filter(|id| found.contains(id)));
        filter = filter.after(*end);
        stride = stride.saturating_mul(2);
    }
    page.truncate(limit);
    Ok(page)
}

fn matches_between(conn: &Connection, words: &str, first: i64, last: i64) -> rusqlite::Result<HashSet<i64>> {
    conn.prepare_cached(
        "SELECT rowid FROM notification_search WHERE notification_search MATCH ?1 AND rowid BETWEEN ?2 AND ?3",
    )?
    .query_map((words, first, last), |row| row.get(0))?
    .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notification::{Context, Notification};
    use crate::store::testing::{Bench, told};
    use crate::store::{InboxQuery, Kept};

    async fn found(bench: &Bench, text: &str) -> Vec<String> {
        let query = InboxQuery { search: Some(text.into()), limit: 99, ..InboxQuery::default() };
        let page: Vec<Kept> = bench.store.inbox(query).await.unwrap();
        page.into_iter().map(|kept| kept.notification.external_id).collect()
    }

    async fn library() -> Bench {
        let bench = Bench::with_account().await;
        let place = |place: &str, item: &str| Context {
            title: Some(item.into()),
            place: Some(place.into()),
            ..Context::default()
        };
        bench
            .admit(vec![
                Notification {
                    title: "Ada commented on Budget".into(),
                    context: place("Finance", "Plan"),
                    ..told("budget", 1)
                },
                Notification {
                    body: "Größe, café & C++ (50%)".into(),
                    context: place("Labor", "X"),
                    ..told("cafe", 2)
                },
                Notification {
                    actor: Some("Grace Hopper".into()),
                    context: place("Navy", "Compiler"),
                    ..told("grace", 3)
                },
            ])
            .await;
        bench
    }

    #[tokio::test]
    async fn words_are_found_in_every_field_without_regard_to_case_and_accents() {
        let bench = library().await;
        let table = [
            ("BUDGET", vec!["budget"]),
            ("finance", vec!["budget"]),
            ("hopper", vec!["grace"]),
            ("compiler navy", vec!["grace"]),
            ("CAFÉ", vec!["cafe"]),
            ("cafe grosse", vec![]),
            ("große", vec!["cafe"]),
            ("größe", vec!["cafe"]),
            ("comp", vec!["grace"]),
            ("comp navy", vec![]),
            ("ada", vec!["cafe", "budget"]),
            ("50%", vec!["cafe"]),
            ("nothing of this", vec![]),
        ];
        for (text, expected) in table {
            assert_eq!(found(&bench, text).await, expected, "{text}");
        }
    }

    #[tokio::test]
    async fn operators_of_the_word_index_are_only_words() {
        let bench = library().await;
        for text in [
            "title:budget",
            "budget NOT ada",
            "budget OR grace",
            "NEAR(ada budget)",
            "-budget",
            "^budget x",
            "{title}: budget",
            "\"",
            "\"\"\"",
            "*",
            "budget\" OR \"grace",
            "(",
            ")",
            "'; DROP TABLE notification; --",
            "zz\0\"b",
            "+",
            "\u{feff}",
            "💥",
        ] {
            let found = found(&bench, text).await;
            assert!(found.len() < 2, "{text:?} found {found:?}");
        }
        assert_eq!(found(&bench, "bud\0").await, ["budget"]);
    }

    #[tokio::test]
    async fn a_blank_search_is_no_search() {
        let bench = library().await;
        assert_eq!(found(&bench, " \t\0 ").await.len(), 3);
        assert_eq!(Words::new("  "), Words::None);
        assert_eq!(Words::new("a \"b\""), Words::Match("\"a\" \"\"\"b\"\"\"*".into()));
    }

    #[test]
    fn no_text_whatever_is_an_error() {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let bench = runtime.block_on(library());
        let ours = prop_oneof![any::<String>(), "[\"*()^:+{}a-cORNEAT \\x00'-]{0,40}"];
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        runner
            .run(&ours, |text| {
                runtime.block_on(found(&bench, &text));
                Ok(())
            })
            .unwrap();
        runtime.block_on(found(&bench, &"word ".repeat(100_000)));
        runtime.block_on(found(&bench, &"x".repeat(1_000_000)));
    }

    #[tokio::test]
    async fn both_ways_of_searching_agree() {
        let bench = Bench::with_account().await;
        // Newer in time is older by id for every other row, so that stretches overlap.
        let rows = (0..3_000).map(|n| Notification {
            title: if n % 3 == 0 { "fizz".into() } else { "none".into() },
            ..told(&n.to_string(), if n % 2 == 0 { n } else { 3_000 - n })
        });
        bench.admit(rows.collect()).await;
        let agree = bench.store.read("test", |conn| {
            let filter = Filter::everything();
            let all = matches(conn, "\"fizz\"", 9_999)?;
            let sorted = sorted(conn, &all, &filter, 700)?;
            Ok((sorted, looked_through(conn, "\"fizz\"", &filter, 700)?))
        });
        let (sorted, looked_through) = agree.await.unwrap();
        assert_eq!(sorted.len(), 700);
        assert_eq!(sorted, looked_through);
    }
}
