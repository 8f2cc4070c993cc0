//! A library that is instrumented, as an example: it makes sandwiches, and names no tracer.
//!
//! A program that has one finds the spans of [`make_sandwich`] in it. Where there is none, as in this library's own tests,
//! or where the program switches tracing off, the library does the same and records nothing.

#![no_std]

#[cfg(feature = "std")]
extern crate std;

mod kitchen;
#[cfg(feature = "std")]
mod recipe;

pub use kitchen::{OutOf, Oven, Sandwich, make_sandwich, serve};
#[cfg(feature = "std")]
pub use recipe::read_recipe;
