//! Who is let in where, and what nobody may read: every route, as every kind of person.
//!
//! [`matrix`] compares the answers with a reviewed table, [`leaks`] searches them for what is not for customers.
//! Both walk through [`routes::all`], so a new route fails here until somebody has said what it takes and who may
//! call it.

mod leaks;
mod matrix;
mod nul;
mod people;
mod routes;
mod scene;
