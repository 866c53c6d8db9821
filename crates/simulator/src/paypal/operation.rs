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
    CreateWebhook,
    ListWebhooks,
    GetWebhook(&'p str),
    DeleteWebhook(&'p str),
    ListEventTypes,
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
            ("POST", ["v1", "notifications", "webhooks"]) => Self::CreateWebhook,
            ("GET", ["v1", "notifications", "webhooks"]) => Self::ListWebhooks,
            ("GET", ["v1", "notifications", "webhooks", id]) => Self::GetWebhook(id),
            ("DELETE", ["v1", "notifications", "webhooks", id]) => Self::DeleteWebhook(id),
            ("GET", ["v1", "notifications", "webhooks-event-types"]) => Self::ListEventTypes,
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
            Self::CreateWebhook => "paypal.create_webhook",
            Self::ListWebhooks => "paypal.list_webhooks",
            Self::GetWebhook(_) => "paypal.get_webhook",
            Self::DeleteWebhook(_) => "paypal.delete_webhook",
            Self::ListEventTypes => "paypal.list_event_types",
        }
    }

    /// Whether it moves or promises money, so that `PayPal-Mock-Response` applies to it.
    pub(super) fn is_payment(self) -> bool {
        !matches!(
            self,
            Self::Token
                | Self::CreateWebhook
                | Self::ListWebhooks
                | Self::GetWebhook(_)
                | Self::DeleteWebhook(_)
                | Self::ListEventTypes
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
