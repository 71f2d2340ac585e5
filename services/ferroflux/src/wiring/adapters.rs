//! What devices speak with, over one adapter that they share.

use std::sync::Arc;

use ::adapter::Adapter;
use axum::Router;
use proto::things::Things;
use tls::{Alpn, Endpoint, endpoints};
use uuid::Uuid;

use super::Wiring;
use super::ports::at_most;
use crate::front::Behind;

impl Wiring<'_> {
    /// Opens what devices speak with over one adapter, and returns the routes for the front.
    pub(super) async fn adapters(&mut self, things: Arc<dyn Things>) -> anyhow::Result<Behind> {
        let mut behind = Behind::default();
        if !self.settings.shape.has_adapter() && self.settings.reader.is_none() {
            return Ok(behind);
        }
        let adapter = self.adapter(things.clone());
        behind.reader = self.reader(adapter.clone(), things).await?;
        if let Some(config) = &self.settings.http {
            behind.http = http_adapter::router(adapter.clone(), config);
            let (address, routes) = (config.addr(), self.with_probes(behind.http.clone()));
            let limits = at_most(config.max_connections);
            self.listen_within(&endpoints::HTTP_ADAPTER, address, limits, routes)
                .await?;
        }
        if let Some(config) = &self.settings.ws {
            behind.ws = ws_adapter::router(adapter.clone(), config, self.runtime);
            let (address, routes) = (config.addr(), self.with_probes(behind.ws.clone()));
            let limits = at_most(config.max_connections);
            self.listen_within(&endpoints::WS_ADAPTER, address, limits, routes)
                .await?;
        }
        if let Some(config) = &self.settings.mqtt {
            behind.mqtt = self.mqtt(config, adapter).await?;
        }
        Ok(behind)
    }

    fn adapter(&self, things: Arc<dyn Things>) -> Adapter {
        let instance = Uuid::new_v4();
        let adapter = Adapter::new(&self.settings.adapter, things, &self.buses, instance);
        let run = adapter.clone().run(self.runtime.stop());
        self.runtime.spawn("adapter", run);
        let ready = adapter.clone();
        self.runtime.check("adapter", move || {
            let adapter = ready.clone();
            Box::pin(async move { adapter.ready().await.map_err(|error| error.to_string()) })
        });
        adapter
    }

    async fn mqtt(
        &mut self,
        config: &mqtt_adapter::Config,
        adapter: Adapter,
    ) -> anyhow::Result<Router> {
        let entrances = mqtt_adapter::Entrances {
            tcp: self.entrance(config, &endpoints::MQTT_ADAPTER, Alpn::mqtt())?,
            ws: self.entrance(config, &endpoints::MQTT_ADAPTER_WS, Alpn::http())?,
        };
        let mqtt = mqtt_adapter::start(config, adapter, &self.buses, self.runtime, entrances)
            .await
            .map_err(anyhow::Error::from_boxed)?;
        self.listeners.add("mqtt", mqtt.tcp);
        self.listeners.add("mqtt-ws", mqtt.ws);
        Ok(mqtt.router)
    }

    fn entrance(
        &mut self,
        config: &mqtt_adapter::Config,
        endpoint: &Endpoint,
        alpn: Alpn,
    ) -> anyhow::Result<mqtt_adapter::Entrance> {
        Ok(mqtt_adapter::Entrance {
            acceptor: self.secure.acceptor(endpoint, alpn)?,
            device_auth: self.settings.device_auth(config.device_auth, endpoint),
        })
    }
}
