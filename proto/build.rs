//! Compiles the `.proto` files without a system `protoc`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let files = [
        "mainflux/internal.proto",
        "mainflux/message.proto",
        "ferroflux/v1/users.proto",
        "ferroflux/v1/things.proto",
    ];
    for file in files {
        println!("cargo:rerun-if-changed={file}");
    }
    let descriptors = protox::compile(files, ["."])?;
    tonic_prost_build::configure()
        .bytes(".mainflux.RawMessage.payload")
        .compile_fds(descriptors)?;
    Ok(())
}
