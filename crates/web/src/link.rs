//! Addresses of pages: built, and checked when they come from outside.

use url::form_urlencoded;

/// `/path?key=value`, without the pairs whose value is empty.
pub(crate) fn with_query(path: &str, pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.iter().filter(|(_, value)| !value.is_empty()));
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

/// A path of ours, or `None`: nothing that could lead to another site.
pub(crate) fn own_path(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    let own = text.starts_with('/') && !text.starts_with("//");
    (plain && own && text.len() <= 2000).then_some(text)
}

/// Encodes a path for a cookie.
pub(crate) fn to_cookie(path: &str) -> String {
    form_urlencoded::byte_serialize(path.as_bytes()).collect()
}

/// Reads a path from a cookie.
pub(crate) fn from_cookie(text: &str) -> Option<String> {
    let (decoded, _) = form_urlencoded::parse(text.as_bytes()).next()?;
    own_path(&decoded).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_followed() {
        for good in ["/", "/vps/new?plan=small&name=a", "/wallet#add-money"] {
            assert_eq!(own_path(good), Some(good));
        }
        for bad in
            ["", "vps", "//evil.test", "/\\evil.test", "https://evil.test", "/a\nb", "/ä", "javascript:x"]
        {
            assert_eq!(own_path(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn paths_survive_cookies() {
        let path = "/vps/new?plan=small&name=a+b&x=%2F";
        assert_eq!(from_cookie(&to_cookie(path)).as_deref(), Some(path));
    }

    #[test]
    fn empty_values_are_left_out() {
        assert_eq!(with_query("/vps", &[("q", ""), ("show", "all")]), "/vps?show=all");
        assert_eq!(with_query("/vps", &[("q", "")]), "/vps");
        assert_eq!(with_query("/sign-in", &[("next", "/a?b=c&d")]), "/sign-in?next=%2Fa%3Fb%3Dc%26d");
    }
}
