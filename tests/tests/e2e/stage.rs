use e2e::{Platform, Shape, curl};

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
