//! Settings of the use cases, read by the binary from environment and file.

use std::time::Duration;

use domain::Money;
use domain::billing::Party;
use store::operations::alarms::Patience;
use url::Url;

use crate::identity::limits::Limits;

/// What an operator can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The name customers see.
    pub company_name: String,
    /// Address of the logo, if there is one.
    pub company_logo: Option<String>,
    /// Who sells, as documents name it.
    pub seller: Party,
    /// Do payments hold tax?
    pub tax: bool,
    /// Is a register asked about the VAT numbers on which tax depends?
    pub vat_check: bool,
    /// Where the panel is reached from outside; the gateway sends payers back here.
    pub public_url: Url,
    /// ISO 4217 code of the installation's currency.
    pub currency: String,
    /// Is there a mail host? Without one nothing is sent, and operators are told so.
    pub mail: bool,
    /// Does the payment gateway tell us of payments, and can we check that it is the one who does?
    pub webhook: bool,
    /// An order must leave money for so many hours of everything the organization then runs.
    pub reserve_hours: i64,
    /// A price that VPSs keep rises so many days after their people were told, at the earliest.
    pub notice_days: i32,
    /// Unpaid VPSs are kept for so many hours after they were suspended, unless an operator agreed otherwise.
    pub retention_hours: i64,
    /// Smallest top-up.
    pub top_up_min: Money,
    /// Largest top-up.
    pub top_up_max: Money,
    /// One operator alone corrects a wallet by at most so much, up or down, and gives at most so much credit.
    pub adjustment_limit: Money,
    /// After a lost answer, a server is looked for during this time before it is made again.
    pub lost_answer_wait: Duration,
    /// A server that did not come up in this time is given up.
    pub create_deadline: Duration,
    /// Pause between two looks at something under way at a provider or the gateway.
    pub watch_every: Duration,
    /// How many requests may come.
    pub limits: Limits,
    /// From when on something late is an alarm.
    pub patience: Patience,
}

impl Settings {
    /// The defaults for an installation at this address.
    pub fn new(public_url: Url) -> Self {
        Self {
            company_name: "SkyPanel".into(),
            company_logo: None,
            seller: Party { name: "SkyPanel".into(), ..Party::default() },
            tax: false,
            vat_check: false,
            public_url,
            currency: "USD".into(),
            mail: false,
            webhook: false,
            reserve_hours: 24,
            notice_days: 30,
            retention_hours: 168,
            top_up_min: Money::from_micros(5_000_000),
            top_up_max: Money::from_micros(5_000_000_000),
            adjustment_limit: Money::from_micros(100_000_000),
            lost_answer_wait: Duration::from_secs(120),
            create_deadline: Duration::from_secs(30 * 60),
            watch_every: Duration::from_secs(2),
            limits: Limits::default(),
            patience: Patience { work: Duration::from_secs(300), reconcile: Duration::from_secs(900) },
        }
    }
}
