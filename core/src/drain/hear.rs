//! What the program tells its drain, and what listeners ask of it.

use super::names::Names;
use super::{Drain, Told};
use crate::wire::Request;

impl<const MTU: usize, const NAMES: usize> Drain<MTU, NAMES> {
    /// Says what this device is called: the tag `device.name` of its traces.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// drain.set_device("oven-3");
    /// ```
    pub fn set_device(&mut self, name: &'static str) -> &mut Self {
        self.about.device = name;
        self.sync();
        self
    }

    /// Says which build of the program runs, in up to 32 bytes: the GNU build id of its ELF file, which the linker leaves
    /// in the section `.note.gnu.build-id` behind 16 bytes of header. By it the host finds the file.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// static BUILD_ID: [u8; 4] = [0xc0, 0xff, 0xee, 0x00]; // of the section `.note.gnu.build-id`
    /// drain.set_build_id(&BUILD_ID);
    /// ```
    pub fn set_build_id(&mut self, build_id: &'static [u8]) -> &mut Self {
        self.about.build_id = build_id;
        self.sync();
        self
    }

    /// Says when tick 0 of the tracer's clock was, in nanoseconds since the Unix epoch, as soon as the device knows, and again
    /// when it knows better; 0: it does not know. Otherwise the host goes by when packets arrive.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// let (unix_nanoseconds, uptime) = (1_790_000_000_000_000_000, 5_000_000_000); // of an RTC or SNTP, and of the clock
    /// drain.set_clock_base(unix_nanoseconds - uptime);
    /// ```
    pub fn set_clock_base(&mut self, unix_nanoseconds: u64) -> &mut Self {
        self.about.clock_base = unix_nanoseconds;
        self.tracer.arena.keep_base(unix_nanoseconds);
        self.sync();
        self
    }

    /// Says how strings are told from now on.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256, 0>::new(&TRACER, Session::new(7)).unwrap(); // no table
    /// drain.set_names(Names::ByAddress);
    /// ```
    pub fn set_names(&mut self, names: Names) -> &mut Self {
        self.names.by_address = names == Names::ByAddress;
        self
    }

    /// Has the next packet carry a sync record, also when there is no span to send: the session's service and
    /// tags, its clock, and behind it the device, its program, and what was dropped. Otherwise they go out every half second
    /// in which spans do.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// while drain.poll(&mut line).unwrap() {}
    /// drain.sync(); // a listener has come
    /// assert_eq!(drain.poll(&mut line), Ok(true));
    /// assert!(!line.0.is_empty());
    /// ```
    pub fn sync(&mut self) {
        self.told = None;
    }

    /// Takes a datagram that came from a listener; returns whether it is a [`Request`] to this session.
    ///
    /// What comes over a byte stream goes through a [`RequestDecoder`](crate::wire::RequestDecoder) to
    /// [`answer`](Self::answer).
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// let datagram = wire::Request { session: None, sync: true, names: true, time: None }.encode(); // what a host sends
    /// assert!(drain.hear(&datagram));
    /// assert!(!drain.hear(b"noise"));
    /// ```
    pub fn hear(&mut self, datagram: &[u8]) -> bool {
        Request::parse(datagram).is_some_and(|request| self.answer(&request))
    }

    /// Has the next packets carry what a listener asks for; returns whether it asks this session.
    ///
    /// Call it as soon as the request comes: when it was heard is the time of this call, which the next packet tells if it is asked
    /// for. Names go out at once, as many as a packet holds, and before spans. What is asked beside the time is answered once in
    /// half a second, and not in the first, so that nobody keeps spans from going out.
    ///
    /// ```
    #[doc = include_str!("../../docs/setup.txt")]
    /// let mut drain = Drain::<256>::new(&TRACER, Session::new(7)).unwrap();
    /// let elsewhere = wire::Request { session: Some(Session::new(8)), sync: true, names: false, time: None };
    /// assert!(!drain.answer(&elsewhere));
    /// ```
    pub fn answer(&mut self, request: &Request) -> bool {
        if request.session.is_some_and(|session| session != self.session) {
            return false;
        }
        let heard = self.tracer.clock.now();
        if let (Some(token), false) = (request.time, self.is_over) {
            (self.echo, self.moment) = (token, heard);
        }
        let now = heard as u32;
        if now.wrapping_sub(self.answered) >= self.tracer.clock.frequency() / 2 {
            self.answered = now;
            if let (true, Some(told)) = (request.sync, &mut self.told) {
                Told::ask(told);
            }
            if request.names {
                self.names.tell_all();
            }
        }
        true
    }
}
