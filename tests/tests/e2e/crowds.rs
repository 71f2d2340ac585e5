//! Crowds of clients: idle, connecting at the same moment, coming back after a crash, silent, slow, and with very many topics. The
//! load generator of the benchmarks makes them.

use anyhow::{Context, ensure};
use e2e::{Load, Role, Shape, resident_kib, until};
use serde_json::Value;
use tokio::sync::Mutex;

use crate::certificates::Certificates;
use crate::client::{Client, options};
use crate::mtls::Secure;
use crate::sockets::descriptors;
use crate::stage::Stage;

/// A machine has room for one crowd at a time.
static TURN: Mutex<()> = Mutex::const_new(());

/// A crowd is of one thing, so what limits a thing is lifted; and there are some clients besides.
const OPEN: &[(&str, &str)] = &[
    ("MF_ADAPTER_SESSIONS_PER_THING", "100000"),
    ("MF_MQTT_ADAPTER_MAX_SESSIONS_PER_THING", "100000"),
    ("MF_MQTT_ADAPTER_MAX_CONNECTIONS", "12000"),
];

/// A debug build may take longer for a crowd's handshakes than each of them may take by default.
const PATIENT: &[(&str, &str)] = &[
    ("MF_MQTT_ADAPTER_TLS_HANDSHAKE_TIMEOUT", "2m"),
    ("MF_MQTT_ADAPTER_CONNECT_TIMEOUT", "2m"),
];

/// A thousand messages a second, for longer than a storm beside them takes.
const FLOW: &str = "pair --id flow --qos 1 --rate 1000 --secs 60 --drain 20";
/// How many connections that is.
const FLOWING: f64 = 40.0;

/// The platform that a crowd gathers on.
struct Square {
    stage: Stage,
    /// Where the clients show one, it is the registered certificate `mine`.
    certificates: Option<Certificates>,
}

impl Square {
    async fn plain() -> anyhow::Result<Self> {
        Ok(Self {
            stage: Stage::set_with(Shape::Embedded, OPEN).await?,
            certificates: None,
        })
    }

    async fn mutual() -> anyhow::Result<Self> {
        let secure = Secure::set_with(Shape::Embedded, &[OPEN, PATIENT].concat()).await?;
        secure.register("mine").await?;
        Ok(Self {
            stage: secure.stage,
            certificates: Some(secure.certificates),
        })
    }

    /// Starts the load generator with these words, and with topics below the channel.
    fn start(&self, words: &str, topic: &str, filter: &str) -> anyhow::Result<Load> {
        let Stage {
            platform, thing, ..
        } = &self.stage;
        let credentials = platform.data(Role::All).join("credentials");
        std::fs::write(&credentials, format!("{} {} x\n", thing.id, thing.key))?;
        let mut arguments: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let mut add = |name: &str, value: String| arguments.extend([name.to_owned(), value]);
        add("--addr", platform.address("mqtt")?);
        add("--pid", self.pid()?.to_string());
        add("--creds", credentials.display().to_string());
        add("--topic", self.stage.topic(&format!("/{topic}")));
        add("--filter", self.stage.topic(&format!("/{filter}")));
        if let Some(certificates) = &self.certificates {
            add("--ca", certificates.path("ca.crt"));
            add("--cert", certificates.path("mine.crt"));
            add("--key", certificates.path("mine.key"));
        }
        Load::start(&arguments)
    }

    fn pid(&self) -> anyhow::Result<u32> {
        self.stage.platform.pid(Role::All).context("it runs")
    }

    /// Waits until so many connections are open, as the platform itself tells, for as long as they become more and more.
    async fn open(&self, count: f64) -> anyhow::Result<()> {
        let mut open = 0.0;
        while open < count {
            let more = || async {
                let platform = &self.stage.platform;
                let now = platform.metric("mqtt-ws", "mqtt_connections").await.ok()?;
                (now > open).then_some(now)
            };
            open = until("more connections", more).await?;
        }
        Ok(())
    }

    /// A crowd of so many connects while messages flow: all get in, none that was there is lost, and no message either.
    async fn storm(&self, count: u32) -> anyhow::Result<()> {
        let flow = self.start(FLOW, "{i}", "{i}")?;
        self.open(FLOWING).await?;
        let words =
            format!("idle --conns {count} --concurrency {count} --secs 2 --connect-timeout 120");
        let storm = self.start(&words, "x", "x")?.report().await?;
        let flow = flow.report().await?;
        none(&storm, &["failed", "dead"])?;
        ensure!(storm["alive"] == count, "{storm}");
        none(&flow, &["failed", "dead", "missing", "nacks"])?;
        ensure!(number(&flow, "sent")? > 10_000.0, "hardly a flow: {flow}");
        Ok(())
    }
}

fn number(report: &Value, name: &str) -> anyhow::Result<f64> {
    let number = report[name].as_f64();
    number.with_context(|| format!("no {name} in {report}"))
}

