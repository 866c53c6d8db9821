//! Every setting: from the environment, else from a TOML file, else the default.
//!
//! One table says what there is; `skypanel config` prints it. The environment variable of a
//! setting is its name in capitals.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use app::wallet::statement::StatementKeys;
use clients::paypal::{WebhookCheck, WebhookSettings};
use domain::Money;
use domain::billing::{Country, Party, VatNumber};
use domain::identity::Quota;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use url::Url;

/// One row of the table.
struct Setting {
    name: &'static str,
    default: &'static str,
    secret: bool,
    meaning: &'static str,
}

const fn plain(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default, secret: false, meaning }
}

const fn secret(name: &'static str, meaning: &'static str) -> Setting {
    Setting { name, default: "", secret: true, meaning }
}

const SETTINGS: &[Setting] = &[
    secret(
        "database_url",
        "PostgreSQL as the login role, for serve and work. Must not be a superuser or the owner.",
    ),
    secret("database_owner_url", "PostgreSQL as the owner of the schema, for migrate only."),
    plain(
        "database_connections",
        "10",
        "Most connections one process opens; more than a few for each core only wait.",
    ),
    secret(
        "sealing_keys",
        "Keys for secrets at rest, as id:base64 of 32 random bytes (openssl rand -base64 32), separated by commas. \
         The first seals, all open: put a new key in front to rotate.",
    ),
    secret(
        "statement_keys",
        "Keys that sign statements, each the base64 of 32 random bytes (openssl rand -base64 32), separated by commas. \
         The first signs: put a new key in front to rotate, and leave public: and its public key of one that must sign \
         no more. Not set: there are no signed statements.",
    ),
    plain("listen", "127.0.0.1:8080", "Address that serve listens on."),
    plain("public_url", "http://127.0.0.1:8080", "Where customers reach the panel; https in production."),
    plain(
        "trusted_proxies",
        "",
        "Networks of the reverse proxies in front of serve, such as 10.0.0.0/8,::1: their X-Forwarded-For counts.",
    ),
    secret(
        "metrics_token",
        "What a monitoring system shows to read /metrics (Authorization: Bearer …), 16 characters or more. Not set: \
         there is no /metrics.",
    ),
    plain(
        "limit_address",
        "6000/60",
        "Requests of one address at once, and the seconds until all are there again.",
    ),
    plain("limit_user", "1200/60", "The same for one person in the browser."),
    plain("limit_api_key", "1200/60", "The same for one API key."),
    plain("limit_organization", "6000/60", "The same for an organization as a whole."),
    plain("limit_sign_in", "30/60", "The same for signing in and up from one address."),
    plain("limit_money", "30/60", "The same for payments of one organization."),
    plain("limit_webhook", "600/60", "The same for webhooks from one address."),
    plain("company_name", "SkyPanel", "The name customers see."),
    plain("company_logo", "", "Address of the logo; empty for a plain name."),
    plain("company_legal_name", "", "The seller's name on receipts; empty: COMPANY_NAME."),
    plain(
        "company_address",
        "",
        "The seller's address on receipts, without the country; lines are separated by semicolons.",
    ),
    plain("company_country", "", "The seller's country, as an ISO 3166 code such as DE."),
    plain("company_vat_number", "", "The seller's VAT number."),
    plain(
        "tax",
        "off",
        "on: payments hold tax at the rate of the payer's country. Needs COMPANY_ADDRESS and COMPANY_COUNTRY.",
    ),
    plain(
        "vat_check",
        "off",
        "on: the register of the European Union is asked about VAT numbers on which reverse charge depends. Needs TAX.",
    ),
    plain(
        "vies_base_url",
        "https://ec.europa.eu/taxation_customs/vies/rest-api",
        "The register of VAT numbers that VAT_CHECK asks.",
    ),
    plain("currency", "USD", "ISO 4217 code of the installation's one currency. Cannot change later."),
    plain("reserve_hours", "24", "An order must leave money for so many hours of everything that then runs."),
    plain(
        "notice_days",
        "30",
        "The price of VPSs that run rises so many days after their people were told, at the earliest.",
    ),
    plain(
        "retention_hours",
        "168",
        "VPSs suspended for an empty wallet are destroyed after so many hours, with warnings; 1 to 8760. An operator can \
         agree otherwise with an organization.",
    ),
    plain(
        "adjustment_limit",
        "100.00",
        "One operator alone corrects a wallet by at most so much, and gives at most so much credit. A larger adjustment \
         waits for another operator.",
    ),
    plain(
        "paypal_base_url",
        "https://api-m.paypal.com",
        "PayPal's API; https://api-m.sandbox.paypal.com for trials.",
    ),
    plain("paypal_client_id", "", "Client id of the PayPal app."),
    secret("paypal_client_secret", "Secret of the PayPal app."),
    plain(
        "paypal_webhook_id",
        "",
        "Id of the PayPal app's webhook to /webhooks/payments at the public address. Not set: what comes there is refused.",
    ),
    plain(
        "paypal_webhook_check",
        "certificate",
        "How it is found out that PayPal sent a webhook: certificate (here), or gateway (by asking PayPal).",
    ),
    plain(
        "paypal_webhook_roots",
        "",
        "A PEM file of root certificates to trust for webhooks besides the public ones, as a simulator has one.",
    ),
    secret(
        "smtp_url",
        "The mail host: smtps://user:password@host:465, or smtp://user:password@host:587 (STARTTLS). User and password \
         are percent-encoded. Not set: mail is switched off.",
    ),
    plain(
        "mail_from",
        "",
        "The sender of mail: noreply@example.com, or Example Cloud <noreply@example.com>.",
    ),
    plain("worker_slots", "16", "Jobs that one worker process runs at once."),
    plain("lease_seconds", "45", "A worker that is silent for so long loses its jobs to others. At least 3."),
    plain(
        "lost_answer_seconds",
        "120",
        "After a lost answer a server is looked for so long before it is made again.",
    ),
    plain(
        "watch_milliseconds",
        "2000",
        "Pause between two looks at something under way at a provider or PayPal.",
    ),
    plain("billing_seconds", "60", "Pause between two billing runs."),
    plain("reconcile_seconds", "60", "Pause between two comparisons with the providers' inventories."),
];

