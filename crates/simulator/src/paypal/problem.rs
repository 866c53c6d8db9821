//! Errors in PayPal's words.

use axum::http::StatusCode;
use serde_json::{Map, Value, json};

use super::certificates::NoCertificates;

/// Declares the issue codes with their status and PayPal's own sentence, which clients may match.
macro_rules! issues {
    ($($variant:ident $code:literal $status:ident $sentence:literal;)+) => {
        /// What exactly is wrong with a request.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Issue {
            $($variant,)+
        }

        impl Issue {
            const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// As on the wire: `ORDER_NOT_APPROVED`.
            pub(super) fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)+ }
            }

            fn sentence(self) -> &'static str {
                match self { $(Self::$variant => $sentence,)+ }
            }
        }
    };
}

issues! {
    InvalidArrayMaxItems "INVALID_ARRAY_MAX_ITEMS" BAD_REQUEST "The number of items in an array parameter is too large.";
    InvalidArrayMinItems "INVALID_ARRAY_MIN_ITEMS" BAD_REQUEST "The number of items in an array parameter is too small.";
    InvalidParameterSyntax "INVALID_PARAMETER_SYNTAX" BAD_REQUEST "The value of a field does not conform to the expected format.";
    InvalidParameterValue "INVALID_PARAMETER_VALUE" BAD_REQUEST "A parameter value is not valid.";
    InvalidStringLength "INVALID_STRING_LENGTH" BAD_REQUEST "The value of a field is either too short or too long";
    MalformedRequestJson "MALFORMED_REQUEST_JSON" BAD_REQUEST "The request JSON is not well formed.";
    MissingRequiredParameter "MISSING_REQUIRED_PARAMETER" BAD_REQUEST "A required parameter is missing.";
    NotSupported "NOT_SUPPORTED" BAD_REQUEST "This field is not currently supported.";
    InvalidResourceId "INVALID_RESOURCE_ID" NOT_FOUND "Specified resource ID does not exist. Please check the resource ID and try again.";
    ActionDoesNotMatchIntent "ACTION_DOES_NOT_MATCH_INTENT" UNPROCESSABLE_ENTITY "Order was created with an intent to 'CAPTURE'. Please use v2/checkout/orders/order_id/capture to complete the transaction or alternately Create an order with an intent of 'AUTHORIZE'.";
    ActionNotAllowed "ACTION_NOT_ALLOWED" UNPROCESSABLE_ENTITY "The dispute does not allow this action in its present state.";
    AgreementAlreadyCancelled "AGREEMENT_ALREADY_CANCELLED" UNPROCESSABLE_ENTITY "The requested agreement is already canceled.";
    AmountMismatch "AMOUNT_MISMATCH" UNPROCESSABLE_ENTITY "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount - discount.";
    AuthorizationAlreadyCaptured "AUTHORIZATION_ALREADY_CAPTURED" UNPROCESSABLE_ENTITY "Authorization has previously been captured.";
    AuthorizationVoided "AUTHORIZATION_VOIDED" UNPROCESSABLE_ENTITY "A voided authorization cannot be captured or reauthorized. ";
    AuthCaptureCurrencyMismatch "AUTH_CAPTURE_CURRENCY_MISMATCH" UNPROCESSABLE_ENTITY "Currency of capture must be the same as currency of authorization.";
    CannotBeNegative "CANNOT_BE_NEGATIVE" UNPROCESSABLE_ENTITY "Must be greater than or equal to 0. If the currency supports decimals, only two decimal place precision is supported.";
    CannotBeZeroOrNegative "CANNOT_BE_ZERO_OR_NEGATIVE" UNPROCESSABLE_ENTITY "Must be greater than zero. If the currency supports decimals, only two decimal place precision is supported.";
    CaptureFullyRefunded "CAPTURE_FULLY_REFUNDED" UNPROCESSABLE_ENTITY "The capture has already been fully refunded";
    ComplianceViolation "COMPLIANCE_VIOLATION" UNPROCESSABLE_ENTITY "Transaction is declined due to compliance violation.";
    DecimalPrecision "DECIMAL_PRECISION" UNPROCESSABLE_ENTITY "If the currency supports decimals, only two decimal place precision is supported.";
    DecimalsNotSupported "DECIMALS_NOT_SUPPORTED" UNPROCESSABLE_ENTITY "Currency does not support decimals. Please refer to https://developer.paypal.com/docs/api/reference/currency-codes/ for more information.";
    DuplicateInvoiceId "DUPLICATE_INVOICE_ID" UNPROCESSABLE_ENTITY "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting requires that Invoice Id be unique for each transaction.";
    DuplicateReferenceId "DUPLICATE_REFERENCE_ID" UNPROCESSABLE_ENTITY "`reference_id` must be unique if multiple `purchase_unit` are provided.";
    InstrumentDeclined "INSTRUMENT_DECLINED" UNPROCESSABLE_ENTITY "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment.";
    InvalidCurrencyCode "INVALID_CURRENCY_CODE" UNPROCESSABLE_ENTITY "Currency code is invalid or is not currently supported. Please refer https://developer.paypal.com/api/rest/reference/currency-codes/ for list of supported currency codes.";
    InvalidJsonPointerFormat "INVALID_JSON_POINTER_FORMAT" UNPROCESSABLE_ENTITY "Path should be a valid JSON Pointer https://tools.ietf.org/html/rfc6901 that references a location within the request where the operation is performed.";
    MaxCaptureAmountExceeded "MAX_CAPTURE_AMOUNT_EXCEEDED" UNPROCESSABLE_ENTITY "Capture amount exceeds allowable limit. Please contact customer service or your account manager to request the change to your overage limit. The default overage limit is 115%, which allows the sum of all captures to be up to 115% of the order amount. The ability to over capture is subjected to regulatory approvals.";
    MaxValueExceeded "MAX_VALUE_EXCEEDED" UNPROCESSABLE_ENTITY "Should be less than or equal to 999999999999999.99.";
    MultiCurrencyOrder "MULTI_CURRENCY_ORDER" UNPROCESSABLE_ENTITY "Multiple differing values of currency_code are not supported. Entire Order request must have the same currency_code.";
    NotPatchable "NOT_PATCHABLE" UNPROCESSABLE_ENTITY "Cannot be patched.";
    OrderAlreadyAuthorized "ORDER_ALREADY_AUTHORIZED" UNPROCESSABLE_ENTITY "Order already authorized.If 'intent=AUTHORIZE' only one authorization per order is allowed.";
    OrderAlreadyCaptured "ORDER_ALREADY_CAPTURED" UNPROCESSABLE_ENTITY "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed.";
    OrderAlreadyCompleted "ORDER_ALREADY_COMPLETED" UNPROCESSABLE_ENTITY "The order cannot be patched after it is completed.";
    OrderNotApproved "ORDER_NOT_APPROVED" UNPROCESSABLE_ENTITY "Payer has not yet approved the Order for payment. Please redirect the payer to the 'rel':'approve' url returned as part of the HATEOAS links within the Create Order call or provide a valid `payment_source` in the request.";
    PatchValueRequired "PATCH_VALUE_REQUIRED" UNPROCESSABLE_ENTITY "Please specify a 'value' to for the field that is being patched.";
    PayeeAccountRestricted "PAYEE_ACCOUNT_RESTRICTED" UNPROCESSABLE_ENTITY "The merchant account is restricted.";
    PayerActionRequired "PAYER_ACTION_REQUIRED" UNPROCESSABLE_ENTITY "Transaction cannot complete successfully, instruct the buyer to return to PayPal.";
    PayerCannotPay "PAYER_CANNOT_PAY" UNPROCESSABLE_ENTITY "Combination of payer and payee settings mean that this buyer cannot pay this seller.";
    PaypalRequestIdRequired "PAYPAL_REQUEST_ID_REQUIRED" BAD_REQUEST "A PayPal-Request-Id is required if you are trying to process payment for an Order. Please specify a PayPal-Request-Id or Create the Order without a 'payment_source' specified.";
    PendingCapture "PENDING_CAPTURE" UNPROCESSABLE_ENTITY "Cannot initiate a refund as the capture is pending. Capture is typically pending when the payer has funded the transaction using e-check/bank funded.";
    PreviouslyCaptured "PREVIOUSLY_CAPTURED" UNPROCESSABLE_ENTITY "Authorization has been previously captured and hence cannot be voided.";
    PreviouslyVoided "PREVIOUSLY_VOIDED" UNPROCESSABLE_ENTITY "Authorization has been previously voided and hence cannot be voided again.";
    ReferenceIdRequired "REFERENCE_ID_REQUIRED" UNPROCESSABLE_ENTITY "'reference_id' is required for each 'purchase_unit' if multiple 'purchase_unit' are provided.";
    RefundAmountExceeded "REFUND_AMOUNT_EXCEEDED" UNPROCESSABLE_ENTITY "The refund amount must be less than or equal to the capture amount that has not yet been refunded.";
    RefundCaptureCurrencyMismatch "REFUND_CAPTURE_CURRENCY_MISMATCH" UNPROCESSABLE_ENTITY "Refund must be in the same currency as the capture";
    RefundFailedInsufficientFunds "REFUND_FAILED_INSUFFICIENT_FUNDS" UNPROCESSABLE_ENTITY "Capture could not be refunded due to insufficient funds. Please check to see if you have sufficient funds in your PayPal account or if the bank account linked to your PayPal account is verified and has sufficient funds.";
    RefundNotAllowed "REFUND_NOT_ALLOWED" UNPROCESSABLE_ENTITY "Capture cannot be refunded.";
    RefundNotPermittedDueToChargeback "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK" UNPROCESSABLE_ENTITY "Refunds are not allowed on this capture due to a chargeback on the card or bank. Please contact the payee to resolve the chargeback.";
    RefundTimeLimitExceeded "REFUND_TIME_LIMIT_EXCEEDED" UNPROCESSABLE_ENTITY "You are over the time limit to perform a refund on this capture";
    TokenIdNotFound "TOKEN_ID_NOT_FOUND" UNPROCESSABLE_ENTITY "Specified token was not found. Verify the token and try the request again.";
    TransactionDisputed "TRANSACTION_DISPUTED" UNPROCESSABLE_ENTITY "Partial refunds cannot be offered at this time because there is an open case on this transaction. Visit the PayPal Resolution Center to review this case.";
    TransactionRefused "TRANSACTION_REFUSED" UNPROCESSABLE_ENTITY "The request was refused.";
    UnsupportedIntent "UNSUPPORTED_INTENT" UNPROCESSABLE_ENTITY "`intent=AUTHORIZE` is not supported for multiple purchase units. Only `intent=CAPTURE` is supported.";
}

