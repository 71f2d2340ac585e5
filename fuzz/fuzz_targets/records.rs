//! Bytes of a bus: what is read as a message or an event is written and read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use messaging::{Message, Record};
use proto::Event;

fuzz_target!(|bytes: &[u8]| {
    check::<Message>(bytes);
    check::<Event>(bytes);
});

fn check<T: Record + PartialEq>(bytes: &[u8]) {
    if let Ok(record) = T::decode(bytes) {
        let mut again = Vec::new();
        record.encode(&mut again);
        let read = T::decode(&again).expect("what was written can be read");
        assert_eq!(read, record);
    }
}
