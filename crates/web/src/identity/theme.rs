//! Light, dark, or as the system.

use axum_extra::extract::Form;
use serde::Deserialize;

use crate::access::Public;
use crate::cookie::NewCookie;
use crate::error::Result;
use crate::frame::Theme;
use crate::link;
use crate::toast::see_other;

/// A year.
const KEPT_SECONDS: i64 = 365 * 24 * 60 * 60;

/// What was chosen.
#[derive(Debug, Deserialize)]
pub(crate) struct Choice {
    theme: Theme,
}

/// Keeps the choice in a cookie. With script, pages set the same cookie themselves.
pub(crate) async fn choose(visitor: Public, Form(Choice { theme }): Form<Choice>) -> Result {
    let back = visitor.visit.referer.as_deref().and_then(|referer| referer.parse::<url::Url>().ok());
    let path = back.as_ref().map_or("/", url::Url::path);
    let mut response = see_other(link::own_path(path).unwrap_or("/"));
    NewCookie { name: "theme", value: theme.as_str(), max_age: KEPT_SECONDS, hidden: false }
        .set(&mut response, visitor.state.is_secure());
    Ok(response)
}
