//! One table of a file: reads check the value and mark the key as known.

use std::fmt;
use std::ops::RangeInclusive;
use std::rc::Rc;
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Problems, Text, text};

/// A value and the line it stands on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// 1-based line.
    pub line: u32,
}

/// One table of a file. Each read marks its key as known; [`Section::finish`] reports the others.
#[derive(Debug)]
pub struct Section {
    file: Rc<str>,
    line: u32,
    problems: Problems,
    entries: Vec<Entry>,
    asked: Vec<&'static str>,
}

#[derive(Debug)]
struct Entry {
    key: String,
    line: u32,
    value: Value,
    taken: bool,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Integer(String, u32),
    Boolean(bool),
    List(Vec<(u32, Value)>),
    Table(Vec<Entry>),
    Other,
}

/// Parses a file's text. Syntax problems are added to `problems`; what could be read is returned.
pub fn parse(file: &str, text: &str, problems: &Problems) -> Section {
    let file: Rc<str> = Rc::from(file);
    let lines = Lines::new(text);
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let line = error.span().map_or(0, |span| lines.line(span.start));
        let reason = error.message().to_owned();
        problems.add(
            &file,
            line,
            text!("not valid TOML: {reason}", "TOML 语法错误：{reason}"),
            text!("see https://toml.io for the syntax", "语法见 https://toml.io"),
        );
    }
    let entries = entries_of(table.get_ref(), &lines);
    Section { file, line: 1, problems: problems.clone(), entries, asked: Vec::new() }
}

fn entries_of(table: &DeTable<'_>, lines: &Lines) -> Vec<Entry> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let line = lines.line(key.span().start);
        Entry { key: key.get_ref().to_string(), line, value: value_of(value.get_ref(), lines), taken: false }
    };
    let mut entries: Vec<Entry> = table.iter().map(entry).collect();
    entries.sort_by_key(|entry| entry.line);
    entries
}

fn value_of(value: &DeValue<'_>, lines: &Lines) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(integer) => Value::Integer(integer.as_str().to_owned(), integer.radix()),
        DeValue::Boolean(boolean) => Value::Boolean(*boolean),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| (lines.line(item.span().start), value_of(item.get_ref(), lines)))
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(entries_of(table, lines)),
        DeValue::Float(_) | DeValue::Datetime(_) => Value::Other,
    }
}

impl Section {
    /// The file's name.
    pub fn file(&self) -> &Rc<str> {
        &self.file
    }

    /// The line that the section begins on.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// Adds a problem of this file.
    pub fn problem(&self, line: u32, message: Text, hint: Text) {
        self.problems.add(&self.file, line, message, hint);
    }

    /// A string, if the key is there.
    pub fn string(&mut self, key: &'static str) -> Option<At<String>> {
        let (line, value) = self.take(key)?;
        match value {
            Value::Text(value) => Some(At { value, line }),
            other => self.wrong_kind(key, line, &other, "a string", "字符串"),
        }
    }

    /// A string that must be there and must parse.
    pub fn require<T: FromStr<Err: fmt::Display>>(&mut self, key: &'static str) -> Option<At<T>> {
        let line = self.line;
        if self.lacks(key) {
            self.problem(
                line,
                text!("{key} is missing", "缺少 {key}"),
                text!("add {key} = \"…\" here", "在此添加 {key} = \"…\""),
            );
        }
        self.parsed(key)
    }

    /// A string that must parse, if the key is there.
    pub fn parsed<T: FromStr<Err: fmt::Display>>(&mut self, key: &'static str) -> Option<At<T>> {
        let At { value, line } = self.string(key)?;
        self.parse_word(key, &value, line)
    }

    /// Strings that must parse; a single string counts as a list of one.
    pub fn parsed_list<T: FromStr<Err: fmt::Display>>(&mut self, key: &'static str) -> Vec<At<T>> {
        let strings = self.strings(key);
        strings.into_iter().filter_map(|at| self.parse_word(key, &at.value, at.line)).collect()
    }

