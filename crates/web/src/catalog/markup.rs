//! The markup fields of forms.

use app::Error;
use domain::Money;
use domain::catalog::Markup;
use serde::Deserialize;

use super::view::MarkupForm;
use crate::currency::Currency;
use crate::form::amount;

/// A markup as typed.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Typed {
    #[serde(default)]
    pub(crate) markup_percent: String,
    #[serde(default)]
    pub(crate) markup_hour: String,
    #[serde(default)]
    pub(crate) markup_month: String,
}

/// Micro-units of a percent in a hundredth of a percent.
const POINT: i64 = 10_000;

impl Typed {
    /// A markup of a price, to begin a form with.
    pub(crate) fn of(basis_points: i32, hour: Money, month: Money) -> Self {
        let percent = Money::from_micros(i64::from(basis_points) * POINT).display(2);
        Self {
            markup_percent: percent.trim_end_matches('0').trim_end_matches('.').to_owned(),
            markup_hour: hour.to_string(),
            markup_month: month.to_string(),
        }
    }

    /// The markup.
    pub(crate) fn parse(&self) -> Result<Markup, Error> {
        let percent = self.markup_percent.trim().trim_end_matches('%').trim_end();
        let refused = || {
            Error::invalid(
                "markup_percent",
                "Use a number with at most two digits after the point, for example 25.",
            )
        };
        let micros = percent.parse::<Money>().map_err(|_| refused())?.micros();
        let basis_points =
            i32::try_from(micros / POINT).ok().filter(|_| micros % POINT == 0).ok_or_else(refused)?;
        Ok(Markup {
            basis_points,
            fixed_hour: amount("markup_hour", &self.markup_hour)?,
            fixed_month: amount("markup_month", &self.markup_month)?,
        })
    }

    /// For a page.
    pub(crate) fn view(self, currency: &Currency) -> MarkupForm {
        MarkupForm {
            markup_percent: self.markup_percent,
            markup_hour: self.markup_hour,
            markup_month: self.markup_month,
            currency_sign: currency.sign().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages_are_exact_to_a_hundredth() {
        let points = |text: &str| {
            let typed = Typed { markup_percent: text.into(), ..Default::default() };
            typed.parse().ok().map(|markup| markup.basis_points)
        };
        assert_eq!(points("25"), Some(2500));
        assert_eq!(points(" 12.55 % "), Some(1255));
        assert_eq!(points("12.555"), None);
        assert_eq!(points(""), None);
        assert_eq!(points("a"), None);
    }

    #[test]
    fn a_markup_reads_back_as_it_is_shown() {
        let shown = Typed::of(1250, Money::from_micros(100), Money::ZERO);
        assert_eq!(shown.markup_percent, "12.5");
        assert_eq!(shown.parse().ok().map(|m| (m.basis_points, m.fixed_hour.micros())), Some((1250, 100)));
    }
}
