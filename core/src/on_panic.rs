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
    /// # Safety
    ///
    /// What the panic has stopped does not go on: the caller never returns to it, has masked the interrupts that use this
    /// tracer or its drain, and has stopped the other cores that do.
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
    ///     // SAFETY: interrupts are masked, there is one core, and this function does not return.
    ///     unsafe { TRACER.on_panic(info) };
    ///     if let Some(mut drain) = Drain::<256, 0>::take_over(&TRACER) {
    ///         while drain.poll(&mut Uart) == Ok(true) {}
    ///     }
    ///     loop {}
    /// }
    /// ```
    pub unsafe fn on_panic(&'static self, info: &PanicInfo<'_>) {
        let place = info.location().map(|place| (place.file(), place.line()));
        let shown = info.message();
        let said = shown.as_str().map_or(Said::Shown(&shown), Said::Fixed);
        // SAFETY: the caller's promise.
        unsafe { close_all(self, said, place) }
    }
}

/// [`Tracer::on_panic`] of the tracer of the program; without one it does nothing.
///
/// # Safety
///
/// As for [`Tracer::on_panic`].
///
/// ```no_run
/// // #[panic_handler]
/// fn panic(info: &core::panic::PanicInfo) -> ! {
///     // SAFETY: interrupts are masked, there is one core, and this function does not return.
///     unsafe { microspan::on_panic(info) };
///     loop {}
/// }
/// ```
#[cfg(not(loom))]
pub unsafe fn on_panic(info: &PanicInfo<'_>) {
    if let Some(tracer) = crate::global() {
        // SAFETY: the caller's promise.
        unsafe { tracer.on_panic(info) };
    }
}

/// What a panic says.
#[derive(Clone, Copy)]
pub(crate) enum Said<'m> {
    Fixed(&'static str),
    Shown(&'m dyn fmt::Display),
}

/// Closes every open span.
///
/// # Safety
///
/// As for [`Tracer::on_panic`].
pub(crate) unsafe fn close_all(tracer: &'static Tracer, said: Said<'_>, place: Option<(&str, u32)>) {
    if tracer.arena.is_asleep() {
        return;
    }
    let shown;
    let (here, end, message) = if tracer.arena.panicked() {
        let message = match said {
            Said::Fixed(text) => Value::Static(text),
            Said::Shown(display) => {
                shown = Message::of(format_args!("{display}"));
                Value::Str(shown.as_str())
            }
        };
        (Here::of(tracer.context), Some(tracer.clock.now()), Some(message))
    } else {
        // Nobody who may have caused this is asked again.
        (Here { core: 0, interrupt: 0 }, None, None)
    };
    // SAFETY: the caller's promise.
    unsafe { close_each(tracer, here, end, message, place) }
}

/// # Safety
///
/// As for [`Tracer::on_panic`].
unsafe fn close_each(
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
            // SAFETY: `open_at` returned the handle, and by the caller's promise nobody else goes on.
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
