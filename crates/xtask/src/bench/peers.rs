//! Other Bayeux clients on the same server in the same run: npm's faye and cometd.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use xtask::crew::Crew;
use xtask::place::Place;

use super::lines::Lines;
use super::measure::Usage;
use super::report::Row;
use super::{LIMIT, PUSHES, mebibytes, milliseconds, spread};
use crate::belfry::{self, Sandbox};
use crate::control::Control;
use crate::ui;

const PAUSE: Duration = Duration::from_millis(20);

/// The same figures for each client, as far as they can be taken from a library.
pub(crate) fn measure(
    crew: &mut Crew,
    place: &Place,
    sandbox: &Sandbox,
    control: &Control,
) -> Result<Vec<Row>> {
    let folder = place.root.join("tests/interop");
    ui::npm(&folder, ui::INSTALL)?;
    let script = place.root.join("crates/xtask/bench/peer.cjs");
    let channel = format!("/user/{}", sandbox.user_id);
    let mut rows = Vec::new();
    for library in ["faye", "cometd"] {
        println!("Timing {library} …");
        let push = control.get(&format!("push-object?channel={channel}"))?;
        let mut node = Command::new("node");
        node.arg(&script).args([library, &sandbox.push_url]).arg(push.to_string());
        // The script looks for the libraries from here.
        node.current_dir(&folder).stdin(Stdio::null());
        let started = Instant::now();
        let lines = Lines::of(crew.start_with_output(library, &mut node)?)?;
        let (at, _) =
            lines.wait("the subscription", started, LIMIT, |event| belfry::is(event, "subscribed"))?;
        let subscribed = at - started;
        let times = times(&lines, control)?;
        let pid = crew.pid(library).context("the client is not running")?;
        let pss = Usage::of(pid)?.pss;
        crew.stop(library)?;
        rows.push(Row::new(
            &format!("{library}: start to subscribed, 1 account"),
            milliseconds(subscribed),
            "",
            "",
        ));
        rows.push(Row::new(&format!("{library}: push to callback"), spread(&times)?, "", ""));
        rows.push(Row::new(&format!("{library}: PSS, 1 subscription"), mebibytes(pss), "", ""));
    }
    Ok(rows)
}

fn times(lines: &Lines, control: &Control) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for number in 1..=PUSHES {
        let asked = Instant::now();
        control.post("notify", &json!({"text": format!("Ada Brook commented ({number})")}))?;
        let (at, _) = lines.wait("a message", asked, LIMIT, |event: &Value| belfry::is(event, "message"))?;
        times.push(at - asked);
        std::thread::sleep(PAUSE);
    }
    Ok(times)
}
