//! How types show themselves whose contents are nobody's business: by their name and one figure.

use crate::exclusive::{Exclusive, Threads};
use crate::future::{Detached, WithSpan, Within};
use crate::sync::Ordering;
use crate::wire::FrameDecoder;
use crate::{Arena, Callsites, Drain, GlobalTags, Span, SpanBuilder, Tracer};
use core::fmt;

/// `Debug` and, with the feature, `Format` of a type: `shown!([generics] Type, "Type", "figure" = |self| value)`.
macro_rules! shown {
    ([$($generics:tt)*] $type:ty, $name:literal, $figure:literal = |$this:ident| $value:expr) => {
        impl<$($generics)*> fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let $this = self;
                f.debug_struct($name).field($figure, &$value).finish_non_exhaustive()
            }
        }

        #[cfg(feature = "defmt")]
        impl<$($generics)*> defmt::Format for $type {
            fn format(&self, f: defmt::Formatter<'_>) {
                let $this = self;
                defmt::write!(f, "{} {{ {}: {} }}", $name, $figure, $value);
            }
        }
    };
}

shown!([] Tracer, "Tracer", "service" = |tracer| tracer.service);
shown!([] Exclusive, "Exclusive", "service" = |exclusive| exclusive.tracer().service);
shown!([const S: usize, const T: usize, const C: usize] Arena<S, T, C>, "Arena", "spans" = |_arena| S);
#[cfg(not(loom))]
shown!([const S: usize, const T: usize, const C: usize] crate::Image<S, T, C>, "Image", "spans" = |_image| S);
#[cfg(not(loom))]
shown!([const S: usize, const T: usize, const C: usize] crate::Recorder<S, T, C>, "Recorder", "spans" = |_recorder| S);
#[cfg(not(loom))]
shown!([const MTU: usize] crate::Boot<MTU>, "Boot", "previous" = |boot| boot.previous());
#[cfg(not(loom))]
shown!([] crate::Program, "Program", "build_id" = |program| program.build_id);
shown!([C] crate::Widened<C>, "Widened", "halves" = |clock| clock.halves.load(Ordering::Relaxed));
#[cfg(not(target_os = "none"))]
shown!([] crate::Unwinding, "Unwinding", "under_way" = |threads| threads.under_way.load(Ordering::Relaxed));
shown!([] crate::Taken<'_>, "Taken", "name" = |span| span.name());
shown!([] crate::Said<'_>, "Said", "attributes" = |said| said.0.attributes().count());
shown!([const N: usize] Callsites<N>, "Callsites", "names" = |_table| N);
shown!([const N: usize] GlobalTags<N>, "GlobalTags", "tags" = |_table| N);
shown!([const MTU: usize, const N: usize] Drain<MTU, N>, "Drain", "spans" = |drain| drain.spans());
shown!([M: Threads] Span<M>, "Span", "handle" = |span| span.parts().1);
shown!([M: Threads] Detached<M>, "Detached", "handle" = |span| span.parts().1);
shown!([M: Threads] SpanBuilder<'_, M>, "SpanBuilder", "name" = |builder| builder.name);
shown!([F, M: Threads] WithSpan<F, M>, "WithSpan", "is_done" = |future| future.is_done());
shown!([F, M: Threads] Within<F, M>, "Within", "is_done" = |future| future.is_done());
shown!([const N: usize] FrameDecoder<N>, "FrameDecoder", "frame" = |_decoder| N);
#[cfg(feature = "embedded-io")]
shown!([W] crate::Stream<W>, "Stream", "is_inside_a_frame" = |stream| stream.is_inside_a_frame());
#[cfg(feature = "embassy-net")]
shown!([] crate::Udp<'_, '_>, "Udp", "port" = |udp| udp.port());
#[cfg(feature = "rtt-target")]
shown!([] crate::Rtt, "Rtt", "is_inside_a_frame" = |rtt| rtt.is_inside_a_frame());
#[cfg(feature = "embedded-io-async")]
shown!([W] crate::AsyncStream<W>, "AsyncStream", "is_inside_a_frame" = |stream| stream.is_inside_a_frame());
#[cfg(feature = "embassy-net-tcp")]
shown!([] crate::Tcp<'_, '_>, "Tcp", "unacknowledged" = |tcp| tcp.left());