/// The settings as read.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    database_url: SecretString,
    database_owner_url: SecretString,
    pub(crate) database_connections: u32,
    sealing_keys: SecretString,
    statement_keys: SecretString,
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Url,
    trusted_proxies: String,
    metrics_token: SecretString,
    pub(crate) limit_address: Quota,
    pub(crate) limit_user: Quota,
    pub(crate) limit_api_key: Quota,
    pub(crate) limit_organization: Quota,
    pub(crate) limit_sign_in: Quota,
    pub(crate) limit_money: Quota,
    pub(crate) limit_webhook: Quota,
    pub(crate) company_name: String,
    company_logo: String,
    company_legal_name: String,
    company_address: String,
    company_country: String,
    company_vat_number: String,
    tax: Switch,
    vat_check: Switch,
    pub(crate) vies_base_url: Url,
    pub(crate) currency: String,
    pub(crate) reserve_hours: i64,
    pub(crate) notice_days: i32,
    pub(crate) retention_hours: i64,
    adjustment_limit: String,
    pub(crate) paypal_base_url: Url,
    pub(crate) paypal_client_id: String,
    pub(crate) paypal_client_secret: SecretString,
    paypal_webhook_id: String,
    paypal_webhook_check: String,
    paypal_webhook_roots: String,
    smtp_url: SecretString,
    pub(crate) mail_from: String,
    pub(crate) worker_slots: usize,
    pub(crate) lease_seconds: u64,
    pub(crate) lost_answer_seconds: u64,
    pub(crate) watch_milliseconds: u64,
    pub(crate) billing_seconds: u64,
    pub(crate) reconcile_seconds: u64,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Switch {
    On,
    Off,
}

fn read(file: Option<&Path>, environment: impl Fn(&str) -> Option<String>) -> Result<config::Config> {
    let mut builder = config::Config::builder();
    for setting in SETTINGS {
        builder = builder.set_default(setting.name, setting.default)?;
    }
    if let Some(file) = file {
        builder = builder.add_source(config::File::from(file).format(config::FileFormat::Toml));
    }
    for setting in SETTINGS {
        builder = builder.set_override_option(setting.name, environment(&setting.name.to_uppercase()))?;
    }
    Ok(builder.build()?)
}

fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn required<'a>(name: &str, value: &'a SecretString) -> Result<&'a str> {
    match value.expose_secret() {
        "" => bail!("{} is not set; `skypanel config` lists all settings", name.to_uppercase()),
        value => Ok(value),
    }
}

