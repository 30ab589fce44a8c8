//! The window: made by hand, so that it goes nowhere, opens nothing and loads nothing but our own page.

use std::sync::{Mutex, PoisonError};

use belfry::env::Paths;
use belfry::notification::NotificationId;
use serde::Serialize;
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Emitter, Manager, Url, WebviewUrl, WebviewWindowBuilder};

use crate::activation;
use crate::arguments::Arguments;
use crate::linger;

const LABEL: &str = "main";
/// Nobody can listen there.
#[cfg(target_os = "linux")]
const NOWHERE: &str = "http://127.0.0.1:0";

/// Which notification to show.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct At {
    pub(crate) at: Option<NotificationId>,
}

/// What the window was opened for, until the page asks; after that the page is told.
#[derive(Debug)]
pub(crate) struct Wanted(Mutex<Option<At>>);

impl Wanted {
    pub(crate) fn of(at: Option<NotificationId>) -> Self {
        Self(Mutex::new(Some(At { at })))
    }

    /// The page asks. A page that was loaded anew was opened for nothing.
    pub(crate) fn take(&self) -> At {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().unwrap_or(At { at: None })
    }

    /// Keeps it for a page that has not asked yet; false if it has.
    fn change(&self, at: At) -> bool {
        let mut wanted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        wanted.as_mut().map(|wanted| *wanted = at).is_some()
    }
}

/// Opens the one window.
pub(crate) fn open(app: &AppHandle, paths: &Paths) -> tauri::Result<()> {
    name_the_program();
    let window = WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Belfry")
        .inner_size(1040.0, 720.0)
        .min_inner_size(420.0, 360.0)
        // What the web engine keeps lies with the rest of Belfry's, and may be deleted at any time.
        .data_directory(paths.icons().with_file_name("window"))
        .devtools(cfg!(debug_assertions))
        .on_navigation(is_ours)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .on_download(|_, _| false)
        .on_document_title_changed(|window, title| {
            // It fails when the window is closing.
            drop(window.set_title(&title));
        });
    // The engine connects to where a link leads before it asks whether to go there. A proxy that cannot be keeps it at home.
    #[cfg(target_os = "linux")]
    let window = match NOWHERE.parse() {
        Ok(nowhere) => window.proxy_url(nowhere),
        Err(_) => window,
    };
    window.build().map(|window| linger::instead_of_closing(&window))
}

/// A second start handed its arguments over. Any program of this session can pretend to be one.
pub(crate) fn show_again(app: &AppHandle, argv: &[String], paths: &Paths) {
    let Ok(Arguments::Show { at }) = Arguments::read(argv.iter().skip(1).map(Into::into)) else {
        return;
    };
    let Some(window) = app.get_webview_window(LABEL) else {
        return;
    };
    linger::end(app);
    let at = At { at };
    let told = if app.state::<Wanted>().change(at) { Ok(()) } else { app.emit_to(LABEL, "show", at) };
    if let Err(error) = told.and_then(|()| activation::present(&window, paths)) {
        eprintln!("belfry-desktop: the window could not be brought to the front: {error}");
    }
}

/// Our own page, by the address each system gives it.
fn is_ours(address: &Url) -> bool {
    if cfg!(windows) {
        matches!(address.scheme(), "http" | "https") && address.host_str() == Some("tauri.localhost")
    } else {
        address.scheme() == "tauri" && address.host_str() == Some("localhost")
    }
}

/// Desktops find the desktop file, and with it name and icon, by the program's name.
fn name_the_program() {
    #[cfg(target_os = "linux")]
    {
        gtk::glib::set_prgname(Some("app.belfry.Belfry"));
        gtk::gdk::set_program_class("app.belfry.Belfry");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_page_is_gone_to() {
        let ours = if cfg!(windows) { "http://tauri.localhost/" } else { "tauri://localhost/index.html" };
        assert!(is_ours(&ours.parse().unwrap()));
        for other in [
            "https://example.org/",
            "http://localhost/",
            "tauri://example.org/",
            "file:///etc/passwd",
            "data:text/html,x",
            "javascript:alert(1)",
            "about:blank",
            "blob:tauri://localhost/1",
        ] {
            assert!(!is_ours(&other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn what_is_wanted_is_kept_until_the_page_asks() {
        let wanted = Wanted::of(None);
        assert!(wanted.change(At { at: Some(NotificationId(3)) }));
        assert_eq!(wanted.take().at, Some(NotificationId(3)));
        assert_eq!(wanted.take().at, None);
        assert!(!wanted.change(At { at: Some(NotificationId(4)) }), "the page is told instead");
    }
}
