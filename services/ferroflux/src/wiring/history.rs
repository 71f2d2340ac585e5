//! The two roles of history: what stores messages and what reads them back.

use std::sync::Arc;

use ::adapter::Adapter;
use axum::Router;
use proto::things::Things;
use server::version_router;
use tls::endpoints;

use super::Wiring;
use super::ports::at_most;

impl Wiring<'_> {
    /// Opens the writer, which stores all messages from here on.
    pub(super) async fn writer(&mut self, things: Arc<dyn Things>) -> anyhow::Result<()> {
        let Some(settings) = &self.settings.writer else {
            return Ok(());
        };
        let (config, chosen) = (&settings.config, settings.chosen.clone());
        let db = self
            .open("writer", "writer-database", &settings.database)
            .await?;
        let writer = writer::open(config, chosen, db, self.buses.messages.clone(), things)
            .await
            .map_err(anyhow::Error::from_boxed)?;
        let (running, stop) = (writer.clone(), self.runtime.stop());
        self.runtime
            .spawn("writer", async move { running.run(&stop).await });
        let stop = self.runtime.stop();
        self.runtime.spawn(
            "writer-retention",
            async move { writer.retain(&stop).await },
        );
        let routes = self.with_probes(version_router("postgres-writer"));
        self.listen(&endpoints::WRITER, config.addr(), routes).await
    }

    /// Opens the reader and returns its routes.
    pub(super) async fn reader(
        &mut self,
        adapter: Adapter,
        things: Arc<dyn Things>,
    ) -> anyhow::Result<Router> {
        let Some((config, database)) = &self.settings.reader else {
            return Ok(Router::new());
        };
        let db = self.open("reader", "reader-database", database).await?;
        let reader = reader::open(config, db, adapter, things)
            .await
            .map_err(anyhow::Error::from_boxed)?;
        let routes = reader::router(reader);
        let (address, served) = (config.addr(), self.with_probes(routes.clone()));
        let limits = at_most(config.max_connections);
        self.listen_within(&endpoints::READER, address, limits, served)
            .await?;
        Ok(routes)
    }
}
