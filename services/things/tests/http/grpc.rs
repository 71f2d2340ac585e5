use model::{ErrorKind, Secret};
use proto::things::Things;
use proto::wire::mainflux::things_service_client::ThingsServiceClient;
use proto::wire::mainflux::{AccessByIdReq, AccessReq, Token};
use tonic::Code;

use crate::{ALICE, BOB, NOBODY, Site};

/// The 0.9 service as a 0.9 adapter calls it (contract section 2.3), without a socket.
#[tokio::test]
async fn the_codes_are_those_of_0_9() {
    let site = Site::new().await;
    let thing = site.thing(ALICE, r#"{"key":"k"}"#).await;
    let channel = site.channel(ALICE, "{}").await;
    let elsewhere = site.channel(ALICE, "{}").await;
    let path = format!("/channels/{channel}/things/{thing}");
    assert_eq!(site.send("PUT", ALICE, &path, "", "").await.status, 200);
    let (_, server) = proto::things::server(site.service.clone());
    let mut client = ThingsServiceClient::new(server);
    for (token, chan_id, expected) in [
        ("k", channel.as_str(), Ok(thing.as_str())),
        ("", &channel, Err(Code::InvalidArgument)),
        ("k", "", Err(Code::InvalidArgument)),
        ("x", &channel, Err(Code::PermissionDenied)),
        ("k", &elsewhere, Err(Code::PermissionDenied)),
        ("k", NOBODY, Err(Code::PermissionDenied)),
        ("k", "x", Err(Code::PermissionDenied)),
    ] {
        let (token, chan_id) = (token.to_owned(), chan_id.to_owned());
        let reply = client.can_access(AccessReq { token, chan_id }).await;
        let reply = reply
            .map(|id| id.into_inner().value)
            .map_err(|status| status.code());
        assert_eq!(reply.as_deref().map_err(|code| *code), expected);
    }
    for (thing_id, expected) in [
        (thing.as_str(), None),
        ("", Some(Code::InvalidArgument)),
        (NOBODY, Some(Code::PermissionDenied)),
    ] {
        let (thing_id, chan_id) = (thing_id.to_owned(), channel.clone());
        let reply = client
            .can_access_by_id(AccessByIdReq { thing_id, chan_id })
            .await;
        assert_eq!(reply.err().map(|status| status.code()), expected);
    }
    for (key, expected) in [
        ("k", None),
        ("", Some(Code::PermissionDenied)),
        ("x", Some(Code::PermissionDenied)),
    ] {
        let reply = client
            .identify(Token {
                value: key.to_owned(),
            })
            .await;
        assert_eq!(reply.err().map(|status| status.code()), expected);
    }
}

#[tokio::test]
async fn a_token_opens_the_channels_of_its_owner_only() {
    let site = Site::new().await;
    let channel = site.channel(ALICE, "{}").await;
    let open = async |token: &str, channel: &str| {
        let (token, channel) = (Secret::from(token), channel.parse().unwrap());
        let answer = site.service.authorize_owner(&token, channel).await;
        answer.map_err(|error| error.kind)
    };
    assert_eq!(open(ALICE, &channel).await, Ok(()));
    assert_eq!(open(BOB, &channel).await, Err(ErrorKind::Forbidden));
    assert_eq!(open(ALICE, NOBODY).await, Err(ErrorKind::Forbidden));
    assert_eq!(open("x", &channel).await, Err(ErrorKind::Unauthenticated));
}
