//! Calls in Linode's manner: version prefix, `X-Filter`, pages, refusals.

use domain::provider::{ServerRef, UpstreamError};
use reqwest::header::HeaderValue;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::errors::refusal;
use super::wire::Page;
use crate::http::{Answer, Call, Exchange, Invalid};

/// Largest page the API gives.
const PAGE_SIZE: u32 = 500;
/// A listing that never ends is broken.
const MAX_PAGES: u64 = 200;
/// Paged listings have a rate limit of their own, images another one.
const LISTS: &str = "lists";
const IMAGES: &str = "images";

/// The calls of one operation.
pub(super) struct Api<'a>(Exchange<'a>);

impl<'a> Api<'a> {
    pub(super) fn new(exchange: Exchange<'a>) -> Self {
        Self(exchange)
    }

    /// Sends a call; refusals become errors.
    pub(super) async fn send(&self, call: Call) -> Result<Answer, UpstreamError> {
        let answer = self.send_raw(call).await?;
        if answer.is_success() { Ok(answer) } else { Err(refusal(&answer)) }
    }

    /// Sends a call whose refusals the caller wants to look at.
    pub(super) async fn send_raw(&self, call: Call) -> Result<Answer, UpstreamError> {
        self.0.send(call).await
    }

    /// One page of a filtered listing, newest first as far as the vendor sorts it.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        filter: &Value,
        page_size: u32,
    ) -> Result<Vec<T>, UpstreamError> {
        let call = Call::get(&versioned(path)).query("page_size", page_size.to_string()).bucket(LISTS);
        let answer = self.send(call.header("x-filter", header(filter)?)).await?;
        answer.read(|page: Page<T>| Ok(page.data))
    }

    /// Every item of a listing, mapped.
    pub(super) async fn all<T: DeserializeOwned, U>(
        &self,
        path: &[&str],
        filter: Option<&Value>,
        map: impl Fn(T) -> Result<U, Invalid>,
    ) -> Result<Vec<U>, UpstreamError> {
        let mut items = Vec::new();
        for number in 1..=MAX_PAGES {
            let mut call = Call::get(&versioned(path))
                .query("page", number.to_string())
                .query("page_size", PAGE_SIZE.to_string())
                .bucket(if path == ["images"] { IMAGES } else { LISTS });
            if let Some(filter) = filter {
                call = call.header("x-filter", header(filter)?);
            }
            let pages = self.send(call).await?.read(|page: Page<T>| {
                for item in page.data {
                    items.push(map(item)?);
                }
                Ok(page.pages)
            })?;
            if number >= pages {
                return Ok(items);
            }
        }
        Err(UpstreamError::transient("a listing does not end"))
    }
}

/// The path below the API's version.
pub(super) fn versioned<'a>(path: &[&'a str]) -> Vec<&'a str> {
    [&["v4"], path].concat()
}

/// The numeric id of an instance. A reference that is none belongs to no instance.
pub(super) fn instance_id(server: &ServerRef) -> Result<u64, UpstreamError> {
    server.0.parse().map_err(|_| UpstreamError::NotFound)
}

fn header(filter: &Value) -> Result<HeaderValue, UpstreamError> {
    HeaderValue::from_str(&filter.to_string()).map_err(|_| UpstreamError::transient("filter is not ASCII"))
}
