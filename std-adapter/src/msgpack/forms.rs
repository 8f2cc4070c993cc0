//! Texts that are not in the agent's form, with that form: it is found once for a text, not for each span that has it.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::model::{Text, normal};

/// How many texts of each kind are remembered.
const REMEMBERED: usize = 128;

/// What is remembered of one kind.
type Known = HashMap<Text, Text>;

/// Forms by text.
#[derive(Debug, Clone, Default)]
pub(super) struct Forms {
    names: Known,
    services: Known,
    peers: Known,
    envs: Known,
}

impl Forms {
    pub(super) fn name(&mut self, text: &Text) -> &Text {
        find(&mut self.names, text, normal::name)
    }

    pub(super) fn service(&mut self, text: &Text) -> &Text {
        find(&mut self.services, text, normal::service)
    }

    /// What the agent leaves of a tag's text; `None`: nothing.
    pub(super) fn tag<'a>(&'a mut self, key: &[u8], text: &'a Text) -> Option<&'a Text> {
        match key {
            b"env" => Some(find(&mut self.envs, text, normal::env)),
            b"peer.service" | b"_dd.base_service" => Some(find(&mut self.peers, text, normal::peer)),
            _ => normal::tag(key, text).map(|_| text),
        }
    }
}

#[cold]
fn find<'a>(known: &'a mut Known, text: &Text, form: fn(&str) -> Cow<'_, str>) -> &'a Text {
    if known.len() >= REMEMBERED && !known.contains_key(text) {
        known.clear();
    }
    known.entry(text.clone()).or_insert_with(|| Text::new(&form(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_once_and_few_are_remembered() {
        let mut forms = Forms::default();
        for _ in 0..2 {
            assert_eq!(*forms.name(&"GET it".into()), "GET_it");
            assert_eq!(*forms.service(&"The Mill".into()), "the_mill");
            assert_eq!(forms.tag(b"env", &"1 Lab".into()).map(Text::as_str), Some("lab"));
            assert_eq!(forms.tag(b"peer.service", &"1 Lab".into()).map(Text::as_str), Some("1_lab"));
            assert_eq!(forms.tag(b"http.status_code", &"1".into()), None);
        }
        let lengths = [&forms.names, &forms.services, &forms.envs, &forms.peers].map(HashMap::len);
        assert_eq!(lengths, [1; 4]);
        for number in 0..10 * REMEMBERED {
            assert_eq!(*forms.name(&format!("a {number}").into()), *format!("a_{number}"));
            assert!(forms.names.len() <= REMEMBERED);
        }
    }
}