impl Config {
    /// Reads and checks everything that can be checked without the database.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        Self::checked(&read(file, environment)?)
    }

    /// The same from given variables.
    pub(crate) fn from_environment(variables: impl Fn(&str) -> Option<String>) -> Result<Self> {
        Self::checked(&read(None, variables)?)
    }

    fn checked(values: &config::Config) -> Result<Self> {
        let config: Self = values.clone().try_deserialize().context("cannot read the settings")?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<()> {
        let currency = self.currency.len() == 3 && self.currency.bytes().all(|b| b.is_ascii_uppercase());
        let checks = [
            (currency, "currency must be an ISO 4217 code such as USD"),
            (self.reserve_hours >= 1, "reserve_hours must be at least 1"),
            ((0..=366).contains(&self.notice_days), "notice_days must be between 0 and 366"),
            ((1..=8760).contains(&self.retention_hours), "retention_hours must be between 1 and 8760"),
            (
                self.smtp_url().is_none() || !self.mail_from.trim().is_empty(),
                "smtp_url needs mail_from, the sender",
            ),
            (
                self.metrics_token().is_none_or(|token| token.expose_secret().len() >= 16),
                "metrics_token must have at least 16 characters",
            ),
            (self.worker_slots >= 1, "worker_slots must be at least 1"),
            (self.lease_seconds >= 3, "lease_seconds must be at least 3"),
            (self.watch_milliseconds >= 100, "watch_milliseconds must be at least 100"),
            (self.billing_seconds >= 1, "billing_seconds must be at least 1"),
            (self.reconcile_seconds >= 1, "reconcile_seconds must be at least 1"),
            (
                matches!(self.public_url.scheme(), "http" | "https"),
                "public_url must be an http or https address",
            ),
        ];
        match checks.iter().find(|(holds, _)| !holds) {
            None => {
                let seller = self.seller()?;
                if self.tax() && (seller.country.is_none() || seller.address.is_empty()) {
                    bail!("tax needs company_address and company_country");
                }
                if self.vat_check() && !self.tax() {
                    bail!("vat_check needs tax");
                }
                self.trusted_proxies().and(self.adjustment_limit())?;
                self.paypal_webhook()?;
                self.statement_keys().map(|_| ())
            }
            Some((_, message)) => bail!("{message}"),
        }
    }

    pub(crate) fn trusted_proxies(&self) -> Result<web::Proxies> {
        self.trusted_proxies.parse().context("trusted_proxies")
    }

    /// What one operator alone can correct and give.
    pub(crate) fn adjustment_limit(&self) -> Result<Money> {
        let limit: Money = self.adjustment_limit.parse().context("adjustment_limit")?;
        if limit < Money::ZERO { bail!("adjustment_limit must be 0 or more") } else { Ok(limit) }
    }

    pub(crate) fn database_url(&self) -> Result<&str> {
        required("database_url", &self.database_url)
    }

    pub(crate) fn database_owner_url(&self) -> Result<&str> {
        required("database_owner_url", &self.database_owner_url)
    }

    /// The mail host; `None` switches mail off.
    pub(crate) fn smtp_url(&self) -> Option<&SecretString> {
        Some(&self.smtp_url).filter(|url| !url.expose_secret().is_empty())
    }

    /// What opens `/metrics`; `None` hides it.
    pub(crate) fn metrics_token(&self) -> Option<&SecretString> {
        Some(&self.metrics_token).filter(|token| !token.expose_secret().is_empty())
    }

    /// Whose webhooks are believed; `None` refuses them.
    pub(crate) fn paypal_webhook(&self) -> Result<Option<WebhookSettings>> {
        let check = match self.paypal_webhook_check.as_str() {
            "certificate" => WebhookCheck::Certificate,
            "gateway" => WebhookCheck::Gateway,
            _ => bail!("paypal_webhook_check must be certificate or gateway"),
        };
        if self.paypal_webhook_id.is_empty() {
            return Ok(None);
        }
        let roots = match self.paypal_webhook_roots.as_str() {
            "" => String::new(),
            file => std::fs::read_to_string(file).context("paypal_webhook_roots")?,
        };
        Ok(Some(WebhookSettings { id: self.paypal_webhook_id.clone(), check, roots }))
    }

    pub(crate) fn sealing_keys(&self) -> &SecretString {
        &self.sealing_keys
    }

    /// Do payments hold tax?
    pub(crate) fn tax(&self) -> bool {
        self.tax == Switch::On
    }

    /// Is a register asked about VAT numbers?
    pub(crate) fn vat_check(&self) -> bool {
        self.vat_check == Switch::On
    }

    /// Who sells, as documents name it.
    pub(crate) fn seller(&self) -> Result<Party> {
        let lines = self.company_address.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty());
        let country = match self.company_country.trim() {
            "" => None,
            code => Some(code.parse::<Country>().context("company_country")?),
        };
        let vat_number = match (self.company_vat_number.trim(), country) {
            ("", _) => None,
            (_, None) => bail!("company_vat_number needs company_country"),
            (text, Some(country)) => Some(VatNumber::parse(country, text).context("company_vat_number")?),
        };
        let name = match self.company_legal_name.trim() {
            "" => self.company_name.clone(),
            name => name.to_owned(),
        };
        Ok(Party { name, address: lines.collect::<Vec<_>>().join("\n"), country, vat_number })
    }

    pub(crate) fn statement_keys(&self) -> Result<StatementKeys> {
        StatementKeys::parse(&self.statement_keys).context("STATEMENT_KEYS")
    }

    pub(crate) fn company_logo(&self) -> Result<Option<Url>> {
        match self.company_logo.as_str() {
            "" => Ok(None),
            text => Ok(Some(text.parse().context("company_logo is not an address")?)),
        }
    }
}

