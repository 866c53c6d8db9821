//! Passwords: argon2id on threads of their own, a few at a time.

use std::sync::Arc;

use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;

use crate::{Error, Result};

/// Each hash takes 19 MiB and some 30 ms of a core: so many run at once.
const AT_ONCE: usize = 4;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    slots: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { slots: Arc::new(Semaphore::new(AT_ONCE)) }
    }
}

impl Passwords {
    /// Refuses passwords that are too short or absurdly long. No rules on characters: length is
    /// what counts (NIST SP 800-63B).
    pub fn check_strength(password: &SecretString) -> Result<()> {
        match password.expose_secret().chars().count() {
            0..10 => Err(Error::invalid("password", "Use at least 10 characters.")),
            10..=200 => Ok(()),
            _ => Err(Error::invalid("password", "Use at most 200 characters.")),
        }
    }

    /// Hashes a password with a fresh salt, in PHC format.
    pub async fn hash(&self, password: &SecretString) -> Result<String> {
        let password = password.clone();
        self.run(move || {
            let hash = Argon2::default().hash_password(password.expose_secret().as_bytes());
            hash.map(|h| h.to_string()).map_err(|e| Error::internal(e.to_string()))
        })
        .await?
    }

    /// Checks a password. `None` stands for an unknown account: the same work is done, so that the
    /// time of the answer does not tell whether there is one.
    pub async fn verify(&self, password: &SecretString, hash: Option<String>) -> Result<bool> {
        let password = password.clone();
        self.run(move || {
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| DUMMY.to_owned());
            let matches = argon2::password_hash::phc::PasswordHash::new(&hash).is_ok_and(|h| {
                Argon2::default().verify_password(password.expose_secret().as_bytes(), &h).is_ok()
            });
            known && matches
        })
        .await
    }

    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
        let _slot = self.slots.acquire().await.map_err(Error::internal)?;
        tokio::task::spawn_blocking(work).await.map_err(Error::internal)
    }
}

/// A hash of nothing anybody can type, with the default parameters.
const DUMMY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2t5cGFuZWxza3lwYW5lbA$1m0fcLqUmOUpbxPyiYRfzA8Jc2xNVgH0JM8yUwvkrbk";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn verifies_what_it_hashed_and_nothing_else() -> Result<()> {
        let passwords = Passwords::default();
        let hash = passwords.hash(&SecretString::from("correct horse")).await?;
        assert!(hash.starts_with("$argon2id$"));
        assert!(passwords.verify(&SecretString::from("correct horse"), Some(hash.clone())).await?);
        assert!(!passwords.verify(&SecretString::from("wrong horse"), Some(hash)).await?);
        assert!(!passwords.verify(&SecretString::from("correct horse"), None).await?);
        Ok(())
    }

    #[test]
    fn the_dummy_is_a_hash_so_that_unknown_accounts_cost_the_same() {
        assert!(argon2::password_hash::phc::PasswordHash::new(DUMMY).is_ok());
    }
}
