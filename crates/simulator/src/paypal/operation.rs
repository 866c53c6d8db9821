//! Which operation of the API a request means.

use axum::http::Method;

/// The operations that are simulated, with the id in the path where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation<'p> {
    Token,
    CreateOrder,
    GetOrder(&'p str),
    PatchOrder(&'p str),
    CaptureOrder(&'p str),
    AuthorizeOrder(&'p str),
    GetCapture(&'p str),
    RefundCapture(&'p str),
    GetRefund(&'p str),
    GetAuthorization(&'p str),
    CaptureAuthorization(&'p str),
    VoidAuthorization(&'p str),
    ListDisputes,
    GetDispute(&'p str),
    AcceptClaim(&'p str),
    ProvideEvidence(&'p str),
    ListTransactions,
    ListBalances,
    CreateSetupToken,
    GetSetupToken(&'p str),
    CreatePaymentToken,
    ListPaymentTokens,
    GetPaymentToken(&'p str),
    DeletePaymentToken(&'p str),
    CreateWebhook,
    ListWebhooks,
    GetWebhook(&'p str),
    PatchWebhook(&'p str),
    DeleteWebhook(&'p str),
    ListWebhookTypes(&'p str),
    ListEventTypes,
    ListEvents,
    GetEvent(&'p str),
    ResendEvent(&'p str),
    SimulateEvent,
    VerifySignature,
    /// Served to everybody, like the pages of the payer.
    GetCertificate,
}

impl<'p> Operation<'p> {
    /// By method and path; `None` for everything that is not simulated.
    pub(super) fn of(method: &Method, path: &'p str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let operation = match (method.as_str(), segments.as_slice()) {
            ("POST", ["v1", "oauth2", "token"]) => Self::Token,
            ("POST", ["v2", "checkout", "orders"]) => Self::CreateOrder,
            ("GET", ["v2", "checkout", "orders", id]) => Self::GetOrder(id),
            ("PATCH", ["v2", "checkout", "orders", id]) => Self::PatchOrder(id),
            ("POST", ["v2", "checkout", "orders", id, "capture"]) => Self::CaptureOrder(id),
            ("POST", ["v2", "checkout", "orders", id, "authorize"]) => Self::AuthorizeOrder(id),
            ("GET", ["v2", "payments", "captures", id]) => Self::GetCapture(id),
            ("POST", ["v2", "payments", "captures", id, "refund"]) => Self::RefundCapture(id),
            ("GET", ["v2", "payments", "refunds", id]) => Self::GetRefund(id),
            ("GET", ["v2", "payments", "authorizations", id]) => Self::GetAuthorization(id),
            ("POST", ["v2", "payments", "authorizations", id, "capture"]) => Self::CaptureAuthorization(id),
            ("POST", ["v2", "payments", "authorizations", id, "void"]) => Self::VoidAuthorization(id),
            ("GET", ["v1", "customer", "disputes"]) => Self::ListDisputes,
            ("GET", ["v1", "customer", "disputes", id]) => Self::GetDispute(id),
            ("POST", ["v1", "customer", "disputes", id, "accept-claim"]) => Self::AcceptClaim(id),
            ("POST", ["v1", "customer", "disputes", id, "provide-evidence"]) => Self::ProvideEvidence(id),
            ("GET", ["v1", "reporting", "transactions"]) => Self::ListTransactions,
            ("GET", ["v1", "reporting", "balances"]) => Self::ListBalances,
            ("POST", ["v3", "vault", "setup-tokens"]) => Self::CreateSetupToken,
            ("GET", ["v3", "vault", "setup-tokens", id]) => Self::GetSetupToken(id),
            ("POST", ["v3", "vault", "payment-tokens"]) => Self::CreatePaymentToken,
            ("GET", ["v3", "vault", "payment-tokens"]) => Self::ListPaymentTokens,
            ("GET", ["v3", "vault", "payment-tokens", id]) => Self::GetPaymentToken(id),
            ("DELETE", ["v3", "vault", "payment-tokens", id]) => Self::DeletePaymentToken(id),
            ("POST", ["v1", "notifications", "webhooks"]) => Self::CreateWebhook,
            ("GET", ["v1", "notifications", "webhooks"]) => Self::ListWebhooks,
            ("GET", ["v1", "notifications", "webhooks", id]) => Self::GetWebhook(id),
            ("PATCH", ["v1", "notifications", "webhooks", id]) => Self::PatchWebhook(id),
            ("DELETE", ["v1", "notifications", "webhooks", id]) => Self::DeleteWebhook(id),
            ("GET", ["v1", "notifications", "webhooks", id, "event-types"]) => Self::ListWebhookTypes(id),
            ("GET", ["v1", "notifications", "webhooks-event-types"]) => Self::ListEventTypes,
            ("GET", ["v1", "notifications", "webhooks-events"]) => Self::ListEvents,
            ("GET", ["v1", "notifications", "webhooks-events", id]) => Self::GetEvent(id),
            ("POST", ["v1", "notifications", "webhooks-events", id, "resend"]) => Self::ResendEvent(id),
            ("POST", ["v1", "notifications", "simulate-event"]) => Self::SimulateEvent,
            ("POST", ["v1", "notifications", "verify-webhook-signature"]) => Self::VerifySignature,
            ("GET", ["v1", "notifications", "certs", _]) => Self::GetCertificate,
            _ => return None,
        };
        Some(operation)
    }

    /// The name that faults are injected by.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Token => "paypal.token",
            Self::CreateOrder => "paypal.create_order",
            Self::GetOrder(_) => "paypal.get_order",
            Self::PatchOrder(_) => "paypal.patch_order",
            Self::CaptureOrder(_) => "paypal.capture",
            Self::AuthorizeOrder(_) => "paypal.authorize",
            Self::GetCapture(_) => "paypal.get_capture",
            Self::RefundCapture(_) => "paypal.refund",
            Self::GetRefund(_) => "paypal.get_refund",
            Self::GetAuthorization(_) => "paypal.get_authorization",
            Self::CaptureAuthorization(_) => "paypal.capture_authorization",
            Self::VoidAuthorization(_) => "paypal.void_authorization",
            Self::ListDisputes => "paypal.list_disputes",
            Self::GetDispute(_) => "paypal.get_dispute",
            Self::AcceptClaim(_) => "paypal.accept_claim",
            Self::ProvideEvidence(_) => "paypal.provide_evidence",
            Self::ListTransactions => "paypal.list_transactions",
            Self::ListBalances => "paypal.list_balances",
            Self::CreateSetupToken => "paypal.create_setup_token",
            Self::GetSetupToken(_) => "paypal.get_setup_token",
            Self::CreatePaymentToken => "paypal.create_payment_token",
            Self::ListPaymentTokens => "paypal.list_payment_tokens",
            Self::GetPaymentToken(_) => "paypal.get_payment_token",
            Self::DeletePaymentToken(_) => "paypal.delete_payment_token",
            Self::CreateWebhook => "paypal.create_webhook",
            Self::ListWebhooks => "paypal.list_webhooks",
            Self::GetWebhook(_) => "paypal.get_webhook",
            Self::PatchWebhook(_) => "paypal.patch_webhook",
            Self::DeleteWebhook(_) => "paypal.delete_webhook",
            Self::ListWebhookTypes(_) => "paypal.list_webhook_types",
            Self::ListEventTypes => "paypal.list_event_types",
            Self::ListEvents => "paypal.list_events",
            Self::GetEvent(_) => "paypal.get_event",
            Self::ResendEvent(_) => "paypal.resend_event",
            Self::SimulateEvent => "paypal.simulate_event",
            Self::VerifySignature => "paypal.verify_signature",
            Self::GetCertificate => "paypal.get_certificate",
        }
    }

    /// Whether it moves or promises money, so that `PayPal-Mock-Response` applies to it.
    pub(super) fn is_payment(self) -> bool {
        matches!(
            self,
            Self::CreateOrder
                | Self::GetOrder(_)
                | Self::PatchOrder(_)
                | Self::CaptureOrder(_)
                | Self::AuthorizeOrder(_)
                | Self::GetCapture(_)
                | Self::RefundCapture(_)
                | Self::GetRefund(_)
                | Self::GetAuthorization(_)
                | Self::CaptureAuthorization(_)
                | Self::VoidAuthorization(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn method_and_path_decide() {
        let of = |method: Method, path| Operation::of(&method, path);
        assert_eq!(of(Method::POST, "/v2/checkout/orders"), Some(Operation::CreateOrder));
        assert_eq!(of(Method::POST, "/v2/checkout/orders/9X/capture"), Some(Operation::CaptureOrder("9X")));
        assert_eq!(of(Method::GET, "/v2/checkout/orders/9X/capture"), None);
        assert_eq!(of(Method::GET, "/checkoutnow"), None);
    }
}
