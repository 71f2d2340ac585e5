//! Packs and objects of devices: whatever the bytes, records within bounds or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for records in [
        senml::decode_json(bytes, 1.7e9),
        senml::decode_cbor(bytes, 1.7e9),
        senml::flatten_json(bytes, 1.7e9),
    ]
    .into_iter()
    .flatten()
    {
        assert!(records.len() <= senml::MAX_RECORDS);
        assert!(
            records
                .iter()
                .all(|record| record.name.len() <= senml::MAX_NAME)
        );
    }
});
