//! VIES, the European Commission's way to the VAT registers of all members of the Union.
//!
//! The registers are the members' own and are often away; then VIES answers with a word such as `MS_UNAVAILABLE`
//! in place of an answer, with any status, and `valid` beside it means nothing.

mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use domain::billing::{VatNumber, VatRegister};
use domain::provider::UpstreamError;
use serde_json::json;
use url::Url;

use self::wire::Answer;
use crate::http::{
    Auth, BaseUrl, Budget, Call, HttpClient, InvalidBaseUrl, Options, Priority, SetupError, Transport,
};

/// Why the client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum ViesSetupError {
    /// Numbers must not be sent there.
    #[error("address of VIES: {0}")]
    BaseUrl(#[from] InvalidBaseUrl),
    /// No HTTPS on this machine.
    #[error(transparent)]
    Https(#[from] SetupError),
}

/// The client. It needs no account.
pub struct Vies {
    http: HttpClient,
}

impl Vies {
    /// Sets the client up; nothing is sent yet.
    ///
    /// # Errors
    /// When the address is neither `https` nor this machine, or HTTPS cannot be set up.
    ///
    /// # Panics
    /// When no rustls crypto provider is installed; the binary does that first thing.
    pub fn new(base_url: Url) -> Result<Self, ViesSetupError> {
        let base = BaseUrl::try_from(base_url)?;
        let transport = Transport::new(&Options::default())?;
        Ok(Self { http: HttpClient::new(transport, base, Arc::new(Budget::default())) })
    }
}

#[async_trait]
impl VatRegister for Vies {
    async fn knows(&self, number: &VatNumber) -> Result<bool, UpstreamError> {
        let split = number.as_str().split_at_checked(2);
        let (country, rest) = split.ok_or_else(|| UpstreamError::transient("a number without prefix"))?;
        let body = json!({ "countryCode": country, "vatNumber": rest });
        let exchange = self.http.exchange(Auth::Public, Priority::Poll);
        let answer = exchange.send(Call::post(&["check-vat-number"]).json(&body).repeatable()).await?;
        let told = answer.json::<Answer>();
        let verdict = told.and_then(|told| told.verdict(country, rest));
        verdict.ok_or_else(|| UpstreamError::transient(answer.summary()))
    }
}
