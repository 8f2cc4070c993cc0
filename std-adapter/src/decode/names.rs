//! The strings of a session, and what texts and values are with them.

use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use microspan::wire::{Span as WireSpan, TagValue, Tags, Text as WireText};

use super::indexed::Indexed;
use super::stack::Crash;
use crate::model::normal::CUT;
use crate::model::{Tag, Text, Value, widened};

/// How many names are kept, and how many strings of a program: more than a device's table can hold.
const NAMES: usize = 4096;

/// The longest string that is looked for in a program, in bytes: more than a device sends.
const LONGEST: u32 = 255;

/// How many stacks are kept.
const STACKS: usize = 16;

/// The strings of programs, by where they lie: of devices that tell them by their address.
pub trait Strings: fmt::Debug + Send + Sync {
    /// The string of so many bytes at an address of the program with this build id.
    fn text(&self, build_id: &[u8], address: u64, length: u32) -> Option<String>;

    /// The functions in which an address of that program lies, innermost first, each with its place in the source:
    /// `app::bake (src/app.rs:42)`; none if nothing says which. `None`: the program is not at hand, or not yet.
    fn lines(&self, _build_id: &[u8], _address: u64) -> Option<Vec<String>> {
        Some(Vec::new())
    }
}

/// A text as a device told it, or one that is found by what it told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Named {
    Index(u32),
    Address {
        address: u64,
        length: u32,
    },
    Text(Text),
    /// The stack of a crash; empty if there is none.
    Crash(Crash),
}

impl From<WireText<'_>> for Named {
    fn from(text: WireText<'_>) -> Self {
        match text {
            WireText::Name(index) => Self::Index(index),
            WireText::Address { address, length } => Self::Address { address, length },
            WireText::Inline(text) => Self::Text(Text::new(text)),
        }
    }
}

impl Named {
    /// What stands where it is not known.
    fn stand_in(&self) -> Text {
        match self {
            Self::Index(index) => Text::new(&format!("name#{index}")),
            Self::Address { address, .. } => Text::new(&format!("str@{address:#x}")),
            Self::Text(text) => text.clone(),
            Self::Crash(crash) => crash.bare(),
        }
    }
}

/// What has to be known before all texts are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lack {
    pub(super) names: bool,
    pub(super) build_id: bool,
}

#[derive(Debug, Default)]
pub(super) struct Names {
    texts: Indexed<Text>,
    /// All names below this index are known.
    all_below: u32,
    programs: Option<Arc<dyn Strings>>,
    build_id: Box<[u8]>,
    /// What was found in the program.
    found: RefCell<HashMap<(u64, u32), Text>>,
    stacks: RefCell<HashMap<Crash, Text>>,
    /// What went on with a stand-in.
    stood_in: RefCell<HashSet<Named>>,
    /// How many stand-ins were given out.
    stand_ins: Cell<u64>,
}

impl Names {
    pub(super) fn new(programs: Option<Arc<dyn Strings>>) -> Self {
        Self { programs, ..Self::default() }
    }

    /// Takes the text of an index; tells whether it is news.
    pub(super) fn learn(&mut self, index: u32, text: &str) -> bool {
        let new = self.texts.get(&index).is_none_or(|known| known.as_str() != text)
            && (self.texts.len() < NAMES || self.texts.contains_key(&index));
        if new {
            self.texts.insert(index, Text::new(text));
            while self.texts.contains_key(&self.all_below) {
                self.all_below += 1;
            }
        }
        new
    }

    /// Takes the build id of the program; tells whether it is news.
    pub(super) fn learn_build_id(&mut self, build_id: &[u8]) -> bool {
        let new = *self.build_id != *build_id;
        if new {
            self.build_id = build_id.into();
            self.found.get_mut().clear();
            self.stacks.get_mut().clear();
        }
        new
    }

    pub(super) fn build_id(&self) -> &[u8] {
        &self.build_id
    }

