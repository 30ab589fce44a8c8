//! The walls: who may use whom, as ARCHITECTURE.md draws it. Reads the sources as text.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The nouns, and the module that belongs to `notification`.
const NOUNS: &[&str] = &["account", "act", "feed", "kind", "link", "notification", "part", "rule"];

/// Each part of the core, and what of ours it may use besides itself and the nouns.
const TABLE: &[(&str, &[&str])] = &[
    ("account", &[]),
    ("act", &[]),
    ("feed", &[]),
    ("kind", &[]),
    ("link", &[]),
    ("notification", &[]),
    ("part", &[]),
    ("rule", &[]),
    ("env", &[]),
    ("source", &["env", "bayeux", "pusher"]),
    ("store", &[]),
    ("toast", &["env"]),
    ("engine", &["env", "source", "store", "toast", "bayeux"]),
    ("front", &["engine", "env"]),
    ("tray", &["front", "env"]),
    ("cli", &["front", "tray", "env"]),
    ("main", &["cli", "front", "tray", "env"]),
];

/// Crates of ours that stand alone.
const ALONE: &[&str] = &["bayeux", "pusher", "relay", "sandbox"];
const OURS: &[&str] = &["belfry", "bayeux", "belfry-sandbox", "belfry-relay", "pusher"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|end| end == "rs") {
            into.push(path);
        }
    }
}

