//! Rows 1 to 24 of the acceptance walkthrough: users, tokens, things, channels, connections.

use anyhow::ensure;
use e2e::{Platform, Shape, curl};
use serde_json::{Value, json};

use crate::account::{Account, JSON};
use crate::both_shapes;

both_shapes!(
    users_and_tokens,
    things,
    lists,
    connections,
    refusals_say_why,
    a_deleted_user_takes_the_things_along
);

/// Makes requests in order and compares the statuses.
async fn expect(
    account: &Account,
    rows: &[(&str, &str, Option<Value>, u16)],
) -> anyhow::Result<()> {
    for (method, path, body, status) in rows {
        let reply = account.things(method, path, body.clone()).await?;
        ensure!(
            reply.status == *status,
            "{method} {path} {body:?}: not {status} but {reply:?}"
        );
    }
    Ok(())
}

async fn users_and_tokens(shape: Shape) -> anyhow::Result<()> {
    let platform = Platform::start(shape).await?;
    let users = platform.url("users-http")?;
    let good = r#"{"email":"john.doe@email.com","password":"123"}"#;
    for (path, content_type, body, status) in [
        ("/users", JSON, good, 201),
        ("/users", JSON, good, 409),
        ("/users", JSON, "{", 400),
        ("/users", JSON, r#"{"email":"john","password":"123"}"#, 400),
        ("/users", "Content-Type: text/plain", good, 415),
        ("/tokens", JSON, good, 201),
        (
            "/tokens",
            JSON,
            r#"{"email":"john.doe@email.com","password":"124"}"#,
            403,
        ),
    ] {
        let reply = curl(&["-H", content_type, "-d", body, &format!("{users}{path}")]).await?;
        ensure!(reply.status == status, "{path} {body}: {reply:?}");
        let created_user = path == "/users" && status == 201;
        ensure!(!created_user || (reply.body.is_empty() && reply.header("location").is_none()));
    }
    let token = curl(&["-H", JSON, "-d", good, &format!("{users}/tokens")])
        .await?
        .json();
    for scheme in ["", "Bearer "] {
        let header = format!(
            "Authorization: {scheme}{}",
            token["token"].as_str().unwrap_or_default()
        );
        let me = curl(&["-H", &header, &format!("{users}/users")]).await?;
        assert_eq!(
            (me.status, &me.json()["email"]),
            (200, &json!("john.doe@email.com"))
        );
    }
    assert_eq!(curl(&[&format!("{users}/users")]).await?.status, 403);
    let version = curl(&[&format!("{users}/version")]).await?.json();
    assert_eq!(version, json!({"service": "users", "version": "0.9.0"}));
    Ok(())
}

async fn things(shape: Shape) -> anyhow::Result<()> {
    let platform = Platform::start(shape).await?;
    let john = Account::create(&platform, "john.doe@email.com").await?;
    let jane = Account::create(&platform, "jane.doe@email.com").await?;
    let body = json!({"name": "weio", "metadata": {"serial": "123456"}});
    let created = john.things("POST", "/things", Some(body)).await?;
    ensure!(
        created
            .header("location")
            .is_some_and(|location| location.starts_with("/things/")),
        "{created:?}"
    );
    let weio = created.created_id()?;
    let path = format!("/things/{weio}");
    let my_key = Some(json!({"key": "my key"}));
    expect(
        &john,
        &[
            ("POST", "/things", Some(json!({})), 201),
            ("POST", "/things", my_key.clone(), 201),
        ],
    )
    .await?;
    expect(
        &jane,
        &[("POST", "/things", my_key, 422), ("GET", &path, None, 404)],
    )
    .await?;
    let key_path = format!("{path}/key");
    expect(
        &john,
        &[
            ("GET", &path, None, 200),
            ("PUT", &path, Some(json!({"name": "new"})), 200),
            ("PATCH", &key_path, Some(json!({"key": "other key"})), 200),
        ],
    )
    .await?;
    // A replacement: what is not sent is cleared.
    let thing = john.things("GET", &path, None).await?.json();
    assert_eq!(
        thing,
        json!({"id": weio, "name": "new", "key": "other key"})
    );
    // Wart W6 mended: somebody else's delete is answered as ever, and does nothing.
    expect(&jane, &[("DELETE", &path, None, 204)]).await?;
    let gone = [
        ("GET", path.as_str(), None, 200),
        ("DELETE", &path, None, 204),
        ("DELETE", &path, None, 204),
    ];
    expect(&john, &gone).await
}

async fn lists(shape: Shape) -> anyhow::Result<()> {
    let platform = Platform::start(shape).await?;
    let john = Account::create(&platform, "john.doe@email.com").await?;
    for serial in ["123456", "654321", "123456789"] {
        let body = json!({"name": "weio", "metadata": {"serial": serial}});
        expect(&john, &[("POST", "/things", Some(body), 201)]).await?;
    }
    let page = john
        .things("GET", "/things?offset=0&limit=5", None)
        .await?
        .json();
    assert_eq!(
        (&page["total"], &page["offset"], &page["limit"]),
        (&json!(3), &json!(0), &json!(5))
    );
    let things = page["things"].as_array().cloned().unwrap_or_default();
    assert!(things.len() == 3 && things.iter().all(|thing| thing["key"].is_string()));
    for bad in ["limit=0", "limit=101", "offset=-1", "limit=5&limit=5"] {
        expect(&john, &[("GET", &format!("/things?{bad}"), None, 400)]).await?;
    }
    // Row 12, with wart W29 mended: the total is that of the filtered list.
    let filter = "/things?metadata=%7B%22serial%22%3A%22123456%22%7D";
    let filtered = john.things("GET", filter, None).await?.json();
    assert_eq!(
        (
            &filtered["total"],
            &filtered["things"][0]["metadata"]["serial"]
        ),
        (&json!(1), &json!("123456"))
    );
    let channel = john.channel().await?;
    let page = john
        .things("GET", "/channels?offset=0&limit=5", None)
        .await?
        .json();
    assert_eq!(
        (&page["total"], &page["channels"][0]["id"]),
        (&json!(1), &json!(channel))
    );
    expect(
        &john,
        &[("DELETE", &format!("/channels/{channel}"), None, 204)],
    )
    .await
}

async fn connections(shape: Shape) -> anyhow::Result<()> {
    let platform = Platform::start(shape).await?;
    let john = Account::create(&platform, "john.doe@email.com").await?;
    let jane = Account::create(&platform, "jane.doe@email.com").await?;
    let (thing, channel, foreign) = (
        john.thing().await?,
        john.channel().await?,
        jane.channel().await?,
    );
    for _ in 0..2 {
        john.connect(&channel, &thing).await?;
    }
    let things = john
        .things("GET", &format!("/channels/{channel}/things"), None)
        .await?
        .json();
    assert_eq!(
        (&things["total"], &things["things"][0]["id"]),
        (&json!(1), &json!(thing.id))
    );
    let channels = john
        .things("GET", &format!("/things/{}/channels", thing.id), None)
        .await?
        .json();
    assert_eq!(channels["channels"][0]["id"], json!(channel));
    let unknown = "11111111-1111-4111-8111-111111111111";
    for bad in [foreign.as_str(), unknown, "not-a-uuid"] {
        let path = format!("/channels/{bad}/things/{}", thing.id);
        assert_eq!(john.things("PUT", &path, None).await?.status, 404, "{bad}");
    }
    john.disconnect(&channel, &thing).await?;
    let path = format!("/channels/{channel}/things/{}", thing.id);
    assert_eq!(john.things("DELETE", &path, None).await?.status, 404);
    Ok(())
}

async fn refusals_say_why(shape: Shape) -> anyhow::Result<()> {
    let platform = Platform::start(shape).await?;
    let john = Account::create(&platform, "john.doe@email.com").await?;
    let deep = format!(
        "{{\"metadata\":{}{}}}",
        "{\"a\":".repeat(5000),
        "1".to_owned() + &"}".repeat(5000)
    );
    let things = platform.url("things-http")?;
    let authorization = format!("Authorization: {}", john.token);
    let bodies = [
        r#"{"name":"\u0000"}"#,
        r#"{"name":"\ud800"}"#,
        r#"{"metadata":{"a":"\u0000"}}"#,
        r#"{"metadata":[]}"#,
        r#"{"key":"\u0000"}"#,
        "",
        "{",
        deep.as_str(),
    ];
    for body in bodies {
        let reply = curl(&[
            "-H",
            &authorization,
            "-H",
            JSON,
            "-d",
            body,
            &format!("{things}/things"),
        ])
        .await?;
        ensure!(reply.status == 400, "{body:.60}: {reply:?}");
        ensure!(
            reply.json()["code"].is_string() && reply.json()["detail"].is_string(),
            "no reason: {reply:?}"
        );
    }
    for path in [
        "/things?offset=18446744073709551615",
        "/channels?offset=9223372036854775808",
        "/things?name=%00",
        "/things/%00",
    ] {
        let reply = john.things("GET", path, None).await?;
        ensure!(reply.status < 500, "{path}: {reply:?}");
    }
    let log = platform.log();
    ensure!(!log.contains(&john.token), "a token was logged");
    Ok(())
}

async fn a_deleted_user_takes_the_things_along(shape: Shape) -> anyhow::Result<()> {
    let platform = Platform::start(shape).await?;
    let john = Account::create(&platform, "john.doe@email.com").await?;
    let (thing, channel) = (john.thing().await?, john.channel().await?);
    john.connect(&channel, &thing).await?;
    let http = platform.url("http-adapter")?;
    let publish = || async {
        let url = format!("{http}/channels/{channel}/messages");
        curl(&[
            "-H",
            &format!("Authorization: {}", thing.key),
            "-d",
            "x",
            &url,
        ])
        .await
        .ok()
        .map(|reply| reply.status)
    };
    assert_eq!(publish().await, Some(202));
    assert_eq!(john.users("DELETE", "/users", None).await?.status, 204);
    e2e::until("the thing to be refused", || async {
        publish().await.filter(|status| *status == 403)
    })
    .await?;
    assert_eq!(john.things("GET", "/things", None).await?.status, 403);
    Ok(())
}
