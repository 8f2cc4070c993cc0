//! What a boot does with what it finds: the last session's spans are sent, then a new session begins.

use super::header::{Identity, Owner, fingerprint};
use super::reset::Reset;
use crate::arena::kept::KeptView;
use crate::arena::recover::Strings;
use crate::drain::{Drain, Names};
use crate::id::Session;
use crate::sync::{Ordering, compiler_fence};
use crate::tracer::Tracer;
use crate::transport::{Refused, Transport};
use crate::wire::Request;

/// What a program says of itself, so that it knows its own image again.
///
/// ```
/// use microspan::Program;
/// static BUILD_ID: [u8; 4] = [0xc0, 0xff, 0xee, 0x00]; // of the section `.note.gnu.build-id`
/// static FLASH: [u8; 16] = *b"order bread oven"; // what the linker puts from `__srodata` to `__erodata`
/// let program = Program { build_id: &BUILD_ID, strings: &FLASH };
/// ```
#[derive(Clone, Copy)]
pub struct Program {
    /// Which build it is. An image of another one is ignored, and so is every image if this is empty.
    pub build_id: &'static [u8],
    /// The memory in which its strings lie. A span whose name is found to lie elsewhere is not sound, nor is a tag whose key
    /// does.
    pub strings: &'static [u8],
}

/// What was found of the run before.
///
/// ```
/// use microspan::Previous;
/// let found = Previous::Recovered { spans: 3, open: 1, damaged: 0 };
/// assert_ne!(found, Previous::Nothing);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Previous {
    /// No image: the memory has lost its supply.
    Nothing,
    /// An image that is not whole: the device was stopped while it began one, or the header is damaged.
    Torn,
    /// An image of another build, with other sizes, or with another clock.
    Foreign,
    /// An image of this program.
    Recovered {
        /// Spans that go out.
        spans: u32,
        /// How many of them were open.
        open: u32,
        /// Records whose check was wrong: spans that do not go out, and chains of tags that were cut.
        damaged: u32,
    },
}

/// The boot of a device with a [`Recorder`](crate::Recorder): first it sends what the last session had not, then it begins one.
///
/// What was open is closed as an error at the last time that anything of the session tells of. Spans go out as what they
/// are, of the session they were in, with these tags:
///
/// | tag | of | |
/// | --- | --- | --- |
/// | `reset.reason` | what was open, and roots | `hardfault`, `watchdog`, `panic`, `brownout` or `unknown` |
/// | `reset.pc`, `reset.lr` | the same, after a fault | where the program was, as the handler says |
/// | `reset.damaged` | the same, if there were any | how many records were damaged |
/// | `error.type` | what was open | `Reset` |
///
/// A device may be reset again before they are all out: what is left is found again.
///
/// # What is recognised
///
/// The header, each span and each tag cell have a check. One changed word of a span (of its name's address, its parent, its root, its
/// start or its end) or of a cell is always found, and of several that have changed at random all but one in 2^32; a span that is not sound is left out, and a chain of tags ends
/// before what is not, and both are counted. Not covered are the marks of errors and of lost tags, the number of
/// the interrupt, and the counts of what was dropped. A span of whose slot only the state is damaged so that it looks free or just
/// begun, and newer tags of a span whose first link is made to lead to an older one of its own, are missing and not counted.
///
/// The packet that was being filled, or waited for its link, is lost with its spans, as in [`Drain::take_over`].
///
/// ```
#[doc = include_str!("../../docs/setup.txt")]
/// # static IMAGE: Image<16, 64> = Image::new();
/// # // SAFETY: nobody else has the image.
/// # static RECORDER: Recorder<16, 64> = unsafe { Recorder::new(&IMAGE) };
/// # static BUILD_ID: [u8; 4] = *b"\xc0\xff\xee\x00";
/// # static FLASH: [u8; 4] = *b"oven";
/// static OVEN: Tracer = Tracer::recorded(&RECORDER, &Ticks);
/// let program = Program { build_id: &BUILD_ID, strings: &FLASH };
/// // What the register of the reset's causes says; what a handler has left says more, and counts.
/// let reset = Reset::of(Reason::Watchdog);
/// let mut boot = Boot::<256>::new(&OVEN, &program, &reset).unwrap();
/// while boot.poll(&mut line).unwrap() {} // the last session's spans
/// let mut drain = boot.begin::<64>(Session::new(7)); // from here on spans are recorded
/// OVEN.trace("bake").finish();
/// while drain.poll(&mut line).unwrap() {}
/// ```
pub struct Boot<const MTU: usize> {
    tracer: &'static Tracer,
    kept: KeptView,
    id: Identity,
    boots: u32,
    ignored: u32,
    previous: Previous,
    build_id: &'static [u8],
    /// Lent to nobody: exchanged for another it would go on after the next session has begun.
    drain: Option<Drain<MTU, 0>>,
}

