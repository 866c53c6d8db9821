//! The little Markdown that documentation comments use, as HTML.

/// Paragraphs with `code` and **strong** words; everything else is text.
pub(super) fn html(markdown: &str) -> String {
    let paragraphs = markdown.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>", inline(paragraph))).collect()
}

fn inline(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for (number, part) in text.split('`').enumerate() {
        let part = escaped(part);
        match number % 2 {
            1 => html.push_str(&format!("<code>{part}</code>")),
            _ => html.push_str(&strong(&part)),
        }
    }
    html
}

fn strong(text: &str) -> String {
    let parts = text.split("**").enumerate();
    parts
        .map(|(number, part)| match number % 2 {
            1 => format!("<strong>{part}</strong>"),
            _ => part.to_owned(),
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_paragraphs() {
        assert_eq!(
            html("**Lists** answer `{\"a\": <b>}`,\nnewest first.\n\nNext."),
            "<p><strong>Lists</strong> answer <code>{&quot;a&quot;: &lt;b&gt;}</code>,\nnewest first.</p><p>Next.</p>"
        );
        assert_eq!(html("<script>"), "<p>&lt;script&gt;</p>");
    }
}
