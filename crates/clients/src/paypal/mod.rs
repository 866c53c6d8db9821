//! PayPal, orders v2: what the wallet is filled through.
//!
//! Every order carries our top-up id twice: as `custom_id`, which comes back with captures, and as
//! `invoice_id`, which PayPal takes money for only once. `PayPal-Request-Id` makes repeats harmless: PayPal
//! remembers it for six hours for orders; after that the invoice number is the net.

mod amount;
mod calls;
mod map;
mod refusal;
mod token;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use domain::payment::{Capture, NewOrder, Order, PaymentGateway};
use domain::provider::UpstreamError;
use secrecy::SecretString;
use url::Url;

use self::refusal::{Refusal, Step};
use self::token::Tokens;
use crate::http::{
    Answer, Auth, BaseUrl, Budget, Call, Exchange, HttpClient, InvalidBaseUrl, Options, Priority, SetupError,
    Transport,
};

/// Which PayPal account takes the money, and where.
#[derive(Clone)]
pub struct PayPalSettings {
    /// `https://api-m.paypal.com`, `https://api-m.sandbox.paypal.com`, or a simulator on this machine.
    pub base_url: Url,
    /// Client id of the REST application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
}

/// Why a gateway could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum PayPalSetupError {
    /// Credentials must not be sent there.
    #[error("address of PayPal: {0}")]
    BaseUrl(#[from] InvalidBaseUrl),
    /// No HTTPS on this machine.
    #[error(transparent)]
    Https(#[from] SetupError),
}

/// The gateway of one PayPal account. Make one and share it: it keeps the access token.
pub struct PayPal {
    http: HttpClient,
    client_id: String,
    client_secret: SecretString,
    tokens: Tokens,
    /// Whether approval links without TLS are believable (the simulator's).
    is_local: bool,
}

impl PayPal {
    /// Sets the gateway up; nothing is sent yet.
    ///
    /// # Errors
    /// When the address is neither `https` nor this machine, or HTTPS cannot be set up.
    ///
    /// # Panics
    /// When no rustls crypto provider is installed; the binary does that first thing.
    pub fn new(settings: PayPalSettings) -> Result<Self, PayPalSetupError> {
        let PayPalSettings { base_url, client_id, client_secret } = settings;
        let base = BaseUrl::try_from(base_url)?;
        let is_local = base.is_loopback();
        let transport = Transport::new(&Options::default())?;
        let http = HttpClient::new(transport, base, Arc::new(Budget::default()));
        Ok(Self { http, client_id, client_secret, tokens: Tokens::default(), is_local })
    }

    fn credentials(&self) -> Auth {
        Auth::Basic { user: self.client_id.clone(), password: self.client_secret.clone() }
    }

    /// Sends the first call of an operation. Answers the exchange, too, for calls that follow. A token that
    /// PayPal does not accept any more is replaced once.
    async fn send(
        &self,
        call: impl Fn() -> Result<Call, UpstreamError> + Send + Sync,
    ) -> Result<(Answer, Exchange<'_>), UpstreamError> {
        let first = call()?;
        let exchange = self.http.exchange(self.credentials(), Priority::User);
        let token = self.tokens.get(&exchange).await?;
        let exchange = exchange.with_auth(token.auth());
        match exchange.send(first).await {
            Err(UpstreamError::Unauthorized) => {
                self.tokens.forget(&token);
                let exchange = exchange.with_auth(self.credentials());
                let token = self.tokens.get(&exchange).await?;
                let exchange = exchange.with_auth(token.auth());
                Ok((exchange.send(call()?).await?, exchange))
            }
            answer => Ok((answer?, exchange)),
        }
    }

    fn read_order(&self, answer: &Answer, id: &str) -> Result<Order, UpstreamError> {
        if !answer.is_success() {
            return Err(Refusal::of(answer).into());
        }
        answer.read(|order| map::same_order(map::order(order, self.is_local)?, id))
    }
}

#[async_trait]
impl PaymentGateway for PayPal {
    async fn create_order(&self, order: &NewOrder) -> Result<Order, UpstreamError> {
        let (answer, _) = self.send(|| calls::create(order)).await?;
        if !answer.is_success() {
            return Err(Refusal::of(&answer).into());
        }
        answer.read(|order| map::payable(map::order(order, self.is_local)?))
    }

    async fn order(&self, id: &str) -> Result<Order, UpstreamError> {
        let (answer, _) = self.send(|| Ok(calls::order(id))).await?;
        self.read_order(&answer, id)
    }

    async fn capture(&self, id: &str, request_id: &str) -> Result<Order, UpstreamError> {
        let (answer, exchange) = self.send(|| calls::capture(id, request_id)).await?;
        if answer.is_success() {
            return self.read_order(&answer, id);
        }
        let refusal = Refusal::of(&answer);
        match refusal.step() {
            Step::LookAgain => self.read_order(&exchange.send(calls::order(id)).await?, id),
            Step::Fail => Err(refusal.into()),
        }
    }

    async fn capture_state(&self, capture_id: &str) -> Result<Capture, UpstreamError> {
        let (answer, _) = self.send(|| Ok(calls::capture_state(capture_id))).await?;
        if !answer.is_success() {
            return Err(Refusal::of(&answer).into());
        }
        answer.read(|capture| map::same_capture(map::capture(&capture)?, capture_id))
    }
}
