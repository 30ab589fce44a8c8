//! Text from services, made fit for a toast. Pure. Every title and body is hostile until it has been through here.
//!
//! In: any text. Out: one line (title) or at most two (body) of plain visible text, cut between whole characters; or, for desktops
//! that read markup, the same text escaped.

use unicode_segmentation::UnicodeSegmentation;

/// Characters a title may have.
const TITLE: usize = 80;
/// Characters a body may have.
const BODY: usize = 240;
/// Code points one visible character may have on average: a name of a hundred stacked accents is no name.
const STACKED: usize = 4;

/// One line, at most 80 characters.
pub fn title(text: &str) -> String {
    cut(&one_line(&cleaned(text)), TITLE)
}

/// At most two lines and 240 characters: the second line holds all that follows the first break.
pub fn body(text: &str) -> String {
    let clean = cleaned(text);
    let mut lines = clean.lines().map(one_line).filter(|line| !line.is_empty());
    let first = lines.next().unwrap_or_default();
    let rest = lines.collect::<Vec<_>>().join(" ");
    cut(&if rest.is_empty() { first } else { format!("{first}\n{rest}") }, BODY)
}

/// Text as the body of a service that reads markup. Named entities only: GNOME shows numeric ones as they are.
pub fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Text as the body of a service that may or may not read markup: no tag can begin in it.
pub fn without_tags(text: &str) -> String {
    text.replace('<', "‹")
}

/// Without what acts instead of being seen: control characters (XML 1.0 forbids them, so Windows' toasts break), direction overrides
/// and isolates (they turn the reading order of what follows), and invisible fillers. Every kind of line break becomes `\n`.
fn cleaned(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    clean.push('\n');
                }
            }
            '\n' | '\u{85}' | '\u{2028}' | '\u{2029}' => clean.push('\n'),
            '\t' => clean.push(' '),
            _ if c.is_control() || is_override(c) || is_filler(c) => {}
            // A joiner or direction mark has its place between two visible characters (emoji, Persian, Hebrew); a run of them has none.
            _ if is_joiner(c) => {
                if before.is_some_and(is_seen) && chars.peek().copied().is_some_and(is_seen) {
                    clean.push(c);
                }
            }
            _ => clean.push(c),
        }
        before = Some(c);
    }
    clean
}

fn is_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Invisible, and of no use in a toast: soft hyphen, zero-width space, word joiner, invisible operators, fillers, byte order mark,
/// annotation marks and the two code points that XML forbids.
fn is_filler(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180e}' | '\u{200b}'
        | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}'
        | '\u{fffe}' | '\u{ffff}')
}

/// Zero-width non-joiner and joiner, left-to-right and right-to-left mark.
fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200c}'..='\u{200f}')
}

fn is_seen(c: char) -> bool {
    !(c.is_whitespace() || c.is_control() || is_override(c) || is_filler(c) || is_joiner(c))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// At most `most` visible characters, the last one an ellipsis if something was left out.
fn cut(text: &str, most: usize) -> String {
    let fits = |text: &str| text.graphemes(true).count() <= most && text.chars().count() <= most * STACKED;
    if fits(text) {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut points = 0;
    for grapheme in text.graphemes(true).take(most.saturating_sub(1)) {
        points += grapheme.chars().count();
        if points >= most * STACKED {
            break;
        }
        kept.push_str(grapheme);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_acts_instead_of_being_seen_is_taken_out() {
        let cases = [
            ("plain", "plain"),
            ("  a \t b  ", "a b"),
            ("a\r\nb\rc\nd\u{2028}e\u{85}f", "a b c d e f"),
            ("bell\u{7} escape\u{1b}[31m del\u{7f} c1\u{9b}", "bell escape[31m del c1"),
            ("invoice\u{202e}fdp.exe\u{202c}", "invoicefdp.exe"),
            ("\u{2066}x\u{2069}", "x"),
            ("a\u{200b}\u{200b}\u{feff}b\u{ad}c", "abc"),
            ("a\u{200d}\u{200d}\u{200c}b", "ab"),
            ("\u{200f}start and end\u{200d}", "start and end"),
            // Families and Persian need their joiners.
            ("👩\u{200d}👩\u{200d}👧 نمی\u{200c}دانم", "👩\u{200d}👩\u{200d}👧 نمی\u{200c}دانم"),
            ("not\u{fffe}xml\u{ffff}", "notxml"),
            ("", ""),
        ];
        for (given, want) in cases {
            assert_eq!(title(given), want, "{given:?}");
        }
    }

    #[test]
    fn a_body_keeps_one_line_break() {
        assert_eq!(body("\n\none\n\n two \nthree\n"), "one\ntwo three");
        assert_eq!(body("one"), "one");
        assert_eq!(body(" \n "), "");
    }

    #[test]
    fn a_cut_falls_between_whole_characters() {
        let family = "👩\u{200d}👩\u{200d}👧";
        let short = title(&family.repeat(100));
        assert!(short.ends_with('…'));
        assert!(short.chars().count() <= TITLE * STACKED);
        assert!(short.trim_end_matches('…').graphemes(true).all(|g| g == family), "{short}");
        assert_eq!(title(&"é".repeat(80)), "é".repeat(80));
        assert_eq!(title(&"e\u{301}".repeat(81)), format!("{}…", "e\u{301}".repeat(79)));
        let stacked = title(&format!("a{}", "\u{301}".repeat(10_000)));
        assert!(stacked.chars().count() <= TITLE * STACKED, "{}", stacked.chars().count());
    }

    #[test]
    fn without_tags_nothing_can_begin_one() {
        assert_eq!(without_tags("1 < 2 & <b>fat</b>"), "1 ‹ 2 & ‹b>fat‹/b>");
    }

    #[test]
    fn escaping_uses_three_named_entities() {
        assert_eq!(escaped("a & b <i>\"c'</i> &amp;"), "a &amp; b &lt;i&gt;\"c'&lt;/i&gt; &amp;amp;");
    }

    proptest! {
        #[test]
        fn any_text_comes_out_short_clean_and_stays_so(given in "\\PC*|(?s).{0,400}|[\u{200b}-\u{2069}\u{0}-\u{20}a👩]{0,600}") {
            let (title_once, body_once) = (title(&given), body(&given));
            prop_assert!(title_once.graphemes(true).count() <= TITLE);
            prop_assert!(body_once.graphemes(true).count() <= BODY);
            prop_assert!(!title_once.contains('\n'));
            prop_assert!(body_once.matches('\n').count() <= 1);
            for text in [&title_once, &body_once] {
                prop_assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || is_override(c) || is_filler(c))));
            }
            prop_assert_eq!(title(&title_once), title_once.clone());
            prop_assert_eq!(body(&body_once), body_once.clone());
        }
    }
}
