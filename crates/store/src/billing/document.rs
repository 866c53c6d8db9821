//! Receipts, credit notes and statements as they were issued. There is no way to change one.

use chrono::{DateTime, NaiveDate, Utc};
use domain::billing::document::{DocumentKind, DocumentNumber, Statement, TaxDocument};
use domain::{DocumentId, Money, OrganizationId, TopUpId};
use serde_json::Value;
use sqlx::types::Json;
use uuid::Uuid;

use crate::handle::sealed::Conn;
use crate::{Error, OrgDb, OrgTx, Result, SystemDb, SystemRead, SystemTx};

/// A receipt or credit note to issue.
#[derive(Debug)]
pub struct NewTaxDocument<'a> {
    /// Its id.
    pub id: DocumentId,
    /// Receipt or credit note.
    pub kind: DocumentKind,
    /// What it is for: the same key is refused by constraint `documents_organization_id_kind_key_key`.
    pub key: &'a str,
    /// The payment.
    pub top_up: TopUpId,
    /// Of a credit note: the receipt it corrects.
    pub receipt: Option<DocumentId>,
    /// When: its year is that of the number.
    pub issued_at: DateTime<Utc>,
    /// What it says.
    pub content: &'a TaxDocument,
}

/// Issues a receipt or credit note. Its series stays locked until the transaction ends: issue it last.
pub async fn insert(tx: &mut OrgTx, new: &NewTaxDocument<'_>) -> Result<DocumentNumber> {
    let organization = tx.organization_id();
    let row = sqlx::query!(
        "insert into documents (organization_id, id, kind, key, top_up_id, receipt_id, net_micros, tax_micros,
            gross_micros, content, issued_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) returning year, number",
        organization.0,
        new.id.0,
        new.kind.as_str(),
        new.key,
        new.top_up.0,
        new.receipt.map(|receipt| receipt.0),
        new.content.net.micros(),
        new.content.tax_amount.micros(),
        new.content.gross.micros(),
        Json(new.content) as _,
        new.issued_at,
    )
    .fetch_one(tx.conn())
    .await?;
    Ok(DocumentNumber { kind: new.kind, year: row.year, number: row.number })
}

/// Issues statements of a month.
pub async fn insert_statements(
    tx: &mut SystemTx,
    statements: &[(OrganizationId, DocumentId, Statement)],
) -> Result<()> {
    let organizations: Vec<Uuid> = statements.iter().map(|(organization, ..)| organization.0).collect();
    let ids: Vec<Uuid> = statements.iter().map(|(_, id, _)| id.0).collect();
    let months: Vec<NaiveDate> = statements.iter().map(|(.., statement)| statement.month).collect();
    let contents: Vec<Json<&Statement>> = statements.iter().map(|(.., statement)| Json(statement)).collect();
    sqlx::query!(
        "insert into documents (organization_id, id, kind, key, month, content)
        select organization, id, 'statement', to_char(month, 'YYYY-MM'), month, content
        from unnest($1::uuid[], $2::uuid[], $3::date[], $4::jsonb[]) as n (organization, id, month, content)",
        &organizations,
        &ids,
        &months,
        &contents as _,
    )
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// What a list shows of a document.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its id.
    pub id: DocumentId,
    /// What it is.
    pub kind: DocumentKind,
    /// Year of its number.
    pub year: i32,
    /// Its number in that year.
    pub number: i64,
    /// Of a receipt or credit note: credited, or taken back.
    pub net: Option<Money>,
    /// The tax.
    pub tax: Option<Money>,
    /// Paid, or gone back.
    pub gross: Option<Money>,
    /// Of a statement: its first day.
    pub month: Option<NaiveDate>,
    /// Of a statement: what its hours cost.
    pub charges: Option<Money>,
    /// Of a statement: the balance at its end.
    pub closing: Option<Money>,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
}

impl Line {
    /// Its number as people write it.
    pub const fn number(&self) -> DocumentNumber {
        DocumentNumber { kind: self.kind, year: self.year, number: self.number }
    }
}

async fn lines(
    db: &mut impl Conn,
    organization: OrganizationId,
    kinds: &[DocumentKind],
    before: Option<DocumentId>,
    limit: i64,
) -> Result<Vec<Line>> {
    let kinds: Vec<String> = kinds.iter().map(|kind| kind.as_str().to_owned()).collect();
    Ok(sqlx::query_as!(
        Line,
        r#"select id as "id: DocumentId", kind as "kind: DocumentKind", year, number, net_micros as "net: Money",
            tax_micros as "tax: Money", gross_micros as "gross: Money", month, (content->>'charges')::bigint as "charges: Money",
            (content->>'closing')::bigint as "closing: Money", issued_at
        from documents
        where organization_id = $1 and kind = any($2) and ($3::uuid is null or id < $3) order by id desc limit $4"#,
        organization.0,
        &kinds,
        before.map(|id| id.0),
        limit
    )
    .fetch_all(db.conn())
    .await?)
}

/// The newest `limit` documents of these kinds before `before`.
pub async fn list(
    db: &mut impl OrgDb,
    kinds: &[DocumentKind],
    before: Option<DocumentId>,
    limit: i64,
) -> Result<Vec<Line>> {
    let organization = db.organization_id();
    lines(db, organization, kinds, before, limit).await
}

