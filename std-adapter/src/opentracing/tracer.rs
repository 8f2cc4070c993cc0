//! The tracer.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::TEXTS;
use super::builder::SpanBuilder;
use super::carrier::{ExtractCarrier, Format, InjectCarrier};
use super::config::Config;
use super::context::SpanContext;
use super::error::{ConfigError, PropagationError};
use super::scope::{NoopScopeManager, Scope, ScopeManager, ThreadScopeManager};
use super::span::Span;
use super::travel;
use crate::config;
use crate::local::{Builder, Local};

/// Starts spans, and carries their contexts. Handles of it may be cloned.
#[derive(Clone)]
pub struct Tracer(Arc<Inner>);

struct Inner {
    records: bool,
    /// What its spans say that the program's tracer does not say of all.
    service: Option<&'static str>,
    tags: Vec<(&'static str, String)>,
    manager: Box<dyn ScopeManager>,
    /// What traces this program, if that was begun here.
    local: Mutex<Option<Arc<Local>>>,
}

impl Tracer {
    /// A tracer of this service; `None`: of the one that the environment names.
    ///
    /// Its spans are recorded by the tracer of the program. Where there is none yet, it begins to trace the program as
    /// [`init`](crate::init) does, and the program has to call [`shutdown`](Self::shutdown) before it ends: the global tracer is never
    /// dropped, and what was not sent by then would be lost. Where there is one, what the configuration says of the agent, of
    /// sampling and of filters comes too late, and the service and the tags of the configuration are said of its own spans.
    ///
    /// ```no_run
    /// use microspan_std::opentracing::{Config, Tracer, set_global_tracer};
    /// let tracer = Tracer::new("kitchen", Config::new().global_tag("team", "bread"))?;
    /// set_global_tracer(tracer);
    /// # Ok::<(), microspan_std::opentracing::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// The program is not traced yet, and cannot be.
    pub fn new<'s>(service_name: impl Into<Option<&'s str>>, config: Config) -> Result<Self, ConfigError> {
        Self::with_scope_manager(service_name, config, ThreadScopeManager)
    }