/// An error answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    status: StatusCode,
    body: Value,
}

impl Problem {
    /// An error without details: authentication, rate limit, server trouble.
    pub(super) fn bare(status: StatusCode) -> Self {
        let (name, message) = title(status);
        Self { status, body: json!({ "name": name, "message": message }) }
    }

    /// A 400 with a name of its own and no details.
    pub(super) fn named(name: &str, message: &str) -> Self {
        Self { status: StatusCode::BAD_REQUEST, body: json!({ "name": name, "message": message }) }
    }

    /// The older shape that OAuth errors have.
    pub(super) fn oauth(status: StatusCode, error: &str, description: &str) -> Self {
        Self { status, body: json!({ "error": error, "error_description": description }) }
    }

    /// The answer the client asked for with `PayPal-Mock-Response`, also for codes that are not simulated.
    pub(super) fn mocked(code: &str) -> Self {
        match Issue::ALL.iter().find(|issue| issue.code() == code) {
            Some(issue) => (*issue).into(),
            None => Self::detailed(
                StatusCode::UNPROCESSABLE_ENTITY,
                &json!({ "issue": code, "description": code }),
            ),
        }
    }

    fn detailed(status: StatusCode, detail: &Value) -> Self {
        let mut problem = Self::bare(status);
        problem.body["details"] = json!([detail]);
        problem.body["links"] = json!([]);
        if let Some(issue) = problem.issue() {
            let href = format!("https://developer.paypal.com/docs/api/orders/v2/#error-{issue}");
            problem.body["links"] = json!([{ "href": href, "rel": "information_link", "method": "GET" }]);
        }
        problem
    }

