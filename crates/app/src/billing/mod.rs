//! Hours: charging them, and what happens when the wallet cannot pay.

mod moves;
mod plan;
mod resume_job;
mod run;

pub(crate) use resume_job::{ask_to_resume, run as resume};
pub use run::{Summary, run};
