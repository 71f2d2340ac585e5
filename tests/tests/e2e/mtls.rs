//! A device can be nothing but its certificate: on HTTP, WebSocket and MQTT, until it is revoked or expires.

use std::time::{Duration, Instant, SystemTime};

use anyhow::ensure;
use e2e::{Reply, Role, Shape, curl, until};
use serde_json::json;
use tokio::process::Command;

use crate::account::Thing;
use crate::both_shapes;
use crate::certificates::Certificates;
use crate::clients::{
    Client, message, paho_over_secure_websocket, publish, secure_websocket, subscribe,
};
use crate::revocation::SOON;
use crate::stage::Stage;

both_shapes!(
    a_certificate_is_the_thing,
    strangers_with_certificates,
    a_revoked_certificate_cuts,
    deleting_the_thing_cuts_its_certificates,
    a_session_ends_with_its_certificate,
);

/// A stage whose device listeners demand certificates.
pub(crate) struct Secure {
    pub(crate) stage: Stage,
    pub(crate) certificates: Certificates,
}

impl Secure {
    async fn set(shape: Shape) -> anyhow::Result<Self> {
        Self::set_with(shape, &[]).await
    }

    /// Starts the platform with further variables, and makes a certificate `mine` that is not registered yet.
    pub(crate) async fn set_with(shape: Shape, more: &[(&str, &str)]) -> anyhow::Result<Self> {
        let certificates = Certificates::make().await?;
        certificates.thing("mine").await?;
        let files = ["ca.crt", "mainflux-server.crt", "mainflux-server.key"]
            .map(|file| certificates.path(file));
        let mut variables = Vec::new();
        for listener in ["HTTP_ADAPTER", "WS_ADAPTER", "MQTT_ADAPTER", "FRONT"] {
            let names = ["CLIENT_CA", "CERT", "KEY"]
                .map(|part| format!("MF_{listener}_TLS_{part}_PEM_FILE"));
            variables.extend(names.into_iter().zip(files.clone()));
            // For those who ask whether a process is ready; devices need a certificate all the same.
            let plaintext = format!("MF_{listener}_TLS_PLAINTEXT");
            variables.push((plaintext, "allow".to_owned()));
        }
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .chain(more.iter().copied())
            .collect();
        let stage = Stage::set_with(shape, &variables).await?;
        Ok(Self {
            stage,
            certificates,
        })
    }

    /// Registers a certificate for the thing and returns its path among those of the thing.
    pub(crate) async fn register(&self, name: &str) -> anyhow::Result<String> {
        let pem = std::fs::read_to_string(self.certificates.path(&format!("{name}.crt")))?;
        let path = format!("/things/{}/certs", self.stage.thing.id);
        let reply = self
            .stage
            .account
            .things("POST", &path, Some(json!({"pem": pem})))
            .await?;
        ensure!(reply.status == 201, "not registered: {reply:?}");
        Ok(format!("{path}/{}", reply.created_id()?))
    }

    /// Returns where messages are posted.
    fn messages(&self) -> anyhow::Result<String> {
        let address = self.stage.platform.address("http-adapter")?;
        let channel = &self.stage.channel;
        Ok(format!("https://{address}/channels/{channel}/messages"))
    }

    /// Posts a message with a certificate and perhaps a key.
    async fn post(&self, name: &str, key: Option<&str>) -> anyhow::Result<Reply> {
        let url = self.messages()?;
        let [ca, cert, private] = self.files(name);
        let authorization = key.map(|key| format!("Authorization: {key}"));
        let mut arguments = vec![
            "--cacert", &ca, "--cert", &cert, "--key", &private, "-d", "over TLS", &url,
        ];
        if let Some(authorization) = &authorization {
            arguments.extend(["-H", authorization]);
        }
        curl(&arguments).await
    }

    /// Returns the CA, and the certificate of this name and its key.
    pub(crate) fn files(&self, name: &str) -> [String; 3] {
        [
            "ca.crt".to_owned(),
            format!("{name}.crt"),
            format!("{name}.key"),
        ]
        .map(|file| self.certificates.path(&file))
    }

