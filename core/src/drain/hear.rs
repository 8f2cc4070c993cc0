//! What the program tells its drain, and what listeners ask of it.

use super::names::Names;
use super::{Drain, Told};
use crate::wire::Request;

impl<const MTU: usize, const NAMES: usize> Drain<MTU, NAMES> {
    /// Says what this device is called: the tag `device.name` of its traces.
    pub fn set_device(&mut self, name: &'static str) -> &mut Self {
        self.about.device = name;
        self.sync();
        self
    }

    /// Says which build of the program runs, in up to 32 bytes: the GNU build id of its ELF file, which the linker leaves
    /// in the section `.note.gnu.build-id` behind 16 bytes of header. By it the host finds the file.
    pub fn set_build_id(&mut self, build_id: &'static [u8]) -> &mut Self {
        self.about.build_id = build_id;
        self.sync();
        self
    }

    /// Says when tick 0 of the tracer's clock was, in nanoseconds since the Unix epoch, as soon as the device knows, and again
    /// when it knows better; 0: it does not know. Otherwise the host goes by when packets arrive.
    pub fn set_clock_base(&mut self, unix_nanoseconds: u64) -> &mut Self {
        self.about.clock_base = unix_nanoseconds;
        self.sync();
        self
    }

    /// Says how strings are told from now on.
    pub fn set_names(&mut self, names: Names) -> &mut Self {
        self.names.by_address = names == Names::ByAddress;
        self
    }

    /// Has the next packet carry a sync record, also when there is no span to send: the session's service and
    /// tags, its clock, and behind it the device, its program, and what was dropped. Otherwise they go out every half second
    /// in which spans do.
    pub fn sync(&mut self) {
        self.told = None;
    }

    /// Takes a datagram that came from a listener; returns whether it is a [`Request`] to this session.
    ///
    /// What comes over a byte stream goes through a [`RequestDecoder`](crate::wire::RequestDecoder) to
    /// [`answer`](Self::answer).
    pub fn hear(&mut self, datagram: &[u8]) -> bool {
        Request::parse(datagram).is_some_and(|request| self.answer(&request))
    }

    /// Has the next packets carry what a listener asks for; returns whether it asks this session.
    ///
    /// Names go out at once, as many as a packet holds, and before spans. One request in half a second is answered,
    /// so that nobody keeps spans from going out.
    pub fn answer(&mut self, request: &Request) -> bool {
        if request.session.is_some_and(|session| session != self.session) {
            return false;
        }
        let (now, rest) = (self.tracer.clock.now(), u64::from(self.tracer.clock.frequency() / 2));
        if self.answered.is_none_or(|answered| now.wrapping_sub(answered) >= rest) {
            self.answered = Some(now);
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
