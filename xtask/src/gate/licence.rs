//! Licence expressions as packages state them (SPDX, and the older `MIT/Apache-2.0`).

/// The licences that a program may be built from which is given to others, its own source closed or open.
///
/// MPL-2.0 asks for the source of the files under it alone, and nothing here changes any.
const ALLOWED: [&str; 15] = [
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MPL-2.0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Whether the expression can be met with the licences of the list. One that cannot be read is refused.
pub(super) fn is_allowed(expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let mut words: Vec<&str> = spaced.split_whitespace().rev().collect();
    let allowed = any(&mut words);
    allowed == Some(true) && words.is_empty()
}

/// `a OR b OR …`: one is enough. The words are a stack, the next one last; `None` stands for no expression.
fn any(words: &mut Vec<&str>) -> Option<bool> {
    let mut allowed = all(words)?;
    while words.pop_if(|word| *word == "OR").is_some() {
        allowed |= all(words)?;
    }
    Some(allowed)
}

/// `a AND b AND …`: binds stronger than `OR`.
fn all(words: &mut Vec<&str>) -> Option<bool> {
    let mut allowed = one(words)?;
    while words.pop_if(|word| *word == "AND").is_some() {
        allowed &= one(words)?;
    }
    Some(allowed)
}

/// A licence, perhaps with an exception, or an expression in parentheses.
fn one(words: &mut Vec<&str>) -> Option<bool> {
    let word = words.pop()?;
    if word == "(" {
        let allowed = any(words)?;
        return words.pop_if(|word| *word == ")").map(|_| allowed);
    }
    if words.pop_if(|word| *word == "WITH").is_none() {
        return Some(ALLOWED.contains(&word));
    }
    let licence = format!("{word} WITH {}", words.pop()?);
    Some(ALLOWED.contains(&licence.as_str()))
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn one_of_a_choice_is_enough() {
        assert!(is_allowed("MIT"));
        assert!(is_allowed("GPL-3.0-only OR MIT"));
        assert!(is_allowed("MIT/Apache-2.0"));
        assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR GPL-2.0-only"));
    }

    #[test]
    fn all_of_a_sum_are_needed() {
        assert!(!is_allowed("MIT AND GPL-3.0-only"));
        assert!(!is_allowed("(MIT OR Apache-2.0) AND OpenSSL"));
        assert!(!is_allowed("GPL-2.0-only WITH Classpath-exception-2.0"));
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for expression in ["", "MIT OR", "(MIT", "MIT)", "MIT Apache-2.0", "OR MIT"] {
            assert!(!is_allowed(expression), "{expression}");
        }
    }
}
