//! Regular expressions out of variables and out of what an agent says, which take neither time nor memory without end.

use regex::{Regex, RegexBuilder};

/// The longest pattern. What a compiled one takes is bounded as well, but only after its text was parsed and its classes were
/// written out: the three bytes `\w|` are seven hundred ranges.
const LONGEST: usize = 1_000;
/// The bytes of all patterns of one variable, or of an agent.
const ALL: usize = 16_000;
/// What a compiled one may take, enough for a hundred characters of any script.
const LARGEST: usize = 1 << 18;
/// How deep its groups may be nested.
const DEEPEST: u32 = 50;

/// Compiles patterns for as long as there is room.
pub(super) struct Patterns {
    room: usize,
}

impl Default for Patterns {
    fn default() -> Self {
        Self { room: ALL }
    }
}

impl Patterns {
    /// A regular expression; `Err`: why it is none.
    pub(super) fn read(&mut self, text: &str) -> Result<Regex, String> {
        if text.len() > LONGEST {
            return Err(format!("a pattern of {} bytes is longer than {LONGEST}", text.len()));
        }
        self.room = self
            .room
            .checked_sub(text.len())
            .ok_or_else(|| format!("of all patterns those beyond {ALL} bytes are left out"))?;
        // The library shows the place on several lines; the last says what it is.
        RegexBuilder::new(text).size_limit(LARGEST).nest_limit(DEEPEST).build().map_err(|error| {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("`{text}` is no regular expression ({why})")
        })
    }
}
