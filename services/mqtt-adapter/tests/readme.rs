//! The README shows the configuration as it is.

#[test]
fn the_tables_are_current() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let own = config::table::<mqtt_adapter::Config>(mqtt_adapter::Config::PREFIX);
    config::check_readme(readme, mqtt_adapter::Config::PREFIX, &own);
    let shared = config::table::<adapter::Settings>(adapter::Settings::PREFIX);
    config::check_readme(readme, adapter::Settings::PREFIX, &shared);
}
