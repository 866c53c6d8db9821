//! Tables of operations, matched by path segment.

use axum::http::Method;
use percent_encoding::percent_decode_str;

use super::call::{Call, Reply};

/// One operation of a vendor's API.
pub(crate) struct Route<W> {
    method: Method,
    /// Path after the prefix; `{}` stands for one segment, `{*}` at the end for all the rest.
    path: &'static str,
    pub(super) operation: &'static str,
    pub(super) public: bool,
    pub(super) handler: Handler<W>,
}

/// Does one operation: `Err` is an answer, too.
pub(crate) type Handler<W> = fn(&mut W, &Call) -> Result<Reply, Reply>;

impl<W> Route<W> {
    pub(crate) const fn new(
        method: Method,
        path: &'static str,
        operation: &'static str,
        handler: Handler<W>,
    ) -> Self {
        Self { method, path, operation, public: false, handler }
    }

    /// An operation that is answered without a token, too.
    pub(crate) const fn public(
        method: Method,
        path: &'static str,
        operation: &'static str,
        handler: Handler<W>,
    ) -> Self {
        Self { method, path, operation, public: true, handler }
    }
}

/// The first route that fits a path (without the prefix), with the decoded parameters. A trailing slash does
/// not matter.
pub(super) fn find<W>(
    routes: &'static [Route<W>],
    method: &Method,
    path: &str,
) -> Option<(&'static Route<W>, Vec<String>)> {
    let segments: Vec<&str> = path.trim_end_matches('/').split('/').collect();
    routes
        .iter()
        .filter(|route| route.method == *method)
        .find_map(|route| Some((route, fit(route.path.trim_start_matches('/'), &segments)?)))
}

/// The decoded parameters of a path that fits the pattern.
fn fit(pattern: &str, segments: &[&str]) -> Option<Vec<String>> {
    let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let mut params = Vec::new();
    let mut given = segments.iter();
    for part in pattern.split('/') {
        if part == "{*}" {
            let rest: Vec<String> = given.by_ref().map(|segment| decode(segment)).collect();
            params.push(rest.join("/"));
            return Some(params).filter(|_| !rest.is_empty());
        }
        match (part, given.next()?) {
            ("{}", segment) => params.push(decode(segment)),
            (fixed, segment) if fixed == *segment => {}
            _ => return None,
        }
    }
    given.next().is_none().then_some(params)
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn paths_fit_by_segment() {
        let segments = |path: &'static str| path.split('/').collect::<Vec<_>>();
        assert_eq!(fit("a/{}/b", &segments("a/x%3Ay/b")), Some(vec!["x:y".to_owned()]));
        assert_eq!(
            fit("images/{*}", &segments("images/linode/debian12")),
            Some(vec!["linode/debian12".to_owned()])
        );
        assert_eq!(
            fit("images/{*}", &segments("images/linode%2Fdebian12")),
            Some(vec!["linode/debian12".to_owned()])
        );
        assert_eq!(fit("a/{}", &segments("a")), None);
        assert_eq!(fit("a", &segments("a/b")), None);
    }
}
