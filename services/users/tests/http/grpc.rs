use proto::wire::mainflux::Token;
use proto::wire::mainflux::users_service_client::UsersServiceClient;
use tonic::Code;

use crate::{App, JOHN, wait};

/// The 0.9 service as a 0.9 role calls it (contract section 1.4), without a socket.
#[tokio::test]
async fn the_codes_are_those_of_0_9() {
    let app = App::new().await;
    let foreign = App::with(|config| config.secret = "another secret".into()).await;
    let (early, foreign) = (app.token().await, foreign.token().await);
    wait(60 * 60);
    let token = app.token().await;
    wait(9 * 60 * 60);
    let altered = format!("{token}x");
    let (_, server) = proto::users::server(app.users.clone());
    let mut client = UsersServiceClient::new(server);
    for (value, expected) in [
        (token.as_str(), Ok(JOHN)),
        ("", Err(Code::InvalidArgument)),
        ("x", Err(Code::Unauthenticated)),
        ("a.b.c", Err(Code::Unauthenticated)),
        (&early, Err(Code::Unauthenticated)),
        (&altered, Err(Code::Unauthenticated)),
        (&foreign, Err(Code::Unauthenticated)),
    ] {
        let value = value.to_owned();
        let reply = client.identify(Token { value }).await;
        let reply = reply
            .map(|id| id.into_inner().value)
            .map_err(|status| status.code());
        assert_eq!(reply.as_deref().map_err(|code| *code), expected);
    }
}
