//! How the installation's one currency is written.

/// A currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Currency {
    code: String,
    sign: &'static str,
}

impl Currency {
    /// From an ISO 4217 code. Currencies without a well-known sign are written with their code.
    pub(crate) fn new(code: &str) -> Self {
        let sign = match code {
            "USD" => "$",
            "EUR" => "€",
            "GBP" => "£",
            _ => "",
        };
        Self { code: code.to_owned(), sign }
    }

    /// ISO 4217 code.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// The sign before amounts, or nothing.
    pub(crate) fn sign(&self) -> &str {
        self.sign
    }

    /// Puts sign or code to a number: `$12.34`, `12.34 CHF`.
    pub(crate) fn write(&self, number: &str) -> String {
        match self.sign {
            "" => format!("{number} {}", self.code),
            sign => format!("{sign}{number}"),
        }
    }
}