    /// Posts a message with a certificate by a client that would go on asking.
    async fn keep_alive(&self, name: &str) -> anyhow::Result<Client> {
        let [ca, cert, key] = self.files(name);
        let mut command = Command::new("openssl");
        command.args(["s_client", "-quiet", "-verify_quiet", "-CAfile", &ca]);
        command.args(["-cert", &cert, "-key", &key, "-connect"]);
        command.arg(self.stage.platform.address("http-adapter")?);
        let mut client = Client::start(command)?;
        let path = format!("/channels/{}/messages", self.stage.channel);
        let head = format!("POST {path} HTTP/1.1\nHost: test\nContent-Length: 5\n\nkept");
        client.tell(&head).await?;
        client.line_after("HTTP/1.1 202").await?;
        Ok(client)
    }

    fn socket(&self) -> anyhow::Result<String> {
        Ok(self.stage.socket("")?.replace("http://", "https://"))
    }

    /// Returns the arguments of mosquitto for a certificate.
    pub(crate) fn mosquitto(&self, name: &str, version: &str) -> Vec<String> {
        let [ca, cert, key] = self.files(name);
        [
            "--cafile", &ca, "--cert", &cert, "--key", &key, "-V", version, "-q", "1",
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// Publishes by MQTT as somebody and returns the exit status, which is the code of a refused CONNECT.
    async fn publish(&self, name: &str, version: &str, who: &Thing) -> anyhow::Result<i32> {
        let more = self.mosquitto(name, version);
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let topic = self.stage.topic("");
        publish(&self.stage.platform, who, &topic, "back", &more).await
    }

    /// Returns the thing by its id alone.
    pub(crate) fn keyless(&self) -> Thing {
        Thing {
            key: String::new(),
            ..self.stage.thing.clone()
        }
    }
}

/// Sessions that rest on a certificate alone.
struct Sessions {
    /// A connection for requests, which has made one and is kept alive.
    http: Client,
    mqtt: Client,
    socket: Client,
}

impl Sessions {
    async fn open(secure: &Secure, name: &str) -> anyhow::Result<Self> {
        let http = secure.keep_alive(name).await?;
        let more = secure.mosquitto(name, "mqttv5");
        let more: Vec<&str> = more.iter().map(String::as_str).collect();
        let (platform, topic) = (&secure.stage.platform, secure.stage.topic(""));
        let mqtt = subscribe(platform, &secure.keyless(), &topic, &more).await?;
        let mut socket = secure_websocket(&secure.socket()?, &secure.certificates, name).await?;
        assert_eq!(socket.line().await?, "open");
        Ok(Self { http, mqtt, socket })
    }

    /// Waits until all are cut, and HTTP is refused.
    async fn are_cut(&mut self, secure: &Secure, name: &str) -> anyhow::Result<()> {
        let start = Instant::now();
        let closed = self.socket.line_after("closed ").await?;
        ensure!(closed.starts_with("3003"), "closed with {closed}");
        let told = self.mqtt.line_after("Received DISCONNECT (").await?;
        ensure!(told.starts_with("152"), "disconnected with {told}");
        self.http.ended().await?;
        let took = start.elapsed();
        ensure!(took < SOON, "cut after {took:?} only");
        let refused = async || {
            secure
                .post(name, None)
                .await
                .is_ok_and(|reply| reply.status == 403)
        };
        until("HTTP to be refused", async || refused().await.then_some(())).await
    }
}

async fn a_certificate_is_the_thing(shape: Shape) -> anyhow::Result<()> {
    let secure = Secure::set(shape).await?;
    secure.register("mine").await?;
    let Stage {
        platform, thing, ..
    } = &secure.stage;
    let topic = secure.stage.topic("");
    let Sessions {
        http: _http,
        mut mqtt,
        mut socket,
    } = Sessions::open(&secure, "mine").await?;
    assert_eq!(secure.post("mine", None).await?.status, 202);
    assert_eq!(message(&mut mqtt).await?, format!("{topic} over TLS"));
    assert_eq!(socket.line().await?, "text over TLS");
    // A key beside the certificate is no harm when it is of the same thing.
    for (who, version) in [(&secure.keyless(), "mqttv311"), (thing, "mqttv5")] {
        assert_eq!(secure.publish("mine", version, who).await?, 0);
        assert_eq!(socket.line().await?, "text back");
    }
    assert_eq!(secure.post("mine", Some(&thing.key)).await?.status, 202);
    let mut doors = vec![(platform.address("mqtt-ws")?, "/mqtt")];
    if shape == Shape::Embedded {
        doors.push((platform.address("front")?, "/mqtt"));
    }
    for (address, path) in doors {
        let by = (&secure.certificates, "mine");
        let who = secure.keyless();
        let back = paho_over_secure_websocket(&address, path, &who, &topic, by);
        assert_eq!(back.await?, format!("{topic} over-ws"));
    }
    Ok(())
}

async fn strangers_with_certificates(shape: Shape) -> anyhow::Result<()> {
    let secure = Secure::set(shape).await?;
    let other = secure.stage.account.thing().await?;
    let code = |reply: Reply| (reply.status, reply.json()["code"].clone());
    let refused = |code: &str| (403, json!(code));
    let reply = secure.post("mine", None).await?;
    assert_eq!(code(reply), refused("certificate_unknown"));
    assert_eq!(secure.publish("mine", "mqttv311", &other).await?, 4);
    secure.register("mine").await?;
    let reply = secure.post("mine", Some(&other.key)).await?;
    assert_eq!(code(reply), refused("credentials_disagree"));
    let another_name = Thing {
        key: String::new(),
        ..other.clone()
    };
    for who in [&other, &another_name] {
        assert_eq!(secure.publish("mine", "mqttv311", who).await?, 4);
        assert_eq!(secure.publish("mine", "mqttv5", who).await?, 0x86);
    }
    // The port takes plaintext too, and the key alone is not enough there either.
    let Stage {
        platform, thing, ..
    } = &secure.stage;
    let url = format!("{}/channels/x/messages", platform.url("http-adapter")?);
    let url = url.replace("/x/", &format!("/{}/", secure.stage.channel));
    let authorization = format!("Authorization: {}", thing.key);
    let reply = curl(&["-H", &authorization, "-d", "x", &url]).await?;
    assert_eq!(code(reply), refused("certificate_missing"));
    handshakes_are_refused(&secure).await?;
    let log = platform.log();
    ensure!(!log.contains("PRIVATE KEY"), "a key was logged");
    ensure!(!log.contains(&thing.key), "a thing's key was logged");
    Ok(())
}

/// Without a certificate, or with one of another CA, there is no handshake.
async fn handshakes_are_refused(secure: &Secure) -> anyhow::Result<()> {
    let address = secure.stage.platform.address("http-adapter")?;
    let url = format!("https://{address}/version");
    let ca = secure.certificates.path("ca.crt");
    let bare = curl(&["--cacert", &ca, &url]).await;
    ensure!(bare.is_err(), "no certificate was needed: {bare:?}");
    let foreign = Certificates::make().await?;
    foreign.thing("foreign").await?;
    let (cert, key) = (foreign.path("foreign.crt"), foreign.path("foreign.key"));
    let reply = curl(&["--cacert", &ca, "--cert", &cert, "--key", &key, &url]).await;
    ensure!(reply.is_err(), "another CA was believed: {reply:?}");
    Ok(())
}

async fn a_revoked_certificate_cuts(shape: Shape) -> anyhow::Result<()> {
    let secure = Secure::set(shape).await?;
    let registered = secure.register("mine").await?;
    let mut sessions = Sessions::open(&secure, "mine").await?;
    assert_eq!(secure.post("mine", None).await?.status, 202);
    let (account, path) = (&secure.stage.account, format!("{registered}/revoke"));
    let revoked = account.things("POST", &path, None).await?;
    ensure!(revoked.status == 200, "not revoked: {revoked:?}");
    sessions.are_cut(&secure, "mine").await?;
    // Row 34: the handshake is good, and the registry says no on each protocol.
    let reply = secure.post("mine", None).await?;
    assert_eq!(reply.json()["code"], "certificate_revoked");
    let nobody = secure.keyless();
    assert_eq!(secure.publish("mine", "mqttv311", &nobody).await?, 4);
    assert_eq!(secure.publish("mine", "mqttv5", &nobody).await?, 0x86);
    let mut socket = secure_websocket(&secure.socket()?, &secure.certificates, "mine").await?;
    assert_eq!(socket.line().await?, "refused 403");
    Ok(())
}

/// Row 83: another CA that is trusted too can give any serial number and any name, and is not believed about whose it is.
#[tokio::test]
async fn a_serial_number_is_nobody() -> anyhow::Result<()> {
    let mut secure = Secure::set(Shape::Embedded).await?;
    secure.register("mine").await?;
    let other = Certificates::make().await?;
    other.like("mine", &secure.certificates).await?;
    let bundle = secure.certificates.bundle(&other)?;
    let variable = ("MF_HTTP_ADAPTER_TLS_CLIENT_CA_PEM_FILE", &*bundle);
    let platform = &mut secure.stage.platform;
    platform.restart_with(Role::All, &[variable]).await?;
    assert_eq!(secure.post("mine", None).await?.status, 202);
    let url = secure.messages()?;
    let [ca, ..] = secure.files("mine");
    let [cert, key] = ["mine.crt", "mine.key"].map(|file| other.path(file));
    let by = [
        "--cacert", &ca, "--cert", &cert, "--key", &key, "-d", "x", &url,
    ];
    let reply = curl(&by).await?;
    assert_eq!(reply.json()["code"], "certificate_unknown", "{reply:?}");
    Ok(())
}

async fn deleting_the_thing_cuts_its_certificates(shape: Shape) -> anyhow::Result<()> {
    let secure = Secure::set(shape).await?;
    secure.register("mine").await?;
    let mut sessions = Sessions::open(&secure, "mine").await?;
    let path = format!("/things/{}", secure.stage.thing.id);
    let deleted = secure.stage.account.things("DELETE", &path, None).await?;
    assert_eq!(deleted.status, 204);
    sessions.are_cut(&secure, "mine").await
}

/// Row 37.
async fn a_session_ends_with_its_certificate(shape: Shape) -> anyhow::Result<()> {
    let secure = Secure::set(shape).await?;
    secure.certificates.short("short", 6).await?;
    let end = SystemTime::now() + Duration::from_secs(6);
    secure.register("short").await?;
    let mut sessions = Sessions::open(&secure, "short").await?;
    let closed = sessions.socket.line_after("closed ").await?;
    ensure!(
        closed == "3003 the certificate has expired",
        "closed with {closed}"
    );
    let told = sessions.mqtt.line_after("Received DISCONNECT (").await?;
    ensure!(told.starts_with("152"), "disconnected with {told}");
    let late = SystemTime::now().duration_since(end).unwrap_or_default();
    ensure!(late < SOON, "closed {late:?} after the end");
    // The next handshake already fails.
    let reply = secure.post("short", None).await;
    ensure!(
        reply.is_err(),
        "an expired certificate was taken: {reply:?}"
    );
    Ok(())
}

/// What says by itself which thing it is of needs no registration, where its issuer is believed.
#[tokio::test]
async fn a_spiffe_id_is_the_thing() -> anyhow::Result<()> {
    let domain = [("MF_ADAPTER_SPIFFE_TRUST_DOMAIN", "ferroflux")];
    let secure = Secure::set_with(Shape::Embedded, &domain).await?;
    let certificates = &secure.certificates;
    certificates
        .thing_named("named", &secure.stage.thing.id)
        .await?;
    assert_eq!(secure.post("named", None).await?.status, 202);
    let mut sessions = Sessions::open(&secure, "named").await?;
    let registered = secure.register("named").await?;
    let (account, path) = (&secure.stage.account, format!("{registered}/revoke"));
    assert_eq!(account.things("POST", &path, None).await?.status, 200);
    sessions.are_cut(&secure, "named").await
}

#[tokio::test]
async fn a_key_in_the_cn_is_the_thing_where_0_9_is_asked_for() -> anyhow::Result<()> {
    let switch = [("MF_X509_IDENTITY", "cn_thing_key")];
    let secure = Secure::set_with(Shape::Embedded, &switch).await?;
    let key = &secure.stage.thing.key;
    secure.certificates.thing_of_key("old", key).await?;
    assert_eq!(secure.post("old", None).await?.status, 202);
    let log = secure.stage.platform.log();
    ensure!(!log.contains(key), "the key was logged");
    let metrics = format!("{}/metrics", secure.stage.platform.url("users-http")?);
    let metrics = curl(&[&metrics]).await?.body;
    ensure!(!metrics.contains(key), "the key is in the metrics");
    ensure!(
        log.contains("MF_X509_IDENTITY"),
        "nobody was warned:\n{log}"
    );
    Ok(())
}
