//! Lists, page by page.
//!
//! Lists are read newest first. A page ends with a cursor that names its last row; the next page
//! begins after it. So a walk sees every row that was there when it began exactly once, whatever is
//! added meanwhile.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, de};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use uuid::Uuid;

use super::Problem;

/// Rows of a page when nobody says.
const DEFAULT: u8 = 25;
/// Most rows of a page.
const MAX: u8 = 100;

/// Where a list goes on: after this row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor(Uuid);

impl Cursor {
    /// After the row with this id.
    pub(crate) fn id(id: impl Into<Uuid>) -> Self {
        Self(id.into())
    }

    /// After the row with this number.
    pub(crate) fn number(number: i64) -> Self {
        Self(Uuid::from_u128(u128::from(number.unsigned_abs())))
    }

    fn encode(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0.as_bytes())
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        Uuid::from_slice(&bytes).ok().map(Self)
    }
}

impl<'de> Deserialize<'de> for Cursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::decode(&text)
            .ok_or_else(|| de::Error::custom("not a cursor; use next_cursor of the page before"))
    }
}

/// Which page of a list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Paging {
    /// Most rows to answer.
    #[param(minimum = 1, maximum = 100, default = 25)]
    pub(crate) limit: Option<u8>,
    /// `next_cursor` of the page before.
    #[param(value_type = Option<String>)]
    pub(crate) cursor: Option<Cursor>,
}

/// A page to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    rows: usize,
    cursor: Option<Cursor>,
}

impl Paging {
    /// Checks the limit.
    pub(crate) fn asked(&self) -> Result<Asked, Problem> {
        match self.limit.unwrap_or(DEFAULT) {
            limit @ 1..=MAX => Ok(Asked { rows: limit.into(), cursor: self.cursor }),
            _ => Err(Problem::invalid("limit", format!("Choose between 1 and {MAX}."))),
        }
    }
}

impl Asked {
    /// The id the page begins after.
    pub(crate) fn before<T: From<Uuid>>(&self) -> Option<T> {
        self.cursor.map(|c| T::from(c.0))
    }

    /// The number the page begins after.
    pub(crate) fn before_number(&self) -> Result<Option<i64>, Problem> {
        let number = self.cursor.map(|c| i64::try_from(c.0.as_u128())).transpose();
        number.map_err(|_| Problem::invalid("cursor", "This cursor belongs to another list."))
    }

    /// Rows to read: one more than asked for, to see whether there is another page.
    pub(crate) fn fetch(&self) -> i64 {
        i64::try_from(self.rows).unwrap_or(i64::MAX).saturating_add(1)
    }

    /// The page made of the rows read.
    pub(crate) fn page<R, T>(
        &self,
        mut rows: Vec<R>,
        cursor: impl Fn(&R) -> Cursor,
        show: impl FnMut(R) -> T,
    ) -> Page<T> {
        let more = rows.len() > self.rows;
        rows.truncate(self.rows);
        let next_cursor = rows.last().filter(|_| more).map(|last| cursor(last).encode());
        Page { data: rows.into_iter().map(show).collect(), next_cursor }
    }
}

/// A part of a list. Operations name it by an alias, such as `type VpsPage = Page<Vps>`.
#[derive(Debug, Serialize)]
pub(crate) struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Cursor of the next page; `null` on the last one."));
        ObjectBuilder::new()
            .description(Some("A part of a list."))
            .property("data", Ref::from_schema_name(T::name()).to_array_builder())
            .property("next_cursor", cursor)
            .required("data")
            .required("next_cursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        format!("{}Page", T::name()).into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

impl<T> Page<T> {
    /// A list that is answered as a whole.
    pub(crate) fn whole(data: Vec<T>) -> Self {
        Self { data, next_cursor: None }
    }
}

impl<T, E> Page<Result<T, E>> {
    /// The page, if all its rows can be shown.
    pub(crate) fn transposed(self) -> Result<Page<T>, E> {
        Ok(Page { data: self.data.into_iter().collect::<Result<_, E>>()?, next_cursor: self.next_cursor })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Cursor, serde_json::Error> {
        serde_json::from_value(text.into())
    }

    #[test]
    fn cursors_come_back_as_they_went() {
        let id = Uuid::now_v7();
        let cursor = read(&Cursor::id(id).encode()).expect("valid");
        let asked = Paging { limit: None, cursor: Some(cursor) }.asked().expect("valid");
        assert_eq!(asked.before::<Uuid>(), Some(id));
        let cursor = read(&Cursor::number(42).encode()).expect("valid");
        let asked = Paging { limit: None, cursor: Some(cursor) }.asked().expect("valid");
        assert_eq!(asked.before_number().ok(), Some(Some(42)));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let good = Cursor::id(Uuid::now_v7()).encode();
        for bad in [
            "",
            "x",
            &good[1..],
            &format!("{good}A"),
            &format!("{good}="),
            "0191d0f0-0000-7000-8000-000000000000",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        let foreign =
            Paging { limit: None, cursor: Some(Cursor::id(Uuid::now_v7())) }.asked().expect("valid");
        assert!(foreign.before_number().is_err(), "an id is no number");
    }

    #[test]
    fn pages_walk_a_list_once() {
        let rows: Vec<i64> = (1..=7).rev().collect();
        let (mut seen, mut cursor, mut pages) = (Vec::new(), None, 0);
        loop {
            let asked = Paging { limit: Some(3), cursor }.asked().expect("valid");
            let before = asked.before_number().expect("valid");
            let fetched = usize::try_from(asked.fetch()).expect("small");
            let read_rows =
                rows.iter().copied().filter(|n| before.is_none_or(|b| *n < b)).take(fetched).collect();
            let page = asked.page(read_rows, |n| Cursor::number(*n), |n| n);
            seen.extend(page.data);
            pages += 1;
            match page.next_cursor {
                Some(next) => cursor = Some(read(&next).expect("our own")),
                None => break,
            }
        }
        assert_eq!((seen, pages), (rows, 3));
    }

    #[test]
    fn limits_are_between_one_and_a_hundred() {
        let of = |limit| Paging { limit, cursor: None }.asked().map(|a| a.rows).ok();
        assert_eq!((of(None), of(Some(1)), of(Some(100))), (Some(25), Some(1), Some(100)));
        assert_eq!((of(Some(0)), of(Some(101))), (None, None));
    }
}