    /// Adds a link, for example where the payer chooses another instrument.
    #[must_use]
    pub(super) fn with_link(mut self, rel: &str, href: &str) -> Self {
        if let Some(links) = self.body["links"].as_array_mut() {
            links.push(json!({ "href": href, "rel": rel, "method": "GET" }));
        }
        self
    }

    fn issue(&self) -> Option<String> {
        self.body["details"][0]["issue"].as_str().map(str::to_owned)
    }

    /// Status and body, with the id that PayPal's support asks for.
    pub(super) fn into_parts(self, debug_id: &str) -> (StatusCode, Value) {
        let Self { status, mut body } = self;
        if body.get("name").is_some() {
            body["debug_id"] = json!(debug_id);
        }
        (status, body)
    }
}

/// Trouble of the simulator's own.
impl From<&NoCertificates> for Problem {
    fn from(error: &NoCertificates) -> Self {
        tracing::error!(%error, "no certificates for webhooks");
        Self::bare(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Issue> for Problem {
    fn from(issue: Issue) -> Self {
        Self::detailed(issue.status(), &json!({ "issue": issue.code(), "description": issue.sentence() }))
    }
}

impl Issue {
    /// With the place in the request body, as a JSON pointer, and the refused value if there was one.
    pub(super) fn at(self, field: impl Into<String>, value: Option<&str>) -> Problem {
        let mut detail = Map::from_iter([
            ("field".to_owned(), json!(field.into())),
            ("location".to_owned(), json!("body")),
            ("issue".to_owned(), json!(self.code())),
            ("description".to_owned(), json!(self.sentence())),
        ]);
        if let Some(value) = value {
            detail.insert("value".to_owned(), json!(value));
        }
        Problem::detailed(self.status(), &Value::Object(detail))
    }
}

fn title(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        400 => {
            ("INVALID_REQUEST", "Request is not well-formed, syntactically incorrect, or violates schema.")
        }
        401 => (
            "AUTHENTICATION_FAILURE",
            "Authentication failed due to missing authorization header, or invalid authentication credentials.",
        ),
        403 => ("NOT_AUTHORIZED", "Authorization failed due to insufficient permissions."),
        404 => ("RESOURCE_NOT_FOUND", "The specified resource does not exist."),
        409 => ("RESOURCE_CONFLICT", "The server has detected a conflict while processing this request."),
        415 => ("UNSUPPORTED_MEDIA_TYPE", "The server does not support the request payload's media type."),
        422 => (
            "UNPROCESSABLE_ENTITY",
            "The requested action could not be performed, semantically incorrect, or failed business validation.",
        ),
        429 => ("RATE_LIMIT_REACHED", "Too many requests. Blocked due to rate limiting."),
        503 => ("SERVICE_UNAVAILABLE", "Service Unavailable."),
        _ => ("INTERNAL_SERVER_ERROR", "An internal server error occurred."),
    }
}
