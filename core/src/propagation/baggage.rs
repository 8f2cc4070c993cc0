//! W3C baggage: items that travel with a request, percent-encoded.

use super::shown::{Shown, length};
use super::{Passing, Propagator, SetHeader, Style};
use core::fmt::{self, Display, Write};

/// The header.
const HEADER: &str = "baggage";

/// What of a header there is room for.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub(super) struct Limits {
    /// Items beyond so many do not travel.
    pub(super) items: usize,
    /// Nor do those beyond so many bytes of the header.
    pub(super) bytes: usize,
}

impl Limits {
    /// Those of Datadog's tracers, and of what is read.
    pub(super) const DATADOGS: Self = Self { items: 64, bytes: 8192 };
}

/// The items of baggage of a request.
///
/// ```
/// use microspan::propagation::Propagator;
/// let headers = [("baggage", "user.id=Am%C3%A9lie,plan=gold")];
/// let baggage = Propagator::new().extract(headers.as_slice()).passing.baggage();
/// assert_eq!(baggage.get("plan").unwrap().to_string(), "gold");
/// assert_eq!(baggage.get("user.id").unwrap().to_string(), "Amélie");
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Baggage<'c> {
    /// Items of a header, well formed and within the limits.
    header: &'c str,
    pub(super) items: &'c [(&'c str, &'c str)],
}

/// A text as it stood in a header or was given, which shows itself decoded.
///
/// ```
/// use microspan::propagation::*;
/// let headers = [("baggage", "user=Ad%C3%A8le")];
/// let extracted = Propagator::new().extract(headers.as_slice());
/// assert_eq!(extracted.passing.baggage().get("user").unwrap().to_string(), "Adèle");
/// ```
#[derive(Clone, Copy, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct BaggageText<'c> {
    raw: &'c str,
    is_encoded: bool,
}

impl<'c> Baggage<'c> {
    /// Of a header: nothing where an item has no key, no `=` or no value.
    pub(super) fn of(header: &'c str) -> Self {
        let mut end = 0;
        let mut rest = Some(header);
        for _ in 0..Limits::DATADOGS.items {
            let Some(text) = rest else { break };
            let (item, after) =
                text.split_once(',').map_or((text, None), |(item, after)| (item, Some(after)));
            let Some((key, value)) = item.split_once('=') else { return Self::default() };
            let start = if end == 0 { 0 } else { end + 1 };
            if start + item.len() > Limits::DATADOGS.bytes {
                break;
            }
            if key.trim().is_empty() || value.trim().is_empty() {
                return Self::default();
            }
            end = start + item.len();
            rest = after;
        }
        Self { header: header.get(..end).unwrap_or_default(), items: &[] }
    }

    /// Whether there is no item.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// assert!(Passing::default().baggage().is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.header.is_empty() && self.items.is_empty()
    }

    /// The items, each key once: first those that were added, then those that came.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let headers = [("baggage", "user=ada,plan=gold")];
    /// let baggage = Propagator::new().extract(headers.as_slice()).passing.baggage();
    /// let keys: Vec<_> = baggage.iter().map(|(key, _)| key.to_string()).collect();
    /// assert_eq!(keys, ["user", "plan"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (BaggageText<'c>, BaggageText<'c>)> + use<'c> {
        let all = *self;
        let added = self
            .items
            .iter()
            .enumerate()
            .filter(|(index, (key, _))| !self.items.iter().take(*index).any(|(before, _)| before == key));
        let added = added.map(|(_, (key, value))| (BaggageText::given(key), BaggageText::given(value)));
        let came = all.came().enumerate().filter(move |(index, (key, _))| {
            let is_added = all.items.iter().any(|(added, _)| BaggageText::given(added).is(*key));
            !is_added && !all.came().skip(index + 1).any(|(later, _)| later.is(*key))
        });
        added.chain(came.map(|(_, item)| item))
    }

    /// The value of an item.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let headers = [("baggage", "user=ada,plan=gold")];
    /// let baggage = Propagator::new().extract(headers.as_slice()).passing.baggage();
    /// assert_eq!(baggage.get("plan").unwrap().to_string(), "gold");
    /// ```
    pub fn get(&self, key: &str) -> Option<BaggageText<'c>> {
        let key = BaggageText::given(key);
        let added =
            self.items.iter().map(|(key, value)| (BaggageText::given(key), BaggageText::given(value)));
        let mut added = added.filter(|(name, _)| name.is(key));
        let came = || self.came().filter(|(name, _)| name.is(key)).last();
        added.next().or_else(came).map(|(_, value)| value)
    }

    /// The items that came; of two with one key the later holds.
    fn came(self) -> impl Iterator<Item = (BaggageText<'c>, BaggageText<'c>)> {
        self.header.split(',').filter_map(|item| item.split_once('=')).map(|(key, value)| {
            let text = |raw: &'c str| BaggageText { raw: raw.trim(), is_encoded: true };
            (text(key), text(value))
        })
    }

    /// Writes the header, with the items that there is room for.
    pub(super) fn inject(self, limits: Limits, headers: &mut impl SetHeader) {
        let room = self.room(limits);
        if room == 0 {
            return;
        }
        let header = Shown(move |f: &mut fmt::Formatter<'_>| {
            self.iter().take(room).enumerate().try_for_each(|(index, (key, value))| {
                let comma = if index == 0 { "" } else { "," };
                write!(f, "{comma}{}", item(key, value))
            })
        });
        headers.set_header(HEADER, &header);
    }

    /// How many of its items there is room for, from the first on.
    fn room(self, limits: Limits) -> usize {
        let mut used = 0;
        let fit = self.iter().take(limits.items).take_while(|(key, value)| {
            // A comma stands before each but the first, and none is empty.
            used += usize::from(used != 0) + length(item(*key, *value));
            used <= limits.bytes
        });
        fit.count()
    }
}

