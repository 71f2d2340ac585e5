use std::path::Path;

use openssl::x509::X509;
use openssl::x509::store::{X509Store, X509StoreBuilder};
use openssl::x509::verify::X509VerifyFlags;

use super::ContextError;
use crate::ffi::add_crl;
use crate::material::Loaded;
use crate::settings::{CrlScope, Profile, Settings};

/// How many intermediates a chain may have.
pub(crate) const MAX_INTERMEDIATES: usize = 4;

/// The same, in OpenSSL's kind of number.
pub(crate) const DEPTH: u32 = MAX_INTERMEDIATES as u32;

/// Builds what peers must chain to; a new one each time, so that nothing of an old list stays.
pub(super) fn store(settings: &Settings, loaded: &Loaded) -> Result<X509Store, ContextError> {
    Ok(store_builder(settings, loaded)?.build())
}

/// The same, while something can still be added.
pub(crate) fn store_builder(
    settings: &Settings,
    loaded: &Loaded,
) -> Result<X509StoreBuilder, ContextError> {
    let mut store = X509StoreBuilder::new()?;
    match &loaded.cas {
        Some(cas) => {
            for ca in cas {
                store.add_cert(ca.clone())?;
            }
        }
        None => add_system(&mut store)?,
    }
    let mut flags = X509VerifyFlags::empty();
    if settings.profile == Profile::Strict {
        flags |= X509VerifyFlags::X509_STRICT;
    }
    if settings.policy.partial_chain {
        flags |= X509VerifyFlags::PARTIAL_CHAIN;
    }
    if !loaded.crls.is_empty() {
        flags |= X509VerifyFlags::CRL_CHECK;
        if settings.policy.crl_scope == CrlScope::Chain {
            flags |= X509VerifyFlags::CRL_CHECK_ALL;
        }
    }
    for crl in &loaded.crls {
        add_crl(&mut store, crl)?;
    }
    store.set_flags(flags)?;
    Ok(store)
}

/// Adds the CAs of the system: the OpenSSL we bring along does not know where they are.
fn add_system(store: &mut X509StoreBuilder) -> Result<(), ContextError> {
    let found = openssl_probe::probe();
    let read = |path: &Path| std::fs::read(path).ok();
    let bundle = found.cert_file.as_deref().and_then(read);
    for ca in X509::stack_from_pem(&bundle.unwrap_or_default())? {
        // The same CA twice is an error to OpenSSL and none to us.
        let _ = store.add_cert(ca);
    }
    Ok(())
}
