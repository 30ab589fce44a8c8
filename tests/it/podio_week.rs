//! A week of heavy use in a minute: the runtime's clock stands still and jumps to the next timer, on both sides of the wire.

use std::time::Duration;

use belfry::account::PushTransport;
use belfry::link::LinkState;
use belfry::notification::Mark;
use belfry::source::{Order, Wish};
use belfry_sandbox::{Options, Spec};
use jiff::SignedDuration;

use crate::podio_bench::Bench;

/// Calls that Podio allows in an hour.
const ALLOWED: usize = 1_000;
const MINUTES: usize = 7 * 24 * 60;
const HOUR: usize = 60;

/// What happens in a minute of the week: on working days something all the time, on the hour a burst, twice a flood.
fn happens(minute: usize) -> usize {
    let (day, hour, minute) = (minute / (24 * HOUR), minute / HOUR % 24, minute % HOUR);
    match (day, hour, minute) {
        (5.., _, 0) => 1,
        (0 | 3, 12, 30) => 400,
        (0..5, 8..18, 0) => 15,
        (0..5, 8..18, at) => usize::from(at % 4 == 0),
        _ => 0,
    }
}

#[tokio::test(start_paused = true)]
async fn a_week_of_heavy_use_never_passes_the_call_budget_and_nothing_is_left_behind() {
    let mut bench = Bench::with(Options::default()).await;
    bench.sign_in().await;
    // What is polled is not what is counted here.
    bench.settings.push_transport = PushTransport::Websocket;
    let (podio, user) = (bench.sandbox.podio().clone(), bench.user());
    let link = bench.live().await;
    let (mut ids, mut spent) = (Vec::new(), Vec::with_capacity(MINUTES + 1));
    let (mut read, mut refusals) = (0, 0);
    for minute in 0..MINUTES {
        let seen = podio.observed();
        spent.push(
            spent.last().unwrap_or(&0) + seen.requests.iter().filter(|call| call.path != "/faye").count(),
        );
        refusals += seen.rate_limited;
        podio.forget_observed();
        for n in 0..happens(minute) {
            ids.push(podio.notify(user, Spec::comment(&format!("{minute}.{n}"))));
        }
        // Somebody at work reads, here and elsewhere, now one and now a lot.
        let wanted = match minute % (24 * HOUR) {
            at if at == 17 * HOUR => ids.len(),
            at if at % 7 == 0 => ids.len().min(read + 9),
            _ => read,
        };
        for id in &ids[read..wanted] {
            link.order(Order::Wish(Wish { external_id: format!("n{id}"), mark: Mark::Read(true) })).await;
        }
        read = wanted;
        if minute % 11 == 0
            && let Some(id) = ids.last()
        {
            podio.view_elsewhere(user, *id);
        }
        // The network of an office: the connection is lost every hour or so.
        if minute % 67 == 66 {
            podio.drop_push_sessions();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        bench.env.clock.jump(SignedDuration::from_mins(1));
    }

    assert_eq!(refusals, 0, "the service never had to say no");
    let busiest = spent.windows(HOUR + 1).map(|hour| hour[HOUR] - hour[0]).max().unwrap();
    assert!(busiest <= ALLOWED, "{busiest} calls in an hour");
    assert!(busiest > ALLOWED / 3, "{busiest} calls in the busiest hour are no heavy use");
    let told = link.told();
    assert!(told.is(&LinkState::Live), "{:?}", told.states.last());
    assert!(ids.len() > 2_000 && ids.iter().all(|id| told.rows.contains_key(&format!("n{id}"))));
    let unread = podio.unread(user);
    assert!(ids[..read].iter().all(|id| !unread.contains(id)), "every wish was told");
}