/// An item as it travels.
fn item<'c>(key: BaggageText<'c>, value: BaggageText<'c>) -> impl Display {
    Shown(move |f: &mut fmt::Formatter<'_>| {
        key.encode(f, is_plain_in_keys)?;
        f.write_char('=')?;
        value.encode(f, is_plain_in_values)
    })
}

impl Propagator {
    /// The most items of baggage that are written, and the most bytes of them.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// assert_eq!(Propagator::new().most_baggage(), (64, 8192));
    /// ```
    pub const fn most_baggage(&self) -> (usize, usize) {
        (self.baggage.items, self.baggage.bytes)
    }

    /// The key of the first item of baggage that [`inject`](Self::inject) does not write, as there is no room for it, nor those
    /// behind it. Where no baggage is to travel at all none is left out.
    ///
    /// ```
    /// use microspan::propagation::*;
    /// let passing = Passing::default().baggage_items(&[("user", "ada"), ("plan", "gold")]);
    /// let left_out = |propagator: Propagator| propagator.baggage_left_out(&passing).map(|key| key.to_string());
    /// assert_eq!(left_out(Propagator::new().baggage_limits(1, 8192)).as_deref(), Some("plan"));
    /// assert_eq!(left_out(Propagator::new()), None);
    /// ```
    pub fn baggage_left_out<'c>(&self, passing: &Passing<'c>) -> Option<BaggageText<'c>> {
        let baggage = passing.baggage();
        let is_wanted = self.baggage.items != 0 && self.inject.contain(Style::Baggage);
        if baggage.is_empty() || !is_wanted {
            return None;
        }
        baggage.iter().nth(baggage.room(self.baggage)).map(|(key, _)| key)
    }
}

impl<'c> BaggageText<'c> {
    fn given(text: &'c str) -> Self {
        Self { raw: text.trim(), is_encoded: false }
    }

    fn is(self, other: BaggageText<'_>) -> bool {
        self.bytes().eq(other.bytes())
    }

    /// Its bytes, decoded.
    fn bytes(self) -> impl Iterator<Item = u8> + 'c {
        let mut rest = self.raw.as_bytes();
        core::iter::from_fn(move || {
            let (first, after) = rest.split_first()?;
            if let (true, [high, low, ..]) = (self.is_encoded && *first == b'%', after) {
                let digits = (char::from(*high).to_digit(16), char::from(*low).to_digit(16));
                if let (Some(high), Some(low)) = digits {
                    rest = after.get(2..)?;
                    return Some((high << 4 | low) as u8);
                }
            }
            rest = after;
            Some(*first)
        })
    }

    fn encode(self, f: &mut fmt::Formatter<'_>, is_plain: fn(u8) -> bool) -> fmt::Result {
        self.bytes().try_for_each(|byte| {
            if is_plain(byte) { f.write_char(char::from(byte)) } else { write!(f, "%{byte:02X}") }
        })
    }
}

impl Display for BaggageText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.bytes().peekable();
        while let Some(first) = bytes.next() {
            let mut char = heapless::Vec::<u8, 4>::new();
            // The longest of UTF-8 has four bytes, which are room enough.
            char.push(first).ok();
            let more = match first {
                0xc0..=0xdf => 1,
                0xe0..=0xef => 2,
                0xf0..=0xf7 => 3,
                _ => 0,
            };
            for _ in 0..more {
                if let Some(next) = bytes.next_if(|byte| byte & 0xc0 == 0x80) {
                    char.push(next).ok();
                }
            }
            f.write_str(core::str::from_utf8(&char).unwrap_or("\u{fffd}"))?;
        }
        Ok(())
    }
}

fn is_plain_in_keys(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn is_plain_in_values(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'()*+-./:<>?@[]^_`{|}~".contains(&byte)
}

#[cfg(all(test, not(any(loom, shuttle))))]
mod tests;
