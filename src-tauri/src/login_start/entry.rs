//! The text of an autostart entry: composed and read. Pure; rules of the Desktop Entry and the Autostart specification.

use std::path::Path;

/// What an entry amounts to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// There is none.
    Missing,
    /// It starts this program.
    On {
        /// Program and arguments.
        command: Vec<String>,
    },
    /// It is there, but the desktop passes it over.
    SwitchedOff,
    /// It is there and cannot start anything.
    Broken {
        /// Why, as the end of a sentence.
        why: String,
    },
}

impl State {
    pub(super) fn on(&self) -> bool {
        matches!(self, Self::On { .. })
    }

    pub(super) fn words(&self) -> String {
        match self {
            Self::Missing => "Belfry does not start by itself.".to_owned(),
            Self::On { .. } => "Belfry starts when you log in.".to_owned(),
            Self::SwitchedOff => {
                "Belfry does not start by itself: its entry was switched off in the desktop's settings."
                    .to_owned()
            }
            Self::Broken { why } => format!("Belfry does not start by itself: {why}. Switch it on again."),
        }
    }
}

/// The entry that starts a program at login.
pub(super) fn compose(program: &Path, argument: &str) -> Result<String, String> {
    let path = program.to_str().filter(|path| !path.contains(char::is_control));
    let path =
        path.ok_or("the program's own path has letters that an entry cannot hold; move Belfry elsewhere")?;
    let (exec, try_exec) = (value(&quoted(path)), value(path));
    Ok(format!(
        "[Desktop Entry]\nType=Application\nVersion=1.0\nName=Belfry\nComment=Tells what happens where you work\n\
         Exec={exec} {argument}\nTryExec={try_exec}\nIcon=app.belfry.Belfry\nTerminal=false\nStartupNotify=false\n\
         X-GNOME-Autostart-enabled=true\nX-GNOME-Autostart-Delay=5\n"
    ))
}

/// What a text found in the entry's place amounts to. `starts` says whether a program is there.
pub(super) fn read(text: Option<&str>, starts: impl Fn(&str) -> bool) -> State {
    let Some(text) = text else {
        return State::Missing;
    };
    let key = |name: &str| value_of(text, name);
    if key("Hidden").as_deref() == Some("true")
        || key("X-GNOME-Autostart-enabled").as_deref() == Some("false")
    {
        return State::SwitchedOff;
    }
    let broken = |why: String| State::Broken { why };
    let Some(command) = key("Exec").and_then(|exec| split(&exec)) else {
        return broken("its entry cannot be understood".to_owned());
    };
    for program in key("TryExec").as_ref().into_iter().chain(command.first()) {
        if !starts(program) {
            return broken(format!("its entry leads to {program}, which is not there"));
        }
    }
    State::On { command }
}

/// An argument of `Exec`: in double quotes, with its special letters escaped and `%` doubled.
fn quoted(argument: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in argument.chars() {
        match letter {
            '"' | '`' | '$' | '\\' => quoted.extend(['\\', letter]),
            '%' => quoted.push_str("%%"),
            _ => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// The escapes of every value in a desktop entry come on top of those of `Exec`.
fn value(text: &str) -> String {
    text.replace('\\', "\\\\")
}

/// The value of a key in the group `[Desktop Entry]`, its escapes undone.
fn value_of(text: &str, name: &str) -> Option<String> {
    let group = text.lines().map(str::trim).skip_while(|line| *line != "[Desktop Entry]").skip(1);
    let line = group.take_while(|line| !line.starts_with('[')).find_map(|line| {
        let (key, value) = line.split_once('=')?;
        (key.trim_end() == name).then(|| value.trim_start())
    })?;
    let mut value = String::new();
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        let letter = if letter == '\\' { letters.next()? } else { letter };
        value.push(letter);
    }
    Some(value)
}

/// The arguments of an `Exec` value; `None` where it makes no sense. Field codes are dropped: at login there is nothing to put in.
fn split(exec: &str) -> Option<Vec<String>> {
    let mut arguments = Vec::new();
    let mut argument: Option<String> = None;
    let mut in_quotes = false;
    let mut letters = exec.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => {
                in_quotes = !in_quotes;
                argument.get_or_insert_default();
            }
            '\\' if in_quotes => argument.get_or_insert_default().push(letters.next()?),
            '%' => {
                if letters.next()? == '%' {
                    argument.get_or_insert_default().push('%');
                }
            }
            ' ' if !in_quotes => arguments.extend(argument.take()),
            _ => argument.get_or_insert_default().push(letter),
        }
    }
    arguments.extend(argument);
    (!in_quotes && !arguments.is_empty()).then_some(arguments)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on(command: &[&str]) -> State {
        State::On { command: command.iter().map(ToString::to_string).collect() }
    }

    #[test]
    fn an_entry_reads_back_as_the_program_it_was_composed_for() {
        for path in [
            "/usr/bin/belfry-desktop",
            "/home/me/My Programs/belfry-desktop",
            "/opt/100%/belfry",
            r#"/odd/"quoted" $HOME `x` \back/belfry"#,
        ] {
            let text = compose(Path::new(path), "--resident").unwrap();
            assert_eq!(read(Some(&text), |program| program == path), on(&[path, "--resident"]), "{text}");
        }
    }

    #[test]
    fn a_path_that_would_add_lines_is_refused() {
        assert!(compose(Path::new("/a\nExec=evil"), "--resident").is_err());
    }

    #[test]
    fn the_entry_for_a_usual_place_is_this() {
        let text = compose(Path::new("/usr/bin/belfry-desktop"), "--resident").unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "[Desktop Entry]");
        for line in [
            "Exec=\"/usr/bin/belfry-desktop\" --resident",
            "TryExec=/usr/bin/belfry-desktop",
            "Icon=app.belfry.Belfry",
            "X-GNOME-Autostart-enabled=true",
        ] {
            assert!(lines.contains(&line), "{line} is missing in {text}");
        }
    }

    #[test]
    fn what_the_desktop_passes_over_is_off() {
        let text = compose(Path::new("/usr/bin/belfry-desktop"), "--resident").unwrap();
        let there = |_: &str| true;
        assert_eq!(read(None, there), State::Missing);
        assert_eq!(read(Some(&format!("{text}Hidden=true\n")), there), State::SwitchedOff);
        let disabled = text.replace("enabled=true", "enabled=false");
        assert_eq!(read(Some(&disabled), there), State::SwitchedOff);
        assert!(!read(Some(&disabled), there).on());
        // Another group is another matter.
        assert!(read(Some(&format!("{text}[Desktop Action x]\nHidden=true\n")), there).on());
    }

    #[test]
    fn an_entry_that_starts_nothing_is_off_and_says_so() {
        let text = compose(Path::new("/gone/belfry-desktop"), "--resident").unwrap();
        let state = read(Some(&text), |_| false);
        assert!(!state.on() && state.words().contains("/gone/belfry-desktop"), "{state:?}");
        for text in ["", "[Desktop Entry]\n", "[Desktop Entry]\nExec=\n", "[Desktop Entry]\nExec=\"open\n"] {
            assert!(matches!(read(Some(text), |_| true), State::Broken { .. }), "{text:?}");
        }
    }

    #[test]
    fn an_unquoted_path_with_a_blank_is_another_program() {
        let plugins = "[Desktop Entry]\nType=Application\nExec=/home/me/My Programs/belfry --resident\n";
        let state = read(Some(plugins), |program| program.ends_with("belfry"));
        assert!(matches!(state, State::Broken { .. }), "{state:?}");
    }
}
