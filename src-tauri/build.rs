//! Embeds the page and fixes what it may call: a command that is not named here and in `capabilities/main.json` is refused.

/// The commands of `src/commands.rs`.
const COMMANDS: &[&str] = &[
    "overview",
    "accounts",
    "inbox",
    "entry",
    "parts",
    "why",
    "set_read",
    "set_thread_read",
    "set_starred",
    "mark_all_read",
    "undo",
    "open",
    "offers",
    "act",
    "acts",
    "undo_act",
    "sign_in",
    "sign_in_answer",
    "set_paused",
    "set_choices",
    "feed",
    "try_map",
    "set_map",
    "pusher_settings",
    "webhook_settings",
    "podium_settings",
    "hook_address",
    "remove_account",
    "retry_now",
    "pause_toasts",
    "settings",
    "set_settings",
    "health",
    "test_toast",
    "add_demo",
    "wanted",
    "login_start",
    "set_login_start",
];

fn main() {
    let manifest = tauri_build::AppManifest::new().commands(COMMANDS);
    let attributes = tauri_build::Attributes::new().app_manifest(manifest);
    if let Err(error) = tauri_build::try_build(attributes) {
        println!("cargo::error={error:#}");
    }
}
