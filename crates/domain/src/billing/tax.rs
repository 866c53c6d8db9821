//! Tax on top-ups: who owes it, at which rate, and how a payment divides into credit and tax.
//!
//! What a payer pays holds the tax: captured = net credit + tax. The tax is rounded half up to the digits of the
//! currency and the net amount is what is left, so both add up to what was captured, always.

use super::{Country, VatNumber};
use crate::Money;
use crate::money::Overflow;
use crate::text_enum::stored_enum;

/// Digits of the currency that tax is rounded to.
const DIGITS: u32 = 2;

/// A whole in hundredths of a percent.
const WHOLE: i64 = 10_000;

/// A name, an address and a tax number, as documents show them.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Party {
    /// Legal name.
    pub name: String,
    /// Street, town and whatever else stands in an address; several lines.
    pub address: String,
    /// The country, when it is known.
    pub country: Option<Country>,
    /// A business's tax number.
    pub vat_number: Option<VatNumber>,
}

stored_enum! {
    /// Why tax is owed, or why not.
    pub enum TaxReason {
        /// The installation does not deal with tax.
        Off = "off",
        /// The rate of the payer's country.
        Standard = "standard",
        /// A business in another country of the European Union owes the tax itself.
        ReverseCharge = "reverse_charge",
        /// There is no rate for the payer's country.
        NotTaxed = "not_taxed",
    }
}

impl TaxReason {
    /// What a document must say about it.
    pub const fn note(self) -> Option<&'static str> {
        match self {
            Self::Off | Self::Standard => None,
            Self::ReverseCharge => Some(
                "Reverse charge: the recipient of the service owes the VAT (Articles 44 and 196, Directive 2006/112/EC).",
            ),
            Self::NotTaxed => Some("Not subject to tax in the seller's country."),
        }
    }
}

/// How a payment is taxed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tax {
    /// Hundredths of a percent of the net amount.
    pub basis_points: i32,
    /// Why.
    pub reason: TaxReason,
}

impl Tax {
    /// No tax, and no word about it.
    pub const OFF: Self = Self { basis_points: 0, reason: TaxReason::Off };

    /// How this buyer's payments to this seller are taxed, where `rate` is that of the buyer's country.
    pub fn of(seller: &Party, buyer: &Party, rate: Option<i32>) -> Self {
        let is_abroad = |(ours, theirs): (Country, Country)| {
            ours != theirs && ours.is_in_eu() && theirs.is_in_eu() && buyer.vat_number.is_some()
        };
        if seller.country.zip(buyer.country).is_some_and(is_abroad) {
            return Self { basis_points: 0, reason: TaxReason::ReverseCharge };
        }
        match rate {
            Some(basis_points) => Self { basis_points, reason: TaxReason::Standard },
            None => Self { basis_points: 0, reason: TaxReason::NotTaxed },
        }
    }

    /// What of a payment is credit and what is tax.
    pub fn split(self, gross: Money) -> Result<Split, Overflow> {
        let rate = i64::from(self.basis_points);
        let tax = gross.scaled_half_up(rate, WHOLE + rate, DIGITS)?.min(gross);
        Ok(Split { net: gross.minus(tax)?, tax })
    }
}

/// A payment, or a part of one, as credit and tax.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    /// What is credited.
    pub net: Money,
    /// What is due to the tax office.
    pub tax: Money,
}

/// More goes back than was paid, or nothing does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a part of what is left of the payment")]
pub struct BadPart;

impl Split {
    /// An amount without tax.
    pub const fn untaxed(net: Money) -> Self {
        Self { net, tax: Money::ZERO }
    }

    /// What the payer paid.
    pub fn gross(self) -> Result<Money, Overflow> {
        self.net.plus(self.tax)
    }

