//! Hours: charging them, and what happens when the wallet cannot pay. Documents: what is put in writing of it all.

mod destroy_job;
mod document;
mod ladder;
mod ladder_mail;
mod moves;
pub(crate) mod order;
mod plan;
mod post;
mod profile;
pub mod resize;
pub mod resource;
mod resume_job;
mod run;
pub(crate) mod statement_job;
pub mod tax;
mod terms;
mod transfer;
mod vat;
pub(crate) mod vat_job;

pub(crate) use destroy_job::run as destroy;
pub use document::{CreditNote, Returned, issue_credit_note};
pub(crate) use document::{issue_receipt, returned_as};
pub use ladder::{Steps, run as climb};
pub(crate) use ladder_mail::named_payers;
pub use profile::{NewProfile, set_profile};
pub(crate) use resume_job::{ask_to_resume, run as resume};
pub use run::{Summary, run};
pub use statement_job::issue_statements;
pub use terms::set_terms;
pub use transfer::charge_transfer;
pub use vat::vat_standing;
