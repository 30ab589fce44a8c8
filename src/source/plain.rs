//! Text from a service as plain text of bounded length. Pure.
//!
//! In: any text, maybe hostile. Out: one line, or some lines, of characters that are seen. The desktop's own rules (how long a toast's
//! title may be, what its markup is) are kept by `toast::text`.

/// One line of at most `longest` characters.
pub(crate) fn one_line(text: &str, longest: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in plain(text, longest).split_whitespace() {
        if count > longest + 1 {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        count += word.chars().count() + 1;
    }
    shortened(&line, longest)
}

/// Some lines, at most `longest` characters in all.
pub(crate) fn lines(text: &str, longest: usize) -> String {
    shortened(plain(text, longest).trim(), longest)
}

/// The beginning, with an ellipsis if something was left out.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => {
            let mut short: String = text.get(..end).unwrap_or_default().trim_end().to_owned();
            short.push('…');
            short
        }
    }
}

/// True if something of it is seen.
pub(crate) fn is_seen(text: &str) -> bool {
    text.chars().any(|c| !(c.is_whitespace() || c.is_control() || is_unseen(c)))
}

/// Control characters become spaces, but for line breaks. What turns the reading order or is not seen at all goes; joiners stay, as
/// emoji and Persian need them. No more of the text is read than can be needed: it may be a megabyte of blanks.
fn plain(text: &str, longest: usize) -> String {
    let kept = text
        .chars()
        .take(longest * 16 + 256)
        .filter(|c| !is_unseen(*c) || matches!(c, '\u{200c}'..='\u{200f}'));
    kept.map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect()
}

/// Direction overrides and isolates, zero-width characters, soft hyphens, fillers, byte order marks.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_short_plain_and_one() {
        for (given, want) in [
            ("a\r\n\u{1b}[31mb\u{0}c", "a [31mb c"),
            ("invoice\u{202e}fdp.exe", "invoicefdp.exe"),
            ("👩\u{200d}👧 \u{feff}ok", "👩\u{200d}👧 ok"),
            ("  1234567890  12345678  90 ", "1234567890 12345678…"),
            ("\u{202e}\u{7}\u{200b}", ""),
        ] {
            assert_eq!(one_line(given, 19), want, "{given:?}");
        }
        assert_eq!(lines("\none\u{202e}\n two\u{7}\n", 99), "one\n two");
        assert!(!is_seen("\u{202e}\u{200d} \n\u{0}") && is_seen("\u{202e}."));
    }
}
