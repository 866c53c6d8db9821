//! The name a customer gives a VPS.

/// 1 to 63 letters, digits, dots and hyphens, starting and ending with a letter or digit: valid as
/// a host name (RFC 1123), so that it can be given to the guest as it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub struct VpsName(String);

/// Why a name was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use 1 to 63 letters, digits, dots and hyphens, starting and ending with a letter or digit")]
pub struct InvalidName;

impl VpsName {
    /// Checks and takes a name; surrounding blanks are dropped.
    pub fn parse(text: &str) -> Result<Self, InvalidName> {
        let text = text.trim();
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        let edge = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
        let bytes = text.as_bytes();
        let ok = bytes.len() <= 63
            && edge(bytes.first())
            && edge(bytes.last())
            && bytes.iter().copied().all(inner)
            && !text.contains("..");
        if ok { Ok(Self(text.to_owned())) } else { Err(InvalidName) }
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_host_names() {
        for good in ["a", "web-1", "db.example.com", " web "] {
            assert!(VpsName::parse(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "a-", "a..b", "a_b", "ä", &"a".repeat(64)] {
            assert_eq!(VpsName::parse(bad), Err(InvalidName), "{bad}");
        }
    }
}
