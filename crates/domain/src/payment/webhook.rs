//! What a gateway tells unasked.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};

use super::{PaymentRef, RefundKind};

/// A message as it came, true or forged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Headers by their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body, byte for byte: signatures are about these bytes.
    pub body: Vec<u8>,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// What a look at a message's signature says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The gateway sent it.
    Genuine(News),
    /// It did not, or not lately; for the operator, why.
    Forged(String),
}

/// What a genuine message is about. It says where to look; what is so there is asked anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The gateway's word for what happened.
    pub kind: String,
    /// What it happened to.
    pub subject: Subject,
    /// The payment it concerns, as far as the message says.
    pub payment: PaymentRef,
}

/// A leave to charge, as a message names it.
#[derive(Clone, PartialEq, Eq)]
pub struct Leave(pub String);

impl std::fmt::Debug for Leave {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Leave(…)")
    }
}

/// What a message is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// An order or its capture.
    Payment,
    /// Money that went back.
    Returned {
        /// The gateway's id.
        id: String,
        /// Who sent it back.
        kind: RefundKind,
    },
    /// A dispute.
    Dispute {
        /// The gateway's id.
        id: String,
    },
    /// A leave to charge.
    Agreement {
        /// The leave itself, which is a secret.
        token: Leave,
    },
    /// Something we have no use for.
    Nothing,
}
