//! What OpenSSL's crate has no safe form of; all `unsafe` of the workspace is here.

use std::ffi::{CStr, c_int};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::ssl::SslRef;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509CrlRef, X509VerifyResult};

unsafe extern "C" {
    fn X509_STORE_add_crl(
        store: *mut openssl_sys::X509_STORE,
        crl: *mut openssl_sys::X509_CRL,
    ) -> c_int;
}

/// Adds a revocation list to a store, which keeps a reference of its own.
pub(crate) fn add_crl(store: &mut X509StoreBuilder, crl: &X509CrlRef) -> Result<(), ErrorStack> {
    // SAFETY: both pointers come from live owners that are borrowed for the call, the store exclusively; OpenSSL
    // counts its own reference to the list.
    let added = unsafe { X509_STORE_add_crl(store.as_ptr(), crl.as_ptr()) };
    if added == 1 {
        Ok(())
    } else {
        Err(ErrorStack::get())
    }
}

/// Returns the name of the key exchange group of a finished handshake.
pub(crate) fn group_name(ssl: &SslRef) -> Option<String> {
    // SAFETY: the pointer is that of a live connection; the text that is returned belongs to OpenSSL's tables and
    // is copied before the borrow ends.
    let name = unsafe { openssl_sys::SSL_get0_group_name(ssl.as_ptr()) };
    if name.is_null() {
        return None;
    }
    // SAFETY: not null, and OpenSSL's names end with NUL.
    let name = unsafe { CStr::from_ptr(name) };
    Some(name.to_string_lossy().into_owned())
}

/// Returns the error for a certificate that is not for the use it is put to.
pub(crate) fn invalid_purpose() -> X509VerifyResult {
    // SAFETY: it is one of OpenSSL's own numbers.
    unsafe { X509VerifyResult::from_raw(openssl_sys::X509_V_ERR_INVALID_PURPOSE) }
}
