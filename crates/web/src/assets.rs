//! Style sheet, script, font and icons: built by npm, embedded into the binary.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

#[derive(rust_embed::RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/assets/dist"]
struct Dist;

/// A name for this set of files: it changes when any of them does, so that everything below
/// `/assets/<build>/` may be kept for ever.
static BUILD: LazyLock<String> = LazyLock::new(|| {
    let mut digest = Sha256::new();
    for name in Dist::iter() {
        if let Some(file) = Dist::get(&name) {
            digest.update(name.as_bytes());
            digest.update(file.metadata.sha256_hash());
        }
    }
    hex(&digest.finalize()[..6])
});

static ICONS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| {
    let file = Dist::get("icons.json").expect("the asset build writes icons.json");
    serde_json::from_slice(&file.data).expect("the asset build writes valid JSON")
});

/// The address of a file.
pub(crate) fn url(name: &str) -> String {
    format!("/assets/{}/{name}", *BUILD)
}

/// A font that documents are drawn with.
pub(crate) fn font(name: &str) -> Option<Vec<u8>> {
    Dist::get(&format!("fonts/{name}")).map(|file| file.data.into_owned())
}

/// The shapes of an icon.
pub(crate) fn icon(name: &str) -> Option<&'static str> {
    ICONS.get(name).map(String::as_str)
}

/// `GET /assets/{build}/{*name}`. A page of another version still gets this version's file, only
/// without being told to keep it.
pub(crate) async fn serve(Path((build, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let Some(file) = Dist::get(&name) else { return StatusCode::NOT_FOUND.into_response() };
    let tag = format!("\"{}\"", hex(&file.metadata.sha256_hash()[..12]));
    let keep = if build == *BUILD && !cfg!(debug_assertions) {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = match headers.get(header::IF_NONE_MATCH) {
        Some(known) if known.as_bytes() == tag.as_bytes() => StatusCode::NOT_MODIFIED.into_response(),
        _ => (content_type(&name), file.data.into_owned()).into_response(),
    };
    let own = response.headers_mut();
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        own.insert(header::ETAG, tag);
    }
    response
}

fn content_type(name: &str) -> [(header::HeaderName, String); 1] {
    [(header::CONTENT_TYPE, mime_guess::from_path(name).first_or_octet_stream().to_string())]
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
