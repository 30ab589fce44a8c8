//! Maps to begin with. Each is written as a person would write it, so that it can be taken as it is or as an example.

use super::FieldMap;

/// The presets: name and what it is for.
pub const PRESETS: &[(&str, &str)] = &[
    ("plain", "title, text and address if an event has them, else its name and its first text"),
    ("laravel", "what a Laravel application broadcasts: notifications and events"),
    ("github", "what GitHub's webhooks tell: pushes, issues, pull requests, reviews, builds, releases"),
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

const GITHUB: &str = r#"
# GitHub asks whether anybody is there.
[[rules]]
event = "ping"
title = "{{ data.repository.full_name or data.organization.login }} rings here from now on"
body = "{{ data.zen }}"

[[rules]]
event = "push"
when = "{{ data.commits }}"
title = "{{ data.pusher.name }} pushed to {{ data.repository.full_name }}"
body = "{{ data.head_commit.message }}"
url = "{{ data.compare }}"
icon = "update"
time = "{{ data.head_commit.timestamp }}"
actor = "{{ data.pusher.name }}"

[[rules]]
event = "issue*"
title = "{{ data.sender.login }} {{ 'commented on' if data.comment else data.action|readable|lower }} #{{ data.issue.number }} {{ data.issue.title }}"
body = "{{ data.comment.body or data.issue.body }}"
url = "{{ data.comment.html_url or data.issue.html_url }}"
icon = "{{ 'comment' if data.comment else 'task' }}"
actor = "{{ data.sender.login }}"

[[rules]]
event = "pull_request*"
title = "{{ data.sender.login }} {{ data.review.state|readable|lower or data.action|readable|lower }} #{{ data.pull_request.number }} {{ data.pull_request.title }}"
body = "{{ data.comment.body or data.review.body or data.pull_request.body }}"
url = "{{ data.comment.html_url or data.review.html_url or data.pull_request.html_url }}"
icon = "{{ 'approved' if data.review.state == 'approved' or data.pull_request.merged else 'comment' if data.comment or data.review else 'creation' }}"
actor = "{{ data.sender.login }}"

# Of builds, those that did not do well.
[[rules]]
event = "workflow_run"
when = "{{ data.action == 'completed' and data.workflow_run.conclusion not in ['success', 'skipped', 'neutral'] }}"
title = "{{ data.workflow_run.name }} {{ data.workflow_run.conclusion|readable|lower }} in {{ data.repository.full_name }}"
body = "{{ data.workflow_run.head_branch }}: {{ data.workflow_run.display_title }}"
url = "{{ data.workflow_run.html_url }}"
icon = "rejected"
urgency = "high"

[[rules]]
event = "release"
when = "{{ data.action == 'published' }}"
title = "{{ data.repository.full_name }} {{ data.release.name or data.release.tag_name }}"
body = "{{ data.release.body }}"
url = "{{ data.release.html_url }}"
icon = "bulletin"

# Steps of builds and checks are no news.
[[rules]]
event = "*"
when = "{{ not event in ['workflow_run', 'workflow_job', 'check_run', 'check_suite', 'status', 'deployment', 'deployment_status', 'push', 'release'] }}"
title = "{{ data.sender.login }}: {{ event|readable|lower }} {{ data.action|readable|lower }} in {{ data.repository.full_name or data.organization.login }}"
url = "{{ data.repository.html_url }}"
actor = "{{ data.sender.login }}"
"#;

/// The preset of this name.
pub(super) fn preset(name: &str) -> Option<FieldMap> {
    let text = match name {
        "plain" => PLAIN,
        "github" => GITHUB,
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
