//! A user with a token, and what the scenarios do with it over plain curl.

use anyhow::{Context, ensure};
use e2e::{Platform, Reply, curl};
use serde_json::{Value, json};

/// The content type that bodies are sent with.
pub(crate) const JSON: &str = "Content-Type: application/json";

/// A user of the platform under test.
pub(crate) struct Account {
    users: String,
    things: String,
    pub(crate) token: String,
}

/// A thing with its key.
#[derive(Clone, Debug)]
pub(crate) struct Thing {
    pub(crate) id: String,
    pub(crate) key: String,
}

impl Account {
    /// Creates a user and a token.
    pub(crate) async fn create(platform: &Platform, email: &str) -> anyhow::Result<Self> {
        let users = platform.url("users-http")?;
        let things = platform.url("things-http")?;
        let body = json!({"email": email, "password": "123"}).to_string();
        let created = curl(&["-H", JSON, "-d", &body, &format!("{users}/users")]).await?;
        ensure!(created.status == 201, "user not created: {created:?}");
        let reply = curl(&["-H", JSON, "-d", &body, &format!("{users}/tokens")]).await?;
        ensure!(reply.status == 201, "no token: {reply:?}");
        let token = reply.json()["token"]
            .as_str()
            .context("no token in the body")?
            .to_owned();
        Ok(Self {
            users,
            things,
            token,
        })
    }

    /// Makes a request to the users role with the token.
    pub(crate) async fn users(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Reply> {
        self.request(&self.users, method, path, body).await
    }

    /// Makes a request to the things role with the token.
    pub(crate) async fn things(
        &self,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Reply> {
        self.request(&self.things, method, path, body).await
    }

    async fn request(
        &self,
        base: &str,
        method: &str,
        path: &str,
        body: Option<Value>,
    ) -> anyhow::Result<Reply> {
        let authorization = format!("Authorization: {}", self.token);
        let url = format!("{base}{path}");
        let mut arguments = vec!["-X", method, "-H", &authorization, &url];
        let body = body.map(|body| body.to_string());
        if let Some(body) = &body {
            arguments.extend(["-H", JSON, "-d", body]);
        }
        curl(&arguments).await
    }

    /// Creates a thing.
    pub(crate) async fn thing(&self) -> anyhow::Result<Thing> {
        let reply = self
            .things("POST", "/things", Some(json!({"name": "weio"})))
            .await?;
        ensure!(reply.status == 201, "thing not created: {reply:?}");
        let id = reply.created_id()?;
        let thing = self
            .things("GET", &format!("/things/{id}"), None)
            .await?
            .json();
        let key = thing["key"].as_str().context("no key")?.to_owned();
        Ok(Thing { id, key })
    }

    /// Creates a channel.
    pub(crate) async fn channel(&self) -> anyhow::Result<String> {
        let reply = self
            .things("POST", "/channels", Some(json!({"name": "mychan"})))
            .await?;
        ensure!(reply.status == 201, "channel not created: {reply:?}");
        reply.created_id()
    }

    /// Connects a thing to a channel.
    pub(crate) async fn connect(&self, channel: &str, thing: &Thing) -> anyhow::Result<()> {
        let reply = self
            .things(
                "PUT",
                &format!("/channels/{channel}/things/{}", thing.id),
                None,
            )
            .await?;
        ensure!(reply.status == 200, "not connected: {reply:?}");
        Ok(())
    }

    /// Disconnects a thing from a channel.
    pub(crate) async fn disconnect(&self, channel: &str, thing: &Thing) -> anyhow::Result<()> {
        let reply = self
            .things(
                "DELETE",
                &format!("/channels/{channel}/things/{}", thing.id),
                None,
            )
            .await?;
        ensure!(reply.status == 204, "not disconnected: {reply:?}");
        Ok(())
    }
}
