//! A closed window waits hidden for a while, because starting the web engine takes a second and showing a window takes none.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tauri::{AppHandle, Manager, WebviewWindow, WindowEvent};

/// How long; the memory of the web engine is held meanwhile.
const LINGER: Duration = Duration::from_secs(20);

/// Counts the times the window was closed or asked for, so that a wait knows whether it is still the newest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Linger(Arc<AtomicU64>);

impl Linger {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn is_still(&self, turn: u64) -> bool {
        self.0.load(Ordering::Relaxed) == turn
    }
}

/// From now on closing this window hides it, and the program ends when nobody asks for it again in time.
pub(crate) fn instead_of_closing(window: &WebviewWindow) {
    let hidden = window.clone();
    window.on_window_event(move |event| {
        if let WindowEvent::CloseRequested { api, .. } = event {
            // One that cannot be hidden is closed.
            if hidden.hide().is_ok() {
                api.prevent_close();
                begin(hidden.app_handle());
            }
        }
    });
}

/// The window is wanted after all.
pub(crate) fn end(app: &AppHandle) {
    app.state::<Linger>().next();
}

fn begin(app: &AppHandle) {
    let linger = app.state::<Linger>().inner().clone();
    let turn = linger.next();
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        tokio::time::sleep(LINGER).await;
        if linger.is_still(turn) {
            app.exit(0);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_nothing_once_the_window_was_wanted_or_closed_again() {
        let linger = Linger::default();
        let first = linger.next();
        assert!(linger.is_still(first));
        let second = linger.next();
        assert!(!linger.is_still(first) && linger.is_still(second));
    }
}
