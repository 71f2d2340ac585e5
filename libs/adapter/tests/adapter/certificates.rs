//! Who is behind a certificate, alone and together with a key, and when its sessions end.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use adapter::{
    CutReason, DeviceAuth, Fingerprint, NewSession, Presented, Session, Settings, X509Identity,
};
use messaging::Protocol;
use model::{Action, Result, ThingId};
use proto::Change;
use tls::PeerCert;

use crate::credentials;
use crate::stage::{Stage, eventually};

/// A verified certificate, good for an hour.
fn certificate(sha256: u8) -> PeerCert {
    PeerCert {
        sha256: [sha256; 32],
        issuer_key_id: None,
        serial: Vec::new(),
        cn: None,
        uris: Vec::new(),
        dns: Vec::new(),
        emails: Vec::new(),
        not_after: SystemTime::now() + Duration::from_secs(3600),
    }
}

fn by(auth: DeviceAuth, key: Option<&str>, certificate: Option<&PeerCert>) -> Presented {
    let certificate = certificate.map(|certificate| Arc::new(certificate.clone()));
    Presented::new(auth, key.map(credentials), certificate)
}

fn register(stage: &Stage, certificate: &PeerCert, thing: ThingId) {
    let fingerprint = Fingerprint::from(certificate.sha256);
    stage
        .things
        .state
        .lock()
        .certificates
        .insert(fingerprint, thing);
}

async fn open(stage: &Stage, presented: &Presented) -> Result<Session> {
    let new = NewSession {
        presented: presented.clone(),
        channel: None,
        protocol: Protocol::Mqtt,
    };
    stage.adapter.session(new).await
}

async fn cut(session: &Session) -> CutReason {
    let cut = tokio::time::timeout(Duration::from_secs(10), session.cut()).await;
    cut.expect("the session is cut")
}