fn none(report: &Value, names: &[&str]) -> anyhow::Result<()> {
    for name in names {
        ensure!(number(report, name)? == 0.0, "{name}: {report}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_idle_devices_with_certificates_stay() -> anyhow::Result<()> {
    let _turn = TURN.lock().await;
    let square = Square::mutual().await?;
    let words = "idle --conns 10000 --secs 20 --connect-timeout 240";
    let report = square.start(words, "x", "x")?.report().await?;
    none(&report, &["failed", "dead"])?;
    ensure!(report["alive"] == 10_000, "{report}");
    // What the benchmarks measure of a release build is 30; a leak would be far more than this.
    ensure!(number(&report, "server_kb_per_conn")? < 64.0, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_five_thousand_gets_in_while_messages_flow() -> anyhow::Result<()> {
    let _turn = TURN.lock().await;
    Square::plain().await?.storm(5_000).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_three_thousand_certificates_gets_in_while_messages_flow() -> anyhow::Result<()>
{
    let _turn = TURN.lock().await;
    Square::mutual().await?.storm(3_000).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_sessions_are_back_soon_after_a_kill() -> anyhow::Result<()> {
    let _turn = TURN.lock().await;
    let mut square = Square::mutual().await?;
    // Every session looks at every message of the channel.
    let words = "verify --subs 5000 --pubs 4 --rate 10 --secs 90 --drain 30 --connect-timeout 240";
    let load = square.start(words, "{i}", "{i}")?;
    let all = 5_004.0;
    square.open(all).await?;
    square.stage.platform.kill(Role::All).await?;
    square.stage.platform.restart(Role::All).await?;
    square.open(all).await?;
    let report = load.report().await?;
    none(&report, &["failed", "dead", "lost_acked", "sessions_lost"])?;
    ensure!(number(&report, "reconnects")? >= all, "{report}");
    ensure!(number(&report, "acked")? > 300.0, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_who_say_nothing_are_closed_and_others_get_in() -> anyhow::Result<()> {
    let _turn = TURN.lock().await;
    for begun in ["0", "4"] {
        let square = Square::plain().await?;
        let at = square.stage.platform.address("mqtt")?;
        let pid = square.pid()?;
        let (memory, before) = (resident_kib(pid)?, descriptors(pid)?);
        let words = format!("silent --conns 2000 --concurrency 2000 --secs 20 --partial {begun}");
        let silent = square.start(&words, "x", "x")?;
        // On a busy machine the first are closed before the last are there.
        let many = || async { (descriptors(pid).ok()? >= before + 1_000).then_some(()) };
        until("the silent to be there", many).await?;
        let took = resident_kib(pid)?.saturating_sub(memory);
        ensure!(took < 2_000 * 8, "{took} KiB");
        for _ in 0..20 {
            Client::connect(options(&at, &square.stage.thing, "good")?).await?;
        }
        let report = silent.report().await?;
        ensure!(report["closed_by_server"] == 2_000, "{report}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_who_do_not_read_cost_the_others_nothing() -> anyhow::Result<()> {
    let _turn = TURN.lock().await;
    let square = Square::plain().await?;
    let pid = square.pid()?;
    let before = resident_kib(pid)?;
    let words = "fanout --subs 200 --slow 10 --rate 50 --size 8192 --secs 30 --drain 20";
    let report = square.start(words, "x", "x")?.report().await?;
    none(&report, &["failed", "missing", "out_of_order"])?;
    ensure!(number(&report, "sent")? > 1_000.0, "{report}");
    let dropped = r#"mqtt_messages_dropped_total{reason="slow_client"}"#;
    let platform = &square.stage.platform;
    ensure!(platform.metric("mqtt-ws", dropped).await? > 100.0);
    // A megabyte may wait for each of the slow, and as much again is in use while it is written.
    let took = resident_kib(pid)?.saturating_sub(before);
    ensure!(took < 64 * 1024, "{took} KiB");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_filters_get_what_is_theirs() -> anyhow::Result<()> {
    let _turn = TURN.lock().await;
    let square = Square::plain().await?;
    let words = "pair --pubs 100 --subs 100 --topics 1000 --rate 2000 --secs 20 --drain 20 --connect-timeout 120";
    let report = square.start(words, "{i}/{t}", "{i}/{t}")?.report().await?;
    none(&report, &["failed", "dead", "missing", "out_of_order"])?;
    ensure!(number(&report, "sent")? > 30_000.0, "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn topics_by_the_hundred_thousand_leave_nothing_behind() -> anyhow::Result<()> {
    let _turn = TURN.lock().await;
    let square = Square::plain().await?;
    let load = async |topics: u32, seconds: u32| {
        let words = format!(
            "fanin --pubs 1 --subs 1 --rate 10000 --topics {topics} --secs {seconds} --drain 20"
        );
        square.start(&words, "{t}", "#")?.report().await
    };
    load(1, 15).await?;
    let pid = square.pid()?;
    let before = resident_kib(pid)?;
    let report = load(200_000, 60).await?;
    ensure!(number(&report, "sent")? > 200_000.0, "{report}");
    let after = resident_kib(pid)?;
    // The history is behind by then, and has its share; a topic that leaves more than 350 bytes is seen.
    ensure!(
        after < before + before / 5 + 48 * 1024,
        "{before} KiB became {after}: {report}"
    );
    Ok(())
}
