use std::collections::HashMap;
use std::net::IpAddr;

use model::subscriber;
use parking_lot::Mutex;

use crate::rate::Rate;

/// How many addresses are watched. Who has more of them is not stopped by a limit for each.
const MAX_ADDRESSES: usize = 10_000;

/// How often credentials from an address were wrong a moment ago.
#[derive(Debug)]
pub(crate) struct Failures {
    /// How often they may be in a second; 0 is any number.
    limit: u32,
    addresses: Mutex<HashMap<IpAddr, Rate>>,
}

impl Failures {
    pub(crate) fn new(limit: u32) -> Self {
        Self {
            limit,
            addresses: Mutex::default(),
        }
    }

    /// Tells whether an address has used up what it may get wrong.
    pub(crate) fn are_too_many(&self, address: IpAddr) -> bool {
        self.limit > 0
            && self
                .addresses
                .lock()
                .get(&subscriber(address))
                .is_some_and(|rate| !rate.wait().is_zero())
    }

    /// Notes that credentials from an address were wrong.
    pub(crate) fn note(&self, address: IpAddr) {
        if self.limit == 0 {
            return;
        }
        let mut addresses = self.addresses.lock();
        if addresses.len() >= MAX_ADDRESSES {
            addresses.clear();
        }
        let rate = addresses.entry(subscriber(address));
        rate.or_insert_with(|| Rate::new(self.limit)).admits(1);
    }

    /// Forgets the addresses for which it was long ago.
    pub(crate) fn sweep(&self) {
        self.addresses.lock().retain(|_, rate| !rate.is_idle());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_may_fail_so_often_and_others_are_not_concerned() {
        let failures = Failures::new(2);
        let [one, other] = ["192.0.2.1", "192.0.2.2"].map(|address| address.parse().unwrap());
        failures.note(one);
        assert!(!failures.are_too_many(one));
        failures.note(one);
        assert!(failures.are_too_many(one) && !failures.are_too_many(other));
        failures.sweep();
        assert!(failures.are_too_many(one), "it was a moment ago");
    }

    #[test]
    fn so_many_addresses_are_watched() {
        let failures = Failures::new(1);
        for address in 0..=MAX_ADDRESSES {
            let address = u32::try_from(address).unwrap();
            failures.note(IpAddr::V4(address.into()));
        }
        assert!(failures.addresses.lock().len() <= MAX_ADDRESSES);
        let unlimited = Failures::new(0);
        unlimited.note(IpAddr::V4(1.into()));
        assert!(unlimited.addresses.lock().is_empty());
        assert!(!unlimited.are_too_many(IpAddr::V4(1.into())));
    }
}
