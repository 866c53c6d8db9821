//! Signatures made here, with certificates made here.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, PKCS_RSA_SHA256,
};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey as _;

use super::*;

/// An RSA key in PKCS #8, made anew for each run.
static KEY: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let key = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, 2048).unwrap();
    key.to_pkcs8_der().unwrap().as_bytes().to_vec()
});
const URL: &str = "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1";
const BODY: &[u8] = br#"{"id":"WH-1","event_type":"PAYMENT.CAPTURE.COMPLETED","resource":{"id":"C1"}}"#;

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let pem = params.self_signed(&key).unwrap().pem();
    Authority { pem, issuer: Issuer::new(params, key) }
}

/// A certificate of the key, valid in these years.
fn certify(authority: &Authority, years: (i32, i32)) -> Vec<CertificateDer<'static>> {
    let der = rustls_pki_types::PrivatePkcs8KeyDer::from(KEY.as_slice());
    let key = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_RSA_SHA256).unwrap();
    let mut params = CertificateParams::new(vec!["messageverificationcerts.paypal.com".to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    certificates(params.signed_by(&key, &authority.issuer).unwrap().pem().as_bytes()).unwrap()
}

fn sign(text: &str) -> Vec<u8> {
    let key = RsaKeyPair::from_pkcs8(&KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    signature
}

fn verifier(roots: &str) -> Verifier {
    let settings =
        WebhookSettings { id: "HOOK".into(), check: WebhookCheck::Certificate, roots: roots.to_owned() };
    Verifier::new(settings, "https://api-m.sandbox.paypal.com".parse().unwrap()).unwrap()
}

fn now() -> DateTime<Utc> {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn message(changes: &[(&str, &str)]) -> Message {
    let text = format!("T1|2026-06-01T11:59:58Z|HOOK|{}", crc32fast::hash(BODY));
    let signature = STANDARD.encode(sign(&text));
    let mut headers: BTreeMap<String, String> = [
        ("paypal-transmission-id", "T1"),
        ("paypal-transmission-time", "2026-06-01T11:59:58Z"),
        ("paypal-transmission-sig", &signature),
        ("paypal-cert-url", URL),
        ("paypal-auth-algo", ALGORITHM),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    headers.extend(changes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    Message { headers, body: BODY.to_vec(), received_at: now() }
}

#[test]
fn a_signature_holds_for_these_bytes_by_a_valid_certificate_of_a_known_root() {
    let (root, other) = (authority(), authority());
    let verifier = verifier(&root.pem);
    let signed = Transmission::of(&message(&[]), &verifier).unwrap();
    let good = certify(&root, (2026, 2027));
    assert_eq!(verifier.check(&signed, BODY, &good, now()), Ok(()));

    let refused = |why: Result<(), String>, word: &str| {
        assert!(why.as_ref().is_err_and(|why| why.contains(word)), "{word}: {why:?}");
    };
    let mut changed = BODY.to_vec();
    changed[7] ^= 1;
    refused(verifier.check(&signed, &changed, &good, now()), "signature");
    refused(verifier.check(&signed, BODY, &certify(&root, (2024, 2025)), now()), "trusted");
    refused(verifier.check(&signed, BODY, &certify(&root, (2027, 2028)), now()), "trusted");
    refused(verifier.check(&signed, BODY, &certify(&other, (2026, 2027)), now()), "trusted");
    let elsewhere = Verifier { id: "ANOTHER".into(), ..verifier };
    refused(elsewhere.check(&signed, BODY, &good, now()), "signature");
}

#[test]
fn headers_that_cannot_be_are_refused_before_anything_is_fetched() {
    let root = authority();
    let verifier = verifier(&root.pem);
    for (name, value) in [
        ("paypal-transmission-id", ""),
        ("paypal-auth-algo", "none"),
        ("paypal-transmission-sig", "%%%"),
        ("paypal-transmission-time", "yesterday"),
        ("paypal-transmission-time", "2026-05-30T11:59:58Z"),
        ("paypal-transmission-time", "2026-06-01T13:00:00Z"),
        ("paypal-cert-url", "https://api.sandbox.paypal.com.example.com/v1/notifications/certs/CERT-1"),
        ("paypal-cert-url", "http://api.sandbox.paypal.com/v1/notifications/certs/CERT-1"),
        ("paypal-cert-url", "https://api.paypal.com/v1/notifications/certs/CERT-1"),
        ("paypal-cert-url", "https://api.sandbox.paypal.com:8443/v1/notifications/certs/CERT-1"),
        ("paypal-cert-url", "https://me@api.sandbox.paypal.com/v1/notifications/certs/CERT-1"),
        ("paypal-cert-url", "https://api.sandbox.paypal.com/v1/notifications/certs/../../x"),
        ("paypal-cert-url", "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1?next=x"),
    ] {
        assert!(Transmission::of(&message(&[(name, value)]), &verifier).is_err(), "{name}: {value}");
    }
    assert!(Transmission::of(&message(&[]), &verifier).is_ok());
}

#[test]
fn paypal_is_shown_the_bytes_as_they_came() {
    let root = authority();
    let verifier = verifier(&root.pem);
    let signed = Transmission::of(&message(&[]), &verifier).unwrap();
    let odd = br#"{ "id" : "WH-1",   "amount":1.10 }"#;
    let question = signed.question("HOOK", odd).unwrap();
    assert!(question.ends_with(r#","webhook_event":{ "id" : "WH-1",   "amount":1.10 }}"#), "{question}");
    assert!(serde_json::from_str::<serde_json::Value>(&question).is_ok());
}

#[test]
fn certificates_are_kept_and_do_not_pile_up() {
    let root = authority();
    let verifier = verifier(&root.pem);
    let url = |number: usize| Url::parse(&format!("{URL}{number}")).unwrap();
    for number in 0..100 {
        verifier.keep(&url(number), root.pem.as_bytes()).unwrap();
        assert!(verifier.kept(&url(number)).is_some());
    }
    assert!(verifier.chains.lock().unwrap().len() <= KEPT);
    assert!(verifier.keep(&url(1), b"<html>").is_err());
}

#[test]
fn news_say_where_to_look() {
    let of = |json: serde_json::Value| news(json.to_string().as_bytes()).unwrap();
    let up = json!([{ "rel": "up", "href": "https://api.paypal.com/v2/payments/captures/C1" }]);

    let order = of(json!({ "event_type": "CHECKOUT.ORDER.APPROVED", "resource": { "id": "O1",
        "purchase_units": [{ "custom_id": "ours" }] } }));
    assert_eq!(order.subject, Subject::Payment);
    assert_eq!(
        (order.payment.order.as_deref(), order.payment.reference.as_deref()),
        (Some("O1"), Some("ours"))
    );

    for word in ["COMPLETED", "PENDING", "DECLINED", "DENIED"] {
        let capture = of(json!({ "event_type": format!("PAYMENT.CAPTURE.{word}"), "resource": { "id": "C1",
            "supplementary_data": { "related_ids": { "order_id": "O1" } } } }));
        assert_eq!(capture.subject, Subject::Payment);
        assert_eq!(capture.payment.capture.as_deref(), Some("C1"));
        assert_eq!(capture.payment.order.as_deref(), Some("O1"));
    }
    for (word, kind) in [("REFUNDED", RefundKind::Refund), ("REVERSED", RefundKind::Reversal)] {
        let back = of(json!({ "event_type": format!("PAYMENT.CAPTURE.{word}"),
            "resource": { "id": "R1", "links": up.clone() } }));
        assert_eq!(back.subject, Subject::Returned { id: "R1".into(), kind });
        assert_eq!(back.payment.capture.as_deref(), Some("C1"));
    }
    let dispute =
        of(json!({ "event_type": "CUSTOMER.DISPUTE.UPDATED", "resource": { "dispute_id": "PP-D-1" } }));
    assert_eq!(dispute.subject, Subject::Dispute { id: "PP-D-1".into() });
    for word in ["CREATED", "DELETED"] {
        let leave = of(
            json!({ "event_type": format!("VAULT.PAYMENT-TOKEN.{word}"), "resource": { "id": "8kk8451t" } }),
        );
        assert_eq!(leave.subject, Subject::Agreement { token: Leave("8kk8451t".into()) });
        assert!(!format!("{leave:?}").contains("8kk8451t"), "it is a secret");
    }
    for nothing in [
        json!({ "event_type": "BILLING.PLAN.CREATED", "resource": { "id": "P1" } }),
        json!({ "event_type": "CUSTOMER.DISPUTE.CREATED" }),
        json!({ "event_type": "PAYMENT.CAPTURE.COMPLETED", "resource": {} }),
    ] {
        assert_eq!(of(nothing).subject, Subject::Nothing);
    }
    assert!(news(b"[]").is_err());
}