    /// A list of at least one string; each must parse. A single string counts as a list of one.
    pub fn require_list<T: FromStr<Err: fmt::Display>>(&mut self, key: &'static str) -> Vec<At<T>> {
        let line = self.line;
        let strings = self.strings(key);
        if strings.is_empty() {
            self.problem(
                line,
                text!("{key} is missing", "缺少 {key}"),
                text!("add {key} = \"…\" here", "在此添加 {key} = \"…\""),
            );
        }
        strings.into_iter().filter_map(|at| self.parse_word(key, &at.value, at.line)).collect()
    }

    /// A list of strings; a single string counts as a list of one.
    pub fn strings(&mut self, key: &'static str) -> Vec<At<String>> {
        let Some((line, value)) = self.take(key) else { return Vec::new() };
        let items = match value {
            Value::Text(value) => return vec![At { value, line }],
            Value::List(items) => items,
            other => {
                self.wrong_kind::<()>(key, line, &other, "a list of strings", "字符串列表");
                return Vec::new();
            }
        };
        let mut strings = Vec::new();
        for (line, item) in items {
            match item {
                Value::Text(value) => strings.push(At { value, line }),
                other => {
                    self.wrong_kind::<()>(key, line, &other, "a list of strings", "字符串列表");
                }
            }
        }
        strings
    }