/// Rows 83 to 85, for every demand: what is there must agree, what is demanded must be there.
#[tokio::test]
async fn who_somebody_is_by_what_is_demanded_and_presented() {
    use DeviceAuth::{Cert, CertAndKey, CertOrKey, Key};
    let stage = Stage::new().await;
    let (thing, _) = stage.things.connected("mine");
    stage.things.connected("theirs");
    let (mine, stranger) = (certificate(1), certificate(2));
    register(&stage, &mine, thing);
    let old = PeerCert {
        not_after: SystemTime::now() - Duration::from_secs(1),
        ..mine.clone()
    };
    let (mine, stranger, old) = (Some(&mine), Some(&stranger), Some(&old));
    for (auth, key, certificate, code) in [
        (Key, Some("mine"), None, ""),
        (Key, Some("mine"), stranger, ""),
        (Key, None, mine, "credentials_missing"),
        (Cert, None, mine, ""),
        (Cert, Some("mine"), mine, ""),
        (Cert, Some("theirs"), mine, "credentials_disagree"),
        (Cert, Some("nobody"), mine, "credentials_wrong"),
        (Cert, Some(""), mine, "credentials_missing"),
        (Cert, Some("mine"), None, "certificate_missing"),
        (Cert, None, stranger, "certificate_unknown"),
        (Cert, None, old, "certificate_expired"),
        (CertAndKey, Some("mine"), mine, ""),
        (CertAndKey, None, mine, "credentials_missing"),
        (CertAndKey, Some("mine"), None, "certificate_missing"),
        (CertAndKey, Some("theirs"), mine, "credentials_disagree"),
        (CertOrKey, Some("mine"), None, ""),
        (CertOrKey, None, mine, ""),
        (CertOrKey, None, None, "credentials_missing"),
        (CertOrKey, Some("mine"), stranger, "certificate_unknown"),
        (CertOrKey, Some("theirs"), mine, "credentials_disagree"),
    ] {
        let presented = by(auth, key, certificate);
        for identity in [
            stage.adapter.authenticate(&presented).await,
            open(&stage, &presented)
                .await
                .map(|session| session.thing()),
        ] {
            match identity {
                Ok(found) => assert_eq!((found, code), (thing, ""), "{presented:?}"),
                Err(error) => assert_eq!(error.code, code, "{presented:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_removed_certificate_cuts_what_came_with_it() {
    let stage = Stage::new().await;
    let (thing, _) = stage.things.connected("k");
    let certificate = certificate(0xab);
    register(&stage, &certificate, thing);
    let by_certificate = by(DeviceAuth::CertOrKey, None, Some(&certificate));
    let by_key = by(DeviceAuth::CertOrKey, Some("k"), None);
    let session = open(&stage, &by_certificate).await.unwrap();
    let bystander = open(&stage, &by_key).await.unwrap();
    stage.things.state.lock().certificates.clear();
    let sha256 = Fingerprint::from(certificate.sha256).to_string();
    stage
        .publish(Change::CertificateRemoved { id: thing, sha256 })
        .await;
    assert_eq!(cut(&session).await, CutReason::CertificateRemoved);
    assert!(stage.adapter.authenticate(&by_certificate).await.is_err());
    assert_eq!(bystander.is_cut(), None);
}

/// Row 37.
#[tokio::test]
async fn a_session_ends_with_its_certificate() {
    let stage = Stage::new().await;
    let (thing, _) = stage.things.connected("k");
    let short = PeerCert {
        not_after: SystemTime::now() + Duration::from_millis(300),
        ..certificate(1)
    };
    register(&stage, &short, thing);
    let presented = by(DeviceAuth::Cert, None, Some(&short));
    let session = open(&stage, &presented).await.unwrap();
    assert_eq!(cut(&session).await, CutReason::CertificateExpired);
    assert!(SystemTime::now() >= short.not_after);
    assert_eq!(session.is_cut(), Some(CutReason::CertificateExpired));
    let refused = open(&stage, &presented).await.unwrap_err();
    assert_eq!(refused.code, "certificate_expired");
}

#[tokio::test]
async fn a_spiffe_id_counts_when_the_registry_knows_no_better() {
    let mut stage = Stage::idle(Settings {
        spiffe_trust_domain: "iot".to_owned(),
        ..Settings::default()
    })
    .await;
    stage.follow().await;
    let (thing, _) = stage.things.connected("k");
    let (other, _) = stage.things.connected("l");
    let named = |thing: ThingId, sha256| PeerCert {
        uris: vec![format!("spiffe://iot/thing/{thing}")],
        ..certificate(sha256)
    };
    let ask = async |certificate: &PeerCert| {
        let presented = by(DeviceAuth::Cert, None, Some(certificate));
        let identity = stage.adapter.authenticate(&presented).await;
        identity.map_err(|error| error.code.into_owned())
    };
    let mine = named(thing, 1);
    assert_eq!(ask(&mine).await, Ok(thing));
    let nobody = named(ThingId::random(), 2);
    assert_eq!(ask(&nobody).await, Err("certificate_unknown".to_owned()));
    register(&stage, &mine, other);
    let sha256 = Fingerprint::from(mine.sha256).to_string();
    stage
        .publish(Change::CertificateAdded { id: other, sha256 })
        .await;
    eventually("what is registered counts", async || {
        ask(&mine).await == Err("credentials_disagree".to_owned())
    })
    .await;
}

#[tokio::test]
async fn a_key_in_the_cn_counts_where_switched_on_and_goes_with_the_key() {
    let named = PeerCert {
        cn: Some("s3cret".to_owned()),
        ..certificate(1)
    };
    let presented = by(DeviceAuth::Cert, None, Some(&named));
    let stage = Stage::new().await;
    stage.things.connected("s3cret");
    let refused = open(&stage, &presented).await.unwrap_err();
    assert_eq!(refused.code, "certificate_unknown");
    let mut stage = Stage::idle(Settings {
        x509_identity: X509Identity::CnThingKey,
        ..Settings::default()
    })
    .await;
    stage.follow().await;
    let (thing, channel) = stage.things.connected("s3cret");
    let session = open(&stage, &presented).await.unwrap();
    assert_eq!(session.thing(), thing);
    session.join(channel).await.unwrap();
    assert!(stage.adapter.cached(thing, channel, Action::Subscribe));
    stage.things.state.lock().keys = [("another".to_owned(), thing)].into();
    stage.publish(Change::ThingKeyChanged { id: thing }).await;
    assert_eq!(cut(&session).await, CutReason::KeyChanged);
    assert!(!format!("{presented:?}").contains("s3cret"));
}
