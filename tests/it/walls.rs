//! Who is let in where: every route, as every kind of person.
//!
//! [`matrix`] compares the answers with a reviewed table. It walks through [`routes::all`], so a new route fails
//! here until somebody has said what it takes and who may call it.

mod matrix;
mod people;
mod routes;
mod scene;
