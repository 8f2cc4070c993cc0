//! What a span is called outside of its own process or device.

/// The identity of a span, as it is handed from one process or device to the next.
///
/// [`Span::context`](crate::Span::context) gives that of a span here. A root that
/// [continues from](crate::Span::continue_from) one of elsewhere belongs to that one's trace.
///
/// ```
/// use microspan::SpanContext;
/// let caller = SpanContext { trace_id: 0x1234 << 64 | 0x5678, span_id: 0x9abc, sampling_priority: Some(1) };
/// assert!(caller.is_valid());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct SpanContext {
    /// The trace, all 128 bits.
    pub trace_id: u128,
    /// The span.
    pub span_id: u64,
    /// Datadog's sampling priority, if it is decided: -1 rejected by the user, 0 rejected, 1 kept, 2 kept by the user.
    pub sampling_priority: Option<i8>,
}

impl SpanContext {
    /// Whether it names a span that Datadog takes: neither the span's id nor the low half of the trace's is 0.
    ///
    /// ```
    /// use microspan::SpanContext;
    /// let none = SpanContext { trace_id: 7, span_id: 0, sampling_priority: None };
    /// assert!(!none.is_valid() && SpanContext { span_id: 9, ..none }.is_valid());
    /// ```
    pub const fn is_valid(&self) -> bool {
        self.trace_id as u64 != 0 && self.span_id != 0
    }

    /// Whether it names a trace, if not a span of it: that is what comes from a caller that records no span of its own, such as
    /// Datadog's synthetic tests.
    ///
    /// ```
    /// use microspan::SpanContext;
    /// let synthetic = SpanContext { trace_id: 7, span_id: 0, sampling_priority: Some(1) };
    /// assert!(synthetic.names_a_trace() && !synthetic.is_valid());
    /// ```
    pub const fn names_a_trace(&self) -> bool {
        self.trace_id as u64 != 0
    }

    pub(crate) fn to_bytes(self) -> [u8; CONTEXT] {
        let mut bytes = [0; CONTEXT];
        let ids = self.trace_id.to_le_bytes().into_iter().chain(self.span_id.to_le_bytes());
        bytes.iter_mut().zip(ids).for_each(|(to, from)| *to = from);
        bytes
    }

    pub(crate) fn of(bytes: [u8; CONTEXT], sampling_priority: Option<i8>) -> Self {
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        trace_id.iter_mut().chain(&mut span_id).zip(bytes).for_each(|(to, from)| *to = from);
        let (trace_id, span_id) = (u128::from_le_bytes(trace_id), u64::from_le_bytes(span_id));
        Self { trace_id, span_id, sampling_priority }
    }
}

/// The bytes of both ids.
pub(crate) const CONTEXT: usize = 24;
