//! Devices behind a proxy that ends TLS and passes their certificates on in a header.

use anyhow::ensure;
use e2e::{Reply, Shape, curl};
use serde_json::json;

use crate::account::Thing;
use crate::both_shapes;
use crate::certificates::Certificates;
use crate::clients::{paho_behind_a_proxy, websocket};
use crate::stage::Stage;

both_shapes!(a_forwarded_certificate_is_the_thing);

/// An address of this machine that is not the proxy's.
const STRANGER: &str = "127.0.0.2";

/// A stage whose device listeners believe what comes from 127.0.0.1.
struct Behind {
    stage: Stage,
    certificates: Certificates,
}

impl Behind {
    async fn set(shape: Shape) -> anyhow::Result<Self> {
        let certificates = Certificates::make().await?;
        certificates.thing("mine").await?;
        let ca = certificates.path("ca.crt");
        let mut variables = Vec::new();
        for listener in ["HTTP_ADAPTER", "WS_ADAPTER", "MQTT_ADAPTER_WS", "FRONT"] {
            for (field, value) in [
                ("FORWARDED_CERT_HEADER", "Client-Cert"),
                ("FORWARDED_CERT_FROM", "127.0.0.1"),
                ("CLIENT_CA_PEM_FILE", &ca),
            ] {
                variables.push((format!("MF_{listener}_TLS_{field}"), value.to_owned()));
            }
        }
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let stage = Stage::set_with(shape, &variables).await?;
        Ok(Self {
            stage,
            certificates,
        })
    }

    /// Posts a message with headers, from here or by way of further arguments.
    async fn post(&self, headers: &[&str], more: &[&str]) -> anyhow::Result<(u16, String)> {
        let url = self.stage.platform.url("http-adapter")?;
        let url = format!("{url}/channels/{}/messages", self.stage.channel);
        let headers = headers.iter().flat_map(|&header| ["-H", header]);
        let arguments: Vec<&str> = headers.chain(more.iter().copied()).collect();
        let reply = curl(&[&arguments[..], &["-d", "forwarded", &url]].concat()).await?;
        Ok((reply.status, code(&reply)))
    }

    /// Returns the header as NGINX writes it.
    fn escaped(&self, certificates: &Certificates, name: &str) -> anyhow::Result<String> {
        let pem = std::fs::read(certificates.path(&format!("{name}.crt")))?;
        let escape = |byte: &u8| match byte {
            byte if byte.is_ascii_alphanumeric() => char::from(*byte).to_string(),
            byte => format!("%{byte:02X}"),
        };
        let text: String = pem.iter().map(escape).collect();
        Ok(format!("Client-Cert:{text}"))
    }

    /// Returns it as RFC 9440 has it.
    fn binary(&self) -> anyhow::Result<String> {
        let pem = std::fs::read_to_string(self.certificates.path("mine.crt"))?;
        let lines = pem.lines().filter(|line| !line.starts_with("-----"));
        Ok(format!("Client-Cert::{}:", lines.collect::<String>()))
    }
}

fn code(reply: &Reply) -> String {
    let code = reply.json()["code"].as_str().map(str::to_owned);
    code.unwrap_or_default()
}

async fn a_forwarded_certificate_is_the_thing(shape: Shape) -> anyhow::Result<()> {
    let behind = Behind::set(shape).await?;
    let Stage {
        platform,
        account,
        thing,
        ..
    } = &behind.stage;
    let mine = behind.escaped(&behind.certificates, "mine")?;
    let unknown = behind.post(&[&mine], &[]).await?;
    assert_eq!(unknown, (403, "certificate_unknown".to_owned()));
    let pem = std::fs::read_to_string(behind.certificates.path("mine.crt"))?;
    let path = format!("/things/{}/certs", thing.id);
    let reply = account
        .things("POST", &path, Some(json!({"pem": pem})))
        .await?;
    ensure!(reply.status == 201, "not registered: {reply:?}");
    let registered = format!("{path}/{}", reply.created_id()?);

    let mut socket = websocket(&behind.stage.socket("")?, &[&mine]).await?;
    assert_eq!(socket.line().await?, "open");
    for header in [&mine, &behind.binary()?] {
        assert_eq!(behind.post(&[header], &[]).await?, (202, String::new()));
        assert_eq!(socket.line().await?, "text forwarded");
    }
    let mut doors = vec![(platform.address("mqtt-ws")?, "/mqtt")];
    if shape == Shape::Embedded {
        doors.push((platform.address("front")?, "/mqtt"));
    }
    for (address, path) in doors {
        let topic = behind.stage.topic("");
        let keyless = Thing {
            key: String::new(),
            ..thing.clone()
        };
        let back = paho_behind_a_proxy(&address, path, &keyless, &topic, &mine).await?;
        assert_eq!(back, format!("{topic} over-ws"));
    }
    refusals(&behind, &mine).await?;

    let revoked = account
        .things("POST", &format!("{registered}/revoke"), None)
        .await?;
    assert_eq!(revoked.status, 200);
    let closed = socket.line_after("closed ").await?;
    ensure!(closed.starts_with("3003"), "closed with {closed}");
    let refused = behind.post(&[&mine], &[]).await?;
    assert_eq!(refused, (403, "certificate_revoked".to_owned()));
    Ok(())
}

/// Nobody but the proxy is believed, not even with a good key beside it, and the proxy not with just anything.
async fn refusals(behind: &Behind, mine: &str) -> anyhow::Result<()> {
    let key = format!("Authorization: {}", behind.stage.thing.key);
    let other = behind.stage.account.thing().await?;
    let other = format!("Authorization: {}", other.key);
    let foreign = Certificates::make().await?;
    foreign.thing("foreign").await?;
    let foreign = behind.escaped(&foreign, "foreign")?;
    let stranger = ["--interface", STRANGER];
    for (headers, from, status, expected) in [
        (&[&*key][..], &[][..], 202, ""),
        (&[&key], &stranger, 202, ""),
        (&["Client-Cert;", &key], &[], 202, ""),
        (&[mine], &stranger, 403, "forwarded_certificate_untrusted"),
        (
            &[mine, &key],
            &stranger,
            403,
            "forwarded_certificate_untrusted",
        ),
        (&[mine, &key], &[], 202, ""),
        (&[mine, &other], &[], 403, "credentials_disagree"),
        (&[&foreign, &key], &[], 403, "certificate_refused"),
        (
            &["Client-Cert: CN=mine"],
            &[],
            400,
            "forwarded_certificate_malformed",
        ),
        (&[mine, mine], &[], 400, "forwarded_certificate_malformed"),
    ] {
        let answer = behind.post(headers, from).await?;
        let case = headers
            .iter()
            .map(|header| &header[..12])
            .collect::<Vec<_>>();
        assert_eq!(answer, (status, expected.to_owned()), "{case:?} {from:?}");
    }
    let metrics = format!("{}/metrics", behind.stage.platform.url("http-adapter")?);
    let metrics = curl(&[&metrics]).await?.body;
    for result in ["ok", "untrusted", "unknown_ca", "protocol"] {
        let line = format!("result=\"{result}\"");
        let counted = metrics.lines().any(|found| {
            found.starts_with("tls_forwarded_certificates_total") && found.contains(&line)
        });
        ensure!(counted, "{result} is not counted:\n{metrics}");
    }
    Ok(())
}