/// The newest `limit` documents of an organization, for operators.
pub async fn of_organization(
    db: &mut impl SystemDb,
    organization: OrganizationId,
    before: Option<DocumentId>,
    limit: i64,
) -> Result<Vec<Line>> {
    lines(db, organization, DocumentKind::ALL, before, limit).await
}

/// What a document says.
#[derive(Debug, Clone)]
pub enum Content {
    /// A receipt or a credit note.
    Tax(Box<TaxDocument>),
    /// A statement.
    Statement(Box<Statement>),
}

/// A document.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its id.
    pub id: DocumentId,
    /// Whose.
    pub organization_id: OrganizationId,
    /// Its number.
    pub number: DocumentNumber,
    /// The payment it is about.
    pub top_up: Option<TopUpId>,
    /// When it was issued.
    pub issued_at: DateTime<Utc>,
    /// What it says.
    pub content: Content,
}

struct DocumentRow {
    id: DocumentId,
    organization_id: OrganizationId,
    kind: DocumentKind,
    year: i32,
    number: i64,
    top_up_id: Option<TopUpId>,
    issued_at: DateTime<Utc>,
    content: Value,
}

impl DocumentRow {
    fn document(self) -> Result<Document> {
        let unreadable = |_| Error::Inconsistent("the content of a document");
        let content = match self.kind {
            DocumentKind::Statement => {
                Content::Statement(serde_json::from_value(self.content).map_err(unreadable)?)
            }
            DocumentKind::Receipt | DocumentKind::CreditNote => {
                Content::Tax(serde_json::from_value(self.content).map_err(unreadable)?)
            }
        };
        Ok(Document {
            id: self.id,
            organization_id: self.organization_id,
            number: DocumentNumber { kind: self.kind, year: self.year, number: self.number },
            top_up: self.top_up_id,
            issued_at: self.issued_at,
            content,
        })
    }
}

/// One document.
pub async fn find(db: &mut impl OrgDb, id: DocumentId) -> Result<Option<Document>> {
    let organization = db.organization_id();
    let row = sqlx::query_as!(
        DocumentRow,
        r#"select id as "id: DocumentId", organization_id as "organization_id: OrganizationId",
            kind as "kind: DocumentKind", year, number, top_up_id as "top_up_id: TopUpId", issued_at, content
        from documents where organization_id = $1 and id = $2"#,
        organization.0,
        id.0
    )
    .fetch_optional(db.conn())
    .await?;
    row.map(DocumentRow::document).transpose()
}

/// One document of whomever, for operators.
pub async fn find_any(db: &mut SystemRead, id: DocumentId) -> Result<Option<Document>> {
    let row = sqlx::query_as!(
        DocumentRow,
        r#"select id as "id: DocumentId", organization_id as "organization_id: OrganizationId",
            kind as "kind: DocumentKind", year, number, top_up_id as "top_up_id: TopUpId", issued_at, content
        from documents where id = $1"#,
        id.0
    )
    .fetch_optional(db.conn())
    .await?;
    row.map(DocumentRow::document).transpose()
}

/// The document of this kind that was issued for a cause, if it was.
pub async fn for_key(db: &mut impl OrgDb, kind: DocumentKind, key: &str) -> Result<Option<Document>> {
    let organization = db.organization_id();
    let row = sqlx::query_as!(
        DocumentRow,
        r#"select id as "id: DocumentId", organization_id as "organization_id: OrganizationId",
            kind as "kind: DocumentKind", year, number, top_up_id as "top_up_id: TopUpId", issued_at, content
        from documents where organization_id = $1 and kind = $2 and key = $3"#,
        organization.0,
        kind.as_str(),
        key
    )
    .fetch_optional(db.conn())
    .await?;
    row.map(DocumentRow::document).transpose()
}

/// What credit notes took back of a receipt, tax included.
pub async fn credited(db: &mut impl OrgDb, receipt: DocumentId) -> Result<Money> {
    let organization = db.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select coalesce(sum(gross_micros), 0)::bigint as "sum!: Money" from documents
        where organization_id = $1 and receipt_id = $2"#,
        organization.0,
        receipt.0
    )
    .fetch_one(db.conn())
    .await?)
}

/// The receipt of a payment, if one was issued.
pub async fn receipt_of(db: &mut impl OrgDb, top_up: TopUpId) -> Result<Option<DocumentId>> {
    let organization = db.organization_id();
    Ok(sqlx::query_scalar!(
        r#"select id as "id: DocumentId" from documents
        where organization_id = $1 and kind = 'receipt' and top_up_id = $2"#,
        organization.0,
        top_up.0
    )
    .fetch_optional(db.conn())
    .await?)
}

/// All receipts and credit notes of a month (UTC), for the bookkeeper: by number.
pub async fn of_month(db: &mut SystemRead, month: NaiveDate) -> Result<Vec<Document>> {
    let rows = sqlx::query_as!(
        DocumentRow,
        r#"select id as "id: DocumentId", organization_id as "organization_id: OrganizationId",
            kind as "kind: DocumentKind", year, number, top_up_id as "top_up_id: TopUpId", issued_at, content
        from documents
        where kind <> 'statement' and issued_at >= $1::date::timestamp at time zone 'utc'
            and issued_at < ($1::date + interval '1 month') at time zone 'utc'
        order by kind desc, year, number"#,
        month
    )
    .fetch_all(db.conn())
    .await?;
    rows.into_iter().map(DocumentRow::document).collect()
}
