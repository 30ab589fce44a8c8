//! The order of steps, with times and answers as values.

use super::*;
use crate::notification::Thing;

const SOON: Duration = Duration::from_secs(3);

fn wish(external_id: &str, read: bool) -> Wish {
    Wish { external_id: external_id.into(), mark: Mark::Read(read) }
}

fn star(external_id: &str, starred: bool) -> Wish {
    Wish { external_id: external_id.into(), mark: Mark::Starred(starred) }
}

fn viewed(id: i64) -> Call {
    Call::Single(Single::Viewed(id))
}

fn thing(id: &str, numbers: &[i64]) -> Thing {
    let external_ids = numbers.iter().map(|number| format!("n{number}")).collect();
    Thing { what: "item".into(), id: id.into(), external_ids }
}

fn together(things: Vec<Thing>, everything: bool) -> Option<Together> {
    Some(Together { things, everything })
}

/// Wishes that were all made at the beginning, and a time at which they have settled.
fn wished(wishes: impl IntoIterator<Item = Wish>) -> (Wishes, Instant) {
    let (mut all, start) = (Wishes::default(), Instant::now());
    for wish in wishes {
        assert_eq!(all.wish(wish, start), None);
    }
    (all, start + SOON)
}

/// So many of them, each about a thing of its own.
fn many(count: i64) -> (Wishes, Instant) {
    wished((1..=count).map(|id| wish(&format!("n{id}"), true)))
}

#[test]
fn a_wish_stays_open_until_the_service_took_it() {
    let (mut wishes, now) = wished([wish("n1", true)]);
    assert_eq!(wishes.next(now, true), Step::Call(viewed(1), true));
    assert_eq!(wishes.next(now, true), Step::Rest(None), "under way");
    assert_eq!(wishes.ended(End::Failed), vec![]);
    assert_eq!(wishes.next(now, true), Step::Call(viewed(1), true));
    assert_eq!(wishes.ended(End::Done), vec![wish("n1", true)]);
    assert_eq!((wishes.count(), wishes.next(now, true)), (0, Step::Rest(None)));
}

#[test]
fn the_later_wish_wins_even_while_the_earlier_is_told() {
    let (mut wishes, now) = wished([wish("n1", true)]);
    assert_eq!(wishes.next(now, true), Step::Call(viewed(1), true));
    wishes.wish(wish("n1", false), now);
    assert_eq!(wishes.ended(End::Done), vec![]);
    assert_eq!(wishes.next(now + SOON, true), Step::Call(viewed(1), false));
    assert_eq!(wishes.ended(End::Done), vec![wish("n1", false)]);
}

#[test]
fn one_call_serves_all_messages_of_a_conversation() {
    let (mut wishes, now) = wished([wish("c5.1", true), wish("c5.2", true)]);
    assert_eq!(wishes.next(now, true), Step::Call(Call::Single(Single::Conversation(5)), true));
    assert_eq!(wishes.ended(End::Done), vec![wish("c5.1", true), wish("c5.2", true)]);
}

#[test]
fn what_is_no_name_of_ours_is_given_back() {
    let now = Instant::now();
    assert_eq!(Wishes::default().wish(wish("x", true), now), Some(wish("x", true)));
}

#[test]
fn wishes_that_come_together_are_waited_for_but_not_for_ever() {
    let (mut wishes, start) = (Wishes::default(), Instant::now());
    for n in 0..30_u32 {
        let now = start + SETTLE / 2 * n;
        wishes.wish(wish(&format!("n{n}"), true), now);
        let expected = (now + SETTLE).min(start + SETTLED);
        if now < start + SETTLED {
            assert_eq!(wishes.next(now, true), Step::Rest(Some(expected)), "{n}");
        } else {
            assert_eq!(wishes.next(now, true), Step::Ask, "{n}");
            wishes.failed();
        }
    }
}

#[test]
fn all_about_one_thing_is_one_call_and_the_rest_is_told_singly_in_its_order() {
    let (mut wishes, now) = wished([4, 1, 3, 2].map(|id| wish(&format!("n{id}"), true)));
    assert_eq!(wishes.next(now, true), Step::Ask);
    assert_eq!(wishes.next(now, true), Step::Rest(None), "the answer is waited for");
    wishes.answered(together(vec![thing("7", &[2, 3])], false));
    assert_eq!(wishes.next(now, true), Step::Call(Call::Thing { what: "item".into(), id: 7 }, true));
    assert_eq!(wishes.under_way(), 2);
    assert_eq!(wishes.ended(End::Done), vec![wish("n2", true), wish("n3", true)]);
    assert_eq!(wishes.next(now, true), Step::Ask, "an answer is good for one call");
    wishes.answered(together(vec![], false));
    for id in [1, 4] {
        assert_eq!(wishes.next(now, true), Step::Call(viewed(id), true));
        wishes.ended(End::Done);
    }
    assert_eq!(wishes.count(), 0);
}

