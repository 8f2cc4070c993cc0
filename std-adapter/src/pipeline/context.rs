//! What all spans of one source have in common, worked out once per source instead of once per span.

use std::collections::HashMap;
use std::sync::Arc;

use super::{replace, resolve};
use crate::config::{ReplaceRule, Tagging};
use crate::model::normal::{SERVICE, UNNAMED_SERVICE, VALUE};
use crate::model::{Source, Span, Tag, Text, Value, find};

/// How many sources are remembered. One is a session of a device or a process, so that more than this at a time means
/// that most are gone.
const REMEMBERED: usize = 1024;

/// What holds for every span of a source.
#[derive(Debug, Clone)]
pub(super) struct Context {
    /// The main service.
    pub(super) service: Text,
    /// The same as `_dd.base_service` shows it.
    pub(super) base_service: Text,
    /// The version of the main service.
    pub(super) version: Option<Text>,
    /// The tags of every span: the source's, then the configuration's.
    pub(super) tags: Vec<Tag>,
    /// 32 hex digits.
    pub(super) runtime_id: Text,
    pub(super) language: &'static str,
    pub(super) process_id: Option<u32>,
    /// What local roots say of the device.
    pub(super) device: Option<Text>,
    pub(super) build_id: Option<Text>,
    /// The same as it goes out, if anything is hidden.
    pub(super) clean: Option<Arc<Context>>,
}

impl Context {
    pub(super) fn new(source: &Source, tagging: &Tagging) -> Self {
        let own = source.service.clone().filter(|text| !text.is_empty());
        // The configured version is that of the configured service, and says nothing of a device with its own name.
        let is_configured = own.is_none() || own == tagging.service;
        let configured = if is_configured { tagging.version.clone() } else { None };
        let mut service = own.or_else(|| tagging.service.clone()).unwrap_or(Text::from(UNNAMED_SERVICE));
        service.truncate(SERVICE);

        let mut tags = source.tags.clone();
        let env = tagging.env.clone().map(|env| (Text::from("env"), Value::Str(env)));
        for (key, value) in env.into_iter().chain(tagging.tags.iter().cloned()) {
            if find(&tags, &key).is_none() {
                tags.push((key, value));
            }
        }
        resolve::tidy(&mut tags);

        let cut = |mut text: Text| {
            text.truncate(VALUE);
            text
        };

        Self {
            base_service: Text::from(service.to_lowercase()),
            service,
            version: source.version.clone().or(configured).map(cut),
            tags,
            runtime_id: Text::from(format!("{:032x}", source.runtime_id)),
            language: source.language,
            process_id: source.process_id,
            device: source.device.clone().map(cut),
            build_id: source.build_id.clone().map(cut),
            clean: None,
        }
    }

    /// Remembers what it becomes by these rules.
    fn with_clean(mut self, rules: &[ReplaceRule]) -> Self {
        if !rules.is_empty() {
            let mut clean = self.clone();
            replace::in_all(rules, &mut clean.tags);
            let texts = [
                ("version", &mut clean.version),
                ("device.name", &mut clean.device),
                ("build.id", &mut clean.build_id),
            ];
            texts.into_iter().for_each(|(key, text)| replace::in_text(rules, key, text));
            self.clean = Some(Arc::new(clean));
        }
        self
    }
}

impl Context {
    /// What a root goes out with by this key beside its own tags and those of every span. What Datadog asks for on each trace
    /// stays, whatever was removed.
    pub(super) fn of_root(&self, root: &Span, key: &str) -> Option<Value> {
        let text = |text: &Text| Value::Str(text.clone());
        match key {
            "version" | "device.name" | "build.id" if root.is_removed(key) => None,
            "version" if root.service.as_ref() == Some(&self.service) => self.version.as_ref().map(text),
            "device.name" if root.is_local_root() => self.device.as_ref().map(text),
            "build.id" if root.is_local_root() => self.build_id.as_ref().map(text),
            "runtime-id" => Some(text(&self.runtime_id)),
            "language" => Some(Value::Str(Text::constant(self.language))),
            "process_id" => self.process_id.map(|id| Value::Uint(id.into())),
            _ => None,
        }
    }

    /// The deployment environment, or nothing.
    pub(super) fn env(&self) -> &str {
        match find(&self.tags, "env") {
            Some(Value::Str(env)) => env,
            _ => "",
        }
    }
}

/// The contexts of the sources seen lately.
pub(super) struct Contexts {
    tagging: Tagging,
    rules: Arc<[ReplaceRule]>,
    known: HashMap<u128, (Arc<Source>, Arc<Context>)>,
    /// The one that was asked for last: traces of a source come in runs.
    latest: Option<(Arc<Source>, Arc<Context>)>,
}

impl Contexts {
    pub(super) fn new(tagging: Tagging, rules: Arc<[ReplaceRule]>) -> Self {
        Self { tagging, rules, known: HashMap::new(), latest: None }
    }

    pub(super) fn tagging(&self) -> &Tagging {
        &self.tagging
    }

    /// Has what goes out of a source from here on be what `said` says.
    pub(super) fn renew(&mut self, source: &Arc<Source>, said: &Source) {
        let context = Arc::new(Context::new(said, &self.tagging).with_clean(&self.rules));
        self.known.insert(source.runtime_id, (source.clone(), context));
        self.latest = None;
    }

    /// The context of `source`.
    pub(super) fn of(&mut self, source: &Arc<Source>) -> Arc<Context> {
        if let Some((latest, context)) = &self.latest
            && Arc::ptr_eq(latest, source)
        {
            return context.clone();
        }
        let context = self.find(source);
        self.latest = Some((source.clone(), context.clone()));
        context
    }

    fn find(&mut self, source: &Arc<Source>) -> Arc<Context> {
        if let Some((known, context)) = self.known.get(&source.runtime_id)
            && Arc::ptr_eq(known, source)
        {
            return context.clone();
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let context = Arc::new(Context::new(source, &self.tagging).with_clean(&self.rules));
        self.known.insert(source.runtime_id, (source.clone(), context.clone()));
        context
    }
}
