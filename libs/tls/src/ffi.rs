//! What OpenSSL's crate has no safe form of; all `unsafe` of the workspace is here.

use std::ffi::{CStr, c_int};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::ssl::SslRef;
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509CrlRef, X509StoreContextRef, X509VerifyResult};

use crate::Reason;

unsafe extern "C" {
    fn X509_STORE_add_crl(
        store: *mut openssl_sys::X509_STORE,
        crl: *mut openssl_sys::X509_CRL,
    ) -> c_int;

    fn X509_STORE_CTX_set_verify_cb(
        context: *mut openssl_sys::X509_STORE_CTX,
        callback: extern "C" fn(c_int, *mut openssl_sys::X509_STORE_CTX) -> c_int,
    );
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

/// Makes a verification that has not begun go on where a revocation list is missing or stale.
pub(crate) fn forgive_missing_crl(context: &mut X509StoreContextRef) {
    extern "C" fn judge(good: c_int, context: *mut openssl_sys::X509_STORE_CTX) -> c_int {
        // SAFETY: OpenSSL calls this with the context of the verification that runs, for the time of the call.
        let context = unsafe { X509StoreContextRef::from_ptr_mut(context) };
        if good == 0 && Reason::of_certificate(context.error()) == Reason::CrlUnavailable {
            context.set_error(X509VerifyResult::OK);
            return 1;
        }
        good
    }
    // SAFETY: the pointer comes from a live owner that is borrowed exclusively; the callback is a function without state.
    unsafe { X509_STORE_CTX_set_verify_cb(context.as_ptr(), judge) }
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
