//! VPSs, what is asked of them, and SSH keys.

mod action;
mod instance;
mod order;
mod ssh_key;

use super::endpoints::{Endpoints, endpoint};

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(instance::list))
        .add(endpoint!(order::create))
        .add(endpoint!(instance::show))
        .add(endpoint!(instance::delete))
        .add(endpoint!(action::list))
        .add(endpoint!(action::create))
        .add(endpoint!(action::show))
        .add(endpoint!(ssh_key::list))
        .add(endpoint!(ssh_key::create))
        .add(endpoint!(ssh_key::show))
        .add(endpoint!(ssh_key::delete))
}