    /// The same with something else that keeps account of which span is active.
    ///
    /// # Errors
    /// As for [`new`](Self::new).
    pub fn with_scope_manager<'s>(
        service_name: impl Into<Option<&'s str>>,
        config: Config,
        manager: impl ScopeManager + 'static,
    ) -> Result<Self, ConfigError> {
        let service_name = service_name.into();
        let manager: Box<dyn ScopeManager> = Box::new(manager);
        if config.enabled == Some(false) {
            return Ok(Self::of(false, manager));
        }
        if microspan::global().is_none() {
            let config = config.over(config::Config::from_env(), service_name);
            let local = Builder::new().config(config).init()?;
            return Ok(Self(Arc::new(Inner {
                local: Mutex::new(Some(Arc::new(local))),
                ..Inner::new(true, manager)
            })));
        }
        let tags = config.global_tags.into_iter();
        Ok(Self(Arc::new(Inner {
            service: service_name.and_then(|name| TEXTS.get(name)),
            tags: tags.filter_map(|(key, value)| Some((TEXTS.get(&key)?, value))).collect(),
            ..Inner::new(true, manager)
        })))
    }

    /// One that records nothing, and of which nothing is ever active.
    pub fn noop() -> Self {
        Self::of(false, Box::new(NoopScopeManager))
    }

    fn of(records: bool, manager: Box<dyn ScopeManager>) -> Self {
        Self(Arc::new(Inner::new(records, manager)))
    }

    /// Starts a span in the active one.
    ///
    /// ```
    /// use microspan_std::opentracing::global_tracer;
    /// let order = global_tracer().start_span("order");
    /// order.finish();
    /// ```
    pub fn start_span(&self, operation_name: impl Into<Cow<'static, str>>) -> Span {
        self.build_span(operation_name).start()
    }

    /// Starts a span in the active one, and has it be active until the scope closes, which finishes it.
    ///
    /// ```
    /// use microspan_std::opentracing::global_tracer;
    /// let order = global_tracer().start_active_span("order");
    /// order.span().set_tag("slices", 2);
    /// let bread = global_tracer().start_active_span("bread.cut"); // a child of `order`
    /// bread.close();
    /// ```
    pub fn start_active_span(&self, operation_name: impl Into<Cow<'static, str>>) -> Scope {
        self.build_span(operation_name).start_active()
    }

    /// A span that is to have more than a name when it starts: a parent, references, tags, a time.
    ///
    /// ```
    /// use microspan_std::opentracing::{Reference, global_tracer, tags};
    /// let tracer = global_tracer();
    /// let order = tracer.start_span("order");
    /// let call = tracer.build_span("call").child_of(&order).tag(tags::SPAN_KIND, "client").start();
    /// let later = tracer.build_span("clean").reference(Reference::follows_from(&order)).start();
    /// ```
    pub fn build_span(&self, operation_name: impl Into<Cow<'static, str>>) -> SpanBuilder<'_> {
        SpanBuilder::new(self, operation_name.into())
    }

    /// What keeps account of which span is active.
    pub fn scope_manager(&self) -> &dyn ScopeManager {
        &*self.0.manager
    }

    /// The active span: that of the innermost scope, or else what is current in the program by other means.
    pub fn active_span(&self) -> Option<Span> {
        let active = self.scope_manager().active().map(|active| active.span().clone());
        let current = || microspan::current_span().filter(|_| self.records());
        active.or_else(|| Some(Span::beside(self, current()?)))
    }

    /// Writes a context into a carrier, for whoever goes on with its trace.
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use microspan_std::opentracing::{Format, global_tracer};
    /// let call = global_tracer().start_span("call");
    /// let mut headers = HashMap::<String, String>::new();
    /// global_tracer().inject(&call.context(), Format::HttpHeaders, &mut headers)?;
    /// # Ok::<(), microspan_std::opentracing::PropagationError>(())
    /// ```
    ///
    /// # Errors
    /// The format is not known, or the carrier is none of it.
    pub fn inject(
        &self,
        context: &SpanContext,
        format: Format,
        carrier: &mut impl InjectCarrier,
    ) -> Result<(), PropagationError> {
        travel::inject(context, format, carrier)
    }

    /// Reads a context out of a carrier; `None`: there is none in it.
    ///
    /// ```
    /// use microspan_std::opentracing::{Format, global_tracer};
    /// let headers = [("x-datadog-trace-id", "7"), ("x-datadog-parent-id", "9"), ("ot-baggage-plan", "gold")];
    /// let caller = global_tracer().extract(Format::HttpHeaders, &headers)?;
    /// let served = global_tracer().build_span("serve").child_of(&caller).start_active();
    /// assert_eq!(caller.unwrap().baggage()["plan"], "gold");
    /// # Ok::<(), microspan_std::opentracing::PropagationError>(())
    /// ```
    ///
    /// # Errors
    /// The format is not known, the carrier is none of it, or what it holds is damaged.
    pub fn extract(
        &self,
        format: Format,
        carrier: &(impl ExtractCarrier + ?Sized),
    ) -> Result<Option<SpanContext>, PropagationError> {
        travel::extract(format, carrier)
    }

    /// Sends what is finished, if this tracer traces the program, for at most `timeout`; whether all of it was taken or dropped by
    /// then.
    pub fn flush(&self, timeout: Duration) -> bool {
        let local = self.0.local.lock().unwrap_or_else(PoisonError::into_inner).clone();
        local.is_none_or(|local| local.flush(timeout))
    }

    /// Sends what there is, for at most `timeout`, and ends the tracing of the program, if this tracer has begun it.
    pub fn shutdown(&self, timeout: Duration) {
        let local = self.0.local.lock().unwrap_or_else(PoisonError::into_inner).take();
        match local.map(Arc::try_unwrap) {
            Some(Ok(local)) => drop(local.shutdown(timeout)),
            // Another thread is flushing: it ends the tracing when it is done.
            Some(Err(local)) => drop(local.flush(timeout)),
            None => {}
        }
    }

    pub(super) fn records(&self) -> bool {
        self.0.records
    }

    pub(super) fn service(&self) -> Option<&'static str> {
        self.0.service
    }

    pub(super) fn tags(&self) -> &[(&'static str, String)] {
        &self.0.tags
    }
}

impl Inner {
    fn new(records: bool, manager: Box<dyn ScopeManager>) -> Self {
        Self { records, service: None, tags: Vec::new(), manager, local: Mutex::new(None) }
    }
}

/// One that records nothing.
impl Default for Tracer {
    fn default() -> Self {
        Self::noop()
    }
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { records, service, manager, .. } = &*self.0;
        let mut shown = f.debug_struct("Tracer");
        shown.field("records", records).field("service", service).field("scope_manager", manager);
        shown.finish_non_exhaustive()
    }
}
