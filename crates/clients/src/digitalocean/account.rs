//! Whose token it is.

use domain::provider::{UpstreamAccount, UpstreamError};

use super::api::{Api, versioned};
use super::wire::{Account, AccountAnswer};
use crate::http::{Call, Invalid};

/// `GET /v2/account`. Droplets belong to the team, so its id is the account's: a token of a colleague in the
/// same team is as good.
pub(super) async fn validate(api: &Api<'_>) -> Result<UpstreamAccount, UpstreamError> {
    let answer = api.send(Call::get(&versioned(&["account"]))).await?;
    answer.read(|answer: AccountAnswer| owner(answer.account))
}

fn owner(account: Account) -> Result<UpstreamAccount, Invalid> {
    let team = account.team.filter(|team| !team.uuid.is_empty());
    let (id, label) = match team {
        Some(team) if team.name.is_empty() => (team.uuid, account.email),
        Some(team) => (team.uuid, team.name),
        None => (account.uuid, account.email),
    };
    if id.is_empty() { Err(Invalid("an account without an id")) } else { Ok(UpstreamAccount { id, label }) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn owner_of(account: serde_json::Value) -> Option<(String, String)> {
        let owner = owner(serde_json::from_value(account).unwrap()).ok()?;
        Some((owner.id, owner.label))
    }

    #[test]
    fn the_team_owns_the_droplets() {
        let user = json!({ "uuid": "u", "email": "ann@example.com" });
        let team =
            json!({ "uuid": "u", "email": "ann@example.com", "team": { "uuid": "t", "name": "Team" } });
        assert_eq!(owner_of(user), Some(("u".to_owned(), "ann@example.com".to_owned())));
        assert_eq!(owner_of(team), Some(("t".to_owned(), "Team".to_owned())));
        assert_eq!(owner_of(json!({})), None);
    }
}
