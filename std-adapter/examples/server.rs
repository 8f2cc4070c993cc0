//! A server that traces itself: an agent (or `microspan agent`) at localhost:8126 gets its traces.

use std::thread;
use std::time::Duration;

use microspan::Static;

fn main() -> Result<(), microspan_std::error::InitError> {
    let tracing = microspan_std::init()?;
    let guests = ["Ada", "Grace", "Barbara"];
    let cooks = guests.map(|guest| thread::spawn(move || serve(guest)));
    let served = cooks.into_iter().filter_map(|cook| cook.join().ok()).count();
    let stats = tracing.shutdown(Duration::from_secs(2));
    println!("{served} guests served, {} spans taken by the agent", stats.agent.sent.spans);
    Ok(())
}

#[microspan::wrap(name = "request")]
fn serve(guest: &str) {
    if let Some(request) = microspan::current_span() {
        request.set_tag("resource.name", "GET /sandwich").set_tag("guest", guest);
    }
    let bread = microspan::span!("bread.cut");
    bread.set_tag("bread", Static("rye")).set_tag("slices", 2u32);
    thread::sleep(Duration::from_millis(5));
}
