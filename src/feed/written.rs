//! A map as a person writes it: the name of a preset, a file in TOML or JSON, or single fields. Pure.

use super::preset::preset;
use super::{Field, FieldMap, Rule, Unmatched};

/// Longest text of a map, in bytes.
const LONGEST: usize = 256 * 1024;

/// Why a text is no map, in words that say where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadMap(String);

impl FieldMap {
    /// The preset of this name.
    pub fn preset(name: &str) -> Option<Self> {
        preset(name)
    }

    /// From the text of a file: TOML, or JSON if it begins with a brace.
    pub fn from_text(text: &str) -> Result<Self, BadMap> {
        if text.len() > LONGEST {
            return Err(BadMap(format!("a map of fields may have {} KiB, this has more", LONGEST / 1024)));
        }
        if text.trim_start().starts_with('{') {
            return serde_json::from_str(text)
                .map_err(|error| BadMap(format!("this is no map of fields: {error}")));
        }
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let at = before.map(|before| format!("line {}: ", before.matches('\n').count() + 1));
            let said = error.message().lines().next().unwrap_or_default();
            BadMap(format!("this is no map of fields: {}{said}", at.unwrap_or_default()))
        })
    }

    /// From single fields of one rule, `title={{ data.title }}`.
    pub fn from_fields<'a>(fields: impl IntoIterator<Item = &'a str>) -> Result<Self, BadMap> {
        let mut map = Self::default();
        let mut rule = Rule::titled("{{ event|readable }}");
        for written in fields {
            let (name, value) =
                written.split_once('=').filter(|(name, _)| is_field(name)).ok_or_else(|| {
                    BadMap(format!("“{written}” sets no field: write {}=…", names().join("=…, ")))
                })?;
            match (name, value) {
                ("on", value) => rule.on = value.to_owned(),
                ("event", value) => rule.event = value.to_owned(),
                ("other", "quiet") => map.other = Unmatched::Quiet,
                ("other", "show") => map.other = Unmatched::Show,
                ("other", value) => {
                    return Err(BadMap(format!("other is “quiet” or “show”, not “{value}”")));
                }
                (name, value) => {
                    if let Some(field) = Field::ALL.into_iter().find(|field| field.name() == name) {
                        rule.set(field, value.to_owned());
                    }
                }
            }
        }
        map.rules.push(rule);
        Ok(map)
    }

    /// True if this sets a field, as opposed to naming a preset or a file.
    pub fn is_field(written: &str) -> bool {
        written.split_once('=').is_some_and(|(name, _)| is_field(name))
    }

    /// As a person writes it, in TOML.
    pub fn to_text(&self) -> String {
        // Plain texts in a plain list can always be written.
        toml::to_string_pretty(self).unwrap_or_default()
    }
}

fn is_field(name: &str) -> bool {
    names().contains(&name)
}

fn names() -> Vec<&'static str> {
    ["on", "event", "other"].into_iter().chain(Field::ALL.map(Field::name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_is_read_from_toml_and_json_alike_and_written_so_that_it_is_read_again() {
        let toml = "other = \"show\"\n[[rules]]\non = 'orders.*'\nevent = 'App\\Events\\OrderShipped'\ntitle = 'Order {{ data.id }}'\n";
        let json = r#"{"other":"show","rules":[{"on":"orders.*","event":"App\\Events\\OrderShipped","title":"Order {{ data.id }}"}]}"#;
        let map = FieldMap::from_text(toml).unwrap();
        assert_eq!(map, FieldMap::from_text(json).unwrap());
        assert_eq!(FieldMap::from_text(&map.to_text()).unwrap(), map);
        for (name, _) in crate::feed::PRESETS {
            let map = FieldMap::preset(name).unwrap();
            assert_eq!(FieldMap::from_text(&map.to_text()).unwrap(), map);
        }
    }

    #[test]
    fn what_is_wrong_in_a_file_is_said_with_its_line() {
        let wrong = FieldMap::from_text("[[rules]]\ntitle = 'x'\ntitel = 'y'\n").unwrap_err().to_string();
        assert!(wrong.contains("line 3") && wrong.contains("titel"), "{wrong}");
        let wrong = FieldMap::from_text("[[rules]]\nbody = 'x'\n").unwrap_err().to_string();
        assert!(wrong.contains("title"), "{wrong}");
        let wrong = FieldMap::from_text("[[rules]]\ntitle = {{ x }}\n").unwrap_err().to_string();
        assert!(wrong.contains("line 2"), "{wrong}");
        let wrong = FieldMap::from_text("{\"rules\":[{}]}").unwrap_err().to_string();
        assert!(wrong.contains("title") && wrong.contains("line 1"), "{wrong}");
    }

    #[test]
    fn single_fields_make_one_rule() {
        let fields = ["title={{ data.a }} = {{ data.b }}", "event=Shipped", "other=show"];
        let map = FieldMap::from_fields(fields).unwrap();
        let rule = Rule { event: "Shipped".into(), ..Rule::titled("{{ data.a }} = {{ data.b }}") };
        assert_eq!(map, FieldMap { rules: vec![rule], other: Unmatched::Show });
        for bad in ["titel=x", "no field", "other=maybe"] {
            assert!(FieldMap::from_fields([bad]).is_err(), "{bad}");
        }
        assert!(FieldMap::is_field("url={{ data.url }}") && !FieldMap::is_field("./maps/a=b.toml"));
    }
}
