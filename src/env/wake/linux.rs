//! Hints on Linux: logind and NetworkManager on the system bus, and the kernel's word that the wall clock was set. Nothing here runs
//! until one of them speaks.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::select_all;
use rustix::io::Errno;
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tracing::debug;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, MatchRule, Message, MessageStream};

use super::{Hints, Reading, WakeHint, judge_jump};
use crate::env::tasks::Task;
use crate::env::{Clock, Tasks};

/// The year 2255. The kernel's own clock ends soon after.
const FAR_FUTURE: i64 = 9_000_000_000;

pub(super) fn watch(clock: &Clock, hints: &Hints) -> Vec<Task> {
    let bus = hints.clone();
    let (clock, set) = (clock.clone(), hints.clone());
    vec![
        Tasks::start("wake: system bus", async move {
            match watch_bus(&bus).await {
                Ok(()) => debug!("the system bus has closed; it gives no more hints"),
                Err(error) => debug!(%error, "the system bus gives no hints"),
            }
        }),
        Tasks::start("wake: clock", async move {
            match watch_clock(&clock, &set).await {
                Ok(()) => {}
                Err(error) => debug!(%error, "the clock gives no hints"),
            }
        }),
    ]
}

/// Ends with the bus. A service that is absent now is heard once it starts.
async fn watch_bus(hints: &Hints) -> zbus::Result<()> {
    let bus = Connection::system().await?;
    let network = "org.freedesktop.NetworkManager";
    let rules = [
        signal("org.freedesktop.login1", "org.freedesktop.login1.Manager", "PrepareForSleep")?
            .path("/org/freedesktop/login1")?,
        signal(network, network, "StateChanged")?.path("/org/freedesktop/NetworkManager")?,
        signal(network, "org.freedesktop.DBus.Properties", "PropertiesChanged")?
            .path("/org/freedesktop/NetworkManager")?
            .arg(0, network)?,
    ];
    let mut streams = Vec::new();
    for rule in rules {
        streams.push(MessageStream::for_match_rule(rule.build(), &bus, Some(16)).await?);
    }
    debug!("listening on the system bus");
    let mut signals = select_all(streams);
    while let Some(message) = signals.next().await {
        if let Some(hint) = hint(&message?) {
            hints.give(hint);
        }
    }
    Ok(())
}

fn signal<'a>(
    sender: &'a str,
    interface: &'a str,
    member: &'a str,
) -> zbus::Result<zbus::match_rule::Builder<'a>> {
    MatchRule::builder()
        .msg_type(zbus::message::Type::Signal)
        .sender(sender)?
        .interface(interface)?
        .member(member)
}

fn hint(message: &Message) -> Option<WakeHint> {
    let header = message.header();
    let body = message.body();
    match header.member()?.as_str() {
        // True before sleep, false after it.
        "PrepareForSleep" => (!body.deserialize::<bool>().ok()?).then_some(WakeHint::Resumed),
        "StateChanged" => Some(WakeHint::NetworkChanged),
        "PropertiesChanged" => {
            let (_, changed, _) =
                body.deserialize::<(String, HashMap<String, OwnedValue>, Vec<String>)>().ok()?;
            // Another network may take over without a change of state. The other properties change all the time.
            let tells = ["Connectivity", "PrimaryConnection"].iter().any(|name| changed.contains_key(*name));
            tells.then_some(WakeHint::NetworkChanged)
        }
        _ => None,
    }
}

/// Waits for the kernel to say that the wall clock was set, which it also does when it wakes from sleep.
async fn watch_clock(clock: &Clock, hints: &Hints) -> io::Result<()> {
    let timer = awaited(timer()?)?;
    let mut before = read(clock)?;
    loop {
        let mut ready = timer.readable().await?;
        let outcome = ready.try_io(|timer| Ok(rustix::io::read(timer, &mut [0; 8])?));
        match outcome {
            Err(_would_block) => continue,
            Ok(Ok(_)) => {}
            // timerfd_create(2): the clock was set, and the timer cancelled for that.
            Ok(Err(error)) if error.raw_os_error() == Some(Errno::CANCELED.raw_os_error()) => {}
            Ok(Err(error)) => return Err(error),
        }
        arm(timer.get_ref())?;
        let now = read(clock)?;
        if let Some(hint) = judge_jump(&before, &now) {
            hints.give(hint);
        }
        before = now;
    }
}

fn timer() -> io::Result<OwnedFd> {
    let timer = timerfd_create(TimerfdClockId::Realtime, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
    arm(&timer)?;
    Ok(timer)
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for descriptors that change; an OwnedFd stays the same"
)]
fn awaited(timer: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::with_interest(timer, Interest::READABLE)
}

fn arm(timer: &OwnedFd) -> io::Result<()> {
    let never = Itimerspec {
        it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
        it_value: Timespec { tv_sec: FAR_FUTURE, tv_nsec: 0 },
    };
    timerfd_settime(timer, TimerfdTimerFlags::ABSTIME | TimerfdTimerFlags::CANCEL_ON_SET, &never)?;
    Ok(())
}

fn read(clock: &Clock) -> io::Result<Reading> {
    let since_boot = Duration::try_from(clock_gettime(ClockId::Boottime)).map_err(io::Error::other)?;
    Ok(Reading::now(clock, Some(since_boot)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(member: &str, body: &(impl serde::Serialize + zbus::zvariant::DynamicType)) -> Message {
        Message::signal("/x", "org.example.X", member).unwrap().build(body).unwrap()
    }

    fn changed(name: &str) -> Message {
        let values: HashMap<&str, zbus::zvariant::Value<'_>> = HashMap::from([(name, 4u32.into())]);
        message("PropertiesChanged", &("org.freedesktop.NetworkManager", values, Vec::<String>::new()))
    }

    #[test]
    fn a_signal_says_what_it_hints_at() {
        let cases = [
            (message("PrepareForSleep", &(true,)), None),
            (message("PrepareForSleep", &(false,)), Some(WakeHint::Resumed)),
            (message("PrepareForSleep", &("no truth",)), None),
            (message("StateChanged", &(70u32,)), Some(WakeHint::NetworkChanged)),
            (changed("Connectivity"), Some(WakeHint::NetworkChanged)),
            (changed("PrimaryConnection"), Some(WakeHint::NetworkChanged)),
            (changed("ActiveConnections"), None),
            (message("PropertiesChanged", &(1u32,)), None),
            (message("SomethingElse", &(1u32,)), None),
        ];
        for (message, expected) in cases {
            assert_eq!(hint(&message), expected, "{message:?}");
        }
    }

    #[tokio::test]
    async fn the_kernels_timer_stays_quiet_while_the_clock_is_left_alone() {
        let timer = awaited(timer().unwrap()).unwrap();
        let quiet = tokio::time::timeout(Duration::from_millis(200), timer.readable()).await;
        assert!(quiet.is_err(), "it would be read again and again");
        let left = rustix::time::timerfd_gettime(timer.get_ref()).unwrap().it_value.tv_sec;
        assert!(left > 0, "it is not armed");
    }
}
