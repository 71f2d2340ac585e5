//! The client commands of `ferroflux`: every one of 0.9 with its words and arguments, and those that are new.

use std::os::unix::fs::PermissionsExt;

use anyhow::{Context, ensure};
use e2e::{Platform, Shape, ferroflux, until};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::both_shapes;
use crate::certificates::Certificates;

both_shapes!(
    users,
    things_and_channels,
    messages,
    provisioning,
    certificates,
    refusals_have_a_status,
    load,
    over_mutual_tls,
);

/// A platform and a person at a terminal.
struct Terminal {
    platform: Platform,
    env: Vec<(String, String)>,
    home: TempDir,
}

impl Terminal {
    async fn open(shape: Shape) -> anyhow::Result<Self> {
        Self::open_with(shape, &[], "").await
    }

    /// Opens a terminal at a platform with further variables, whose device listeners have the schemes of `secure`: `s` or none.
    async fn open_with(
        shape: Shape,
        variables: &[(&str, &str)],
        secure: &str,
    ) -> anyhow::Result<Self> {
        let platform = Platform::start_with(shape, variables).await?;
        let mut terminal = Self {
            platform,
            env: Vec::new(),
            home: tempfile::tempdir()?,
        };
        let home = terminal.home.path().display().to_string();
        terminal.env.push(("XDG_CONFIG_HOME".to_owned(), home));
        let addresses: &[(&str, &str, &str)] = match shape {
            Shape::Embedded => &[("URL", "http", "front"), ("MQTT_URL", "mqtt", "mqtt")],
            Shape::Separate => &[
                ("HTTP_URL", "http", "http-adapter"),
                ("WS_URL", "ws", "ws-adapter"),
                ("MQTT_URL", "mqtt", "mqtt"),
            ],
        };
        for (name, scheme, listener) in addresses {
            let address = terminal.platform.address(listener)?;
            terminal.set(name, format!("{scheme}{secure}://{address}"));
        }
        if shape == Shape::Separate {
            for (name, listener) in [
                ("USERS_URL", "users-http"),
                ("THINGS_URL", "things-http"),
                ("READER_URL", "reader"),
            ] {
                let url = terminal.platform.url(listener)?;
                terminal.set(name, url);
            }
        }
        Ok(terminal)
    }

    /// Sets a variable of the client.
    fn set(&mut self, name: &str, value: String) {
        self.env.push((format!("MF_CLIENT_{name}"), value));
    }

    /// Creates a user and takes a token.
    async fn log_in(&mut self) -> anyhow::Result<()> {
        let who = ["john.doe@email.com", "123"];
        self.ok(&["users", "create", who[0], who[1]]).await?;
        let answer = self.json(&["users", "token", who[0], who[1]]).await?;
        let token = answer["token"].as_str().context("no token")?.to_owned();
        self.set("TOKEN", token);
        Ok(())
    }

    /// Opens a terminal whose person has logged in.
    async fn logged_in(shape: Shape) -> anyhow::Result<Self> {
        let mut terminal = Self::open(shape).await?;
        terminal.log_in().await?;
        Ok(terminal)
    }

    fn token(&self) -> anyhow::Result<&str> {
        let (_, token) = self.env.last().context("not logged in")?;
        Ok(token)
    }

    /// Runs a command and returns its status and what it wrote.
    async fn run(&self, arguments: &[&str]) -> anyhow::Result<(i32, String, String)> {
        let env: Vec<_> = self
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let output = ferroflux(arguments, &env).await?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
        let status = output.status.code().context("killed")?;
        Ok((status, text(&output.stdout), text(&output.stderr)))
    }

    /// Runs a command that succeeds and returns what it says.
    async fn text(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let (status, text, error) = self.run(arguments).await?;
        ensure!(
            status == 0 && error.is_empty(),
            "{arguments:?} exits with {status}: {text} {error}"
        );
        Ok(text)
    }

    async fn ok(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let text = self.text(arguments).await?;
        ensure!(text == "ok", "{arguments:?}: {text}");
        Ok(())
    }

    async fn json(&self, arguments: &[&str]) -> anyhow::Result<Value> {
        let text = self
            .text(&[arguments, &["--output", "json"]].concat())
            .await?;
        serde_json::from_str(&text).with_context(|| format!("{arguments:?}: {text}"))
    }

    /// Runs a benchmark, which fails when it has errors, and returns its report.
    async fn bench(&self, arguments: &str) -> anyhow::Result<Value> {
        let arguments: Vec<&str> = arguments.split_whitespace().collect();
        self.json(&[&["bench"][..], &arguments].concat()).await
    }

