//! Texts from outside, made fit for an error or a log line.

/// Longest text kept, in characters.
const MAX_CHARS: usize = 300;

/// One line of bounded length without control characters.
pub(super) fn tidy(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > MAX_CHARS {
            let mut short: String = line.chars().take(MAX_CHARS).collect();
            short.push('…');
            return short;
        }
    }
    line
}

/// What a body without a meaning to us says, for the operator.
pub(super) fn of_body(body: &[u8]) -> String {
    match body.trim_ascii() {
        [] => "empty answer".to_owned(),
        [b'<', ..] => "an HTML page".to_owned(),
        text => tidy(&String::from_utf8_lossy(&text[..text.len().min(4 * MAX_CHARS)])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_one_short_line() {
        assert_eq!(tidy("a\r\n\tb\u{1b}[31m  c"), "a b [31m c");
        assert_eq!(tidy(&"x".repeat(1000)).chars().count(), MAX_CHARS + 1);
    }

    #[test]
    fn bodies_are_summed_up() {
        assert_eq!(of_body(b"  "), "empty answer");
        assert_eq!(of_body(b"<html>\xff"), "an HTML page");
        assert_eq!(of_body(b"{\"a\":\n1}"), "{\"a\": 1}");
    }
}
