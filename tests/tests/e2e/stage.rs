use anyhow::{Context, ensure};
use e2e::{Platform, Reply, Shape, curl, until};

use crate::account::{Account, Thing};

/// A connected thing and its channel on a fresh platform.
pub(crate) struct Stage {
    pub(crate) platform: Platform,
    pub(crate) account: Account,
    pub(crate) thing: Thing,
    pub(crate) channel: String,
}

impl Stage {
    /// Starts the platform and provisions it.
    pub(crate) async fn set(shape: Shape) -> anyhow::Result<Self> {
        Self::set_with(shape, &[]).await
    }

    /// Starts the platform with further variables and provisions it.
    pub(crate) async fn set_with(shape: Shape, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::on(Platform::start_with(shape, variables).await?).await
    }

    /// Provisions a platform that is ready.
    pub(crate) async fn on(platform: Platform) -> anyhow::Result<Self> {
        let account = Account::create(&platform, "john.doe@email.com").await?;
        let (thing, channel) = (account.thing().await?, account.channel().await?);
        account.connect(&channel, &thing).await?;
        Ok(Self {
            platform,
            account,
            thing,
            channel,
        })
    }

    /// Posts a message below `/channels/` and returns the status.
    pub(crate) async fn post(
        &self,
        key: &str,
        path: &str,
        body: &str,
        content_type: &str,
    ) -> anyhow::Result<u16> {
        let url = format!("{}/channels/{}", self.platform.url("http-adapter")?, path);
        let authorization = format!("Authorization: {key}");
        let content_type = format!("Content-Type: {content_type}");
        Ok(
            curl(&["-H", &authorization, "-H", &content_type, "-d", body, &url])
                .await?
                .status,
        )
    }

    /// Reads stored messages of the channel, with this query.
    pub(crate) async fn read(&self, query: &str) -> anyhow::Result<Reply> {
        self.read_with(&self.thing.key, query).await
    }

    /// Reads stored messages of the channel with somebody's key or token.
    pub(crate) async fn read_with(&self, key: &str, query: &str) -> anyhow::Result<Reply> {
        let url = format!(
            "{}/channels/{}/messages{query}",
            self.platform.url("reader")?,
            self.channel
        );
        curl(&["-H", &format!("Authorization: {key}"), &url]).await
    }

    /// Waits until so many messages are stored that a query chooses, and returns the page.
    pub(crate) async fn stored(&self, query: &str, count: u64) -> anyhow::Result<Reply> {
        let enough = || async {
            let page = self.read(query).await.ok()?;
            (page.json()["total"].as_u64()? >= count).then_some(page)
        };
        let page = until("the messages to be stored", enough)
            .await
            .with_context(|| self.platform.log())?;
        ensure!(page.json()["total"] == count, "too many: {page:?}");
        Ok(page)
    }

    /// Returns the URL of the channel's WebSocket, with this behind it.
    pub(crate) fn socket(&self, suffix: &str) -> anyhow::Result<String> {
        Ok(format!(
            "{}/channels/{}/messages{suffix}",
            self.platform.url("ws-adapter")?,
            self.channel
        ))
    }

    /// Returns the channel's MQTT topic, with this behind it.
    pub(crate) fn topic(&self, suffix: &str) -> String {
        format!("channels/{}/messages{suffix}", self.channel)
    }
}