impl<const MTU: usize> Boot<MTU> {
    /// Looks at what the last run left; `None`: the tracer has no recorder, or this was done before.
    ///
    /// It goes a few times through the image, and takes a time in proportion to it.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let program = Program { build_id: b"", strings: b"" };
    /// assert!(Boot::<256>::new(&TRACER, &program, &Reset::default()).is_none()); // it has an arena
    /// ```
    pub fn new(tracer: &'static Tracer, program: &Program, reset: &Reset) -> Option<Self> {
        let arena = tracer.arena;
        let kept = arena.kept?;
        if arena.state.looked_at.swap(true, Ordering::AcqRel) {
            return None;
        }
        let id = Identity {
            build: fingerprint(program.build_id),
            room: arena.room(),
            frequency: tracer.clock.frequency(),
        };
        let mut boot = Self {
            tracer,
            kept,
            id,
            boots: 1,
            ignored: 0,
            previous: Previous::Nothing,
            build_id: program.build_id,
            drain: None,
        };
        match (kept.header.owner(&id), kept.header.progress()) {
            (Owner::Ours { session, boots, ignored }, Some(stood)) => {
                (boot.boots, boot.ignored) = (boots.wrapping_add(1), ignored);
                let (noted, time) = kept.header.noted();
                let reset = noted.map_or(*reset, |noted| Reset::of_note(&noted));
                let since = time.unwrap_or(stood.time).max(stood.time);
                let found = arena.recover(&kept, Strings(program.strings), &reset, since);
                boot.previous =
                    Previous::Recovered { spans: found.spans, open: found.open, damaged: found.damaged };
                let told = (stood.next_packet, stood.spans, u64::from(stood.latest) << 16);
                if found.spans != 0 {
                    let clock = (found.time, kept.header.base());
                    let mut drain = Drain::of_old_session(tracer, Session(session), told, clock);
                    drain.set_build_id(program.build_id);
                    boot.drain = Some(drain);
                }
            }
            (Owner::Other { boots, ignored }, _) => {
                (boot.boots, boot.ignored) = (boots.wrapping_add(1), ignored.wrapping_add(1));
                boot.previous = Previous::Foreign;
            }
            (Owner::Torn | Owner::Ours { .. }, _) => (boot.previous, boot.ignored) = (Previous::Torn, 1),
            (Owner::Nobody, _) => (),
        }
        Some(boot)
    }

    /// What was found.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// # static IMAGE: Image<16, 64> = Image::new();
    /// # // SAFETY: nobody else has the image.
    /// # static RECORDER: Recorder<16, 64> = unsafe { Recorder::new(&IMAGE) };
    /// # static OVEN: Tracer = Tracer::recorded(&RECORDER, &Ticks);
    /// # let program = Program { build_id: b"1", strings: b"" };
    /// let boot = Boot::<256>::new(&OVEN, &program, &Reset::default()).unwrap();
    /// assert_eq!((boot.previous(), boot.boots()), (Previous::Nothing, 1));
    /// ```
    pub fn previous(&self) -> Previous {
        self.previous
    }

    /// The number of this boot, from 1 on: how many have been since the memory had no supply, or a header that was not whole.
    ///
    /// ```
    /// use microspan::Boot;
    /// fn has_no_past(boot: &Boot<256>) -> bool {
    ///     boot.boots() == 1
    /// }
    /// ```
    pub fn boots(&self) -> u32 {
        self.boots
    }

    /// How many images were found that were torn or foreign, and ignored, since the last one whose header was not whole.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// # static IMAGE: Image<16, 64> = Image::new();
    /// # // SAFETY: nobody else has the image.
    /// # static RECORDER: Recorder<16, 64> = unsafe { Recorder::new(&IMAGE) };
    /// # static OVEN: Tracer = Tracer::recorded(&RECORDER, &Ticks);
    /// # let program = Program { build_id: b"1", strings: b"" };
    /// let boot = Boot::<256>::new(&OVEN, &program, &Reset::default()).unwrap();
    /// assert_eq!(boot.ignored(), 0);
    /// ```
    pub fn ignored(&self) -> u32 {
        self.ignored
    }

