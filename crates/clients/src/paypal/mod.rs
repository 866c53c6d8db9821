//! PayPal, orders v2 and vault v3: what the wallet is filled through.
//!
//! Every order carries our top-up id twice: as `custom_id`, which comes back with captures, and as
//! `invoice_id`, which PayPal takes money for only once. `PayPal-Request-Id` makes repeats harmless: PayPal
//! remembers it for six hours for orders; after that the invoice number is the net.

mod amount;
mod calls;
mod map;
mod refusal;
mod token;
mod webhook;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use domain::payment::{
    Agreed, Agreement, Capture, Charged, Dispute, Line, Message, NewAgreement, NewCharge, NewOrder,
    NewRefund, Order, PaymentGateway, Returned, Verdict,
};
use domain::provider::{Rejection, UpstreamError};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use self::refusal::{No, Refusal, Step};
use self::token::Tokens;
pub use self::webhook::{InvalidRoots, WebhookCheck, WebhookSettings};
use self::webhook::{Transmission, Verifier};
use crate::http::{
    Answer, Auth, BaseUrl, Budget, Call, Exchange, HttpClient, Invalid, InvalidBaseUrl, Options, Priority,
    SetupError, Transport,
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
    /// Whose webhooks are believed; without it none are.
    pub webhook: Option<WebhookSettings>,
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
    /// Nobody could be trusted by them.
    #[error(transparent)]
    Roots(#[from] InvalidRoots),
}

/// The gateway of one PayPal account. Make one and share it: it keeps the access token.
pub struct PayPal {
    http: HttpClient,
    client_id: String,
    client_secret: SecretString,
    tokens: Tokens,
    verifier: Option<Verifier>,
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
        let PayPalSettings { base_url, client_id, client_secret, webhook } = settings;
        let base = BaseUrl::try_from(base_url)?;
        let is_local = base.is_loopback();
        let transport = Transport::new(&Options::default())?;
        let verifier = webhook.map(|webhook| Verifier::new(webhook, base.url().clone())).transpose()?;
        let http = HttpClient::new(transport, base, Arc::new(Budget::default()));
        Ok(Self { http, client_id, client_secret, tokens: Tokens::default(), verifier, is_local })
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

    /// Whether a message was signed by PayPal; `Err` inside says why not.
    async fn check(
        &self,
        message: &Message,
        verifier: &Verifier,
    ) -> Result<Result<(), String>, UpstreamError> {
        let signed = match Transmission::of(message, verifier) {
            Ok(signed) => signed,
            Err(why) => return Ok(Err(why)),
        };
        match verifier.check {
            WebhookCheck::Certificate => {
                let url = &signed.certificate;
                let chain = match verifier.kept(url) {
                    Some(chain) => chain,
                    None => match self.http.document(url.clone()).await {
                        Ok(pem) => match verifier.keep(url, &pem) {
                            Ok(chain) => chain,
                            Err(why) => return Ok(Err(why)),
                        },
                        Err(UpstreamError::NotFound) => {
                            return Ok(Err("its certificate does not exist".into()));
                        }
                        Err(error) => return Err(error),
                    },
                };
                Ok(verifier.check(&signed, &message.body, &chain, message.received_at))
            }
            WebhookCheck::Gateway => {
                let question = match signed.question(&verifier.id, &message.body) {
                    Ok(question) => question,
                    Err(why) => return Ok(Err(why)),
                };
                let (answer, _) = self.send(|| Ok(calls::verify(question.clone()))).await?;
                if !answer.is_success() {
                    return Err(Refusal::of(&answer).into());
                }
                let is_genuine = |v: wire::Verification| Ok(v.verification_status == "SUCCESS");
                let verdict = answer.read(is_genuine)?;
                Ok(if verdict { Ok(()) } else { Err("PayPal did not sign it".to_owned()) })
            }
        }
    }
}

/// Pages of disputes that are read: five thousand.
const DISPUTE_PAGES: u32 = 100;

/// Pages of a report that are read: fifty thousand lines.
const REPORT_PAGES: u32 = 100;

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

    async fn ask_to_agree(&self, agreement: &NewAgreement) -> Result<Agreement, UpstreamError> {
        let (answer, _) = self.send(|| calls::ask_to_agree(agreement)).await?;
        if !answer.is_success() {
            return Err(Refusal::of(&answer).into());
        }
        answer.read(|token| map::agreement(token, self.is_local))
    }

    async fn agreed(&self, id: &str, request_id: &str) -> Result<Agreed, UpstreamError> {
        let answer = match self.send(|| calls::agreed(id, request_id)).await {
            Err(UpstreamError::NotFound) => return Ok(Agreed::Over),
            answer => answer?.0,
        };
        if answer.is_success() {
            return answer.read(|token: wire::PaymentToken| match token.id.expose_secret() {
                "" => Err(Invalid("payment token without an id")),
                _ => Ok(Agreed::Token(token.id)),
            });
        }
        let refusal = Refusal::of(&answer);
        match refusal.no() {
            Some(No::NotYet) => Ok(Agreed::NotYet),
            Some(No::Over) => Ok(Agreed::Over),
            None => Err(refusal.into()),
        }
    }

    async fn holds(&self, token: &SecretString) -> Result<bool, UpstreamError> {
        match self.send(|| Ok(calls::leave(token))).await {
            Ok((answer, _)) if answer.is_success() => Ok(true),
            Ok((answer, _)) => Err(Refusal::of(&answer).into()),
            Err(UpstreamError::NotFound) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn give_back(&self, token: &SecretString) -> Result<(), UpstreamError> {
        match self.send(|| Ok(calls::give_back(token))).await {
            Ok((answer, _)) if answer.is_success() => Ok(()),
            Ok((answer, _)) => Err(Refusal::of(&answer).into()),
            Err(UpstreamError::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    async fn charge(&self, charge: &NewCharge) -> Result<Charged, UpstreamError> {
        let answer = match self.send(|| calls::charge(charge)).await {
            // The leave is all that the request names.
            Err(UpstreamError::NotFound) => return Ok(Charged::Revoked),
            answer => answer?.0,
        };
        if answer.is_success() {
            return answer.read(|order| Ok(Charged::Order(Box::new(map::order(order, self.is_local)?))));
        }
        Refusal::of(&answer).charged()
    }

    async fn refund(&self, refund: &NewRefund) -> Result<Returned, UpstreamError> {
        let (answer, _) = self.send(|| calls::refund(refund)).await?;
        if !answer.is_success() {
            return Err(Refusal::of(&answer).into());
        }
        answer.read(|returned| map::returned(&returned))
    }

    async fn returned(&self, id: &str) -> Result<Returned, UpstreamError> {
        let (answer, _) = self.send(|| Ok(calls::returned(id))).await?;
        if !answer.is_success() {
            return Err(Refusal::of(&answer).into());
        }
        answer.read(|returned| map::same_returned(map::returned(&returned)?, id))
    }

    async fn dispute(&self, id: &str) -> Result<Dispute, UpstreamError> {
        let (answer, _) = self.send(|| Ok(calls::dispute(id))).await?;
        if !answer.is_success() {
            return Err(Refusal::of(&answer).into());
        }
        answer.read(|dispute| map::same_dispute(map::dispute(dispute)?, id))
    }

    async fn disputes(&self, since: DateTime<Utc>) -> Result<Vec<String>, UpstreamError> {
        let (mut ids, mut page) = (Vec::new(), None);
        for _ in 0..DISPUTE_PAGES {
            let (answer, _) = self.send(|| Ok(calls::disputes(since, page.as_deref()))).await?;
            if !answer.is_success() {
                return Err(Refusal::of(&answer).into());
            }
            let (more, next) = answer.read(|list: wire::Disputes| {
                let ids: Vec<String> = list.items.into_iter().map(|one| one.dispute_id).collect();
                Ok((ids, map::next_page(&list.links)))
            })?;
            ids.extend(more);
            match next {
                Some(_) => page = next,
                None => return Ok(ids),
            }
        }
        Err(UpstreamError::rejected(Rejection::Invalid, "there are too many disputes"))
    }

    async fn report(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Result<Vec<Line>, UpstreamError> {
        let mut lines = Vec::new();
        for page in 1..=REPORT_PAGES {
            let (answer, _) = self.send(|| Ok(calls::report(from, to, page))).await?;
            if !answer.is_success() {
                return Err(Refusal::of(&answer).into());
            }
            let (more, pages) = answer.read(|report: wire::Report| {
                let lines =
                    report.transaction_details.into_iter().map(|line| map::line(line.transaction_info));
                Ok((lines.collect::<Result<Vec<_>, _>>()?, report.total_pages))
            })?;
            lines.extend(more.into_iter().flatten());
            if page >= pages {
                return Ok(lines);
            }
        }
        Err(UpstreamError::rejected(Rejection::Invalid, "the report has too many pages"))
    }

    async fn verify(&self, message: &Message) -> Result<Verdict, UpstreamError> {
        let Some(verifier) = &self.verifier else {
            return Ok(Verdict::Forged("no webhook is configured".to_owned()));
        };
        let news = match self.check(message, verifier).await? {
            Ok(()) => webhook::news(&message.body),
            Err(why) => Err(why),
        };
        Ok(news.map_or_else(Verdict::Forged, Verdict::Genuine))
    }
}
