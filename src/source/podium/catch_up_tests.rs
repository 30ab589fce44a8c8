//! When enough of a list was read.

use serde_json::{Value, json};

use super::*;

fn page(minutes: &[u32]) -> Vec<Value> {
    minutes.iter().map(|minute| json!({"lastItemAt": format!("2026-11-22T10:{minute:02}:00Z")})).collect()
}

#[test]
fn a_list_is_read_on_until_it_is_certain_that_the_rest_is_old() {
    let since = "2026-11-22T10:30:00Z".parse().ok();
    let over = |minutes: &[u32]| is_over(&page(minutes), last_said, since);
    assert!(over(&[40, 35, 20]), "the newest stand first, and the last is old");
    assert!(!over(&[40, 35, 31]), "all of it is new");
    assert!(!over(&[10, 20, 29]), "the oldest stand first: the new ones are yet to come");
    assert!(!over(&[20, 40, 10]), "no order");
    assert!(!over(&[20]) && !over(&[20, 20]), "no order is seen");
    assert!(!is_over(&[json!({}), json!({})], last_said, since), "no times");
    assert!(!is_over(&page(&[40, 20]), last_said, None), "everything is wanted");
}

#[test]
fn a_little_of_the_past_is_read_again_and_what_has_no_time_is_new() {
    let since: Option<Timestamp> = "2026-11-22T10:30:00Z".parse().ok();
    let at = |text: &str| is_since(text.parse().ok(), since);
    assert!(at("2026-11-22T10:29:56Z") && at("2026-11-22T10:31:00Z") && at(""));
    assert!(!at("2026-11-22T10:29:54Z"));
}
