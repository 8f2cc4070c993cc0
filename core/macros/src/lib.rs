//! The attribute macro of `microspan`, which exports it as `microspan::wrap`: a proc macro must live in a crate of its own.
//!
//! | file | idea |
//! | --- | --- |
//! | `args.rs` | what stands in the brackets |
//! | `function.rs` | what the attribute stands on |
//! | `expand.rs` | what becomes of it |
//!
//! What is expanded names nothing but `microspan::__private`: no algorithm is repeated here.

mod args;
mod expand;
mod function;

use proc_macro::TokenStream;
use syn::parse_macro_input;

/// Documented where it is exported, in `microspan`.
#[proc_macro_attribute]
pub fn wrap(args: TokenStream, function: TokenStream) -> TokenStream {
    let args = parse_macro_input!(args as args::Args);
    let function = parse_macro_input!(function as function::Function);
    expand::expand(args, function).unwrap_or_else(|error| error.into_compile_error()).into()
}
