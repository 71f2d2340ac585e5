use model::{ErrorKind, ThingId};
use proto::things::{CERTIFICATE_UNKNOWN, Things};
use things::model::{Certificate, Fingerprint};
use things::{Error, NewCertificate};

use crate::{TEN, new_thing, noon, services, somebody};

const LEAF: &str = include_str!("../data/leaf.pem");

#[tokio::test]
async fn a_certificate_says_which_thing_it_is_until_it_is_revoked() {
    for service in services().await {
        let owner = somebody();
        let thing = service.create_thing(&owner, new_thing("t", None)).await;
        let thing = thing.unwrap().id;
        let new = NewCertificate::Pem(LEAF.to_owned());
        let certificate = service
            .create_certificate(&owner, thing, &new)
            .await
            .unwrap();
        let sha256 = certificate.sha256;
        let authenticate = async || {
            service
                .authenticate_certificate(sha256.as_bytes(), None)
                .await
        };
        assert_eq!(authenticate().await, Ok(thing));
        let listed = service.list_certificates(&owner, thing, TEN).await.unwrap();
        assert_eq!((listed.total, &listed.items[0]), (Some(1), &certificate));
        service
            .revoke_certificate(&owner, thing, sha256)
            .await
            .unwrap();
        assert_eq!(
            authenticate()
                .await
                .map_err(|error| (error.kind, error.code)),
            Err((ErrorKind::Unauthenticated, "certificate_revoked".into()))
        );
        let listed = service.list_certificates(&owner, thing, TEN).await.unwrap();
        let revoked = Some(noon());
        assert_eq!(
            listed.items[0],
            Certificate {
                revoked,
                ..certificate
            }
        );
        let again = service.create_certificate(&owner, thing, &new).await;
        assert_eq!(again, Err(Error::CertificateTaken));
        service
            .delete_certificate(&owner, thing, sha256)
            .await
            .unwrap();
        service
            .create_certificate(&owner, thing, &new)
            .await
            .unwrap();
        assert_eq!(authenticate().await, Ok(thing));
        service.delete_thing(&owner, thing).await.unwrap();
        assert!(authenticate().await.is_err());
    }
}

#[tokio::test]
async fn a_certificate_is_one_things() {
    for service in services().await {
        let (owner, other) = (somebody(), somebody());
        let create = async |caller| service.create_thing(caller, new_thing("t", None)).await;
        let (mine, theirs) = (
            create(&owner).await.unwrap().id,
            create(&other).await.unwrap().id,
        );
        let sha256 = Fingerprint::from([1; 32]);
        let new = NewCertificate::Sha256(sha256);
        service
            .create_certificate(&owner, mine, &new)
            .await
            .unwrap();
        let taken = service.create_certificate(&other, theirs, &new).await;
        assert_eq!(taken, Err(Error::CertificateTaken));
        for (caller, thing) in [
            (&other, mine),
            (&other, theirs),
            (&owner, ThingId::random()),
        ] {
            let missing = Err(Error::CertificateNotFound);
            assert_eq!(
                service.revoke_certificate(caller, thing, sha256).await,
                missing
            );
            let deleted = service.delete_certificate(caller, thing, sha256).await;
            assert_eq!(deleted, Err(Error::CertificateNotFound));
        }
        let foreign = service.create_certificate(&other, mine, &new).await;
        assert_eq!(foreign, Err(Error::ThingNotFound));
        let foreign = service.list_certificates(&other, mine, TEN).await;
        assert_eq!(foreign, Err(Error::ThingNotFound));
        let authenticate = async |byte, named| {
            let thing = service.authenticate_certificate(&[byte; 32], named).await;
            thing.map_err(|error| error.code.into_owned())
        };
        assert_eq!(authenticate(1, None).await, Ok(mine));
        let unknown = || Err(CERTIFICATE_UNKNOWN.to_owned());
        assert_eq!(authenticate(2, None).await, unknown());
        // What is registered counts more than what a certificate says, and what it says only of a thing there is.
        assert_eq!(authenticate(1, Some(theirs)).await, Ok(mine));
        assert_eq!(authenticate(2, Some(theirs)).await, Ok(theirs));
        assert_eq!(authenticate(2, Some(ThingId::random())).await, unknown());
    }
}
