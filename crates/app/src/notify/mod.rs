//! Telling people who are not looking: mail, and the operators' alarms in it.

pub mod alarms;
pub mod mail;
