//! The README shows the configuration as it is.

#[test]
fn the_readme_is_current() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let own = config::table::<http_adapter::Config>(http_adapter::Config::PREFIX);
    config::check_readme(readme, http_adapter::Config::PREFIX, &own);
    let shared = config::table::<adapter::Settings>(adapter::Settings::PREFIX);
    config::check_readme(readme, adapter::Settings::PREFIX, &shared);
}
