//! What operators watch and repair.

pub mod alarms;
pub mod jobs;
pub mod secrets;
