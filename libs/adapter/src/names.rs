//! Which thing a certificate names by itself.

use config::Problems;
use model::{Credentials, Secret, ThingId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tls::PeerCert;

use crate::Settings;

/// The longest CN there is (X.520); a thing's key that is longer never was in one.
const MAX_CN: usize = 64;

/// How a certificate that is not registered may say which thing it is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum X509Identity {
    /// Not at all, or by its SPIFFE ID.
    #[default]
    Registry,
    /// By the thing's key in its CN, as in 0.9: whoever sees the certificate has the key.
    CnThingKey,
}

/// What is kept of 0.9 about certificates.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct X509 {
    /// How a certificate is found: by the `registry`, or also, as in 0.9, by the thing's key in its CN: `cn_thing_key`. Whoever sees such a certificate has the key.
    pub identity: X509Identity,
}

impl X509 {
    /// What the names of the environment variables begin with.
    pub const PREFIX: &str = "MF_X509_";
}

/// The names that are believed.
#[derive(Debug)]
pub(crate) struct Names {
    trust_domain: String,
    identity: X509Identity,
}

impl Names {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            trust_domain: settings.spiffe_trust_domain.clone(),
            identity: settings.x509_identity,
        }
    }

    /// Returns the thing of the SPIFFE ID `spiffe://<trust domain>/thing/<id>`; a certificate with another URI beside it has
    /// no SPIFFE ID (X.509-SVID section 2), and one that is not written as we write it is another's.
    pub(crate) fn thing(&self, certificate: &PeerCert) -> Option<ThingId> {
        let ([uri], false) = (certificate.uris.as_slice(), self.trust_domain.is_empty()) else {
            return None;
        };
        let path = uri
            .strip_prefix("spiffe://")?
            .strip_prefix(self.trust_domain.as_str())?;
        let id = path.strip_prefix("/thing/")?;
        let thing: ThingId = id.parse().ok()?;
        (thing.to_string() == id).then_some(thing)
    }

    /// Returns the key that the CN is, where that is believed.
    pub(crate) fn key(&self, certificate: &PeerCert) -> Option<Credentials> {
        let name = certificate.cn.as_deref()?;
        let believed = self.identity == X509Identity::CnThingKey && name.len() <= MAX_CN;
        believed.then(|| Credentials::Key(Secret::from(name)))
    }
}

/// Notes a trust domain that no SPIFFE ID can have.
pub(crate) fn check_trust_domain(domain: &str, problems: &mut Problems) {
    let valid = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b".-_".contains(&c);
    if !domain.bytes().all(valid) {
        problems.push(
            format!("{}SPIFFE_TRUST_DOMAIN", Settings::PREFIX),
            "is no trust domain; write lower-case letters, digits, '.', '-' and '_', such as iot.example.org",
        );
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    fn certificate(uris: &[&str], cn: Option<&str>) -> PeerCert {
        PeerCert {
            sha256: [0; 32],
            issuer_key_id: None,
            serial: Vec::new(),
            cn: cn.map(str::to_owned),
            uris: uris.iter().map(|&uri| uri.to_owned()).collect(),
            dns: Vec::new(),
            emails: Vec::new(),
            not_after: SystemTime::UNIX_EPOCH,
        }
    }

    fn names(domain: &str, identity: X509Identity) -> Names {
        Names::new(&Settings {
            spiffe_trust_domain: domain.to_owned(),
            x509_identity: identity,
            ..Settings::default()
        })
    }

    /// Row 81: only the one exact form counts.
    #[test]
    fn a_spiffe_id_is_exact_and_alone() {
        let thing: ThingId = "4dd5f2c6-0b1c-4c0f-9a6a-6a3c9b1f0f5e".parse().unwrap();
        let names = names("iot.example", X509Identity::Registry);
        let good = format!("spiffe://iot.example/thing/{thing}");
        assert_eq!(names.thing(&certificate(&[&good], None)), Some(thing));
        let upper = good.replace(&thing.to_string(), &thing.to_string().to_uppercase());
        for uris in [
            vec![],
            vec![good.as_str(), good.as_str()],
            vec![good.as_str(), "https://example"],
            vec![upper.as_str()],
            vec![&good.replace("iot.example", "iot.example.org")],
            vec![&good.replace("iot.example", "ot.example")],
            vec![&good.replace("iot.example", "IOT.example")],
            vec![&good.replace("spiffe", "SPIFFE")],
            vec![&good.replace("/thing/", "/x/../thing/")],
            vec![&good.replace("/thing/", "/svc/")],
            vec![&format!("{good}/more")],
            vec![&format!("{good}?x")],
            vec![&good.replace('-', "")],
        ] {
            assert_eq!(names.thing(&certificate(&uris, None)), None, "{uris:?}");
        }
        let nobody = super::tests::names("", X509Identity::Registry);
        for uri in [good.as_str(), &format!("spiffe:///thing/{thing}")] {
            assert_eq!(nobody.thing(&certificate(&[uri], None)), None);
        }
    }

    #[test]
    fn a_cn_is_a_key_only_when_switched_on() {
        let (long, key) = ("k".repeat(65), Credentials::Key(Secret::from("a,CN=b")));
        let off = names("", X509Identity::Registry);
        let on = names("", X509Identity::CnThingKey);
        assert_eq!(off.key(&certificate(&[], Some("a,CN=b"))), None);
        assert_eq!(on.key(&certificate(&[], Some("a,CN=b"))), Some(key));
        assert_eq!(on.key(&certificate(&[], Some(&long))), None);
        assert_eq!(on.key(&certificate(&[], None)), None);
    }

    #[test]
    fn a_trust_domain_is_a_name() {
        let wrong = |domain| {
            let mut problems = Problems::new();
            check_trust_domain(domain, &mut problems);
            problems.to_string()
        };
        assert_eq!(wrong("iot-1.example_x") + &wrong(""), "");
        for domain in ["spiffe://x", "X", "x/y", "x y", "é"] {
            assert!(
                wrong(domain).contains("MF_ADAPTER_SPIFFE_TRUST_DOMAIN"),
                "{domain}"
            );
        }
    }
}