    /// How `amount` of this payment divides when it goes back and `before` of it went back earlier. Tax goes back in
    /// proportion; parts that make up the whole carry its tax exactly, however they are cut.
    pub fn part(self, before: Money, amount: Money) -> Result<Self, BadPart> {
        let gross = self.gross().map_err(|_| BadPart)?;
        let after = before.plus(amount).map_err(|_| BadPart)?;
        if before < Money::ZERO || !amount.is_positive() || after > gross {
            return Err(BadPart);
        }
        let share = |of: Money| self.tax.scaled_half_up(of.micros(), gross.micros(), DIGITS);
        let tax = match after == gross {
            true => Ok(self.tax),
            false => share(after),
        };
        let tax = tax.and_then(|after| after.minus(share(before)?)).map_err(|_| BadPart)?;
        // A part of less than the tax's smallest unit carries at most itself.
        let tax = tax.min(amount);
        Ok(Self { net: amount.minus(tax).map_err(|_| BadPart)?, tax })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn party(country: &str, vat_number: Option<&str>) -> Party {
        let country: Country = country.parse().expect("a country");
        let vat_number = vat_number.map(|text| VatNumber::parse(country, text).expect("a number"));
        Party { name: "X".into(), address: String::new(), country: Some(country), vat_number }
    }

    #[test]
    fn who_owes_tax() {
        let seller = party("DE", Some("DE123456789"));
        let of = |buyer: Party, rate| {
            let tax = Tax::of(&seller, &buyer, rate);
            (tax.reason, tax.basis_points)
        };
        let business = || Some("ATU12345678");
        assert_eq!(of(party("DE", None), Some(1_900)), (TaxReason::Standard, 1_900));
        assert_eq!(of(party("DE", Some("123456789")), Some(1_900)), (TaxReason::Standard, 1_900), "at home");
        assert_eq!(of(party("AT", None), Some(2_000)), (TaxReason::Standard, 2_000), "a person abroad");
        assert_eq!(of(party("AT", business()), Some(2_000)), (TaxReason::ReverseCharge, 0));
        assert_eq!(of(party("US", Some("12-3456789")), None), (TaxReason::NotTaxed, 0));
        assert_eq!(of(party("CH", Some("CHE123456789")), Some(810)), (TaxReason::Standard, 810));
        let elsewhere = party("US", None);
        let tax = Tax::of(&elsewhere, &party("AT", business()), Some(2_000));
        assert_eq!(tax.reason, TaxReason::Standard, "a seller outside the union");
        assert!(TaxReason::ReverseCharge.note().is_some() && TaxReason::Off.note().is_none());
    }

    #[test]
    fn a_payment_holds_its_tax() {
        let of = |gross: i64, basis_points| {
            let tax = Tax { basis_points, reason: TaxReason::Standard };
            tax.split(Money::from_micros(gross)).map(|s| (s.net.micros(), s.tax.micros()))
        };
        assert_eq!(of(25_000_000, 1_900), Ok((21_010_000, 3_990_000)));
        assert_eq!(of(119_000_000, 1_900), Ok((100_000_000, 19_000_000)));
        assert_eq!(of(10_000_000, 0), Ok((10_000_000, 0)));
        assert_eq!(of(10_000, 10_000), Ok((0, 10_000)), "half a cent is rounded up");
    }

    proptest! {
        #[test]
        fn net_and_tax_are_what_was_captured(cents in 1_i64..1_000_000_000, basis_points in 0_i32..=10_000) {
            let gross = Money::from_micros(cents * 10_000);
            let tax = Tax { basis_points, reason: TaxReason::Standard };
            let split = tax.split(gross).expect("in range");
            prop_assert_eq!(split.gross(), Ok(gross));
            prop_assert!(split.net >= Money::ZERO && split.tax >= Money::ZERO);
            prop_assert_eq!(split.tax.micros() % 10_000, 0);
            // Within half a cent of the exact share.
            let exact = i128::from(gross.micros()) * i128::from(basis_points);
            let scaled = i128::from(split.tax.micros()) * (10_000 + i128::from(basis_points));
            prop_assert!((exact - scaled).abs() <= 5_000 * (10_000 + i128::from(basis_points)));
        }

        #[test]
        fn parts_that_make_up_a_payment_carry_its_tax(
            cents in 2_i64..1_000_000, basis_points in 0_i32..=3_000, cuts in prop::collection::vec(1_i64..1_000, 0..5)
        ) {
            let gross = Money::from_micros(cents * 10_000);
            let tax = Tax { basis_points, reason: TaxReason::Standard };
            let whole = tax.split(gross).expect("in range");
            let (mut before, mut net, mut taxes) = (Money::ZERO, Money::ZERO, Money::ZERO);
            let mut left = cents;
            let pieces: Vec<i64> = cuts.into_iter().chain([i64::MAX]).collect();
            for piece in pieces {
                let piece = piece.min(left);
                if piece == 0 { break; }
                left -= piece;
                let amount = Money::from_micros(piece * 10_000);
                let part = whole.part(before, amount).expect("a part");
                prop_assert_eq!(part.gross(), Ok(amount));
                prop_assert!(part.tax >= Money::ZERO && part.net >= Money::ZERO);
                before = before.plus(amount).expect("in range");
                net = net.plus(part.net).expect("in range");
                taxes = taxes.plus(part.tax).expect("in range");
            }
            prop_assert_eq!((net, taxes), (whole.net, whole.tax));
            prop_assert_eq!(whole.part(gross, Money::from_micros(10_000)), Err(BadPart));
        }
    }
}
