//! The desktop's own toasts: one `Native` per platform, picked when the program is built.
//!
//! In: cleaned toasts. Out: what the desktop answered, and through the channel what the person did. The only part of `toast` that
//! touches the desktop.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
#[cfg(any(target_os = "windows", target_os = "macos"))]
mod waiting;
#[cfg(target_os = "windows")]
mod windows;

#[cfg(target_os = "linux")]
pub use linux::Native;
#[cfg(target_os = "macos")]
pub use macos::Native;
#[cfg(target_os = "windows")]
pub use windows::Native;

/// The program's name on screen.
pub const APP_NAME: &str = "Belfry";

/// What desktops know the program by: name of the desktop file, AppUserModelID, bundle identifier.
pub const APP_ID: &str = "app.belfry.Belfry";

/// Label of the default action. Never empty: Xfce draws it as a button.
#[cfg(target_os = "linux")]
const OPEN: &str = "Open";

/// Key and label of the other action.
const READ: (&str, &str) = ("read", "Mark as read");
