//! Calls in DigitalOcean's manner: version prefix, pages by number, refusals.

use domain::provider::{ServerRef, UpstreamError};
use serde::de::DeserializeOwned;

use super::errors::refusal;
use super::wire::Listing;
use crate::http::{Answer, Call, Exchange, Invalid};

/// Largest page the API gives.
const PER_PAGE: u32 = 200;
/// A listing that never ends is broken.
const MAX_PAGES: u32 = 500;

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

    /// Every item of a listing, mapped. Pages are asked for by number: the links in an answer could lead a
    /// token to another host.
    pub(super) async fn all<L: Listing + DeserializeOwned, U>(
        &self,
        path: &[&str],
        filter: Option<(&'static str, &str)>,
        map: impl Fn(L::Item) -> Result<U, Invalid>,
    ) -> Result<Vec<U>, UpstreamError> {
        let mut items = Vec::new();
        for number in 1..=MAX_PAGES {
            let mut call = Call::get(&versioned(path))
                .query("page", number.to_string())
                .query("per_page", PER_PAGE.to_string());
            if let Some((name, value)) = filter {
                call = call.query(name, value);
            }
            let is_last = self.send(call).await?.read(|page: L| {
                let has_next = page.has_next();
                let found = page.items();
                let is_last = found.is_empty() || !has_next;
                for item in found {
                    items.push(map(item)?);
                }
                Ok(is_last)
            })?;
            if is_last {
                return Ok(items);
            }
        }
        Err(UpstreamError::transient("a listing does not end"))
    }
}

/// The path below the API's version.
pub(super) fn versioned<'a>(path: &[&'a str]) -> Vec<&'a str> {
    [&["v2"], path].concat()
}

/// The numeric id of a droplet, as text. A reference that is none belongs to no droplet.
pub(super) fn droplet_id(server: &ServerRef) -> Result<String, UpstreamError> {
    let id: u64 = server.0.parse().map_err(|_| UpstreamError::NotFound)?;
    Ok(id.to_string())
}
