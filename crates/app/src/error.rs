//! What a use case can refuse, in words for the person who asked.

use std::time::Duration;

use domain::Money;

/// Result of a use case.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal. `Display` is meant for the log; pages and the API show [`Error::public_message`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the input is not acceptable.
    #[error("invalid {field}: {message}")]
    Invalid {
        /// Name of the field as in forms and the API.
        field: &'static str,
        /// What to change.
        message: String,
    },
    /// Not signed in, or the credentials are wrong.
    #[error("unauthenticated")]
    Unauthenticated,
    /// Signed in, but not allowed.
    #[error("forbidden")]
    Forbidden,
    /// There is no such thing in the caller's organization.
    #[error("not found")]
    NotFound,
    /// The thing is in a state in which this cannot be done.
    #[error("conflict: {message}")]
    Conflict {
        /// Stable word for programs.
        code: &'static str,
        /// Why, and what to do.
        message: String,
    },
    /// The price changed since the form was shown; nothing was ordered.
    #[error("the price changed")]
    StalePrice,
    /// The wallet does not cover the order and the reserve.
    #[error("insufficient funds")]
    InsufficientFunds {
        /// What must be available.
        needed: Money,
        /// What is available.
        available: Money,
    },
    /// Too often.
    #[error("too many requests")]
    TooManyRequests {
        /// When to try again.
        retry_after: Duration,
    },
    /// Our fault; the details are in the log only.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// A refused field.
    pub fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid { field, message: message.into() }
    }

    /// A refused state.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict { code, message: message.into() }
    }

    /// Something that must not happen.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }

    /// Stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict { code, .. } => code,
            Self::StalePrice => "price_changed",
            Self::InsufficientFunds { .. } => "insufficient_funds",
            Self::TooManyRequests { .. } => "too_many_requests",
            Self::Internal(_) => "internal",
        }
    }

    /// What the person is told.
    pub fn public_message(&self) -> String {
        match self {
            Self::Invalid { message, .. } | Self::Conflict { message, .. } => message.clone(),
            Self::Unauthenticated => "The e-mail address or the password is not right.".into(),
            Self::Forbidden => "Your role does not allow this.".into(),
            Self::NotFound => "This does not exist, or it is not yours.".into(),
            Self::StalePrice => "The price has changed. Look at the new price and order again.".into(),
            Self::InsufficientFunds { needed, available } => format!(
                "This needs {} available in the wallet; there is {}. Add money and try again.",
                needed.display(2),
                available.display(2)
            ),
            Self::TooManyRequests { retry_after } => {
                format!("Too many attempts. Try again in {} seconds.", retry_after.as_secs().max(1))
            }
            Self::Internal(_) => {
                "Something went wrong on our side. Nothing was changed; please try again.".into()
            }
        }
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Nul => Self::invalid("form", "The character NUL is not allowed."),
            error => Self::internal(error),
        }
    }
}

impl From<domain::money::Overflow> for Error {
    fn from(error: domain::money::Overflow) -> Self {
        Self::internal(error)
    }
}

impl From<domain::wallet::Unbalanced> for Error {
    fn from(error: domain::wallet::Unbalanced) -> Self {
        Self::internal(error)
    }
}

/// An error with its causes, for the log.
pub fn full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
