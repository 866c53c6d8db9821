//! Whose token it is.

use domain::provider::{UpstreamAccount, UpstreamError};

use super::api::{Api, versioned};
use super::wire::Account;
use crate::http::{Call, Invalid};

/// `GET /account`; needs the scope `account:read_only`.
pub(super) async fn validate(api: &Api<'_>) -> Result<UpstreamAccount, UpstreamError> {
    let answer = api.send(Call::get(&versioned(&["account"]))).await?;
    answer.read(|account: Account| {
        if account.euuid.is_empty() {
            return Err(Invalid("an account without an id"));
        }
        let label = if account.company.is_empty() { account.email } else { account.company };
        Ok(UpstreamAccount { id: account.euuid, label })
    })
}
