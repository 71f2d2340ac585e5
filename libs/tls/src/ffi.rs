//! What OpenSSL's crate has no safe form of; the only other `unsafe` of the workspace is a call to the allocator at the start.

use std::ffi::{CStr, c_int};
use std::ptr;

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::asn1::{Asn1GeneralizedTimeRef, Asn1TimeRef};
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

/// Returns an extension of the ClientHello, while a callback looks at it; elsewhere there is none.
pub(crate) fn client_hello_extension(ssl: &SslRef, kind: u32) -> Option<&[u8]> {
    let (mut bytes, mut length) = (ptr::null(), 0);
    // SAFETY: the pointers are those of a live connection and of two local variables; OpenSSL answers 0 where there is no
    // ClientHello.
    let found = unsafe {
        openssl_sys::SSL_client_hello_get0_ext(ssl.as_ptr(), kind, &raw mut bytes, &raw mut length)
    };
    if found != 1 || bytes.is_null() {
        return None;
    }
    // SAFETY: the bytes belong to the ClientHello, which lives as long as the callback that borrows the connection.
    Some(unsafe { std::slice::from_raw_parts(bytes, length) })
}

/// Returns the time of an OCSP response as that of a certificate, which has the other arithmetic.
pub(crate) fn as_time(time: &Asn1GeneralizedTimeRef) -> &Asn1TimeRef {
    // SAFETY: to OpenSSL both are the same structure, and a time of a certificate may be a generalized one.
    unsafe { Asn1TimeRef::from_ptr(time.as_ptr().cast()) }
}

/// Returns the error for a certificate that is not for the use it is put to.
pub(crate) fn invalid_purpose() -> X509VerifyResult {
    // SAFETY: it is one of OpenSSL's own numbers.
    unsafe { X509VerifyResult::from_raw(openssl_sys::X509_V_ERR_INVALID_PURPOSE) }
}
