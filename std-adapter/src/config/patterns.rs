//! Regular expressions out of variables and out of what an agent says, which take neither time nor memory without end.

use regex::{Regex, RegexBuilder};

/// The longest pattern, in bytes.
const LONGEST: usize = 4_000;
/// What a compiled one may take, enough for a hundred characters of any script. It is noticed when so much is built.
const LARGEST: usize = 1 << 18;
/// What matching by one may keep for a thread that matches: it is slower where that is little, and an agent may name hundreds.
const REMEMBERED: usize = 1 << 16;
/// How deep its groups may be nested.
const DEEPEST: u32 = 50;

/// Compiles patterns for as long as there is room. What one takes is reckoned from its text, before that is parsed.
pub(super) struct Patterns {
    room: usize,
}

impl Patterns {
    /// Room for those of one variable: for two hundred as large as can be, or any that are ordinary.
    pub(super) const fn of_variable() -> Self {
        Self { room: 128_000 }
    }

    /// Room for those that an agent names.
    pub(super) const fn of_agent() -> Self {
        Self { room: 64_000 }
    }

    /// A regular expression; `Err`: why it is none.
    pub(super) fn read(&mut self, text: &str) -> Result<Regex, String> {
        if text.len() > LONGEST {
            return Err(format!("a pattern of {} bytes is longer than {LONGEST}", text.len()));
        }
        let left = self.room.checked_sub(weight(text));
        self.room = left.ok_or("patterns that are too many together are left out")?;
        // The library shows the place on several lines; the last says what it is.
        let mut builder = RegexBuilder::new(text);
        builder.size_limit(LARGEST).dfa_size_limit(REMEMBERED).nest_limit(DEEPEST);
        builder.build().map_err(|error| {
            let error = error.to_string();
            let why = error.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("`{text}` is no regular expression ({why})")
        })
    }
}

/// What a pattern takes: its bytes, of which those that begin a class stand for its hundreds of ranges, and those that repeat
/// what is before them for as many copies.
fn weight(text: &str) -> usize {
    let of_byte = |byte| match byte {
        b'{' => 500,
        b'\\' | b'[' => 100,
        b'.' => 10,
        _ => 1,
    };
    text.bytes().map(of_byte).sum()
}
