//! The README shows the configuration as it is.

#[test]
fn the_readme_is_current() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let own = config::table::<reader::Config>(reader::Config::PREFIX);
    config::check_readme(readme, reader::Config::PREFIX, &own);
    let database = config::table::<storage::Config>(reader::Config::DB_PREFIX);
    config::check_readme(readme, reader::Config::DB_PREFIX, &database);
}
