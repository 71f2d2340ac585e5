//! rumqttd with the configuration that its only argument names.

fn main() {
    let file = std::env::args().nth(1).expect("a configuration file");
    let settings = config::Config::builder()
        .add_source(config::File::with_name(&file))
        .build()
        .expect("a readable configuration");
    let config = settings
        .try_deserialize()
        .expect("a configuration of rumqttd");
    rumqttd::Broker::new(config)
        .start()
        .expect("rumqttd starts");
}
