//! Mail over SMTP.
//!
//! One connection per mail: hosts close idle ones, and a mail lost into a dead connection would be sent twice.

mod address;
mod errors;
mod message;

use std::time::Duration;

use async_trait::async_trait;
use domain::notify::mail::{Mailer, Message};
use domain::provider::UpstreamError;
use lettre::message::Mailbox;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use secrecy::{ExposeSecret as _, SecretString};

use crate::CALL_TIMEOUT;
use address::{Encryption, SmtpUrl};

/// How long one line of the conversation may take.
const LINE_TIMEOUT: Duration = Duration::from_secs(10);

/// What is needed to hand mail to a host.
pub struct SmtpSettings {
    /// `smtps://user:password@host:465` (TLS from the first byte) or `smtp://…:587` (STARTTLS, which is required
    /// unless the host is this machine). User and password are percent-encoded.
    pub url: SecretString,
    /// The installation's own address, as `noreply@example.com` or `Example Cloud <noreply@example.com>`.
    pub from: String,
    /// The sender's name, where `from` says none.
    pub name: String,
}

/// Why the settings cannot be used. Names no secret.
#[derive(Debug, thiserror::Error)]
pub enum SmtpSetupError {
    /// The address of the host.
    #[error("the address of the mail host must be smtp://[user:password@]host[:port] or smtps://…")]
    Url,
    /// The sender.
    #[error("the sender must be an e-mail address, or Name <address>")]
    From,
    /// TLS cannot be set up for this host.
    #[error("TLS cannot be set up for the mail host")]
    Tls,
}

/// A mail host reached over SMTP.
pub struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Smtp {
    /// Reads the settings; connects when there is something to send.
    ///
    /// # Errors
    /// When the address or the sender cannot be read.
    pub fn new(settings: &SmtpSettings) -> Result<Self, SmtpSetupError> {
        let url = SmtpUrl::parse(settings.url.expose_secret()).ok_or(SmtpSetupError::Url)?;
        let mut from: Mailbox = settings.from.trim().parse().map_err(|_| SmtpSetupError::From)?;
        from.name.get_or_insert_with(|| domain::notify::mail::one_line(&settings.name));
        let hello = ClientId::Domain(from.email.domain().to_owned());
        let transport = builder(&url)?.hello_name(hello).timeout(Some(LINE_TIMEOUT)).build();
        Ok(Self { transport, from })
    }
}

fn builder(url: &SmtpUrl) -> Result<AsyncSmtpTransportBuilder, SmtpSetupError> {
    let tls = || TlsParameters::new(url.host.clone()).map_err(|_| SmtpSetupError::Tls);
    let tls = match url.encryption {
        Encryption::Tls => Tls::Wrapper(tls()?),
        Encryption::StartTls => Tls::Required(tls()?),
        Encryption::None => Tls::None,
    };
    let mut builder =
        AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&url.host).port(url.port).tls(tls);
    if let Some((user, password)) = &url.credentials {
        builder = builder.credentials(Credentials::new(user.clone(), password.expose_secret().to_owned()));
    }
    Ok(builder)
}

#[async_trait]
impl Mailer for Smtp {
    async fn send(&self, message: &Message) -> Result<(), UpstreamError> {
        let built = message::build(&self.from, message)?;
        match tokio::time::timeout(CALL_TIMEOUT, self.transport.send(built)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(errors::upstream(&error)),
            Err(_) => Err(UpstreamError::OutcomeUnknown { detail: "the mail host takes too long".into() }),
        }
    }
}
