//! `/v1/reporting`: what moved, some time after it did.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::amount::Amount;
use super::books::{Books, Call};
use super::journal::Entry;
use super::problem::{Issue, Problem};
use super::render::{link, merchant_id, payer, time};
use crate::core::service::Reply;

/// The longest period of one question.
const LONGEST_PERIOD: TimeDelta = TimeDelta::days(31);
const PAGE_SIZE: usize = 100;
const MAX_PAGE_SIZE: usize = 500;
/// Reports with more lines are refused.
const MAX_LINES: usize = 10_000;

impl Books {
    /// Oldest first. An empty report has no `transaction_details`: PayPal's description allows none.
    pub(super) fn list_transactions(&self, call: &Call) -> Result<Reply, Problem> {
        let moment =
            |name: &str| call.moment(name)?.ok_or_else(|| Issue::MissingRequiredParameter.at(name, None));
        let (from, until) = (moment("start_date")?, moment("end_date")?);
        if !(TimeDelta::zero()..=LONGEST_PERIOD).contains(&(until - from)) {
            return Err(Issue::InvalidParameterValue.at("end_date", call.query("end_date")));
        }
        let size = call.number("page_size", PAGE_SIZE, 1..=MAX_PAGE_SIZE)?;
        let page = call.number("page", 1, 1..=usize::MAX / MAX_PAGE_SIZE)?;
        let known = self.reported_until(call.now);
        let lines: Vec<&Entry> = self
            .records
            .journal
            .iter()
            .filter(|entry| entry.account == call.account && entry.at <= known)
            .filter(|entry| (from..=until).contains(&entry.at) && is_asked_for(entry, call))
            .collect();
        if lines.len() > MAX_LINES {
            let message = "Result set size is greater than the maximum limit. Change the filter criteria and try again.";
            return Err(Problem::named("RESULTSET_TOO_LARGE", message));
        }
        let fields = call.query("fields").unwrap_or("transaction_info");
        let with_payer = fields == "all" || fields.split(',').any(|field| field == "payer_info");
        let details = lines.iter().skip((page - 1) * size).take(size).map(|entry| detail(entry, with_payer));
        let details: Vec<Value> = details.collect();
        let pages = lines.len().div_ceil(size);
        let mut report = json!({
            "account_number": merchant_id(&call.account),
            "start_date": time(from),
            "end_date": time(until),
            "last_refreshed_datetime": time(known),
            "page": page,
            "total_items": lines.len(),
            "total_pages": pages,
            "links": links(call, page, pages),
        });
        if !details.is_empty() {
            report["transaction_details"] = json!(details);
        }
        Ok(Reply::ok(report))
    }

    /// By currency. What is disputed is withheld.
    pub(super) fn list_balances(&self, call: &Call) -> Result<Reply, Problem> {
        let known = self.reported_until(call.now);
        let at = call.moment("as_of_time")?.unwrap_or(known).min(known);
        let mut balances: BTreeMap<&str, (&Amount, i64, i64)> = BTreeMap::new();
        let entries = self.records.journal.iter();
        for entry in entries.filter(|entry| entry.account == call.account && entry.at <= at) {
            let currency = entry.amount.currency.as_str();
            let (_, free, withheld) = balances.entry(currency).or_insert((&entry.amount, 0, 0));
            *free += entry.amount.minor + entry.fee.minor;
            if entry.code.is_hold() {
                *withheld -= entry.amount.minor;
            }
        }
        let is_asked_for = |currency: &str| match call.query("currency_code") {
            None | Some("ALL") => true,
            Some(asked) => asked == currency,
        };
        let balances = balances.into_iter().filter(|(currency, _)| is_asked_for(currency));
        let balances: Vec<Value> = balances
            .map(|(currency, (kind, free, withheld))| {
                json!({
                    "currency": currency,
                    "total_balance": kind.with_minor(free + withheld).json(),
                    "available_balance": kind.with_minor(free).json(),
                    "withheld_balance": kind.with_minor(withheld).json(),
                })
            })
            .collect();
        Ok(Reply::ok(json!({
            "balances": balances,
            "account_id": merchant_id(&call.account),
            "as_of_time": time(at),
            "last_refresh_time": time(known),
        })))
    }

    /// Until when reports know everything.
    fn reported_until(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now - TimeDelta::seconds(self.records.reporting_lag_seconds.into())
    }
}

fn is_asked_for(entry: &Entry, call: &Call) -> bool {
    let is = |name: &str, value: &str| call.query(name).is_none_or(|asked| asked == value);
    is("transaction_id", &entry.transaction_id)
        && is("transaction_type", entry.code.name())
        && is("transaction_currency", &entry.amount.currency)
        && is("transaction_status", "S")
}

fn detail(entry: &Entry, with_payer: bool) -> Value {
    let mut info = json!({
        "transaction_id": entry.transaction_id,
        "transaction_event_code": entry.code.name(),
        "transaction_initiation_date": time(entry.at),
        "transaction_updated_date": time(entry.at),
        "transaction_amount": entry.amount.json(),
        "transaction_status": "S",
        "protection_eligibility": "01",
    });
    if entry.fee.minor != 0 {
        info["fee_amount"] = entry.fee.json();
    }
    if let Some(reference) = &entry.reference_id {
        info["paypal_reference_id"] = json!(reference);
        info["paypal_reference_id_type"] = json!("TXN");
    }
    let texts = [("invoice_id", &entry.invoice_id), ("custom_field", &entry.custom_id)];
    for (field, text) in texts.into_iter().filter_map(|(field, text)| Some((field, text.as_ref()?))) {
        info[field] = json!(text);
    }
    let mut detail = json!({ "transaction_info": info });
    if let Some(payer_id) = &entry.payer_id {
        detail["transaction_info"]["paypal_account_id"] = json!(payer_id);
        if with_payer {
            detail["payer_info"] = json!({
                "account_id": payer_id,
                "email_address": payer(payer_id)["email_address"],
                "payer_status": "Y",
                "country_code": "US",
            });
        }
    }
    detail
}

fn links(call: &Call, page: usize, pages: usize) -> Vec<Value> {
    let to = |page: usize, rel: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(call.query.iter().filter(|(name, _)| name != "page"));
        query.append_pair("page", &page.to_string());
        link(&format!("{}/v1/reporting/transactions?{}", call.origin, query.finish()), rel, "GET")
    };
    let mut links = vec![to(page, "self")];
    if page < pages {
        links.extend([to(page + 1, "next"), to(pages, "last")]);
    }
    if page > 1 {
        links.extend([to(1, "first"), to(page - 1, "prev")]);
    }
    links
}
