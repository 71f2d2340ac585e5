//! Clients that stop without a word: frozen, or swallowed by the network. They are given up, and their wills are published, once.

use anyhow::{Context, ensure};
use e2e::{Shape, until};
use rumqttc::v5::mqttbytes::QoS;
use tokio::process::Command;

use crate::certificates::finish;
use crate::client::{self, options};
use crate::clients::subscribe;
use crate::stage::Stage;

/// The shortest keep-alive that mosquitto has, in seconds, and the will.
const LIVING: [&str; 6] = ["-k", "5", "--will-payload", "gone", "--will-qos", "1"];

/// A stage with somebody who waits for the will, at its topic.
struct Deathbed {
    stage: Stage,
    topic: String,
    witness: client::Client,
}

impl Deathbed {
    async fn prepare() -> anyhow::Result<Self> {
        let stage = Stage::set(Shape::Embedded).await?;
        let topic = stage.topic("/will");
        let at = stage.platform.address("mqtt")?;
        let mut witness = client::Client::connect(options(&at, &stage.thing, "witness")?).await?;
        witness.subscribe(&topic, QoS::AtLeastOnce).await?;
        Ok(Self {
            stage,
            topic,
            witness,
        })
    }

    /// Waits until the client is given up while it is sent messages, and for its will.
    async fn is_given_up(&mut self, filter: &str) -> anyhow::Result<()> {
        for number in 0..100 {
            let accepted = self.witness.publish(filter, &number.to_string()).await?;
            ensure!(accepted, "one that is gone holds up others");
        }
        ensure!(self.witness.text().await? == "gone");
        let platform = &self.stage.platform;
        let alone = || async {
            let open = platform.metric("mqtt-ws", "mqtt_connections").await.ok()?;
            (open < 1.5).then_some(())
        };
        until("its connection to be closed", alone).await?;
        // Whatever is published twice would come before this.
        ensure!(self.witness.publish(&self.topic, "after").await?);
        ensure!(self.witness.text().await? == "after");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_is_frozen_is_given_up_and_its_will_is_published_once() -> anyhow::Result<()>
{
    let mut bed = Deathbed::prepare().await?;
    let filter = bed.stage.topic("/x");
    let will = ["--will-topic", &bed.topic];
    let more = [&LIVING[..], &will, &["-q", "1", "-V", "mqttv5"]].concat();
    let frozen = subscribe(&bed.stage.platform, &bed.stage.thing, &filter, &more).await?;
    let pid = frozen.pid().context("it runs")?.to_string();
    finish(Command::new("kill").args(["-STOP", &pid])).await?;
    bed.is_given_up(&filter).await
}

/// It takes root, network namespaces and `nft`.
#[cfg(feature = "long")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_the_network_swallows_is_given_up_and_its_will_is_published_once()
-> anyhow::Result<()> {
    let mut bed = Deathbed::prepare().await?;
    let filter = bed.stage.topic("/x");
    let host = elsewhere::Host::make().await?;
    let address = bed.stage.platform.address("mqtt")?;
    let (_, port) = address.rsplit_once(':').context("no port")?;
    let mut far = host.run("stdbuf");
    let thing = &bed.stage.thing;
    far.args(["-oL", "mosquitto_sub", "-d", "-t", &filter, "-q", "1"])
        .args(["-h", elsewhere::HERE, "-p", port])
        .args(["-u", &thing.id, "-P", &thing.key, "-V", "mqttv5"])
        .args(LIVING)
        .args(["--will-topic", &bed.topic]);
    let mut far = crate::clients::Client::start(far)?;
    far.line_after("Subscribed (mid: 1)").await?;
    host.swallow().await?;
    bed.is_given_up(&filter).await
}

#[cfg(feature = "long")]
mod elsewhere {
    use anyhow::Context;
    use tokio::process::Command;

    use crate::certificates::finish;

    /// The two ends of the cable, of a network that is for documentation.
    pub(super) const HERE: &str = "198.51.100.1";
    const THERE: &str = "198.51.100.2";

    /// A host of its own within this machine, at the other end of a cable, until it is dropped.
    pub(super) struct Host(String);

    impl Host {
        pub(super) async fn make() -> anyhow::Result<Self> {
            let host = Self(format!("ff{}", std::process::id()));
            let name = &host.0;
            for line in [
                format!("netns add {name}"),
                format!("link add {name}h type veth peer name {name}t netns {name}"),
                format!("addr add {HERE}/30 dev {name}h"),
                format!("link set {name}h up"),
                format!("-n {name} addr add {THERE}/30 dev {name}t"),
                format!("-n {name} link set {name}t up"),
            ] {
                let made = finish(Command::new("ip").args(line.split(' '))).await;
                made.context("another host takes root and network namespaces")?;
            }
            Ok(host)
        }

        /// Returns a command that runs there.
        pub(super) fn run(&self, program: &str) -> Command {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &self.0, program]);
            command
        }

        /// Loses every packet that comes or goes, without a word to anybody.
        pub(super) async fn swallow(&self) -> anyhow::Result<()> {
            let rules = "table inet swallow {
                chain in { type filter hook input priority 0; policy drop; }
                chain out { type filter hook output priority 0; policy drop; }
            }";
            finish(self.run("nft").arg(rules)).await?;
            Ok(())
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            let mut ip = std::process::Command::new("ip");
            if let Err(error) = ip.args(["netns", "del", &self.0]).status() {
                eprintln!("the network namespace {} stays: {error}", self.0);
            }
        }
    }
}
