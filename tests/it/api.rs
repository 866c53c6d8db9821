//! The REST API, from the outside.

mod access;
mod client;
mod input;
mod lists;
mod repeat;
mod work;
