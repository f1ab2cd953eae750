//! What is wrong in files, in two languages.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

/// One message in both languages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Text {
    /// English.
    pub en: String,
    /// Chinese.
    pub zh: String,
}

/// A [`Text`] from two format strings, English first.
#[macro_export]
macro_rules! text {
    ($en:literal, $zh:literal) => {
        $crate::Text { en: format!($en), zh: format!($zh) }
    };
}

/// One thing that is wrong in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The file, as its path was given.
    pub file: Rc<str>,
    /// 1-based line; 0 when it is about the file as a whole.
    pub line: u32,
    /// What is wrong.
    pub message: Text,
    /// What to do about it.
    pub hint: Text,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Problem { file, line, message, hint } = self;
        writeln!(f, "{file}:{line}: {}", message.en)?;
        writeln!(f, "    hint: {}", hint.en)?;
        write!(f, "    {} —— {}", message.zh, hint.zh)
    }
}

/// Where problems are collected. Clones share one list.
#[derive(Debug, Clone, Default)]
pub struct Problems(Rc<RefCell<Vec<Problem>>>);

impl Problems {
    /// Adds one.
    pub fn add(&self, file: &Rc<str>, line: u32, message: Text, hint: Text) {
        self.0.borrow_mut().push(Problem { file: Rc::clone(file), line, message, hint });
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.borrow().len()
    }

    /// All of them without duplicates, by file and line. Problems of whole files come first: others follow from them.
    pub fn into_sorted(self) -> Vec<Problem> {
        let mut problems = self.0.take();
        problems.sort();
        problems.sort_by_key(|problem| problem.line != 0);
        problems.dedup();
        problems
    }
}
