//! Whether the desktop has a place for tray icons.

/// Whether there is a tray, and in a sentence what that means.
pub async fn probe() -> (bool, String) {
    #[cfg(target_os = "linux")]
    return linux::probe().await;
    #[cfg(not(target_os = "linux"))]
    (true, "the system has a tray".to_owned())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::time::Duration;

    /// Who has this name shows icons. The watchers' own property says true even where no host is.
    const WATCHER: &str = "org.kde.StatusNotifierWatcher";
    const LIMIT: Duration = Duration::from_secs(2);

    pub(super) async fn probe() -> (bool, String) {
        let without = |why: &str| {
            (false, format!("{why}, so there is no icon; start `belfry-desktop` to open the window"))
        };
        match tokio::time::timeout(LIMIT, is_owned()).await {
            Ok(Ok(true)) => (true, "a tray host is there".to_owned()),
            Ok(Ok(false)) => without("the desktop has no tray host"),
            Ok(Err(error)) => without(&format!("the desktop's message bus cannot be reached ({error})")),
            Err(_) => without("the desktop's message bus does not answer"),
        }
    }

    async fn is_owned() -> zbus::Result<bool> {
        let bus = zbus::Connection::session().await?;
        let reply = bus
            .call_method(
                Some("org.freedesktop.DBus"),
                "/org/freedesktop/DBus",
                Some("org.freedesktop.DBus"),
                "NameHasOwner",
                &WATCHER,
            )
            .await?;
        reply.body().deserialize()
    }
}