    /// The stand-ins that went out and whose texts are known by now, each once.
    pub(super) fn corrections(&mut self) -> Vec<(Text, Text)> {
        if self.stood_in.get_mut().is_empty() {
            return Vec::new();
        }
        let mut stood_in = self.stood_in.take();
        let mut known = Vec::new();
        stood_in.retain(|named| match self.known(named) {
            Some(text) => {
                known.extend((!text.is_empty()).then(|| (named.stand_in(), text)));
                false
            }
            None => true,
        });
        *self.stood_in.get_mut() = stood_in;
        known
    }

    /// A text; while it is not known none, or by `force`, and where no waiting helps, a stand-in.
    pub(super) fn find(&self, named: &Named, force: bool) -> Option<Text> {
        let is_lost = matches!(named, Named::Address { .. }) && self.programs.is_none();
        self.known(named).or_else(|| (force || is_lost).then(|| self.stand_in(named.clone())))
    }

    fn known(&self, named: &Named) -> Option<Text> {
        match named {
            Named::Text(text) => Some(text.clone()),
            Named::Index(index) => self.texts.get(index).cloned(),
            Named::Address { address, length } => self.at(*address, *length),
            Named::Crash(crash) => self.stack(*crash),
        }
    }

    fn stand_in(&self, named: Named) -> Text {
        self.stand_ins.set(self.stand_ins.get() + 1);
        let text = named.stand_in();
        let mut stood_in = self.stood_in.borrow_mut();
        if stood_in.len() < NAMES {
            stood_in.insert(named);
        }
        text
    }

    /// The string at an address of the program.
    fn at(&self, address: u64, length: u32) -> Option<Text> {
        if length > LONGEST {
            return None;
        }
        if let Some(text) = self.found.borrow().get(&(address, length)) {
            return Some(text.clone());
        }
        let text = Text::new(&self.programs.as_ref()?.text(&self.build_id, address, length)?);
        let mut found = self.found.borrow_mut();
        if found.len() < NAMES {
            found.insert((address, length), text.clone());
        }
        Some(text)
    }

    /// The stack of a crash, empty if nothing says where it was; `None`: the program may come yet.
    fn stack(&self, crash: Crash) -> Option<Text> {
        let Some(programs) = &self.programs else { return Some(Text::from("")) };
        if let Some(stack) = self.stacks.borrow().get(&crash) {
            return Some(stack.clone());
        }
        let stack = crash.stack(|address| programs.lines(&self.build_id, address))?;
        let stack = stack.unwrap_or(Text::from(""));
        let mut stacks = self.stacks.borrow_mut();
        if stacks.len() < STACKS {
            stacks.insert(crash, stack.clone());
        }
        Some(stack)
    }

    fn knows(&self, text: WireText<'_>) -> bool {
        match text {
            WireText::Name(index) => self.texts.contains_key(&index),
            WireText::Address { address, length } => self.at(address, length).is_some(),
            WireText::Inline(_) => true,
        }
    }

    /// How many stand-ins were given out so far.
    pub(super) fn stand_ins(&self) -> u64 {
        self.stand_ins.get()
    }

    /// Whether all texts of a span are known, or will not be found by waiting.
    pub(super) fn waits_for_none(&self, span: &WireSpan<'_>) -> bool {
        // What most spans are is seen at a glance.
        let is_named = match span.name {
            WireText::Name(index) => index < self.all_below,
            WireText::Inline(_) => true,
            WireText::Address { .. } => false,
        };
        let has_crash = self.programs.is_some() && span.tags.size_hint().0 > 0;
        if is_named && span.tags.names() <= self.all_below && !has_crash {
            return true;
        }
        let is_known = all_texts(span, &mut |text| {
            let is_lost = matches!(text, WireText::Address { .. }) && self.programs.is_none();
            is_lost || self.knows(text)
        });
        is_known && self.crash(span).is_none_or(|crash| self.stack(crash).is_some())
    }

