//! Receipts and credit notes: written in the transaction of the money they are about.

use chrono::{DateTime, Utc};
use domain::activity::{Action, Activity, TargetKind};
use domain::billing::document::{Correction, DocumentKind, DocumentNumber, TaxDocument};
use domain::billing::{Split, Tax};
use domain::identity::Email;
use domain::{DocumentId, Money, TopUpId, UserId};
use serde_json::json;
use store::billing::document::{self as rows, Content as Stored, Document, NewTaxDocument};
use store::billing::{profile, tax as taxes};
use store::wallet::LockedWallet;
use store::{OrgDb as _, OrgTx};

use super::tax::Taxed;
use crate::notify::mail::{self, Content, Mail};
use crate::{App, Error, Result};

/// Issues the receipt of a payment that is being credited, and mails it. Answers what the audit trail says. The
/// series stays locked until the transaction ends, so this comes last in it.
pub(crate) async fn issue_receipt(
    app: &App,
    tx: &mut OrgTx,
    top_up: TopUpId,
    payment: &str,
    taxed: &Taxed,
    now: DateTime<Utc>,
) -> Result<Activity> {
    let Taxed { split, frozen } = taxed;
    taxes::set_tax(tx, top_up, split.tax).await?;
    let buyer = match &frozen.buyer {
        Some(buyer) => buyer.clone(),
        None => profile::buyer(tx).await?.party,
    };
    let content = TaxDocument {
        seller: app.settings().seller.clone(),
        buyer,
        currency: app.settings().currency.clone(),
        net: split.net,
        tax: frozen.tax,
        tax_amount: split.tax,
        gross: split.gross()?,
        note: note(frozen.tax),
        payment: payment.to_owned(),
        corrects: None,
    };
    let new = NewTaxDocument {
        id: DocumentId::new(),
        kind: DocumentKind::Receipt,
        key: &top_up.to_string(),
        top_up,
        receipt: None,
        issued_at: now,
        content: &content,
    };
    let number = rows::insert(tx, &new).await?;
    tell(app, tx, &new, number, frozen.payer).await?;
    Ok(entry(tx, Action::ReceiptIssued, &new, number))
}

fn note(tax: Tax) -> Option<String> {
    tax.reason.note().map(str::to_owned)
}

fn entry(tx: &OrgTx, action: Action, new: &NewTaxDocument<'_>, number: DocumentNumber) -> Activity {
    let scope = tx.scope();
    Activity::of(scope.organization_id(), scope.actor(), action).on(TargetKind::Document, new.id).with(
        json!({
            "number": number.to_string(),
            "amount": new.content.gross.to_string(),
            "tax": new.content.tax_amount.to_string(),
        }),
    )
}

/// Mails that there is a new document, with the way to it.
async fn tell(
    app: &App,
    tx: &mut OrgTx,
    new: &NewTaxDocument<'_>,
    number: DocumentNumber,
    payer: Option<UserId>,
) -> Result<()> {
    let Some(recipient) = profile::recipient(tx, payer).await? else { return Ok(()) };
    let Some(to) = Email::parse(&recipient.email) else { return Ok(()) };
    let (name, number) = (recipient.name.clone(), number.to_string());
    let amount = format!("{} {}", new.content.gross.display(2), new.content.currency);
    let link = format!("/billing/documents/{}", new.id);
    let content = match new.content.corrects.as_ref() {
        None => Content::Receipt { name, number, amount, link },
        Some(correction) => {
            Content::CreditNote { name, number, amount, receipt: correction.receipt.clone(), link }
        }
    };
    let word = format!("document:{}", new.id);
    mail::enqueue(app, tx, &Mail::new(&to, &recipient.name, content).once(&word)).await?;
    Ok(())
}

/// What went back of a payment.
#[derive(Debug, Clone, Copy)]
pub struct Returned<'a> {
    /// The payment.
    pub top_up: TopUpId,
    /// Names what happened, for example the gateway's refund: one credit note for each key.
    pub key: &'a str,
    /// What went back to the payer, tax included.
    pub gross: Money,
    /// Why, as the document says it.
    pub reason: &'a str,
}

/// A credit note.
#[derive(Debug)]
pub struct CreditNote {
    /// Its id.
    pub id: DocumentId,
    /// Its number.
    pub number: DocumentNumber,
    /// What it takes from the wallet, and of the tax that is due.
    pub split: Split,
    /// What the audit trail says; `None` when it had been issued before.
    pub entry: Option<Activity>,
}

/// Issues the credit note for money that went back to a payer, and mails it. Tax goes back in proportion, so that all
/// parts together carry the receipt's tax exactly: post `split.tax` against the tax account, `split.net` against the
/// wallet. The wallet is locked, so that two parts are not cut at once. The same key gives the same credit note.
/// `None` when the payment has no receipt: it is from before receipts were issued, and held no tax.
///
/// Refused with the conflict `not_left` when more would go back than was paid.
pub async fn issue_credit_note(
    app: &App,
    tx: &mut OrgTx,
    wallet: &LockedWallet,
    returned: &Returned<'_>,
) -> Result<Option<CreditNote>> {
    if let Some(before) = rows::for_key(tx, DocumentKind::CreditNote, returned.key).await? {
        let split = tax_document(&before)?.split();
        return Ok(Some(CreditNote { id: before.id, number: before.number, split, entry: None }));
    }
    let Some(receipt) = rows::for_key(tx, DocumentKind::Receipt, &returned.top_up.to_string()).await? else {
        return Ok(None);
    };
    let receipt_content = tax_document(&receipt)?;
    let before = rows::credited(tx, receipt.id).await?;
    let split = receipt_content
        .split()
        .part(before, returned.gross)
        .map_err(|_| Error::conflict("not_left", "More would go back than is left of the payment."))?;
    let content = TaxDocument {
        net: split.net,
        tax_amount: split.tax,
        gross: returned.gross,
        corrects: Some(Correction {
            receipt: receipt.number.to_string(),
            issued_on: receipt.issued_at.date_naive(),
            reason: returned.reason.to_owned(),
        }),
        ..receipt_content.clone()
    };
    let new = NewTaxDocument {
        id: DocumentId::new(),
        kind: DocumentKind::CreditNote,
        key: returned.key,
        top_up: returned.top_up,
        receipt: Some(receipt.id),
        issued_at: wallet.now(),
        content: &content,
    };
    let number = rows::insert(tx, &new).await?;
    let payer = taxes::frozen(tx, returned.top_up).await?.payer;
    tell(app, tx, &new, number, payer).await?;
    let entry = entry(tx, Action::CreditNoteIssued, &new, number);
    Ok(Some(CreditNote { id: new.id, number, split, entry: Some(entry) }))
}

/// How money that went back under this key divided into credit and tax. Without a credit note it held no tax.
pub(crate) async fn returned_as(tx: &mut OrgTx, key: &str, gross: Money) -> Result<Split> {
    match rows::for_key(tx, DocumentKind::CreditNote, key).await? {
        Some(note) => Ok(tax_document(&note)?.split()),
        None => Ok(Split::untaxed(gross)),
    }
}

fn tax_document(document: &Document) -> Result<&TaxDocument> {
    match &document.content {
        Stored::Tax(content) => Ok(content),
        Stored::Statement(_) => Err(Error::internal("a statement is no tax document")),
    }
}
