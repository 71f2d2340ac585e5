use openssl::ssl::{SslContextBuilder, SslMode, SslOptions};

use super::{ContextError, of};
use crate::material::Identity;
use crate::settings::{Settings, Version};

/// TLS 1.2 with forward secrecy and authenticated encryption, and nothing else.
const CIPHERS: &str = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:\
    ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:\
    ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";

const CIPHERSUITES: &str =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";

/// The hybrids: an attacker who records today has to break both halves.
const PQ_GROUPS: &str = "X25519MLKEM768:SecP256r1MLKEM768:SecP384r1MLKEM1024";

/// Sets what is the same for both sides.
pub(super) fn apply(
    builder: &mut SslContextBuilder,
    settings: &Settings,
) -> Result<(), ContextError> {
    let policy = &settings.policy;
    builder.set_options(
        SslOptions::NO_COMPRESSION | SslOptions::NO_RENEGOTIATION | SslOptions::SINGLE_ECDH_USE,
    );
    builder.set_mode(
        SslMode::AUTO_RETRY
            | SslMode::ACCEPT_MOVING_WRITE_BUFFER
            | SslMode::ENABLE_PARTIAL_WRITE
            | SslMode::RELEASE_BUFFERS,
    );
    let min = if policy.require_pq {
        Version::V13
    } else {
        policy.min_version
    };
    builder.set_min_proto_version(Some(min.openssl()))?;
    builder.set_max_proto_version(Some(policy.max_version.openssl()))?;
    builder
        .set_cipher_list(policy.ciphers.as_deref().unwrap_or(CIPHERS))
        .map_err(of("CIPHERS"))?;
    builder
        .set_ciphersuites(policy.ciphersuites.as_deref().unwrap_or(CIPHERSUITES))
        .map_err(of("CIPHERSUITES"))?;
    let groups = policy.groups.as_deref();
    if let Some(groups) = groups.or(policy.require_pq.then_some(PQ_GROUPS)) {
        builder.set_groups_list(groups).map_err(of("GROUPS"))?;
    }
    Ok(())
}

/// Presents a certificate.
pub(super) fn present(
    builder: &mut SslContextBuilder,
    identity: &Identity,
) -> Result<(), ContextError> {
    let refused = of("CERT_PEM_FILE");
    builder.set_certificate(&identity.leaf).map_err(&refused)?;
    for intermediate in &identity.intermediates {
        builder
            .add_extra_chain_cert(intermediate.clone())
            .map_err(&refused)?;
    }
    builder
        .set_private_key(&identity.key)
        .map_err(of("KEY_PEM_FILE"))?;
    builder.check_private_key().map_err(of("KEY_PEM_FILE"))
}
