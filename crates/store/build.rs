//! Makes cargo notice new migration files.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
