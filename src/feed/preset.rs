//! Maps to begin with. Each is written as a person would write it, so that it can be taken as it is or as an example.

use super::FieldMap;

/// The presets: name and what it is for.
pub const PRESETS: &[(&str, &str)] = &[
    ("plain", "title, text and address if an event has them, else its name and its first text"),
    ("laravel", "what a Laravel application broadcasts: notifications and events"),
];

const PLAIN: &str = r#"
# Client events (somebody is typing …) are no news.
[[rules]]
when = "{{ not event is startingwith('client-') }}"
title = "{{ data.title or data.subject or data.headline or data.name or event|readable }}"
body = "{{ data.body or data.message or data.text or data.description or data.content or data|text }}"
url = "{{ data.url or data.link or data.href or data.html_url }}"
icon = "{{ data.icon }}"
time = "{{ data.time or data.timestamp or data.created_at }}"
"#;

const LARAVEL: &str = r#"
# A notification that is broadcast: what `toArray` or `toBroadcast` gives, with its id and its class.
[[rules]]
event = 'Illuminate\Notifications\Events\BroadcastNotificationCreated'
title = "{{ data.title or data.subject or data.type|readable }}"
body = "{{ data.body or data.message or data.text or data.line or data.content }}"
url = "{{ data.url or data.action_url or data.actionUrl or data.link }}"
icon = "{{ data.icon }}"
id = "{{ data.id }}"
time = "{{ data.time or data.created_at }}"

# An event with something to read in it, at the top or one model deep.
[[rules]]
when = "{{ not event is startingwith('client-') }}"
title = "{{ data.title or data.subject or data.name or event|readable }}"
body = "{{ data.body or data.message or data.text or data.description or data.content or data|text }}"
url = "{{ data.url or data.action_url or data.actionUrl or data.link }}"
icon = "{{ data.icon }}"
time = "{{ data.time or data.created_at }}"
"#;

/// The preset of this name.
pub(super) fn preset(name: &str) -> Option<FieldMap> {
    let text = match name {
        "plain" => PLAIN,
        "laravel" => LARAVEL,
        _ => return None,
    };
    // A test reads each of them.
    FieldMap::from_text(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_preset_is_there_and_can_be_read() {
        for (name, _) in PRESETS {
            assert!(!preset(name).unwrap().rules.is_empty(), "{name}");
        }
        assert_eq!(preset("podio"), None);
    }
}
