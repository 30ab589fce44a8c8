//! The number on Belfry's launcher: `com.canonical.Unity.LauncherEntry`, as KDE's task manager and Ubuntu's dock read it.
//!
//! In: how many are unread. Out: a signal when that changed or when a dock arrives or asks. The number is always told whole, never counted.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zbus::Connection;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::Value;

/// The program's name everywhere on the desktop.
pub(super) const APP: &str = "app.belfry.Belfry";
/// A dock that reads badges has this name.
pub(super) const DOCK: &str = "com.canonical.Unity";

const LAUNCHER: &str = "application://app.belfry.Belfry.desktop";
const PATH: &str = "/app/belfry/Belfry";

/// The badge on one bus.
pub(super) struct Badge {
    bus: Connection,
    count: Arc<AtomicU64>,
}

impl Badge {
    /// A badge that shows nothing yet. Docks may ask from now on.
    pub(super) async fn begin(bus: &Connection) -> zbus::Result<Self> {
        let count = Arc::new(AtomicU64::new(0));
        bus.object_server().at(PATH, LauncherEntry { count: count.clone() }).await?;
        Ok(Self { bus: bus.clone(), count })
    }

    /// Shows so many; none clears it.
    pub(super) async fn show(&self, count: u64) -> zbus::Result<()> {
        if self.count.swap(count, Ordering::Relaxed) == count {
            return Ok(());
        }
        self.say_again().await
    }

    /// Tells docks what is shown.
    pub(super) async fn say_again(&self) -> zbus::Result<()> {
        let emitter = SignalEmitter::new(&self.bus, PATH)?;
        LauncherEntry::update(&emitter, LAUNCHER, properties(self.count.load(Ordering::Relaxed))).await
    }
}

struct LauncherEntry {
    count: Arc<AtomicU64>,
}

#[zbus::interface(name = "com.canonical.Unity.LauncherEntry")]
impl LauncherEntry {
    fn query(&self) -> (&'static str, HashMap<&'static str, Value<'static>>) {
        (LAUNCHER, properties(self.count.load(Ordering::Relaxed)))
    }

    #[zbus(signal)]
    async fn update(
        emitter: &SignalEmitter<'_>,
        launcher: &str,
        properties: HashMap<&str, Value<'_>>,
    ) -> zbus::Result<()>;
}

fn properties(count: u64) -> HashMap<&'static str, Value<'static>> {
    HashMap::from([
        ("count", Value::I64(i64::try_from(count).unwrap_or(i64::MAX))),
        ("count-visible", Value::Bool(count > 0)),
        ("urgent", Value::Bool(false)),
    ])
}
