//! What becomes of a wrapped function.

use crate::args::{Args, Tag, TagValue};
use crate::function::Function;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{
    Error, Expr, GenericArgument, Path, PathArguments, Result, ReturnType, Type, TypeParamBound, parse_quote,
};

pub fn expand(args: Args, function: Function) -> Result<TokenStream> {
    let root = match &args.krate {
        Some(path) => quote!(#path::__private),
        None => quote!(::microspan::__private),
    };
    check(&args, &function)?;
    let span = Ident::new("span", Span::mixed_site());
    let result = Ident::new("result", Span::mixed_site());
    let begin = begin(&args, &function, &root, &span);
    let record = args.err.map(|place| {
        quote_spanned! {place=>
            if let #root::Some(error) = #root::Outcome::error(&#result) {
                #[allow(unused_imports)]
                use #root::{DebugOnly as _, Neither as _};
                (&#root::Failure(error)).record(&#span);
            }
        }
    });
    let Function { attrs, vis, sig, brace, body } = function;
    let output = match &sig.output {
        ReturnType::Default => parse_quote!(()),
        ReturnType::Type(_, output) => nameable(output),
    };
    let inner = match (sig.asyncness.is_some(), &record) {
        (false, None) => quote!(#begin #body),
        (false, Some(_)) => quote! {
            #begin
            let #result = #root::call(move || -> #output { #body });
            #record
            #result
        },
        (true, _) => {
            let hint = hint(&output, &root);
            quote! {
                #begin
                let #span = #root::Span::detach(#span);
                let #result = #root::within(&#span, async move { #hint #body }).await;
                #record
                #result
            }
        }
    };
    let mut block = proc_macro2::Group::new(proc_macro2::Delimiter::Brace, inner);
    block.set_span(brace.span.join());
    Ok(quote!(#(#attrs)* #vis #sig #block))
}

/// What is wrong although it can be read.
fn check(args: &Args, function: &Function) -> Result<()> {
    if let (Some(err), ReturnType::Default) = (args.err, &function.sig.output) {
        return Err(Error::new(
            err,
            "`err` is for a function that returns a `Result`: return one, or take `err` away",
        ));
    }
    for tag in args.tags.iter().flatten() {
        if let TagValue::Argument(name) = &tag.value
            && !function.binds(name)
        {
            let message =
                format!("`{}` has no argument `{name}`: write `{name} = value`", function.sig.ident);
            return Err(Error::new(name.span(), message));
        }
    }
    Ok(())
}

/// The statements that start the span and tag it.
fn begin(args: &Args, function: &Function, root: &TokenStream, span: &Ident) -> TokenStream {
    let name = match &args.name {
        Some(name) => quote!(#name),
        None => {
            let function = function.sig.ident.unraw().to_string();
            quote!(#root::concat!(#root::module_path!(), "::", #function))
        }
    };
    let fields = [("service", &args.service), ("resource", &args.resource), ("span_type", &args.span_type)];
    let fields = fields.into_iter().filter_map(|(field, text)| {
        let text: &Expr = text.as_ref()?;
        let field = Ident::new(field, text.span());
        Some(quote_spanned!(text.span()=> .#field(#text)))
    });
    let fields: Vec<TokenStream> = fields.collect();
    // With fields of its own it is judged by them, where it is a root.
    let (method, fields) = match fields.is_empty() {
        true => (quote!(trace), None),
        false => (quote!(span), Some(quote!(#(#fields)* .start()))),
    };
    let start = match &args.tracer {
        Some(tracer) => quote!(#tracer.#method(#name) #fields),
        None => quote!(#root::#method(#name) #fields),
    };
    let tags = args.tags.iter().flatten().map(|Tag { key, value }| {
        let (place, value) = match value {
            TagValue::Of(value) => (value.span(), quote!(#value)),
            TagValue::Argument(name) => (name.span(), quote!(#name)),
        };
        quote_spanned!(place=> #root::tag(&#span, #key, #value);)
    });
    let tags: Vec<TokenStream> = tags.collect();
    let tags = (!tags.is_empty()).then(|| quote!(if #root::Span::is_recording(&#span) { #(#tags)* }));
    quote! {
        let #span = #start;
        #tags
    }
}

/// A statement that says what type an async block's `return` and `?` have, which its syntax has no place for.
fn hint(output: &Type, root: &TokenStream) -> TokenStream {
    if matches!(output, Type::Never(_)) {
        return TokenStream::new();
    }
    let value = Ident::new("value", Span::mixed_site());
    quote! {
        if let #root::Some(#value) = #root::none::<#output>() {
            return #value;
        }
    }
}

/// The type with `_` where it says `impl Trait`, which stands in no body.
fn nameable(of: &Type) -> Type {
    let mut of = of.clone();
    erase(&mut of);
    of
}

fn erase(of: &mut Type) {
    match of {
        Type::ImplTrait(_) => *of = parse_quote!(_),
        Type::Array(array) => erase(&mut array.elem),
        Type::Group(group) => erase(&mut group.elem),
        Type::Paren(paren) => erase(&mut paren.elem),
        Type::Ptr(pointer) => erase(&mut pointer.elem),
        Type::Reference(reference) => erase(&mut reference.elem),
        Type::Slice(slice) => erase(&mut slice.elem),
        Type::Tuple(tuple) => tuple.elems.iter_mut().for_each(erase),
        Type::Path(path) => erase_arguments(&mut path.path),
        Type::TraitObject(object) => {
            for bound in &mut object.bounds {
                if let TypeParamBound::Trait(bound) = bound {
                    erase_arguments(&mut bound.path);
                }
            }
        }
        _ => {}
    }
}

fn erase_arguments(path: &mut Path) {
    for segment in &mut path.segments {
        if let PathArguments::AngleBracketed(arguments) = &mut segment.arguments {
            for argument in &mut arguments.args {
                match argument {
                    GenericArgument::Type(of) => erase(of),
                    GenericArgument::AssocType(item) => erase(&mut item.ty),
                    _ => {}
                }
            }
        }
    }
}
