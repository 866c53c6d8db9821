//! What PayPal tells listeners about.

use serde_json::{Value, json};

/// Declares the event types with PayPal's name, its description and the type and version of the resource inside.
macro_rules! event_types {
    ($($variant:ident $name:literal $resource:literal $version:literal $description:literal;)+) => {
        /// The events a wallet cares about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum EventType {
            $($variant,)+
        }

        impl EventType {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As on the wire: `PAYMENT.CAPTURE.COMPLETED`.
            pub(super) fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What the resource inside is.
            pub(super) fn resource_type(self) -> &'static str {
                match self { $(Self::$variant => $resource,)+ }
            }

            /// In which version of the API the resource is written.
            pub(super) fn resource_version(self) -> &'static str {
                match self { $(Self::$variant => $version,)+ }
            }

            fn description(self) -> &'static str {
                match self { $(Self::$variant => $description,)+ }
            }
        }
    };
}

event_types! {
    OrderApproved "CHECKOUT.ORDER.APPROVED" "checkout-order" "2.0" "An order has been approved by buyer.";
    OrderCompleted "CHECKOUT.ORDER.COMPLETED" "checkout-order" "2.0" "A checkout order is processed.";
    ApprovalReversed "CHECKOUT.PAYMENT-APPROVAL.REVERSED" "payment_approval" "2.0" "A payment has been reversed after approval.";
    DisputeCreated "CUSTOMER.DISPUTE.CREATED" "dispute" "1.0" "A dispute is created.";
    DisputeResolved "CUSTOMER.DISPUTE.RESOLVED" "dispute" "1.0" "A dispute is resolved.";
    DisputeUpdated "CUSTOMER.DISPUTE.UPDATED" "dispute" "1.0" "A dispute is updated.";
    CaptureCompleted "PAYMENT.CAPTURE.COMPLETED" "capture" "2.0" "A payment capture completes.";
    CaptureDeclined "PAYMENT.CAPTURE.DECLINED" "capture" "2.0" "A payment capture is declined.";
    CaptureDenied "PAYMENT.CAPTURE.DENIED" "capture" "2.0" "A payment capture is denied.";
    CapturePending "PAYMENT.CAPTURE.PENDING" "capture" "2.0" "The state of a payment capture changes to pending.";
    CaptureRefunded "PAYMENT.CAPTURE.REFUNDED" "refund" "2.0" "A merchant refunds a payment capture.";
    CaptureReversed "PAYMENT.CAPTURE.REVERSED" "refund" "2.0" "PayPal reverses a payment capture.";
    RefundFailed "PAYMENT.REFUND.FAILED" "refund" "2.0" "A refund fails.";
    RefundPending "PAYMENT.REFUND.PENDING" "refund" "2.0" "A refund is pending.";
    TokenCreated "VAULT.PAYMENT-TOKEN.CREATED" "payment_token" "3.0" "A payment token is created.";
    TokenDeleted "VAULT.PAYMENT-TOKEN.DELETED" "payment_token" "3.0" "A payment token is deleted.";
}

impl EventType {
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|event_type| event_type.name() == name)
    }

    fn json(self) -> Value {
        json!({
            "name": self.name(),
            "description": self.description(),
            "status": "ENABLED",
            "resource_versions": [self.resource_version()],
        })
    }

    /// All of them, as `/v1/notifications/webhooks-event-types` lists them.
    pub(super) fn catalogue() -> Vec<Value> {
        Self::ALL.iter().map(|event_type| event_type.json()).collect()
    }
}
