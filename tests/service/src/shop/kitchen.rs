//! The kitchen's board: a part that is instrumented with microspan, and sends the trace's context in its compact form.

use std::net::SocketAddr;
use std::time::Duration;

use microspan::propagation::encode;
use microspan::{SpanRef, Static};
use tokio::net::UdpSocket;
use tokio::time::timeout;

/// How long a sandwich may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// The board at this address.
#[derive(Debug, Clone, Copy)]
pub struct Kitchen(pub SocketAddr);

impl Kitchen {
    /// Has it made.
    #[microspan::wrap(name = "ask_kitchen", tags(order))]
    pub async fn make_sandwich(&self, order: u32) -> Result<(), &'static str> {
        let span = microspan::current_span();
        let made = self.call(order, span.as_ref()).await;
        if let (Some(span), Err(why)) = (&span, made) {
            span.set_error_info("NotMade", why);
        }
        made
    }

    /// The call is the order's number and the context, the answer the number and whether it is made.
    async fn call(&self, order: u32, span: Option<&SpanRef>) -> Result<(), &'static str> {
        let number = order.to_le_bytes();
        let mut call = number.to_vec();
        if let Some(span) = span {
            span.set_tag("span.kind", Static("client"));
            call.extend(span.context().map(|context| encode(&context, None)).unwrap_or_default());
        }
        let socket = UdpSocket::bind("127.0.0.1:0").await.map_err(|_| "there is no port left")?;
        socket.connect(self.0).await.map_err(|_| "the kitchen cannot be reached")?;
        socket.send(&call).await.map_err(|_| "the call does not go out")?;
        let mut answer = [0; 5];
        match timeout(PATIENCE, socket.recv(&mut answer)).await {
            Ok(Ok(_)) if answer.starts_with(&number) && answer.ends_with(&[1]) => Ok(()),
            Ok(Ok(_)) => Err("the kitchen could not make it"),
            _ => Err("the kitchen does not answer"),
        }
    }
}
