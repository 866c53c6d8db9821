//! Values as the API writes them: money as decimal text, states as words.

use domain::Money;
use domain::billing::{TaxReason, VatStatus};
use domain::identity::{Permission, Role};
use domain::payment::{AutoTopUpState, DisputeState, OffReason, RefundKind, RefundState, TopUpState};
use domain::vps::{ActionKind, ActionState, PowerRequest, Status};
use domain::wallet::{CreditSource, TransactionKind};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// An amount of money as an exact decimal text, such as `"25.00"` or `"0.0089"`: at least two and
/// at most six digits after the point. Never read it into a binary floating-point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = r"^-?\d+\.\d{2,6}$", example = "25.00")]
pub(crate) struct Amount(pub(crate) Money);

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map(Self).map_err(de::Error::custom)
    }
}

/// Gives words of the domain a schema that lists them all.
macro_rules! words {
    ($($(#[doc = $doc:literal])+ $name:ident($inner:ty)),+ $(,)?) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(transparent)]
        pub(crate) struct $name(pub(crate) $inner);

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let words = <$inner>::ALL.iter().map(|word| word.as_str());
                ObjectBuilder::new()
                    .schema_type(SchemaType::Type(Type::String))
                    .description(Some(concat!($($doc),+).trim()))
                    .enum_values(Some(words))
                    .into()
            }
        }

        impl ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )+};
}

words! {
    /// What a VPS is or does. `suspended_unpaid` ends when money is added.
    VpsStatus(Status),
    /// Something asked of a VPS; `suspend` and `resume` are the panel's own.
    ActionType(ActionKind),
    /// How far an action is.
    ActionStatus(ActionState),
    /// What can be asked of a VPS.
    ActionRequest(PowerRequest),
    /// How far a top-up is.
    TopUpStatus(TopUpState),
    /// How far automatic top-ups are.
    AutoTopUpStatus(AutoTopUpState),
    /// Why automatic top-ups are off: turned off (`customer`), never begun (`not_started`, `not_approved`), two declined
    /// payments (`declined`), ended by the payer at the payment service (`revoked`), or for want of billing details.
    AutoTopUpEnd(OffReason),
    /// Who sent money back to the payer: we, or the payment service for the payer.
    RefundType(RefundKind),
    /// How far a refund is.
    RefundStatus(RefundState),
    /// How a dispute stands: with `won` the money stays, with `lost` it went back.
    DisputeStatus(DisputeState),
    /// Why money moved.
    TransactionType(TransactionKind),
    /// Why tax is owed: `off` (there is no word about tax), `standard` (the rate of the country), `reverse_charge` (the
    /// buyer owes it) or `not_taxed`.
    TaxReasonName(TaxReason),
    /// What the register of the European Union said of a VAT number: nothing yet (`unchecked`: it counts by its format),
    /// that it is in use (`valid`) or not (`invalid`: payments hold tax).
    VatNumberStatus(VatStatus),
    /// Where a credit comes from: a code for everybody, a code of its own, or support.
    CreditType(CreditSource),
    /// What a member of the organization is.
    RoleName(Role),
    /// What one may do.
    PermissionName(Permission),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_text_both_ways_and_never_a_number() {
        let amount = Amount(Money::from_micros(8_900));
        assert_eq!(serde_json::to_string(&amount).ok().as_deref(), Some("\"0.0089\""));
        assert_eq!(serde_json::from_str::<Amount>("\"0.0089\"").ok(), Some(amount));
        for wrong in ["25", "25.00", "\"25,00\"", "\"\"", "\"1e3\"", "null"] {
            assert!(serde_json::from_str::<Amount>(wrong).is_err(), "{wrong}");
        }
    }
}
