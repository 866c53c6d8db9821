//! The key that webhooks are signed with, and the certificates that vouch for it.
//!
//! They are made when they are first needed, which takes about a second, and are kept with the other records. PayPal's
//! own chain ends at a public root; this one ends at a root that listeners have to be told of.

use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{Datelike, NaiveDate, TimeDelta, Utc};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
    PKCS_RSA_SHA256, date_time_ymd,
};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs8::EncodePrivateKey;
use serde::{Deserialize, Serialize};

/// Below this, verifiers refuse RSA.
const KEY_BITS: usize = 2048;
/// The name in the certificates that PayPal signs webhooks with.
const HOST: &str = "messageverificationcerts.paypal.com";

/// All that it takes to sign webhooks, well or badly.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Certificates {
    /// PKCS #8 in base 64.
    key: String,
    /// The root as PEM.
    root: String,
    genuine: Chain,
    expired: Chain,
    forged: Chain,
}

/// A certificate of the key and the one that issued it, as PEM.
#[derive(Clone, Serialize, Deserialize)]
struct Chain {
    /// The last part of its address.
    id: String,
    pem: String,
}

/// Which certificate goes with a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Vouching {
    Genuine,
    /// Was valid last year.
    Expired,
    /// Of a root with the same name, made by somebody else.
    Forged,
}

/// Making keys and certificates fails only where the operating system gives no random numbers.
#[derive(Debug, Default)]
pub(super) struct NoCertificates(String);

impl<E: std::error::Error> From<E> for NoCertificates {
    fn from(error: E) -> Self {
        Self(error.to_string())
    }
}

impl std::fmt::Display for NoCertificates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl Certificates {
    /// A new key with new certificates, valid in real time: verifiers have no other. `id` names one of them.
    pub(super) fn new(mut id: impl FnMut() -> String) -> Result<Self, NoCertificates> {
        let key = signing_key()?;
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&key.into(), &PKCS_RSA_SHA256)?;
        let today = Utc::now().date_naive();
        let (trusted, other) = (authorities(today)?, authorities(today)?);
        let (long_ago, last_year) = (today - TimeDelta::days(730), today - TimeDelta::days(365));
        let soon = today + TimeDelta::days(365);
        let mut chain = |authorities: &Authorities, from, until| {
            let pem = authorities.certify(&pair, from, until)?;
            Ok::<_, NoCertificates>(Chain { id: id(), pem })
        };
        Ok(Self {
            key: STANDARD.encode(key),
            genuine: chain(&trusted, last_year, soon)?,
            expired: chain(&trusted, long_ago, last_year)?,
            forged: chain(&other, last_year, soon)?,
            root: trusted.root.pem(),
        })
    }

    /// What listeners have to trust, as PEM.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// The chain at an address, as PEM, the signing certificate first, without the root.
    pub(super) fn chain(&self, id: &str) -> Option<&str> {
        let chains = [&self.genuine, &self.expired, &self.forged];
        chains.into_iter().find(|chain| chain.id == id).map(|chain| chain.pem.as_str())
    }

    /// The last part of the address of a chain.
    pub(super) fn id(&self, vouching: Vouching) -> &str {
        match vouching {
            Vouching::Genuine => &self.genuine.id,
            Vouching::Expired => &self.expired.id,
            Vouching::Forged => &self.forged.id,
        }
    }

    /// RSA with SHA-256 in base 64. The same text has the same signature.
    pub(super) fn sign(&self, text: &str) -> Result<String, NoCertificates> {
        let key = STANDARD.decode(&self.key)?;
        let key = RsaKeyPair::from_pkcs8(&key).map_err(|error| NoCertificates(error.to_string()))?;
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature)
            .map_err(|error| NoCertificates(error.to_string()))?;
        Ok(STANDARD.encode(signature))
    }
}

/// A private key as PKCS #8: the same for all simulators of a process, because it takes so long to find.
fn signing_key() -> Result<&'static [u8], NoCertificates> {
    static KEY: Mutex<Option<&'static [u8]>> = Mutex::new(None);
    let mut key = KEY.lock().unwrap_or_else(PoisonError::into_inner);
    if key.is_none() {
        let found = rsa::RsaPrivateKey::new(&mut rsa::rand_core::OsRng, KEY_BITS)?.to_pkcs8_der()?;
        *key = Some(found.as_bytes().to_vec().leak());
    }
    key.ok_or_else(NoCertificates::default)
}

/// A root and the authority below it that issues.
struct Authorities {
    root: CertifiedIssuer<'static, KeyPair>,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn authorities(today: NaiveDate) -> Result<Authorities, NoCertificates> {
    let params = |name: &str| {
        let mut params = named(name)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        valid(&mut params, today - TimeDelta::days(3650), today + TimeDelta::days(3650));
        Ok::<_, NoCertificates>(params)
    };
    let root = CertifiedIssuer::self_signed(params("Simulated PayPal Root")?, KeyPair::generate()?)?;
    let issuer = CertifiedIssuer::signed_by(params("Simulated PayPal Issuer")?, KeyPair::generate()?, &root)?;
    Ok(Authorities { root, issuer })
}

impl Authorities {
    /// A certificate of the key and the issuer's, as PEM.
    fn certify(&self, key: &KeyPair, from: NaiveDate, until: NaiveDate) -> Result<String, NoCertificates> {
        let mut params = named(HOST)?;
        params.subject_alt_names = vec![rcgen::SanType::DnsName(HOST.try_into()?)];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
        valid(&mut params, from, until);
        let certificate = params.signed_by(key, &self.issuer)?;
        Ok(certificate.pem() + &self.issuer.pem())
    }
}

fn named(name: &str) -> Result<CertificateParams, NoCertificates> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn valid(params: &mut CertificateParams, from: NaiveDate, until: NaiveDate) {
    let day = |date: NaiveDate| date_time_ymd(date.year(), date.month() as u8, date.day() as u8);
    (params.not_before, params.not_after) = (day(from), day(until));
}
