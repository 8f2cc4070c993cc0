//! What a panic leaves behind: its open spans are closed as errors, and a drain of its own can still send them.

use crate::arena::{ERROR, Here};
use crate::exclusive::AnyThread;
use crate::span::{Message, count_finish, tag};
use crate::tag::Value;
use crate::tracer::Tracer;
use core::fmt;
use core::panic::PanicInfo;

/// How many spans, from the current one outwards, are closed before all others.
const INNERMOST: u32 = 32;

impl Tracer {
    /// Closes every open span as an error, with the panic's message and place: for the panic handler of a program without
    /// an operating system.
    ///
    /// | tag | |
    /// | --- | --- |
    /// | `error.type` | `panic` |
    /// | `error.message` | its message |
    /// | `error.file`, `error.line` | where it happened |
    ///
    /// The current span and those around it come first, lest the tag cells run out; what finds none is counted. Nothing is
    /// recorded any more after this. Then [`Drain::take_over`](crate::Drain::take_over) sends what there is.
    ///
    /// It takes no lock, allocates nothing and goes once through the arena. It may be called wherever the panic came, also in
    /// an interrupt that came into a start, a tag, a finish or a poll: a span that was only half started is left out. A
    /// panic of the clock, or of what the message shows, calls the handler once more: then spans end where they began, and
    /// the message is left out.
    ///
    /// What the panic has stopped MUST NOT go on: the handler never returns, first masks the interrupts that hold spans, and
    /// stops other cores that do. A span whose guard is dropped all the same is told twice.
    ///
    /// ```
    /// # use microspan::{Arena, Clock, Tracer};
    /// # struct Ticks;
    /// # impl Clock for Ticks {
    /// #     fn now(&self) -> u64 { 0 }
    /// #     fn frequency(&self) -> u32 { 1_000_000 }
    /// # }
    /// # static ARENA: Arena<16, 32> = Arena::new();
    /// # static TRACER: Tracer = Tracer::new(&ARENA, &Ticks);
    /// # fn mask_interrupts() {}
    /// # struct Uart;
    /// # impl microspan::Transport for Uart {
    /// #     type Error = ();
    /// #     fn send(&mut self, _: &[u8]) -> Result<(), microspan::Refused<()>> { Ok(()) }
    /// # }
    /// use core::panic::PanicInfo;
    /// use microspan::Drain;
    ///
    /// // #[panic_handler]
    /// fn panic(info: &PanicInfo) -> ! {
    ///     mask_interrupts();
    ///     TRACER.on_panic(info);
    ///     if let Some(mut drain) = Drain::<256, 0>::take_over(&TRACER) {
    ///         while drain.poll(&mut Uart) == Ok(true) {}
    ///     }
    ///     loop {}
    /// }
    /// ```
    pub fn on_panic(&'static self, info: &PanicInfo<'_>) {
        let place = info.location().map(|place| (place.file(), place.line()));
        match info.message().as_str() {
            Some(text) => close_all(self, Said::Fixed(text), place),
            None => close_all(self, Said::Shown(&info.message()), place),
        }
    }
}

/// [`Tracer::on_panic`] of the tracer of the program; without one it does nothing.
///
/// ```no_run
/// // #[panic_handler]
/// fn panic(info: &core::panic::PanicInfo) -> ! {
///     microspan::on_panic(info);
///     loop {}
/// }
/// ```
#[cfg(not(loom))]
pub fn on_panic(info: &PanicInfo<'_>) {
    if let Some(tracer) = crate::global() {
        tracer.on_panic(info);
    }
}

/// What a panic says.
#[derive(Clone, Copy)]
pub(crate) enum Said<'m> {
    Fixed(&'static str),
    Shown(&'m dyn fmt::Display),
}

/// Closes every open span.
pub(crate) fn close_all(tracer: &'static Tracer, said: Said<'_>, place: Option<(&str, u32)>) {
    if !tracer.arena.panicked() {
        // Nobody who may have caused this is asked again.
        return close_each(tracer, Here { core: 0, interrupt: 0 }, None, None, place);
    }
    let here = Here::of(tracer.context);
    let end = Some(tracer.clock.now());
    match said {
        Said::Fixed(text) => close_each(tracer, here, end, Some(Value::Static(text)), place),
        Said::Shown(shown) => {
            let text = Message::of(format_args!("{shown}"));
            close_each(tracer, here, end, Some(Value::Str(text.as_str())), place);
        }
    }
}

fn close_each(
    tracer: &'static Tracer,
    here: Here,
    end: Option<u64>,
    message: Option<Value<'_>>,
    place: Option<(&str, u32)>,
) {
    let arena = tracer.arena;
    let close = |index| {
        let Some(handle) = arena.open_at(index) else { return };
        arena.mark(handle, ERROR);
        let set = |key, value| tag::<AnyThread>(tracer, handle, key, value);
        set("error.type", Value::Static("panic"));
        if let Some(message) = message {
            set("error.message", message);
        }
        if let Some((file, line)) = place {
            set("error.file", Value::Str(file));
            set("error.line", Value::U64(line.into()));
        }
        if tracer.callsites.is_some() {
            // SAFETY: `open_at` returned the handle, and nobody else goes on.
            count_finish(tracer, unsafe { arena.name(handle) }, handle);
        }
        // SAFETY: as above.
        unsafe { arena.close(handle, end) };
    };
    for _ in 0..INNERMOST {
        match arena.current(here) {
            0 => break,
            innermost => close(innermost),
        }
    }
    for index in 0..arena.capacity() {
        close(index);
        arena.give_back(index);
    }
}
