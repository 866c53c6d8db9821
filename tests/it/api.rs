//! The REST API, from the outside.

mod access;
pub(crate) mod client;
mod docs;
mod input;
mod lists;
mod repeat;
mod work;