/// The part a file of `src` belongs to.
fn part_of(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// Sources without comments: what prose names is no import.
fn code_of(source: &str) -> String {
    let mut code = String::new();
    let mut depth = 0;
    for line in source.lines() {
        let mut rest = line;
        while !rest.is_empty() {
            if depth > 0 {
                match rest.find("*/") {
                    Some(at) => (depth, rest) = (depth - 1, &rest[at + 2..]),
                    None => break,
                }
                continue;
            }
            let (line_comment, block) = (rest.find("//"), rest.find("/*"));
            match (line_comment, block) {
                (Some(at), None) if !rest[..at].ends_with(':') => {
                    code.push_str(&rest[..at]);
                    break;
                }
                (Some(at), Some(begin)) if at < begin => {
                    code.push_str(&rest[..at]);
                    break;
                }
                (_, Some(begin)) => {
                    code.push_str(&rest[..begin]);
                    (depth, rest) = (depth + 1, &rest[begin + 2..]);
                }
                (Some(_), None) | (None, None) => {
                    code.push_str(rest);
                    break;
                }
            }
        }
        code.push('\n');
    }
    code
}

/// The first names after each `crate::` (or `belfry::`), also inside braces: `crate::{env::Env, link}` names `env` and `link`.
fn names_after(code: &str, path: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices(path) {
        let begins = code[..at].chars().next_back().is_none_or(|c| !(c.is_alphanumeric() || c == '_'));
        if !begins {
            continue;
        }
        let rest = code[at + path.len()..].trim_start();
        match rest.strip_prefix('{') {
            None => names.extend(first_name(rest)),
            Some(inside) => {
                let mut depth = 0;
                let mut fresh = true;
                for (i, c) in inside.char_indices() {
                    match c {
                        '{' => depth += 1,
                        '}' if depth == 0 => break,
                        '}' => depth -= 1,
                        ',' if depth == 0 => fresh = true,
                        c if fresh && depth == 0 && !c.is_whitespace() => {
                            names.extend(first_name(&inside[i..]));
                            fresh = false;
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    names
}

/// Whether the file has a module of ours under this name: its own, or one that it takes in.
fn has_module(code: &str, name: &str) -> bool {
    let is_word =
        |tree: &str| tree.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name);
    let taken_in = code.split("use crate::").skip(1).filter_map(|rest| rest.split(';').next());
    code.contains(&format!("mod {name};")) || taken_in.into_iter().any(is_word)
}

/// Whether a path begins with this name, so that it is the crate and not a module of ours.
fn uses_crate(code: &str, name: &str) -> bool {
    if has_module(code, name) {
        return code.contains(&format!("use ::{name}::")) || code.contains(&format!(" ::{name}::"));
    }
    let path = format!("{name}::");
    code.match_indices(&path).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        before.is_none_or(|c| !(c.is_alphanumeric() || c == '_' || c == ':'))
    }) || code.contains(&format!("use {name};"))
}

fn first_name(text: &str) -> Option<String> {
    let name: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!name.is_empty()).then_some(name)
}

/// What a file of a part uses beyond its wall.
fn trespasses(part: &str, depth: usize, source: &str) -> Vec<String> {
    let Some((_, allowed)) = TABLE.iter().find(|(name, _)| *name == part) else {
        return vec![format!("the part {part} stands in no row of the table")];
    };
    let code = code_of(source);
    let parts: BTreeSet<&str> = TABLE.iter().map(|(name, _)| *name).collect();
    let mut used = names_after(&code, "crate::");
    used.extend(names_after(&code, "belfry::"));
    if depth == 1 {
        used.extend(names_after(&code, "super::"));
    }
    used.retain(|name| parts.contains(name.as_str()));
    for client in ["bayeux", "pusher"] {
        // A module may have the name, too; only the first name of a path is the crate.
        if uses_crate(&code, client) {
            used.insert(client.to_owned());
        }
    }
    let mut found: Vec<String> = used
        .into_iter()
        .filter(|name| name != part && !NOUNS.contains(&name.as_str()) && !allowed.contains(&name.as_str()))
        .collect();
    // As many `super` as the module has names lead to the root of the crate. Inside `mod tests` one more does, which is overlooked.
    if code.contains(&"super::".repeat(depth)) && depth > 1 {
        found.push("something by climbing out with super::".to_owned());
    }
    found
}

#[test]
fn each_part_uses_only_what_the_table_allows() {
    let mut files = Vec::new();
    rust_files(&root().join("src"), &mut files);
    assert!(files.len() > 20, "the sources were not found");
    let mut wrong = Vec::new();
    for file in files {
        let part = part_of(&file);
        if part == "lib" {
            continue;
        }
        let inside = file.strip_prefix(root().join("src")).unwrap();
        // `src/a/b/c.rs` is the module a::b::c, `src/a/b/mod.rs` is a::b.
        let own_name = usize::from(inside.file_stem().is_some_and(|stem| stem != "mod"));
        let depth = inside.components().count() - 1 + own_name;
        for name in trespasses(&part, depth, &fs::read_to_string(&file).unwrap()) {
            wrong.push(format!("{} uses {name}", inside.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_window_program_uses_the_front_door_and_nothing_behind_it() {
    let mut files = Vec::new();
    rust_files(&root().join("src-tauri/src"), &mut files);
    assert!(files.len() > 4, "the window program was not found");
    for file in files {
        let used = names_after(&code_of(&fs::read_to_string(&file).unwrap()), "belfry::");
        for name in used {
            let allowed = ["front", "env"].contains(&name.as_str()) || NOUNS.contains(&name.as_str());
            assert!(allowed, "{} uses {name}", file.display());
        }
    }
}

#[test]
fn crates_that_stand_alone_use_nothing_of_ours() {
    for name in ALONE {
        let manifest = fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        let mut section = String::new();
        for line in manifest.lines().map(str::trim) {
            if line.starts_with('[') {
                section = line.to_owned();
            }
            // For its tests a crate may reach further.
            if !section.contains("dependencies") || section.contains("dev-dependencies") {
                continue;
            }
            let dependency = line.split(['=', '.', ' ']).next().unwrap_or_default();
            assert!(!OURS.contains(&dependency), "{name} depends on {dependency}");
            assert!(!line.contains("path ="), "{name}: {line}");
        }
    }
}

#[test]
fn a_wrong_import_is_found_however_it_is_written() {
    let cases: &[(&str, usize, &str, usize)] = &[
        ("cli", 2, "use crate::store::Store;", 1),
        ("cli", 2, "use crate::{front::Notifier, store};", 1),
        ("cli", 2, "use crate::{\n    front::{a, b},\n    toast::{c, engine},\n};", 1),
        ("cli", 2, "fn f() { crate::engine::Desk::new() }", 1),
        ("cli", 2, "use super::super::store::Store;", 1),
        ("cli", 2, "use super::ask;", 0),
        ("cli", 2, "// crate::store is not ours\n/* nor crate::toast */ use crate::front::Notifier;", 0),
        ("cli", 2, "use crate::link::LinkState; use crate::env::Env;", 0),
        ("store", 2, "use crate::env::Clock;", 1),
        ("toast", 2, "use bayeux::Session;", 1),
        ("source", 3, "use bayeux::Session;", 0),
        ("source", 3, "use pusher::{Client, Event};", 0),
        ("engine", 2, "fn f(error: &pusher::Error) {}", 1),
        ("engine", 2, "use crate::source::pusher::Feed;", 0),
        ("engine", 2, "use crate::source::{SignedIn, pusher};\nfn f() { pusher::sign_in() }", 0),
        ("engine", 2, "use crate::source::pusher;\nuse ::pusher::sign;", 1),
        ("cli", 2, "mod pusher;\nfn f(add: pusher::AddPusher) {}", 0),
        ("front", 2, "use pusher::sign;", 1),
        ("account", 1, "use crate::env::Env;", 1),
        ("account", 1, "use super::env::Env;", 1),
        ("account", 1, "mod tests { use super::*; }", 0),
        ("env", 2, "/// See crate::store\npub fn f() {}", 0),
        ("attic", 1, "", 1),
    ];
    for (part, depth, source, expected) in cases {
        let found = trespasses(part, *depth, source);
        assert_eq!(found.len(), *expected, "{part}: {source}: {found:?}");
    }
}
