//! The README shows the configuration as it is.

#[test]
fn the_readme_is_current() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    config::check_readme(
        readme,
        cli::PREFIX,
        &config::table::<cli::Config>(cli::PREFIX),
    );
}