    /// Creates something and returns its id.
    async fn created(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let text = self.text(arguments).await?;
        let id = text.strip_prefix("created: ");
        Ok(id
            .with_context(|| format!("{arguments:?}: {text}"))?
            .to_owned())
    }

    /// Runs a command that fails with this status and returns what it complains of.
    async fn fails(&self, expected: i32, arguments: &[&str]) -> anyhow::Result<String> {
        let (status, text, error) = self.run(arguments).await?;
        ensure!(
            status == expected && text.is_empty() && !error.is_empty(),
            "{arguments:?} exits with {status}: {text} {error}"
        );
        Ok(error)
    }

    /// Writes a file and returns its path.
    fn file(&self, name: &str, text: &str) -> anyhow::Result<String> {
        let path = self.home.path().join(name);
        std::fs::write(&path, text)?;
        Ok(path.display().to_string())
    }

    /// Creates a thing that is connected to a channel and returns both ids and the key.
    async fn connected(&self) -> anyhow::Result<(String, String, String)> {
        let thing = self
            .created(&["things", "create", r#"{"name":"weio"}"#])
            .await?;
        let channel = self
            .created(&["channels", "create", r#"{"name":"c"}"#])
            .await?;
        self.ok(&["things", "connect", &thing, &channel]).await?;
        let key = self.json(&["things", "get", &thing]).await?["key"].clone();
        let key = key.as_str().context("no key")?.to_owned();
        Ok((thing, channel, key))
    }
}

async fn users(shape: Shape) -> anyhow::Result<()> {
    let terminal = Terminal::open(shape).await?;
    let who = ["john.doe@email.com", "123"];
    terminal.ok(&["users", "create", who[0], who[1]]).await?;
    let created = terminal
        .created(&["users", "token", who[0], who[1]])
        .await?;
    assert_eq!(created.split('.').count(), 3, "no JWT: {created}");
    let error = terminal
        .fails(1, &["users", "create", who[0], who[1]])
        .await?;
    assert!(error.contains("(409 "), "{error}");
    assert_eq!(terminal.text(&["version", "--server"]).await?, "0.9.0");

    what_is_kept(&terminal, shape, who).await
}

/// What is kept is for its owner, and enough for the commands to come.
async fn what_is_kept(terminal: &Terminal, shape: Shape, who: [&str; 2]) -> anyhow::Result<()> {
    assert!(
        terminal
            .fails(2, &["users", "get"])
            .await?
            .contains("login")
    );
    terminal.ok(&["login", who[0], who[1]]).await?;
    let file = terminal.home.path().join("ferroflux/client.env");
    assert_eq!(file.metadata()?.permissions().mode() & 0o777, 0o600);
    let profile = terminal.json(&["users", "get"]).await?;
    assert_eq!(profile, json!({"email": who[0]}));
    terminal
        .ok(&["users", "update", r#"{"metadata":{"a":1}}"#])
        .await?;
    let profile = terminal.text(&["users", "get"]).await?;
    assert_eq!(profile, "email     john.doe@email.com\nmetadata  {\"a\":1}");
    // A token for one platform is nothing for another.
    let elsewhere = ["users", "get", "--url", "http://127.0.0.1:9"];
    if shape == Shape::Embedded {
        assert!(terminal.fails(2, &elsewhere).await?.contains("login"));
    }
    terminal.ok(&["users", "password", who[1], "1234"]).await?;
    terminal
        .fails(1, &["users", "token", who[0], who[1]])
        .await?;
    terminal.ok(&["login", who[0], "1234"]).await?;
    terminal.ok(&["users", "delete"]).await?;
    terminal.ok(&["logout"]).await?;
    assert!(!std::fs::read_to_string(file)?.contains("TOKEN"));
    Ok(())
}

async fn things_and_channels(shape: Shape) -> anyhow::Result<()> {
    let terminal = Terminal::logged_in(shape).await?;
    // As in 0.9 the token may be the last argument.
    let token = terminal.token()?.to_owned();
    objects(&terminal, "things", "channels", &token).await?;
    objects(&terminal, "channels", "things", &token).await?;
    let (thing, channel, key) = terminal.connected().await?;
    let page = terminal
        .json(&["things", "connections", &thing, &token])
        .await?;
    assert_eq!(page["channels"][0]["id"], json!(channel));
    let page = terminal
        .json(&["channels", "connections", &channel])
        .await?;
    assert_eq!(page["things"][0]["key"], json!(key));
    terminal.ok(&["things", "key", &thing, "my key"]).await?;
    assert_eq!(
        terminal.json(&["things", "get", &thing]).await?["key"],
        "my key"
    );
    terminal
        .ok(&["things", "disconnect", &thing, &channel, &token])
        .await?;
    let error = terminal
        .fails(1, &["things", "disconnect", &thing, &channel])
        .await?;
    assert!(error.contains("(404 "), "{error}");
    Ok(())
}

/// What things and channels have in common.
async fn objects(terminal: &Terminal, kind: &str, other: &str, token: &str) -> anyhow::Result<()> {
    let id = terminal
        .created(&[
            kind,
            "create",
            r#"{"name":"mine","metadata":{"a":"b"}}"#,
            token,
        ])
        .await?;
    let object = terminal.json(&[kind, "get", &id, token]).await?;
    assert_eq!(
        (&object["id"], &object["name"]),
        (&json!(id), &json!("mine"))
    );
    terminal
        .created(&[kind, "create", r#"{"name":"other"}"#])
        .await?;
    let page = terminal
        .json(&[kind, "get", "all", "--offset=1", "--limit=5", token])
        .await?;
    assert_eq!((&page["total"], &page["offset"]), (&json!(2), &json!(1)));
    assert_eq!(page[kind].as_array().map(Vec::len), Some(1));
    let table = terminal
        .text(&["--name", "MIN", kind, "get", "all"])
        .await?;
    assert!(table.starts_with("ID ") && table.contains(&id), "{table}");
    assert_eq!(table.lines().count(), 2, "{table}");
    let update = json!({"id": id, "name": "new"}).to_string();
    terminal.ok(&[kind, "update", &update, token]).await?;
    let file = terminal.file("new.json", &update)?;
    terminal.ok(&[kind, "update", &format!("@{file}")]).await?;
    assert_eq!(terminal.json(&[kind, "get", &id]).await?["name"], "new");
    let page = terminal.json(&[kind, "connections", &id, token]).await?;
    assert_eq!(page[other], json!([]));
    terminal.ok(&[kind, "delete", &id, token]).await?;
    let error = terminal.fails(1, &[kind, "get", &id, token]).await?;
    assert!(error.contains("(404 "), "{error}");
    Ok(())
}

async fn messages(shape: Shape) -> anyhow::Result<()> {
    let terminal = Terminal::logged_in(shape).await?;
    let (thing, channel, key) = terminal.connected().await?;
    let topic = format!("{channel}.bedroom.temperature");
    let pack = r#"[{"n":"temperature","u":"Cel","v":21.5}]"#;

    // Whoever watches from the start sees all of them, so one is sent until it is seen.
    let watch = ["messages", "watch", &topic, &key, "--count", "1"];
    let send = async {
        loop {
            terminal
                .ok(&["messages", "send", &topic, pack, &key])
                .await?;
        }
    };
    let watched: anyhow::Result<String> = tokio::select! {
        watched = terminal.text(&watch) => watched,
        failed = send => failed,
    };
    assert_eq!(watched?, pack);

    kept(&terminal, &channel, &thing, &key).await?;
    let error = terminal
        .fails(1, &["messages", "send", &channel, "x", "wrong key"])
        .await?;
    assert!(error.contains("thing_key_unknown"), "{error}");
    terminal
        .fails(1, &["messages", "watch", &channel, "wrong key"])
        .await?;
    terminal
        .fails(1, &["messages", "read", &channel, "wrong key"])
        .await?;
    Ok(())
}

/// The message is read back with the key and with the token.
async fn kept(terminal: &Terminal, channel: &str, thing: &str, key: &str) -> anyhow::Result<()> {
    let topic = format!("{channel}.bedroom.temperature");
    let read = ["messages", "read", &topic, key, "--limit", "1"];
    let page = until("the message to be kept", || async {
        let page = terminal.json(&read).await.ok()?;
        page["messages"].get(0).is_some().then_some(page)
    })
    .await?;
    let kept = &page["messages"][0];
    assert_eq!(
        (&kept["name"], &kept["value"], &kept["publisher"]),
        (&json!("temperature"), &json!(21.5), &json!(thing))
    );
    // The owner reads with the token, and filters are those of the reader.
    let owner = [
        "messages",
        "read",
        channel,
        "--protocol",
        "http",
        "-n",
        "temperature",
    ];
    let table = terminal.text(&owner).await?;
    assert!(
        table.starts_with("TIME ") && table.contains("bedroom.temperature"),
        "{table}"
    );
    let none = [
        "messages",
        "read",
        channel,
        key,
        "--filter",
        "protocol=mqtt",
    ];
    assert_eq!(terminal.json(&none).await?["messages"], json!([]));
    Ok(())
}

async fn provisioning(shape: Shape) -> anyhow::Result<()> {
    let terminal = Terminal::logged_in(shape).await?;
    let names: String = (0..250).map(|number| format!("d{number}\n")).collect();
    let csv = terminal.file("things.csv", &names)?;
    let things = terminal.json(&["provision", "things", &csv]).await?;
    let things = things.as_array().context("no array")?.clone();
    assert_eq!(things.len(), 250);
    assert!(things.iter().all(|thing| thing["key"].is_string()));
    assert_eq!(
        (&things[0]["name"], &things[249]["name"]),
        (&json!("d0"), &json!("d249"))
    );
    let file = terminal.file("channels.json", r#"[{"name":"c0","metadata":{"a":1}}]"#)?;
    let channels = terminal.json(&["provision", "channels", &file]).await?;
    assert_eq!(channels[0]["metadata"], json!({"a": 1}));

    let channel = channels[0]["id"].as_str().context("no id")?;
    let lines: Vec<String> = things[..2]
        .iter()
        .map(|thing| format!("{},{channel}", thing["id"].as_str().unwrap_or_default()))
        .collect();
    let file = terminal.file("connections.csv", &lines.join("\n"))?;
    assert_eq!(
        terminal.text(&["provision", "connect", &file]).await?,
        "connected: 2"
    );
    let page = terminal.json(&["channels", "connections", channel]).await?;
    assert_eq!(page["total"], json!(2));
    let page = terminal
        .json(&["things", "get", "all", "--limit", "230"])
        .await?;
    assert_eq!(page["things"].as_array().map(Vec::len), Some(230));

    // A row that is refused is named, and the others are done.
    let key = things[0]["key"].as_str().context("no key")?;
    let text = format!("name,key\nfirst,\ntaken,{key}\nlast,\n");
    let csv = terminal.file("keys.csv", &text)?;
    let (status, table, error) = terminal.run(&["provision", "things", &csv]).await?;
    assert_eq!(status, 1, "{error}");
    assert!(table.contains("first") && table.contains("last") && !table.contains("taken"));
    assert!(
        error.contains("row 3: ") && error.contains("(422 "),
        "{error}"
    );
    assert!(error.contains("1 of 3 rows were refused"), "{error}");

    let made = terminal.json(&["provision", "test"]).await?;
    let token = made["token"].as_str().context("no token")?;
    let second = made["channels"][1]["id"].as_str().context("no id")?;
    let page = terminal
        .json(&["channels", "connections", second, token])
        .await?;
    assert_eq!(page["total"], json!(2));
    Ok(())
}

async fn certificates(shape: Shape) -> anyhow::Result<()> {
    let terminal = Terminal::logged_in(shape).await?;
    let made = Certificates::make().await?;
    made.thing("mine").await?;
    let (thing, _, _) = terminal.connected().await?;
    let file = made.path("mine.crt");
    let sha256 = terminal
        .created(&["certs", "create", &thing, &file])
        .await?;
    let page = terminal.json(&["certs", "get", &thing]).await?;
    assert_eq!(page["certs"][0]["sha256"], json!(sha256));
    terminal.ok(&["certs", "revoke", &thing, &sha256]).await?;
    let table = terminal.text(&["certs", "get", &thing]).await?;
    assert!(table.contains("REVOKED"), "{table}");
    terminal.ok(&["certs", "delete", &thing, &sha256]).await?;
    assert_eq!(terminal.text(&["certs", "get", &thing]).await?, "none of 0");
    Ok(())
}

async fn refusals_have_a_status(shape: Shape) -> anyhow::Result<()> {
    let terminal = Terminal::logged_in(shape).await?;
    let nobody = ["things", "get", "all", "wrong token", "--output", "json"];
    let error: Value = serde_json::from_str(&terminal.fails(1, &nobody).await?)?;
    assert_eq!(error["error"]["status"], json!(403));
    assert!(error["error"]["code"].is_string() && error["error"]["detail"].is_string());
    for bad in [
        &["things", "create", "{"][..],
        &["things", "update", "{}"],
        &["things"],
        &["things", "get"],
    ] {
        terminal.fails(2, bad).await?;
    }
    let config = ["things", "get", "all", "--ca", "/nowhere"];
    let error = terminal.fails(64, &config).await?;
    assert!(
        error.contains("MF_CLIENT_TLS_SERVER_CA_PEM_FILE"),
        "{error}"
    );
    let gone = Terminal {
        env: vec![
            ("MF_CLIENT_URL".to_owned(), "http://127.0.0.1:9".to_owned()),
            ("MF_CLIENT_TOKEN".to_owned(), "x".to_owned()),
        ],
        ..terminal
    };
    let error = gone.fails(69, &["things", "get", "all"]).await?;
    assert!(error.contains("http://127.0.0.1:9"), "{error}");
    drop(gone.platform);
    Ok(())
}

async fn load(shape: Shape) -> anyhow::Result<()> {
    let terminal = Terminal::logged_in(shape).await?;
    for protocol in ["http", "ws", "mqtt"] {
        let load =
            format!("publish --protocol {protocol} --connections 4 --rate 200 --duration 1s");
        let report = terminal.bench(&load).await?;
        assert_eq!(
            (&report["sent"], &report["missing"]),
            (&json!(200), &json!(0)),
            "{report}"
        );
        let latency = if protocol == "ws" {
            "delivered_us"
        } else {
            "acknowledged_us"
        };
        assert_eq!(report[latency]["count"], json!(200), "{report}");
        storm(&terminal, protocol).await?;
    }
    // What was made for it is gone.
    assert_eq!(
        terminal.json(&["things", "get", "all"]).await?["total"],
        json!(0)
    );
    let strangers = "publish --channel c --key wrong --duration 1s --rate 10";
    let refused = terminal.bench(strangers).await;
    let error = refused.err().context("strangers may publish")?.to_string();
    assert!(
        error.contains("exits with 1") && error.contains("10 errors"),
        "{error}"
    );
    Ok(())
}

/// Connections are opened at once, and last.
async fn storm(terminal: &Terminal, protocol: &str) -> anyhow::Result<()> {
    let load = format!("connect --protocol {protocol} --connections 50 --hold 100ms");
    let report = terminal.bench(&load).await?;
    assert_eq!(
        (&report["connections"], &report["lasting"]),
        (&json!(50), &json!(50))
    );
    assert_eq!(report["connected_us"]["count"], json!(50));
    Ok(())
}

async fn over_mutual_tls(shape: Shape) -> anyhow::Result<()> {
    let made = Certificates::make().await?;
    made.thing("mine").await?;
    let files =
        ["ca.crt", "mainflux-server.crt", "mainflux-server.key"].map(|file| made.path(file));
    let mut variables = Vec::new();
    for listener in ["HTTP_ADAPTER", "WS_ADAPTER", "MQTT_ADAPTER", "FRONT"] {
        for (part, file) in ["CLIENT_CA", "CERT", "KEY"].iter().zip(&files) {
            variables.push((format!("MF_{listener}_TLS_{part}_PEM_FILE"), file.as_str()));
        }
        // For those who ask whether a process is ready.
        variables.push((format!("MF_{listener}_TLS_PLAINTEXT"), "allow"));
    }
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    let mut terminal = Terminal::open_with(shape, &variables, "s").await?;
    terminal.set("TLS_CERT_PEM_FILE", made.path("mine.crt"));
    terminal.set("TLS_KEY_PEM_FILE", made.path("mine.key"));
    nobody_vouches(&terminal).await?;
    terminal.set("TLS_SERVER_CA_PEM_FILE", files[0].clone());
    terminal.log_in().await?;

    // The certificate is all that the thing shows.
    let (thing, channel, _) = terminal.connected().await?;
    terminal
        .created(&["certs", "create", &thing, &made.path("mine.crt")])
        .await?;
    terminal
        .ok(&["messages", "send", &channel, "over TLS"])
        .await?;
    for protocol in ["http", "ws", "mqtt"] {
        let load =
            format!("publish --protocol {protocol} --channel {channel} --rate 50 --duration 1s");
        let report = terminal.bench(&load).await?;
        assert_eq!(
            (&report["sent"], &report["tls"]),
            (&json!(50), &json!("mutual")),
            "{report}"
        );
    }
    Ok(())
}

/// A server that no CA vouches for is taken with `--insecure` only, which is told.
async fn nobody_vouches(terminal: &Terminal) -> anyhow::Result<()> {
    let watch = ["messages", "watch", "c"];
    let error = terminal.fails(69, &watch).await?;
    assert!(error.contains("unknown_ca"), "{error}");
    let (status, _, error) = terminal
        .run(&["messages", "watch", "c", "--insecure"])
        .await?;
    assert!(
        status == 1 && error.contains("INSECURE_SKIP_VERIFY"),
        "{error}"
    );
    Ok(())
}
