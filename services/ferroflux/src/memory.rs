//! What the C library is told about memory.

use std::ffi::c_int;
use std::thread::available_parallelism;

use ::config::Environment;

/// `M_ARENA_MAX` of glibc's malloc.h.
const M_ARENA_MAX: c_int = -8;

unsafe extern "C" {
    fn mallopt(parameter: c_int, value: c_int) -> c_int;
}

/// Has one arena for each core, unless the environment says how many; to be called before there are other threads.
///
/// By itself glibc makes one for nearly each thread, and in every one of them what handshakes leave free between that which
/// stays is lost: a third of what idle connections with mutual TLS take.
pub(crate) fn limit_arenas(environment: &Environment) {
    let told = ["MALLOC_ARENA_MAX", "GLIBC_TUNABLES"];
    if told.iter().any(|name| environment.get(name).is_some()) {
        return;
    }
    let cores = available_parallelism().map_or(1, |cores| cores.get());
    let arenas = c_int::try_from(cores).unwrap_or(c_int::MAX);
    // SAFETY: it takes two numbers, and only this thread exists yet. Where it fails, all stays as it is.
    unsafe { mallopt(M_ARENA_MAX, arenas) };
}
