//! The README shows the configuration as it is.

#[test]
fn the_readme_is_current() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let own = config::table::<writer::Config>(writer::Config::PREFIX);
    config::check_readme(readme, writer::Config::PREFIX, &own);
    let database = config::table::<storage::Config>(writer::Config::DB_PREFIX);
    config::check_readme(readme, writer::Config::DB_PREFIX, &database);
}
