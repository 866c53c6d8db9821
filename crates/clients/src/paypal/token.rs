//! The access token: asked for with client id and secret, good for about nine hours, kept in memory.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use domain::provider::UpstreamError;
use secrecy::{ExposeSecret as _, SecretString};

use super::refusal::Refusal;
use super::wire;
use crate::http::{Auth, Call, Exchange, Invalid};

/// A token is replaced this long before it ends (or half its life, if that is shorter).
const MARGIN: Duration = Duration::from_secs(300);

/// A token in use.
pub(super) struct Token {
    secret: SecretString,
    renew_at: Instant,
}

impl Token {
    pub(super) fn auth(&self) -> Auth {
        Auth::Bearer(self.secret.clone())
    }
}

/// The token that is in use now. Two callers that find none may both ask for one: harmless, and neither waits
/// for the other.
#[derive(Default)]
pub(super) struct Tokens(Mutex<Option<Arc<Token>>>);

impl Tokens {
    /// A token that is good for a while. `exchange` carries client id and secret.
    pub(super) async fn get(&self, exchange: &Exchange<'_>) -> Result<Arc<Token>, UpstreamError> {
        let now = Instant::now();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = kept.filter(|token| now < token.renew_at) {
            return Ok(token);
        }
        let token = Arc::new(ask(exchange, now).await?);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(token.clone());
        Ok(token)
    }

    /// Drops a token that was refused, unless another caller has replaced it already.
    pub(super) fn forget(&self, refused: &Arc<Token>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.as_ref().is_some_and(|token| Arc::ptr_eq(token, refused)) {
            *kept = None;
        }
    }
}

async fn ask(exchange: &Exchange<'_>, now: Instant) -> Result<Token, UpstreamError> {
    let form = vec![("grant_type", "client_credentials".to_owned())];
    let answer = exchange.send(Call::post(&["v1", "oauth2", "token"]).form(form).repeatable()).await?;
    if !answer.is_success() {
        return Err(Refusal::of(&answer).into());
    }
    answer.read(|token: wire::Token| {
        if token.access_token.expose_secret().is_empty() {
            return Err(Invalid("empty access token"));
        }
        Ok(Token { renew_at: now + useful_life(token.expires_in), secret: token.access_token })
    })
}

fn useful_life(expires_in: u64) -> Duration {
    let life = Duration::from_secs(expires_in.min(86_400));
    life - MARGIN.min(life / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_replaced_before_they_end() {
        assert_eq!(useful_life(32_400), Duration::from_secs(32_100));
        assert_eq!(useful_life(100), Duration::from_secs(50));
        assert_eq!(useful_life(u64::MAX), Duration::from_secs(86_100));
    }
}
