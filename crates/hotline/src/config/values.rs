//! Every value of the files by file and key, to show people the difference between two configurations.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use toml::{Table, Value};

/// Keys whose values are secret and are shown as `***`.
const SECRET: [&str; 4] = ["password", "password_md5", "password_sha256", "url"];
/// Keys that name an element of a list.
const NAMES: [&str; 4] = ["id", "number", "name", "extension"];
/// The longest value that is shown, in characters.
const LONGEST: usize = 80;

/// The text of each file, by its name below the configuration's folder.
#[derive(Debug, Default)]
pub(super) struct Texts(RefCell<BTreeMap<String, String>>);

impl Texts {
    pub(super) fn add(&self, file: impl Into<String>, text: &str) {
        self.0.borrow_mut().insert(file.into(), text.to_owned());
    }

    /// Their values. A flow counts as one value.
    pub(super) fn into_values(self) -> Values {
        let mut values = Values::default();
        for (file, text) in self.0.into_inner() {
            if file.contains('/') {
                let said = Said { text: summary(&text), is_secret: false };
                values.0.insert((file, String::new()), said);
            } else {
                // Parsed once already: a configuration without problems has no file that cannot be parsed.
                let table = text.parse::<Table>().unwrap_or_default();
                values.flatten(&file, "", Value::Table(table));
            }
        }
        values
    }
}

/// A flow's version, with a hash of its text so that a change within the same version is noticed.
fn summary(text: &str) -> String {
    let table = text.parse::<Table>().unwrap_or_default();
    let version = table.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
    let digest = Sha256::digest(text);
    digest.iter().take(4).fold(format!("version {version}, sha256 "), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// All values of a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Values(BTreeMap<(String, String), Said>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Said {
    text: String,
    is_secret: bool,
}

impl Said {
    fn shown(&self) -> String {
        if self.is_secret {
            return "***".to_owned();
        }
        let text: String = self.text.chars().filter(|c| !c.is_control()).take(LONGEST).collect();
        if text.chars().count() == LONGEST { text + "…" } else { text }
    }
}

/// A value that differs between two configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The file, by its name below the configuration's folder.
    pub file: String,
    /// Where in the file: `sip.listen`, `agent[1001].queues`; empty for a flow as a whole.
    pub key: String,
    /// The old value; `None` when the key was absent. Secrets are `***`.
    pub before: Option<String>,
    /// The new value; `None` when the key was removed.
    pub after: Option<String>,
}

impl Values {
    fn flatten(&mut self, file: &str, path: &str, value: Value) {
        let below = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        match value {
            Value::Table(table) => {
                for (key, value) in table {
                    self.flatten(file, &below(&key), value);
                }
            }
            Value::Array(elements) if elements.iter().any(Value::is_table) => {
                for (nth, element) in elements.into_iter().enumerate() {
                    let name = NAMES.iter().find_map(|name| element.get(name)?.as_str());
                    let name = name.map_or_else(|| (nth + 1).to_string(), str::to_owned);
                    self.flatten(file, &format!("{path}[{name}]"), element);
                }
            }
            Value::String(text) => self.say(file, path, text),
            other => self.say(file, path, other.to_string()),
        }
    }

    fn say(&mut self, file: &str, path: &str, text: String) {
        let key = path.rsplit('.').next().unwrap_or_default();
        let is_secret = SECRET.contains(&key);
        self.0.insert((file.to_owned(), path.to_owned()), Said { text, is_secret });
    }

    /// The values that differ in `after`, ordered by file and key.
    pub fn differences(&self, after: &Values) -> Vec<Difference> {
        let keys: BTreeSet<_> = self.0.keys().chain(after.0.keys()).collect();
        let differing = keys.into_iter().filter(|key| self.0.get(*key) != after.0.get(*key));
        let shown = |values: &Values, key| values.0.get(key).map(Said::shown);
        differing
            .map(|key| Difference {
                file: key.0.clone(),
                key: key.1.clone(),
                before: shown(self, key),
                after: shown(after, key),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(files: &[(&str, &str)]) -> Values {
        let texts = Texts::default();
        files.iter().for_each(|(file, text)| texts.add(*file, text));
        texts.into_values()
    }

    fn differences(
        before: &[(&str, &str)],
        after: &[(&str, &str)],
    ) -> Vec<(String, Option<String>, Option<String>)> {
        let differences = values(before).differences(&values(after));
        differences
            .into_iter()
            .map(|one| (format!("{} {}", one.file, one.key), one.before, one.after))
            .collect()
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn an_element_is_known_by_its_name_wherever_it_stands() {
        let before =
            "x = 1\n[[agent]]\nid = \"1001\"\nqueues = [\"a\"]\n[[agent]]\nid = \"1002\"\nqueues = []\n";
        let after = "x = 1\n[[agent]]\nid = \"1002\"\nqueues = []\n[[agent]]\nid = \"1001\"\nqueues = [\"a\", \"b\"]\n";
        assert_eq!(
            differences(&[("agents.toml", before)], &[("agents.toml", after)]),
            [("agents.toml agent[1001].queues".to_owned(), some("[\"a\"]"), some("[\"a\", \"b\"]"))]
        );
        assert_eq!(differences(&[("agents.toml", before)], &[("agents.toml", before)]), []);
    }

    #[test]
    fn secrets_are_compared_and_not_shown() {
        let agent = |password: &str| format!("[[agent]]\nid = \"1001\"\npassword = \"{password}\"\n");
        assert_eq!(
            differences(&[("agents.toml", &agent("old"))], &[("agents.toml", &agent("new"))]),
            [("agents.toml agent[1001].password".to_owned(), some("***"), some("***"))]
        );
        let gone = differences(
            &[("hotline.toml", "[store]\nurl = \"postgres://u:p@h/d\"\n")],
            &[("hotline.toml", "")],
        );
        assert_eq!(gone, [("hotline.toml store.url".to_owned(), some("***"), None)]);
    }

    #[test]
    fn a_flow_is_one_value_and_names_its_version() {
        let flow = |version: &str, prompt: &str| {
            format!("version = \"{version}\"\n[nodes.a]\nprompt = \"{prompt}\"\n")
        };
        let found =
            differences(&[("flows/main.toml", &flow("1", "a"))], &[("flows/main.toml", &flow("1", "b"))]);
        let [(place, Some(before), Some(after))] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(place, "flows/main.toml ");
        assert!(before.starts_with("version 1, ") && after.starts_with("version 1, ") && before != after);
    }
}
