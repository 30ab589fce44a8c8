//! The page `docs/podio-notifications.md`: what Belfry says for each documented combination. Made from the fixtures, kept complete and
//! fresh by this test; `BELFRY_WRITE_DOCS=1` writes it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

use belfry::notification::{Category, Icon, Kind, Standing, Urgency};

use crate::podio_cases::{Case, cases, kind, read, toast};
use crate::podio_words::{listed, meant, names};

const HEAD: &str = "# What Belfry says for each of Podio's notifications

Made from the program's own words by a test; do not edit. Write it anew with
`BELFRY_WRITE_DOCS=1 cargo test -p belfry --test it podio_page` and look at what changed.

Each line is a toast: its picture, its title, and its body. The words are Belfry's own, as they are where Podio sends none. Where Podio
sends a sentence, that sentence is the title, and the body says the rest: what it is about, if the sentence does not say, and the
content. A toast without content says where it happened.

*Weight*: **high** waits for you, **low** is good to know (some desktops list it without a banner). No toast stays until it is clicked.
The examples: Ada Brook did it, to the item “Website relaunch” or the like, in the workspace Launch.
";

const SECTIONS: &[(Category, &str)] = &[
    (Category::Reference, "Something names you"),
    (Category::Message, "Messages"),
    (Category::Reminder, "Reminders"),
    (Category::Subscription, "What you follow"),
    (Category::Space, "Workspaces and shares"),
    (Category::Unsaid, "Everything else"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn cell(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('|', "\\|").replace('\n', "<br>")
}

fn picture(icon: Icon) -> String {
    format!("<img src=\"../icons/kind/{0}.svg\" width=\"24\" alt=\"{0}\">", icon.name())
}

fn line(case: &Case) -> String {
    let one = read(&case.bare()).remove(0);
    let (icon, urgency) = (one.icon, one.kind.urgency(one.icon));
    let toast = toast(one);
    let weight = match urgency {
        Urgency::Low => "low",
        Urgency::Normal => "",
        Urgency::High => "**high**",
    };
    let (name, title, body) = (cell(&case.name()), cell(&toast.title), cell(&toast.body));
    format!("| {} | {name} | {title} | {body} | {weight} |\n", picture(icon))
}

fn standing(kind: &Kind) -> &'static str {
    match kind.facts().standing {
        Standing::Live => "",
        Standing::Retired => " (retired)",
        Standing::Combination => " (named in the list of combinations only)",
        Standing::Client => " (named in Podio's clients only)",
    }
}

fn page() -> String {
    let mut page = HEAD.to_owned();
    let cases = cases();
    for (category, title) in SECTIONS {
        write!(page, "\n## {title}\n\n| | Type – context | Title | Body | Weight |\n|---|---|---|---|---|\n")
            .unwrap();
        let these = cases.iter().filter(|case| kind(case.kind).facts().category == *category);
        these.for_each(|case| page.push_str(&line(case)));
    }
    page.push_str(
        "\n## Types\n\n| | Type | Contexts | Fields of `data` that make the words |\n|---|---|---|---|\n",
    );
    for kind in Kind::PODIO {
        let facts = kind.facts();
        let fields = facts.fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(" ");
        let (name, contexts) = (kind.name(), facts.contexts.join(", "));
        writeln!(page, "| {} | `{name}`{} | {contexts} | {fields} |", picture(facts.icon), standing(kind))
            .unwrap();
    }
    page.push_str("\n## Pictures\n\nEach is chosen by the name that Podio sends; `other` stands for names no one has seen yet.\n\n");
    for icon in Icon::PODIO.iter().copied().chain([Icon::Other]) {
        writeln!(page, "- {} `{}`", picture(icon), icon.name()).unwrap();
    }
    page
}

#[test]
fn the_page_is_what_the_program_says() {
    let (path, page) = (root().join("docs/podio-notifications.md"), page());
    if std::env::var_os("BELFRY_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == page,
        "docs/podio-notifications.md is stale; write it anew with BELFRY_WRITE_DOCS=1 and look at what changed"
    );
}

/// Reads the page as a reader does: it must not lean on how it was made.
#[test]
fn the_page_has_every_type_combination_and_picture() {
    let page = page();
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter(|line| line.starts_with("| <img"))
        .map(|line| line.split(" | ").map(|cell| cell.trim_matches(['|', ' '])).collect())
        .collect();
    let mut shown = BTreeSet::new();
    for row in rows.iter().filter(|row| row.len() == 5) {
        let pair = row[1].split(" (").next().unwrap();
        shown.insert(meant(pair));
        assert!(!row[2].is_empty(), "{row:?} has no title");
    }
    let missing: Vec<_> = listed().difference(&shown).cloned().collect();
    assert!(missing.is_empty(), "not on the page: {missing:?}");
    for sub_type in &names()["update - task"] {
        assert!(page.contains(&format!("| update - task ({sub_type}) |")), "{sub_type}");
    }
    for line in &names()["types"] {
        let name = line.split(' ').next().unwrap();
        assert!(page.contains(&format!("| `{name}`")), "{name} is not on the page");
    }
    for name in &names()["icons"] {
        assert!(page.contains(&format!("`{name}`\n")), "{name} is not on the page");
    }
    let pictures: BTreeSet<&str> =
        page.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(pictures.len(), 33);
    for picture in pictures {
        assert!(root().join("docs").join(picture).is_file(), "{picture} is not drawn");
    }
}
