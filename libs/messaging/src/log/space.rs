use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use model::{Error, ErrorKind};

/// How many bytes are kept, of how many that may be.
#[derive(Debug)]
pub(crate) struct Space {
    max: u64,
    used: AtomicU64,
    /// Set when somebody was refused, until something is freed or fits.
    full: AtomicBool,
}

impl Space {
    pub(crate) fn new(max: u64, used: u64) -> Self {
        Self {
            max,
            used: AtomicU64::new(used),
            full: AtomicBool::new(false),
        }
    }

    /// Takes space, or notes that there is not enough.
    pub(crate) fn take(&self, bytes: usize) -> bool {
        let bytes = bytes as u64;
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= self.max)
            });
        let refused = taken.is_err();
        if refused != self.is_full() {
            self.full.store(refused, Ordering::Relaxed);
        }
        !refused
    }

    pub(crate) fn free(&self, bytes: u64) {
        if bytes > 0 {
            self.used.fetch_sub(bytes, Ordering::Relaxed);
            self.full.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    pub(crate) fn is_full(&self) -> bool {
        self.full.load(Ordering::Relaxed)
    }

    /// Tells whether it is time to look harder for what can be freed.
    pub(crate) fn is_scarce(&self) -> bool {
        self.is_full() || self.used() > self.max / 2
    }
}

/// Makes the refusal of a bus that is full.
pub(crate) fn full() -> Error {
    Error::new(
        ErrorKind::Exhausted,
        "bus_full",
        "the bus keeps as much for its consumers as it may; try again when they have caught up",
    )
}