/// Prints the table with the values in force.
pub(crate) fn print(file: Option<&Path>) -> Result<()> {
    let values = read(file, environment)?;
    let mut out = std::io::stdout().lock();
    for setting in SETTINGS {
        let value = values.get_string(setting.name).unwrap_or_default();
        let shown = match (setting.secret, value.as_str()) {
            (_, "") => "(not set)",
            (true, _) => "(set)",
            (false, value) => value,
        };
        writeln!(out, "{} = {shown}\n    {}", setting.name.to_uppercase(), setting.meaning)?;
        if !setting.default.is_empty() && setting.default != value {
            writeln!(out, "    Default: {}", setting.default)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_and_the_struct_agree_and_the_defaults_are_valid() -> Result<()> {
        let config: Config = read(None, |_| None)?.try_deserialize()?;
        config.check()
    }

    #[test]
    fn the_environment_overrides_and_bad_values_name_their_setting() -> Result<()> {
        let with = |name: &'static str, value: &'static str| {
            let values = read(None, move |asked| (asked == name).then(|| value.to_owned()))?;
            Ok::<_, anyhow::Error>(values.try_deserialize::<Config>())
        };
        assert_eq!(with("COMPANY_NAME", "00123")?.map(|c| c.company_name).ok(), Some("00123".into()));
        let error = with("LISTEN", "nowhere")?.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("listen"), "{error}");
        let error = with("LIMIT_USER", "many")?.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(error.contains("limit_user"), "{error}");
        let proxies = with("TRUSTED_PROXIES", "1")??.check().map_err(|e| format!("{e:#}"));
        assert!(proxies.is_err_and(|error| error.contains("trusted_proxies")));
        Ok(())
    }

    #[test]
    fn the_seller_is_read_and_tax_needs_one() -> Result<()> {
        let with = |set: &'static [(&'static str, &'static str)]| {
            let found = move |asked: &str| set.iter().find(|(name, _)| *name == asked);
            Config::from_environment(move |asked| found(asked).map(|(_, value)| (*value).to_owned()))
        };
        let config = with(&[
            ("COMPANY_NAME", "Nimbus"),
            ("COMPANY_ADDRESS", "Hauptstr. 1; 10115 Berlin"),
            ("COMPANY_COUNTRY", "DE"),
            ("COMPANY_VAT_NUMBER", "DE 123456789"),
            ("TAX", "on"),
        ])?;
        let seller = config.seller()?;
        assert_eq!((seller.name.as_str(), seller.address.as_str()), ("Nimbus", "Hauptstr. 1\n10115 Berlin"));
        assert!(config.tax() && seller.vat_number.is_some());
        for wrong in [
            &[("TAX", "on")][..],
            &[("TAX", "maybe")],
            &[("VAT_CHECK", "on")],
            &[("COMPANY_COUNTRY", "Germany")],
            &[("COMPANY_VAT_NUMBER", "DE123456789")],
            &[("COMPANY_COUNTRY", "DE"), ("COMPANY_VAT_NUMBER", "DE1")],
        ] {
            assert!(with(wrong).is_err(), "{wrong:?}");
        }
        Ok(())
    }

    #[test]
    fn secrets_do_not_print() -> Result<()> {
        let empty = SecretString::from("");
        let missing = required("database_url", &empty).map_err(|e| e.to_string());
        assert_eq!(missing, Err("DATABASE_URL is not set; `skypanel config` lists all settings".into()));
        Ok(())
    }
}
