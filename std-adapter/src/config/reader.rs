//! A variable to a value: where it comes from, and what is wrong with it.

use std::collections::BTreeMap;
use std::fmt;

use super::agent::is_place;
use super::quoted::{quote, shown, without_password};

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// This environment variable.
    Variable(&'static str),
    /// The program, or the command line.
    Program,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Variable(name) => f.write_str(name),
            Self::Program => f.write_str("program"),
        }
    }
}

/// A variable that holds something unusable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// The variable.
    pub variable: &'static str,
    /// What it holds: on one line, 300 bytes of it, without passwords.
    pub value: String,
    /// What is wrong with it, and what is used instead.
    pub instead: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=`{}`: {}", self.variable, self.value, self.instead)
    }
}

/// The variables that are set, and what was made of them so far.
pub(super) struct Reader {
    variables: BTreeMap<String, String>,
    warnings: Vec<Warning>,
    origins: BTreeMap<&'static str, Origin>,
}

impl Reader {
    pub(super) fn new<N: AsRef<str>, V: Into<String>>(variables: impl IntoIterator<Item = (N, V)>) -> Self {
        let pairs = variables.into_iter().map(|(name, value)| (name.as_ref().to_owned(), value.into()));
        let variables = pairs.filter(|(_, value)| !value.trim().is_empty()).collect();
        Self { variables, warnings: Vec::new(), origins: BTreeMap::new() }
    }

    /// The names of all that are set.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.variables.keys().map(String::as_str)
    }

    /// The first of these variables that is set.
    pub(super) fn first(&self, variables: &[&'static str]) -> Option<(&'static str, String)> {
        variables.iter().find_map(|&name| Some((name, self.variables.get(name)?.clone())))
    }

    /// The value that the first of these variables has for a setting; what is unusable is warned of with the reason that
    /// `parse` gives.
    pub(super) fn read<T>(
        &mut self,
        setting: &'static str,
        variables: &[&'static str],
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        let (variable, value) = self.first(variables)?;
        match parse(value.trim()) {
            Ok(parsed) => {
                self.origins.insert(setting, Origin::Variable(variable));
                Some(parsed)
            }
            Err(instead) => {
                self.warn(variable, value, instead);
                None
            }
        }
    }

    /// The same of a variable that may be right in part: `parse` tells what is wrong beside what it read.
    pub(super) fn read_list<T>(
        &mut self,
        variable: &'static str,
        parse: impl FnOnce(&str) -> (Vec<T>, Vec<String>),
    ) -> Option<Vec<T>> {
        let (_, value) = self.first(&[variable])?;
        let (parsed, wrong) = parse(value.trim());
        if !parsed.is_empty() || wrong.is_empty() {
            self.came_from(variable, variable);
        }
        if !wrong.is_empty() {
            let used = if parsed.is_empty() { "nothing of it" } else { "the rest" };
            self.warn(variable, value, format!("{}; {used} is used", shown(&wrong.join(", "))));
        }
        Some(parsed)
    }

    /// A variable that says how many: the `least` stands for what is less, which is warned of in the words beside it, and what is
    /// no number is so in those of `otherwise`.
    pub(super) fn count(
        &mut self,
        name: &'static str,
        least: (usize, &str),
        otherwise: String,
    ) -> Option<usize> {
        let (least, words) = least;
        let number = self.read(name, &[name], |value| value.parse::<i128>().map_err(|_| otherwise))?;
        if number < least as i128 {
            let (_, value) = self.first(&[name])?;
            self.warn(name, value, words.to_owned());
            return Some(least);
        }
        Some(usize::try_from(number).unwrap_or(usize::MAX))
    }

    /// A variable that says yes or no.
    pub(super) fn truth(&mut self, name: &'static str, default: bool) -> bool {
        self.truth_or(name, default, default)
    }

    /// The same of one for which what says neither does not count as unset.
    pub(super) fn truth_or(&mut self, name: &'static str, default: bool, otherwise: bool) -> bool {
        let mut says_neither = false;
        let parse = |value: &str| match value.to_ascii_lowercase().as_str() {
            "true" | "1" => Ok(true),
            "false" | "0" => Ok(false),
            _ => {
                says_neither = true;
                Err(format!("neither `true` nor `false`; `{otherwise}` is used"))
            }
        };
        if let Some(said) = self.read(name, &[name], parse) {
            return said;
        }
        if !says_neither || otherwise == default {
            return default;
        }
        self.came_from(name, name);
        otherwise
    }

    /// Notes what is wrong, for which `instead` has pieces of the value as they may be [`shown`]; what two settings have in common is said once.
    pub(super) fn warn(&mut self, variable: &'static str, value: String, instead: String) {
        let value = if is_place(variable) { quote(&without_password(&value)) } else { shown(&value) };
        let warning = Warning { variable, value, instead };
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    pub(super) fn came_from(&mut self, setting: &'static str, variable: &'static str) {
        self.origins.insert(setting, Origin::Variable(variable));
    }

    pub(super) fn finish(self) -> (Vec<Warning>, BTreeMap<&'static str, Origin>) {
        (self.warnings, self.origins)
    }
}
