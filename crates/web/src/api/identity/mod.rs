//! Who one is, and API keys.

mod api_key;
mod me;

use super::endpoints::{Endpoints, endpoint};

/// Operations of the area.
pub(super) fn endpoints(list: Endpoints) -> Endpoints {
    list.add(endpoint!(me::show))
        .add(endpoint!(api_key::list))
        .add(endpoint!(api_key::create))
        .add(endpoint!(api_key::revoke))
}
