//! A library that names no tracer, in a program that has one.

#[path = "../core/tests/support/mod.rs"]
mod support;

use std::path::Path;

use microspan_example_library::{Oven, make_sandwich, read_recipe, serve};
use support::assert_traces;

struct Grill;

impl Oven for Grill {
    async fn heat(&mut self) {
        tokio::task::yield_now().await;
        microspan::trace("grill").finish();
    }
}

#[test]
fn the_spans_of_a_library_are_found_in_the_tracer_that_the_program_chose() {
    tracer!(TRACER);
    microspan::set_global(&TRACER).expect("the first one");
    make_sandwich(7, 2).expect("two slices");
    make_sandwich(8, 11).expect_err("eleven slices");
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(serve(9, &mut Grill)).expect("two slices");
    read_recipe(Path::new("no such recipe")).expect_err("it is not there");

    let make =
        |order| format!("make_sandwich service.name=kitchen resource.name=rye order={order} bread.slices=2");
    let cut = "microspan_example_library::kitchen::cut_bread";
    let assemble = "assemble pickles=true cheese=gouda layers=1";
    assert_traces(
        &TRACER,
        &[
            &make(7),
            &format!("  {cut}"),
            &format!("  {assemble}"),
            "make_sandwich ! service.name=kitchen resource.name=rye order=8 bread.slices=11 \
             error.type=microspan_example_library::kitchen::OutOf error.message=there is no bread",
            &format!("  {cut}"),
            "serve order=9 hot=true",
            &format!("  {}", make(9)),
            &format!("    {cut}"),
            &format!("    {assemble}"),
            "  heat celsius=180",
            "    grill",
            "read_recipe ! span.type=file error.type=std::io::error::Error \
             error.message=No such file or directory (os error 2)",
        ],
    );
}