#[test]
fn what_is_refused_together_is_told_singly() {
    let (mut wishes, now) = wished([wish("n1", true), wish("n2", true)]);
    for _ in 0..2 {
        assert_eq!(wishes.next(now, true), Step::Ask);
        wishes.answered(together(vec![thing("7", &[1, 2])], false));
        match wishes.next(now, true) {
            Step::Call(Call::Thing { .. }, true) => assert_eq!(wishes.ended(End::Refused), vec![]),
            step => {
                assert_eq!(step, Step::Call(viewed(1), true));
                assert_eq!(wishes.ended(End::Refused), vec![wish("n1", true)], "alone there is no other way");
                return;
            }
        }
    }
    panic!("told together again");
}

#[test]
fn a_thing_whose_name_is_no_plain_word_makes_no_address() {
    for (what, id) in [("../user", "7"), ("item", "7/viewed"), ("item", "-7"), ("", "7"), ("Item", "7")] {
        let (mut wishes, now) = wished([wish("n1", true), wish("n2", true)]);
        assert_eq!(wishes.next(now, true), Step::Ask);
        let odd = Thing { what: what.into(), id: id.into(), ..thing("7", &[1, 2]) };
        wishes.answered(together(vec![odd], true));
        assert_eq!(wishes.next(now, true), Step::Call(viewed(1), true), "{what}/{id}");
    }
}

#[test]
fn while_something_may_be_unknown_nothing_is_told_together() {
    let (mut wishes, now) = wished([wish("n1", true), wish("n2", true)]);
    let until = now + UNTIL_QUIET;
    assert_eq!(wishes.next(now, false), Step::Rest(Some(until)));
    assert_eq!(wishes.next(now + SOON, false), Step::Rest(Some(until)), "not longer and longer");
    assert_eq!(wishes.next(until, false), Step::Call(viewed(1), true));
    wishes.ended(End::Done);
    wishes.wish(wish("n3", true), until);
    assert_eq!(wishes.next(until + SOON, true), Step::Ask);
}

#[test]
fn many_are_marked_at_once_after_second_thoughts_and_a_look() {
    let (mut wishes, now) = many(100);
    let until = now - SOON + SECOND_THOUGHTS;
    assert_eq!(wishes.next(now, true), Step::Ask);
    wishes.answered(together(vec![], true));
    assert_eq!(wishes.next(now, true), Step::Rest(Some(until)));
    assert_eq!(wishes.next(now, true), Step::Rest(Some(until)), "nobody is asked meanwhile");
    wishes.wish(star("n5", true), now - SOON);
    assert_eq!(
        wishes.next(now, true),
        Step::Call(Call::Single(Single::Star(5)), true),
        "others need not wait"
    );
    assert_eq!(wishes.ended(End::Done), vec![star("n5", true)]);

    assert_eq!(wishes.next(until, true), Step::Ask);
    wishes.answered(together(vec![], true));
    assert_eq!(wishes.next(until, true), Step::Look);
    // Ten were read elsewhere meanwhile.
    assert_eq!(wishes.looked(Some((11..=100).collect())).len(), 10);
    assert_eq!(wishes.next(until, true), Step::Ask);
    wishes.answered(together(vec![], true));
    assert_eq!(wishes.next(until, true), Step::Call(Call::Everything, true));
    assert_eq!(wishes.ended(End::Done).len(), 90);
}

#[test]
fn nothing_is_marked_at_once_that_the_person_has_not_seen() {
    for (unread_there, unread_here) in [(101, false), (100, true)] {
        let (mut wishes, now) = many(100);
        let now = now + SECOND_THOUGHTS;
        assert_eq!(wishes.next(now, true), Step::Ask);
        wishes.answered(together(vec![], true));
        assert_eq!(wishes.next(now, true), Step::Look);
        wishes.looked(Some((1..=unread_there).collect()));
        assert_eq!(wishes.next(now, true), Step::Ask);
        wishes.answered(together(vec![thing("7", &[50, 60])], !unread_here));
        assert_eq!(wishes.next(now, true), Step::Call(Call::Thing { what: "item".into(), id: 7 }, true));
        wishes.ended(End::Done);
        assert_eq!(wishes.next(now, true), Step::Ask, "and the look of then does not count any more");
        wishes.answered(together(vec![], true));
        assert_eq!(wishes.next(now, true), Step::Call(viewed(1), true));
    }
}

#[test]
fn what_was_taken_back_before_it_was_told_is_not_told_at_all() {
    let (mut wishes, now) = many(50);
    for id in 1..=50 {
        wishes.wish(wish(&format!("n{id}"), false), now);
    }
    let now = now + SECOND_THOUGHTS;
    assert_eq!(wishes.next(now, true), Step::Ask);
    wishes.answered(together(vec![], false));
    assert_eq!(wishes.next(now, true), Step::Look);
    assert_eq!(wishes.looked(Some((1..=49).collect())).len(), 49);
    assert_eq!(
        wishes.next(now, true),
        Step::Call(viewed(50), false),
        "read elsewhere, and to be unread again"
    );
}

#[test]
fn the_same_wish_again_is_no_news() {
    let (mut wishes, now) = wished([wish("n1", true)]);
    wishes.wish(wish("n1", true), now);
    assert_eq!(wishes.next(now, true), Step::Call(viewed(1), true));
}
