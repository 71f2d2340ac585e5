use proptest::prelude::*;

use super::*;

const LEAF: &str = include_str!("../../../tests/data/leaf.pem");
const OTHER: &str = include_str!("../../../tests/data/other.pem");
const EXPIRED: &str = include_str!("../../../tests/data/expired.pem");
const SHA256: &str = "9e2f27f9af221011ff3c01570afdfb777c14d890a045b2df33730d411a40749e";

/// A moment in 2025.
const NOW: Timestamp = Timestamp::from_micros(1_750_000_000_000_000);

fn read(pem: &str) -> Result<Certificate> {
    Certificate::of_pem(pem, ThingId::random(), NOW)
}

#[test]
fn fingerprint_serial_subject_and_end_are_read() {
    let certificate = read(LEAF).unwrap();
    assert_eq!(certificate.sha256.to_string(), SHA256);
    assert_eq!(certificate.serial.as_deref(), Some("0badc0de"));
    assert_eq!(
        certificate.subject.as_deref(),
        Some("CN=boiler 7, O=Example")
    );
    assert_eq!(certificate.not_after.unwrap().seconds() / 31_557_600, 156);
    assert_eq!(certificate.revoked, None);
}

#[test]
fn an_expired_one_is_refused_and_was_good_before() {
    assert_eq!(read(EXPIRED), Err(Error::CertificateExpired));
    let before = Timestamp::from_micros(1_590_000_000_000_000);
    assert!(Certificate::of_pem(EXPIRED, ThingId::random(), before).is_ok());
}

#[test]
fn anything_but_one_certificate_is_refused() {
    let key = LEAF.replace("CERTIFICATE", "PRIVATE KEY");
    let cut = LEAF.replacen("MII", "MIJ", 1);
    let large = format!("{LEAF}{}", " ".repeat(65 * 1024));
    let two = format!("{LEAF}{OTHER}");
    let with_key = format!("{LEAF}{key}");
    for bad in [
        "",
        "text",
        &LEAF[..100],
        &key,
        &cut,
        &large,
        &two,
        &with_key,
    ] {
        assert_eq!(read(bad), Err(Error::CertificateMalformed), "{bad}");
    }
}

#[test]
fn fingerprints_are_read_as_tools_print_them() {
    let plain = Fingerprint::parse(SHA256).unwrap();
    assert_eq!(Fingerprint::parse(&SHA256.to_uppercase()), Ok(plain));
    let pairs: Vec<_> = SHA256.as_bytes().chunks(2).collect();
    let colons = pairs.join(&b':');
    assert_eq!(
        Fingerprint::parse(std::str::from_utf8(&colons).unwrap()),
        Ok(plain)
    );
    let dashes = pairs.join(&b'-');
    for bad in [
        "",
        "9e",
        &SHA256[1..],
        &SHA256.replace('9', "g"),
        std::str::from_utf8(&dashes).unwrap(),
        &"é".repeat(32),
    ] {
        assert_eq!(
            Fingerprint::parse(bad),
            Err(Error::FingerprintMalformed),
            "{bad}"
        );
    }
}

proptest! {
    #[test]
    fn no_pem_breaks_the_reader(text in ".{0,200}", at in 0usize..600, byte in any::<u8>()) {
        prop_assert!(read(&text).is_err());
        let mut damaged = LEAF.as_bytes().to_vec();
        let at = at % damaged.len();
        damaged[at] = byte;
        if let Ok(text) = std::str::from_utf8(&damaged) {
            let _ = read(text);
        }
    }

    #[test]
    fn whatever_is_a_fingerprint_is_shown_as_one(text in "[0-9a-fA-F:]{60,96}|.{0,96}") {
        if let Ok(sha256) = Fingerprint::parse(&text) {
            prop_assert_eq!(sha256.to_string(), text.replace(':', "").to_lowercase());
        }
    }
}
