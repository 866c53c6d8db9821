//! What operators watch, over all organizations.

pub mod alarms;
pub mod measure;
pub mod secrets;
