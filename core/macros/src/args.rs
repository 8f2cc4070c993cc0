//! What stands in the brackets: `#[wrap(name = "..", err, tags(order, slices = 2))]`.

use proc_macro2::Span;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::{Error, Expr, Ident, LitStr, Path, Result, Token, parenthesized};

const KNOWN: &str = "name, service, resource, span_type, tags(..), err, tracer and crate";

/// The arguments, each at most once.
#[derive(Default)]
pub struct Args {
    pub name: Option<Expr>,
    pub service: Option<Expr>,
    pub resource: Option<Expr>,
    pub span_type: Option<Expr>,
    pub tags: Option<Vec<Tag>>,
    /// Where `err` stands.
    pub err: Option<Span>,
    pub tracer: Option<Path>,
    pub krate: Option<Path>,
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Args::default();
        while !input.is_empty() {
            args.parse_one(input)?;
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        Ok(args)
    }
}

impl Args {
    fn parse_one(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.peek(LitStr) {
            let name: LitStr = input.parse()?;
            return Err(Error::new(name.span(), format!("write `name = {:?}`", name.value())));
        }
        let Ok(key) = input.call(Ident::parse_any) else {
            return Err(input.error(format!("#[wrap] takes {KNOWN}")));
        };
        match key.to_string().as_str() {
            "name" => set(&mut self.name, &key, value(&key, "\"..\"", input)?),
            "service" => set(&mut self.service, &key, value(&key, "\"..\"", input)?),
            "resource" => set(&mut self.resource, &key, value(&key, "\"..\"", input)?),
            "span_type" => set(&mut self.span_type, &key, value(&key, "\"..\"", input)?),
            "tracer" => set(&mut self.tracer, &key, value(&key, "TRACER", input)?),
            "crate" => set(&mut self.krate, &key, value(&key, "path::to::microspan", input)?),
            "err" if input.is_empty() || input.peek(Token![,]) => set(&mut self.err, &key, key.span()),
            "err" => Err(Error::new(key.span(), "`err` takes nothing: write `err` alone")),
            "tags" => set(&mut self.tags, &key, tags(&key, input)?),
            "type" => Err(Error::new(key.span(), "write `span_type = \"..\"`")),
            other => {
                Err(Error::new(key.span(), format!("there is no argument `{other}`: #[wrap] takes {KNOWN}")))
            }
        }
    }
}

fn set<T>(place: &mut Option<T>, key: &Ident, value: T) -> Result<()> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(key.span(), format!("`{key}` stands here twice: keep one"))),
    }
}

/// `= value`.
fn value<T: Parse>(key: &Ident, example: &str, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(key.span(), format!("write `{key} = {example}`")));
    }
    input.parse::<Token![=]>()?;
    let span = input.span();
    input.parse().map_err(|_| Error::new(span, format!("write `{key} = {example}`")))
}

/// `(a, b = expr, ..)`.
fn tags(key: &Ident, input: ParseStream<'_>) -> Result<Vec<Tag>> {
    if !input.peek(syn::token::Paren) {
        return Err(Error::new(key.span(), "write `tags(key = value, ..)`"));
    }
    let content;
    parenthesized!(content in input);
    Ok(Punctuated::<Tag, Token![,]>::parse_terminated(&content)?.into_iter().collect())
}

/// One tag.
pub struct Tag {
    pub key: LitStr,
    pub value: TagValue,
}

/// What a tag is to hold.
pub enum TagValue {
    /// `key = expr`.
    Of(Expr),
    /// `key` alone: the argument of this name.
    Argument(Ident),
}

impl Parse for Tag {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(LitStr) {
            let key: LitStr = input.parse()?;
            let value = tag_value(&key, input)?;
            return Ok(Self { key, value });
        }
        let Ok(first) = input.call(Ident::parse_any) else {
            return Err(input.error("a tag's key is `name`, `dotted.name` or \"text\": write `key = value`"));
        };
        if input.is_empty() || input.peek(Token![,]) {
            let key = LitStr::new(&first.unraw().to_string(), first.span());
            return Ok(Self { key, value: TagValue::Argument(first) });
        }
        let mut text = first.unraw().to_string();
        while input.peek(Token![.]) {
            input.parse::<Token![.]>()?;
            text.push('.');
            text += &input.call(Ident::parse_any)?.unraw().to_string();
        }
        let key = LitStr::new(&text, first.span());
        let value = tag_value(&key, input)?;
        Ok(Self { key, value })
    }
}

fn tag_value(key: &LitStr, input: ParseStream<'_>) -> Result<TagValue> {
    if !input.peek(Token![=]) {
        let text = key.value();
        return Err(Error::new(key.span(), format!("this tag has no value: write `\"{text}\" = value`")));
    }
    input.parse::<Token![=]>()?;
    Ok(TagValue::Of(input.parse()?))
}