    /// A list of whole numbers within `range`.
    pub fn integers(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Vec<At<u64>> {
        match self.take(key) {
            None => Vec::new(),
            Some((_, Value::List(items))) => {
                items.into_iter().filter_map(|(line, item)| self.number(key, line, item, &range)).collect()
            }
            Some((line, other)) => {
                self.wrong_kind::<()>(key, line, &other, "a list of whole numbers", "整数列表");
                Vec::new()
            }
        }
    }

    /// A whole number within `range`, if the key is there.
    pub fn integer(&mut self, key: &'static str, range: RangeInclusive<u64>) -> Option<At<u64>> {
        let (line, value) = self.take(key)?;
        self.number(key, line, value, &range)
    }

    fn number(
        &mut self,
        key: &'static str,
        line: u32,
        value: Value,
        range: &RangeInclusive<u64>,
    ) -> Option<At<u64>> {
        let Value::Integer(digits, radix) = value else {
            return self.wrong_kind(key, line, &value, "a whole number", "整数");
        };
        let (low, high) = (range.start(), range.end());
        match u64::from_str_radix(&digits, radix).ok().filter(|number| range.contains(number)) {
            Some(value) => Some(At { value, line }),
            None => {
                self.problem(
                    line,
                    text!("{key} = {digits} is out of range", "{key} = {digits} 超出范围"),
                    text!("use a number from {low} to {high}", "请使用 {low} 到 {high} 之间的数"),
                );
                None
            }
        }
    }

    /// `true` or `false`, if the key is there.
    pub fn boolean(&mut self, key: &'static str) -> Option<At<bool>> {
        let (line, value) = self.take(key)?;
        match value {
            Value::Boolean(value) => Some(At { value, line }),
            other => self.wrong_kind(key, line, &other, "true or false", "true 或 false"),
        }
    }

    /// A table within this one, if the key is there.
    pub fn section(&mut self, key: &'static str) -> Option<Section> {
        let (line, value) = self.take(key)?;
        match value {
            Value::Table(entries) => Some(self.inner(line, entries)),
            other => self.wrong_kind(key, line, &other, "a table", "表"),
        }
    }

    /// The tables of `[[key]]`.
    pub fn list(&mut self, key: &'static str) -> Vec<Section> {
        let Some((line, value)) = self.take(key) else { return Vec::new() };
        let Value::List(items) = value else {
            self.wrong_kind::<()>(key, line, &value, "a list of tables", "表的列表");
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (line, item) in items {
            match item {
                Value::Table(entries) => {
                    let line = entries.first().map_or(line, |entry| entry.line.min(line.max(1)));
                    sections.push(self.inner(line, entries));
                }
                other => {
                    self.wrong_kind::<()>(key, line, &other, "a list of tables", "表的列表");
                }
            }
        }
        sections
    }

    /// The tables whose names are free: `[key.NAME]`.
    pub fn named(&mut self, key: &'static str) -> Vec<(At<String>, Section)> {
        let Some((line, value)) = self.take(key) else { return Vec::new() };
        let Value::Table(entries) = value else {
            self.wrong_kind::<()>(key, line, &value, "a table of tables", "表");
            return Vec::new();
        };
        let mut named = Vec::new();
        for Entry { key: name, line, value, .. } in entries {
            match value {
                Value::Table(entries) => {
                    let section = self.inner(line, entries);
                    named.push((At { value: name, line }, section));
                }
                other => {
                    self.wrong_kind::<()>(&name, line, &other, "a table", "表");
                }
            }
        }
        named
    }

    /// The strings of a table whose keys are free: `key = { NAME = "…" }`.
    pub fn pairs(&mut self, key: &'static str) -> Vec<(String, At<String>)> {
        let Some((line, value)) = self.take(key) else { return Vec::new() };
        let Value::Table(entries) = value else {
            self.wrong_kind::<()>(key, line, &value, "a table of strings", "字符串表");
            return Vec::new();
        };
        let mut pairs = Vec::new();
        for Entry { key: name, line, value, .. } in entries {
            match value {
                Value::Text(value) => pairs.push((name, At { value, line })),
                other => {
                    self.wrong_kind::<()>(&name, line, &other, "a string", "字符串");
                }
            }
        }
        pairs
    }

    /// Adds a problem for each key that was not read, with the nearest known key as a hint.
    pub fn finish(self) {
        for entry in self.entries.iter().filter(|entry| !entry.taken) {
            let key = &entry.key;
            let mut known = self.asked.clone();
            known.sort_by_key(|name| distance(name, key));
            let hint = match known.first().filter(|name| distance(name, key) <= 2) {
                Some(near) => text!("did you mean {near}?", "是否要写 {near}？"),
                None => {
                    known.sort_unstable();
                    let known = known.join(", ");
                    text!("the keys here are: {known}", "此处可用的键：{known}")
                }
            };
            self.problem(entry.line, text!("unknown key {key}", "未知的键 {key}"), hint);
        }
    }

    fn inner(&self, line: u32, entries: Vec<Entry>) -> Section {
        let (file, problems) = (Rc::clone(&self.file), self.problems.clone());
        Section { file, line, problems, entries, asked: Vec::new() }
    }

    fn lacks(&self, key: &str) -> bool {
        !self.entries.iter().any(|entry| entry.key == key)
    }

    fn take(&mut self, key: &'static str) -> Option<(u32, Value)> {
        self.asked.push(key);
        let entry = self.entries.iter_mut().find(|entry| entry.key == key)?;
        entry.taken = true;
        Some((entry.line, std::mem::replace(&mut entry.value, Value::Other)))
    }

    fn parse_word<T: FromStr<Err: fmt::Display>>(&self, key: &str, word: &str, line: u32) -> Option<At<T>> {
        match word.parse() {
            Ok(value) => Some(At { value, line }),
            Err(rule) => {
                self.problem(
                    line,
                    text!("{key} = {word:?} cannot be used", "{key} = {word:?} 不可用"),
                    text!("{rule}", "要求：{rule}"),
                );
                None
            }
        }
    }

    fn wrong_kind<T>(&self, key: &str, line: u32, value: &Value, en: &str, zh: &str) -> Option<T> {
        let (found_en, found_zh) = value.kind();
        self.problem(
            line,
            text!("{key} must be {en}, not {found_en}", "{key} 必须是{zh}，而不是{found_zh}"),
            text!("write {en} here", "请在此写{zh}"),
        );
        None
    }
}

impl Value {
    fn kind(&self) -> (&'static str, &'static str) {
        match self {
            Value::Text(_) => ("a string", "字符串"),
            Value::Integer(..) => ("a number", "数字"),
            Value::Boolean(_) => ("true or false", "布尔值"),
            Value::List(_) => ("a list", "列表"),
            Value::Table(_) => ("a table", "表"),
            Value::Other => ("a fraction or a date", "小数或日期"),
        }
    }
}

/// Byte offsets to 1-based lines.
struct Lines(Vec<usize>);

impl Lines {
    fn new(text: &str) -> Lines {
        Lines(text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at).collect())
    }

    fn line(&self, offset: usize) -> u32 {
        u32::try_from(self.0.partition_point(|newline| *newline < offset) + 1).unwrap_or(u32::MAX)
    }
}

/// The Levenshtein distance of two words.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
