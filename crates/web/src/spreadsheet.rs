//! Files for spreadsheets.

use axum::http::{HeaderName, header};
use axum::response::IntoResponse;
use domain::Money;
use serde::Serialize;

use crate::error::Result;

/// An amount as spreadsheets read it: all digits, a point, no sign of a currency.
#[derive(Serialize)]
pub(crate) struct Amount(String);

impl From<Money> for Amount {
    fn from(amount: Money) -> Self {
        Self(amount.to_string())
    }
}

/// A name that no spreadsheet takes for a formula.
pub(crate) fn plain(name: &str) -> String {
    if name.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{name}") } else { name.to_owned() }
}

/// A file of these lines, under the names of their fields.
pub(crate) fn file<T: Serialize>(name: &str, lines: impl IntoIterator<Item = T>) -> Result {
    let mut writer = csv::Writer::from_writer(Vec::new());
    for line in lines {
        writer.serialize(line).map_err(app::Error::internal)?;
    }
    let text = writer.into_inner().map_err(|error| app::Error::internal(error.into_error()))?;
    let headers: [(HeaderName, String); 2] = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
    ];
    Ok((headers, text).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_is_taken_for_a_formula() {
        assert_eq!(plain("=1+1"), "'=1+1");
        assert_eq!(plain("Blue Bakery"), "Blue Bakery");
    }
}
