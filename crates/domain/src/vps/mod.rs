//! A VPS: its states, its name, and what may be asked of it when.

mod name;
mod ssh;
mod state;

pub use name::{InvalidName, VpsName};
pub use ssh::{InvalidPublicKey, PublicKey};
pub use state::{ActionKind, ActionState, Power, PowerRequest, Status, Suspension, VpsState, Wanted};
