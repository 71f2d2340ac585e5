use std::collections::HashMap;
use std::net::IpAddr;

use model::subscriber;
use parking_lot::Mutex;

/// How many handshakes each address has under way; only addresses that have one are in it.
pub(super) struct Addresses {
    limit: usize,
    counts: Mutex<HashMap<IpAddr, usize>>,
}

/// One handshake of an address, counted until it is dropped.
pub(super) struct Place<'a> {
    addresses: &'a Addresses,
    key: IpAddr,
}

impl Addresses {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            counts: Mutex::default(),
        }
    }

    /// Counts one more, unless the address has as many as it may.
    pub(super) fn enter(&self, address: IpAddr) -> Option<Place<'_>> {
        let key = subscriber(address);
        let mut counts = self.counts.lock();
        let count = counts.entry(key).or_default();
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place {
            addresses: self,
            key,
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut counts = self.addresses.counts.lock();
        if let Some(count) = counts.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Addresses;

    #[test]
    fn an_address_has_its_limit_and_leaves_nothing_behind() {
        let addresses = Addresses::new(2);
        let enter = |address: &str| addresses.enter(address.parse().unwrap());
        let (a, b) = (enter("192.0.2.1"), enter("192.0.2.1"));
        assert!(a.is_some() && b.is_some() && enter("192.0.2.1").is_none());
        assert!(enter("192.0.2.2").is_some());
        drop(a);
        assert!(enter("192.0.2.1").is_some());
        drop(b);
        assert!(addresses.counts.lock().is_empty());
    }

    #[test]
    fn one_subscriber_of_ipv6_is_one_address() {
        let addresses = Addresses::new(1);
        let _held = addresses.enter("2001:db8::1".parse().unwrap());
        assert!(
            addresses
                .enter("2001:db8::ffff:1".parse().unwrap())
                .is_none()
        );
        assert!(
            addresses
                .enter("2001:db8:0:1::1".parse().unwrap())
                .is_some()
        );
    }
}
