//! What the attribute stands on: a function whose body stays a row of tokens, as it was written.

use proc_macro2::{Ident, TokenStream, TokenTree};
use syn::parse::{Parse, ParseStream};
use syn::{AttrStyle, Attribute, Error, Pat, Result, Signature, Token, Visibility, braced, token};

/// A function with a body.
pub struct Function {
    pub attrs: Vec<Attribute>,
    pub vis: Visibility,
    pub sig: Signature,
    pub brace: token::Brace,
    pub body: TokenStream,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut attrs = input.call(Attribute::parse_outer)?;
        let start = input.span();
        let (Ok(vis), Ok(sig)) = (input.parse(), input.parse::<Signature>()) else {
            let wrong = Error::new(
                start,
                "#[wrap] stands on a function or a method; write `span!(..)` in a block, `tracer.wrap(name, || ..)` for a \
                 closure, `future.in_span(span)` for a future",
            );
            while input.parse::<TokenTree>().is_ok() {}
            return Err(wrong);
        };
        if let Some(constness) = sig.constness {
            return Err(Error::new(constness.span, "a const fn has no span: take `const` or #[wrap] away"))
                .inspect_err(|_| while input.parse::<TokenTree>().is_ok() {});
        }
        if input.peek(Token![;]) {
            return Err(input.error("there is no body to wrap: put #[wrap] on the implementation"))
                .inspect_err(|_| while input.parse::<TokenTree>().is_ok() {});
        }
        let content;
        let brace = braced!(content in input);
        let inner = content.call(Attribute::parse_inner)?;
        attrs.extend(inner.into_iter().map(|attr| Attribute { style: AttrStyle::Outer, ..attr }));
        Ok(Self { attrs, vis, sig, brace, body: content.parse()? })
    }
}

impl Function {
    /// Whether one of its arguments is, or binds, this name.
    pub fn binds(&self, name: &Ident) -> bool {
        self.sig.inputs.iter().any(|input| match input {
            syn::FnArg::Receiver(_) => name == "self",
            syn::FnArg::Typed(input) => pattern_binds(&input.pat, name),
        })
    }
}

fn pattern_binds(pattern: &Pat, name: &Ident) -> bool {
    fn within(tokens: TokenStream, name: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == *name,
            TokenTree::Group(group) => within(group.stream(), name),
            _ => false,
        })
    }
    within(quote::ToTokens::to_token_stream(pattern), name)
}
