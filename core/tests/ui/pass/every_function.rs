//! Functions of every kind.
#![deny(warnings)]
use microspan::wrap;
use std::fmt::{Debug, Display};
use std::future::Future;

/// Its documentation and its other attributes stay.
#[wrap]
#[inline]
#[must_use]
pub fn documented(#[allow(unused_variables)] unused: u8) -> u8 {
    #![allow(unused_mut)]
    let mut answer = 42;
    answer
}

#[wrap(name = NAME, tags(patterns = a + b))]
fn patterns((a, b): (u32, u32), [first, ..]: [u32; 3]) -> u32 {
    a + b + first
}
const NAME: &str = "a name that is a constant";

#[wrap]
unsafe extern "C" fn foreign(address: *const u8) -> u8 {
    // SAFETY: the caller's promise.
    unsafe { *address }
}

#[wrap]
fn never() -> ! {
    loop {
        std::process::exit(0)
    }
}

#[wrap]
async fn never_async() -> ! {
    std::future::pending().await
}

#[wrap(err)]
fn borrowed<'a>(text: &'a mut String, more: &str) -> Result<&'a mut str, Box<dyn std::error::Error>> {
    text.push_str(more);
    if text.is_empty() {
        return Err("empty".into());
    }
    Ok(text)
}

#[wrap(err)]
fn consumed(text: String) -> Result<String, impl Display> {
    if text.is_empty() { Err("empty") } else { Ok(text) }
}

#[wrap]
fn any(of: impl Debug + Clone) -> (impl Debug, [impl Debug; 1]) {
    (of.clone(), [of])
}

#[wrap]
async fn boxed() -> Box<dyn Iterator<Item = impl Debug>> {
    Box::new([7].into_iter())
}

#[wrap]
fn later() -> impl Future<Output = u8> + Send {
    async { 7 }
}

trait Oven {
    #[wrap]
    fn default_body(&self) -> u8 {
        self.heat()
    }

    fn heat(&self) -> u8;

    fn bake(&mut self, slices: u32) -> impl Future<Output = Result<u32, u8>> + Send;
}

struct Gas<T>(T);

impl<T: Into<u8> + Copy + Send> Oven for Gas<T> {
    #[wrap(tags(raw = self.0.into()))]
    fn heat(&self) -> u8 {
        self.0.into()
    }

    #[wrap(err, tags(slices))]
    async fn bake(&mut self, slices: u32) -> Result<u32, u8> {
        let heat: u8 = self.0.into();
        later().await;
        u32::try_from(i64::from(heat) + i64::from(slices)).map_err(|_| heat)
    }
}

#[wrap]
#[wrap(name = "twice")]
async fn twice<const N: usize>(items: [u8; N]) -> usize
where
    [u8; N]: Clone,
{
    items.len()
}

fn send<F: Future + Send + 'static>(_: F) {}

fn main() {
    assert_eq!(documented(1) + patterns((1, 2), [3, 4, 5]) as u8, 48);
    // SAFETY: the address is that of a local.
    assert_eq!(unsafe { foreign(&7) }, 7);
    assert_eq!(borrowed(&mut String::new(), "rye").unwrap(), "rye");
    assert!(consumed(String::new()).is_err());
    let _ = any("ham");
    assert_eq!(Gas(3u8).default_body(), 3);
    send(async { Gas(3u8).bake(2).await });
    send(twice([1, 2]));
    drop(boxed());
    send(never_async());
    never()
}
