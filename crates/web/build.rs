//! Says what to do when the front end has not been built.

use std::path::Path;

fn main() {
    let dist = Path::new("assets/dist");
    println!("cargo:rerun-if-changed=assets/dist");
    println!("cargo:rerun-if-changed=templates");
    let missing: Vec<&str> = ["app.css", "app.js", "icons.json", "fonts/inter-regular.ttf"]
        .into_iter()
        .filter(|name| !dist.join(name).is_file())
        .collect();
    assert!(
        missing.is_empty(),
        "crates/web/assets/dist lacks {}: run `npm ci && npm run build` in crates/web/assets (`cargo xtask demo` and `cargo xtask test` do it by themselves)",
        missing.join(", ")
    );
}