    /// The crash that a span tells of, where its stack can be looked for.
    fn crash(&self, span: &WireSpan<'_>) -> Option<Crash> {
        self.programs.as_ref()?;
        let mut crash = Crash::default();
        for tag in span.tags {
            if let (TagValue::U64(address), Some(key)) = (tag.value, self.known(&Named::from(tag.key))) {
                crash.note(&key, address);
            }
        }
        crash.is_told().then_some(crash)
    }

    /// Adds what is not known of a span's texts and can be asked for.
    pub(super) fn add_lack(&self, span: &WireSpan<'_>, lack: &mut Lack) {
        all_texts(span, &mut |text| {
            self.add_lack_of_named(&Named::from(text), lack);
            true
        });
        lack.build_id |= self.build_id.is_empty() && self.crash(span).is_some();
    }

    /// The same of one text.
    pub(super) fn add_lack_of_named(&self, named: &Named, lack: &mut Lack) {
        match named {
            Named::Index(index) => lack.names |= !self.texts.contains_key(index),
            Named::Address { .. } => lack.build_id |= self.build_id.is_empty(),
            Named::Text(_) | Named::Crash(_) => {}
        }
    }

    /// A text, or its stand-in.
    #[inline(always)]
    pub(super) fn text(&self, text: WireText<'_>) -> Text {
        // Most are names that are known: those are copied once, to where they go.
        match text {
            WireText::Name(index) => match self.texts.get(&index) {
                Some(known) => known.clone(),
                None => self.stand_in(Named::Index(index)),
            },
            WireText::Inline(text) => Text::new(text),
            WireText::Address { address, length } => self.text_at(address, length),
        }
    }

    #[inline(never)]
    fn text_at(&self, address: u64, length: u32) -> Text {
        self.at(address, length).unwrap_or_else(|| self.stand_in(Named::Address { address, length }))
    }

    /// A value, with stand-ins for what is missing; `None`: it is not the value of a tag.
    #[inline(always)]
    pub(super) fn value(&self, value: TagValue<'_>) -> Option<Value> {
        convert(value, |text| self.text(text))
    }

    /// What is said of an event or a link.
    pub(super) fn attributes(&self, tags: Tags<'_>) -> Vec<Tag> {
        let mut attributes: Vec<Tag> = Vec::new();
        for tag in tags {
            let key = self.text(tag.key);
            if let Some(value) = self.value(tag.value)
                && attributes.iter().all(|(known, _)| *known != key)
            {
                attributes.push((key, value));
            }
        }
        attributes
    }
}

/// Whether `is` holds of all texts of a span.
fn all_texts<'a>(span: &WireSpan<'a>, is: &mut impl FnMut(WireText<'a>) -> bool) -> bool {
    is(span.name) && all_texts_of_tags(span.tags, is)
}

fn all_texts_of_tags<'a>(mut tags: Tags<'a>, is: &mut impl FnMut(WireText<'a>) -> bool) -> bool {
    tags.all(|tag| {
        is(tag.key)
            && match tag.value {
                TagValue::Text(text) | TagValue::Cut(text) | TagValue::Baggage(text) => is(text),
                TagValue::Event(event) => all_texts_of_tags(event.attributes, is),
                TagValue::Link(link) => all_texts_of_tags(link.attributes, is),
                TagValue::RemoteLink(_, attributes) => all_texts_of_tags(attributes, is),
                _ => true,
            }
    })
}

/// A value, with its names looked up by `text`; `None`: it is not the value of a tag.
#[inline(always)]
pub(super) fn convert<'a>(value: TagValue<'a>, text: impl FnOnce(WireText<'a>) -> Text) -> Option<Value> {
    Some(match value {
        TagValue::Bool(value) => Value::Bool(value),
        TagValue::U64(value) => Value::Uint(value),
        TagValue::I64(value) => Value::Int(value),
        TagValue::F32(value) => Value::Float(widened(value)),
        TagValue::F64(value) => Value::Float(value),
        TagValue::Text(wire) => Value::Str(text(wire)),
        TagValue::Cut(wire) => Value::Str(Text::new(&format!("{}{CUT}", text(wire).as_str()))),
        _ => return None,
    })
}
