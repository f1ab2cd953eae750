//! Reasons in both languages.

use serde::Serialize;

/// A reason, for people. In a [`Condition`](crate::Condition) it names no address, path or person: anybody may read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Because {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

impl std::fmt::Display for Because {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} {}", self.en, self.zh)
    }
}

impl Because {
    /// Reason in both languages.
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Because {
        Because { en: en.into(), zh: zh.into() }
    }
}

/// Something wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 for the file as a whole.
    pub line: u32,
    /// What is wrong.
    pub message: Because,
    /// What to do.
    pub hint: Because,
}

impl Serialize for Fault {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fault = serializer.serialize_struct("Fault", 6)?;
        fault.serialize_field("file", &self.file)?;
        fault.serialize_field("line", &self.line)?;
        fault.serialize_field("message_en", &self.message.en)?;
        fault.serialize_field("message_zh", &self.message.zh)?;
        fault.serialize_field("hint_en", &self.hint.en)?;
        fault.serialize_field("hint_zh", &self.hint.zh)?;
        fault.end()
    }
}
