//! Starting and stopping: what is missing is named, secrets are private, a stop is clean.

use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

use anyhow::ensure;
use e2e::{Platform, Role, Shape, curl, ferroflux};

use crate::both_shapes;
use crate::clients::{paho_over_websocket, subscribe, websocket};
use crate::stage::Stage;

both_shapes!(w43_a_stop_is_clean);

async fn w43_a_stop_is_clean(shape: Shape) -> anyhow::Result<()> {
    let mut stage = Stage::set(shape).await?;
    let _mqtt = subscribe(
        &stage.platform,
        &stage.thing,
        &stage.topic("/#"),
        &["-V", "mqttv5"],
    )
    .await?;
    let mut socket = websocket(
        &stage.socket("")?,
        &[&format!("Authorization:{}", stage.thing.key)],
    )
    .await?;
    assert_eq!(socket.line().await?, "open");
    let mut roles = stage.platform.roles();
    roles.reverse();
    for role in roles {
        let start = Instant::now();
        assert_eq!(
            stage.platform.terminate(role).await?,
            Some(0),
            "{role:?}\n{}",
            stage.platform.log()
        );
        ensure!(
            start.elapsed().as_secs() < 8,
            "{role:?} took {:?} to stop",
            start.elapsed()
        );
    }
    ensure!(
        socket.line_after("closed ").await?.starts_with("1001"),
        "the socket was not told"
    );
    ensure!(
        !stage.platform.log().contains("panicked"),
        "a panic in the log"
    );
    Ok(())
}

#[tokio::test]
async fn every_role_has_metrics_and_the_front_has_none() -> anyhow::Result<()> {
    let stage = Stage::set(Shape::Embedded).await?;
    for listener in [
        "users-http",
        "things-http",
        "http-adapter",
        "ws-adapter",
        "mqtt-ws",
    ] {
        let reply = curl(&[&format!("{}/metrics", stage.platform.url(listener)?)]).await?;
        ensure!(
            reply.status == 200 && reply.body.contains("# TYPE"),
            "{listener}: {reply:?}"
        );
        ensure!(
            !reply.body.contains(&stage.thing.key),
            "a key in the metrics"
        );
    }
    let front = format!("{}/metrics", stage.platform.url("front")?);
    assert_eq!(curl(&[&front]).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn secrets_are_made_on_the_first_start_and_kept() -> anyhow::Result<()> {
    let mut platform = Platform::start(Shape::Embedded).await?;
    let secret = platform.data(Role::All).join("secrets/users");
    assert_eq!(
        std::fs::metadata(&secret)?.permissions().mode() & 0o777,
        0o600
    );
    let before = std::fs::read_to_string(&secret)?;
    assert_eq!(platform.terminate(Role::All).await?, Some(0));
    platform.restart(Role::All).await?;
    assert_eq!(std::fs::read_to_string(&secret)?, before);
    ensure!(
        !platform.log().contains(before.trim()),
        "the secret was logged"
    );
    Ok(())
}

#[tokio::test]
async fn w4_ports_that_authenticate_nobody_are_on_loopback() -> anyhow::Result<()> {
    let platform = Platform::start(Shape::Embedded).await?;
    let run = std::fs::read_to_string(platform.data(Role::All).join("run.json"))?;
    let run: serde_json::Value = serde_json::from_str(&run)?;
    for listener in ["users-grpc", "things-grpc", "things-auth-http"] {
        let address = run["listeners"][listener].as_str().unwrap_or_default();
        ensure!(
            address.starts_with("127.0.0.1:"),
            "{listener} is on {address}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_front_has_the_paths_of_0_9_in_one_place() -> anyhow::Result<()> {
    let stage = Stage::set(Shape::Embedded).await?;
    let front = stage.platform.url("front")?;
    let user = format!("Authorization: {}", stage.account.token);
    for (path, status) in [
        ("/users", 200),
        ("/things", 200),
        ("/channels", 200),
        ("/version", 200),
        ("/metrics", 404),
        ("/nothing", 404),
    ] {
        assert_eq!(
            curl(&["-H", &user, &format!("{front}{path}")])
                .await?
                .status,
            status,
            "{path}"
        );
    }
    let key = format!("Authorization: {}", stage.thing.key);
    let url = format!("{front}/http/channels/{}/messages", stage.channel);
    assert_eq!(curl(&["-H", &key, "-d", "x", &url]).await?.status, 202);
    let topic = stage.topic("/front");
    let address = stage.platform.address("front")?;
    assert_eq!(
        paho_over_websocket(&address, "/mqtt", &stage.thing, &topic).await?,
        format!("{topic} over-ws")
    );
    let url = format!("{front}/ws/channels/{}/messages", stage.channel);
    assert_eq!(
        websocket(&url, &[&format!("Authorization:{}", stage.thing.key)])
            .await?
            .line()
            .await?,
        "open"
    );
    Ok(())
}

#[tokio::test]
async fn what_a_named_role_lacks_is_listed_at_once() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().display().to_string();
    let output = ferroflux(
        &["run", "users", "things", "--data", &data],
        &[
            ("MF_USERS_HTTP_PORT", "many"),
            ("MF_NATS_CLIENT_CERT", "half a pair"),
            ("NATS_ROOT_CA", "/nowhere"),
        ],
    )
    .await?;
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    for name in [
        "MF_USERS_HTTP_PORT",
        "MF_USERS_DB_HOST",
        "MF_THINGS_DB_HOST",
        "MF_NATS_URL",
        "MF_NATS_CLIENT_KEY",
        "NATS_ROOT_CA",
        "MF_USERS_SECRET",
        "MF_THINGS_SECRET",
    ] {
        ensure!(text.contains(name), "{name} is not named in:\n{text}");
    }
    let output = ferroflux(
        &["run", "--check", "--data", &data],
        &[("MF_FRONT_PORT", "99999")],
    )
    .await?;
    assert_eq!(output.status.code(), Some(64));
    let output = ferroflux(&["run", "--check", "--data", &data], &[]).await?;
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    ensure!(
        std::fs::read_dir(folder.path())?.next().is_none(),
        "a check must leave nothing behind"
    );
    Ok(())
}

#[tokio::test]
async fn a_second_process_on_the_same_data_is_refused() -> anyhow::Result<()> {
    let platform = Platform::start(Shape::Embedded).await?;
    let data = platform.data(Role::All).display().to_string();
    let ports = [
        "MF_USERS_HTTP_PORT",
        "MF_USERS_GRPC_PORT",
        "MF_THINGS_HTTP_PORT",
        "MF_THINGS_AUTH_HTTP_PORT",
        "MF_THINGS_AUTH_GRPC_PORT",
        "MF_HTTP_ADAPTER_PORT",
        "MF_WS_ADAPTER_PORT",
        "MF_MQTT_ADAPTER_PORT",
        "MF_MQTT_ADAPTER_WS_PORT",
        "MF_FRONT_PORT",
    ]
    .map(|name| (name, "0"));
    let output = ferroflux(&["run", "--data", &data], &ports).await?;
    ensure!(!output.status.success(), "two processes share {data}");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(
        text.contains("another process"),
        "the reason is not said:\n{text}"
    );
    Ok(())
}
