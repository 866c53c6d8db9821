//! Codes by which offers are redeemed.

use std::fmt;

use sha2::{Digest, Sha256};

/// What codes are made of: no letters that are read as digits.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Symbols between two dashes.
const GROUP: usize = 4;

/// A code as it is compared: 6 to 40 capital letters and digits, without what people put in between.
#[derive(Clone, PartialEq, Eq)]
pub struct Code(String);

impl Code {
    /// Reads a code as people type it: case, spaces and dashes do not matter. `None` when it cannot be one.
    pub fn parse(text: &str) -> Option<Self> {
        let kept = text.chars().filter(|c| !c.is_whitespace() && *c != '-');
        let code: String = kept.map(|c| c.to_ascii_uppercase()).collect();
        let plain = code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        (plain && (6..=40).contains(&code.len())).then_some(Self(code))
    }

    /// A code of 80 random bits, that nobody guesses.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        let symbol = |byte: &u8| char::from(ALPHABET[usize::from(byte % 32)]);
        Self(bytes.iter().map(symbol).collect())
    }

    /// As it is compared.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is stored of a code that only its holder may know.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// In groups of four, as it is printed.
impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, symbol) in self.0.chars().enumerate() {
            if place > 0 && place.is_multiple_of(GROUP) {
                f.write_str("-")?;
            }
            write!(f, "{symbol}")?;
        }
        Ok(())
    }
}

/// Nothing that ends in a log by accident.
impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        let code = Code::parse(" welcome-10\u{a0}").expect("a code");
        assert_eq!(code.as_str(), "WELCOME10");
        assert_eq!(Code::parse("WELC OME1 0"), Some(code));
        for wrong in ["", "short", "wël-come-10", "a'b--c;drop", &"A".repeat(41)] {
            assert_eq!(Code::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn printed_codes_are_read_back() {
        let code = Code::from_random([0, 31, 32, 255, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        assert_eq!(code.to_string(), "0Z0Z-4567-89AB-CDEF");
        assert_eq!(Code::parse(&code.to_string()), Some(code));
    }
}