    /// Says what this device is called, for the last session: [`Drain::set_device`].
    ///
    /// ```
    /// use microspan::Boot;
    /// fn name(boot: &mut Boot<256>) {
    ///     boot.set_device("oven-3");
    /// }
    /// ```
    pub fn set_device(&mut self, name: &'static str) -> &mut Self {
        if let Some(drain) = &mut self.drain {
            drain.set_device(name);
        }
        self
    }

    /// Says how strings of the last session are told: [`Drain::set_names`].
    ///
    /// ```
    /// use microspan::{Boot, Names};
    /// fn be_brief(boot: &mut Boot<256>) {
    ///     boot.set_names(Names::ByAddress);
    /// }
    /// ```
    pub fn set_names(&mut self, names: Names) -> &mut Self {
        if let Some(drain) = &mut self.drain {
            drain.set_names(names);
        }
        self
    }

    /// The packet of the last session that goes out next, for a link that is awaited: [`Drain::packet`].
    ///
    /// ```
    /// use microspan::Boot;
    /// async fn publish(packet: &[u8]) -> Result<(), ()> { // and wait for the answer
    /// #   let _ = packet;
    ///     Ok(())
    /// }
    /// async fn publish_all(boot: &mut Boot<256>) -> Result<(), ()> {
    ///     while let Some(packet) = boot.packet() {
    ///         publish(packet).await?;
    ///         boot.packet_sent();
    ///     }
    ///     Ok(())
    /// }
    /// ```
    pub fn packet(&mut self) -> Option<&[u8]> {
        self.drain.as_mut()?.packet()
    }

    /// The [`packet`](Self::packet) is at its destination; the next one may be filled.
    ///
    /// ```
    /// use microspan::Boot;
    /// fn next(boot: &mut Boot<256>) -> Option<&[u8]> {
    ///     boot.packet_sent();
    ///     boot.packet()
    /// }
    /// ```
    pub fn packet_sent(&mut self) {
        if let Some(drain) = &mut self.drain {
            drain.packet_sent();
        }
    }

    /// Takes a datagram that came from a listener: [`Drain::hear`].
    ///
    /// ```
    /// use microspan::Boot;
    /// fn hear(boot: &mut Boot<256>, datagram: &[u8]) -> bool {
    ///     boot.hear(datagram) // whether it asks the last session
    /// }
    /// ```
    pub fn hear(&mut self, datagram: &[u8]) -> bool {
        self.drain.as_mut().is_some_and(|drain| drain.hear(datagram))
    }

    /// Has the next packets carry what a listener asks of the last session: [`Drain::answer`].
    ///
    /// ```
    /// use microspan::{Boot, wire::Request};
    /// fn answer(boot: &mut Boot<256>, request: &Request) -> bool {
    ///     boot.answer(request) // whether it asks the last session
    /// }
    /// ```
    pub fn answer(&mut self, request: &Request) -> bool {
        self.drain.as_mut().is_some_and(|drain| drain.answer(request))
    }

    /// Hands one packet of the last session to the transport, if there is one; returns whether there may be more. It
    /// knows no names that were told before the reset, and sends each in full.
    ///
    /// ```
    /// use microspan::{Boot, Refused, Transport};
    /// fn send_all<T: Transport>(boot: &mut Boot<256>, link: &mut T) -> Result<(), Refused<T::Error>> {
    ///     while boot.poll(link)? {}
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Drain::poll`]: the transport refused the packet, which is kept.
    pub fn poll<T: Transport>(&mut self, transport: &mut T) -> Result<bool, Refused<T::Error>> {
        self.drain.as_mut().map_or(Ok(false), |drain| drain.poll(transport))
    }

    /// Begins a session: what is left of the last one is given up, and from here on spans are recorded.
    ///
    /// ```
    /// use microspan::{Boot, Drain, Session};
    /// fn begin(boot: Boot<256>, random: u64) -> Drain<256> {
    ///     boot.begin(Session::new(random)) // 64 bits of a hardware random number generator
    /// }
    /// ```
    pub fn begin<const NAMES: usize>(self, session: Session) -> Drain<MTU, NAMES> {
        let Self { tracer, kept, id, boots, ignored, build_id, .. } = self;
        kept.header.clear();
        // No image before nothing of it is left: a reset in between finds none.
        compiler_fence(Ordering::SeqCst);
        tracer.arena.clear(&kept);
        kept.header.begin(&id, (boots, ignored), session.0);
        tracer.arena.state.asleep.store(false, Ordering::Release);
        tracer.arena.begin_session(session);
        tracer.set_enabled(true);
        let mut drain = Drain::of_new_session(tracer, session);
        drain.set_build_id(build_id);
        drain
    }
}
