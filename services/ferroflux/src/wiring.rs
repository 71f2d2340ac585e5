//! Opens the roles of a process and ties them together: by trait object where both ends are here, by gRPC where not.

mod adapters;
mod history;
mod ports;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use messaging::Buses;
use model::{ErrorKind, Timestamp};
use proto::things::Things;
use proto::users::Users;
use server::{Runtime, version_router};
use storage::Db;
use tls::endpoints;
use tokio::sync::Notify;
use tonic::service::Routes;

use crate::certificates::{Secure, THINGS_CLIENTS};
use crate::challenges;
use crate::front::{self, Behind};
use crate::patience;
use crate::role::Shape;
use crate::run_json::RunJson;
use crate::settings::Settings;

/// Opens every role of the process and returns where they listen.
///
/// # Errors
/// When a database, the bus or an address cannot be had; the text says what to do.
pub(crate) async fn start(settings: &Settings, runtime: &Runtime) -> anyhow::Result<RunJson> {
    let data = settings.data.clone().unwrap_or_else(|| PathBuf::from("."));
    let config = settings.process.buses(&settings.shape, &data);
    let away = |error: &model::Error| error.kind == ErrorKind::Unavailable;
    let bus = patience::open("the bus", settings, away, || messaging::open(&config)).await;
    let (buses, driver) = bus.context("cannot open the bus")?;
    runtime.spawn("bus", driver.run(runtime.stop()));
    let messages = buses.messages.clone();
    runtime.check("bus", move || {
        let messages = messages.clone();
        Box::pin(async move { messages.ready().await.map_err(|error| error.to_string()) })
    });
    let mut wiring = Wiring {
        settings,
        runtime,
        buses,
        secure: Secure::new(&settings.certificates),
        listeners: RunJson::new(),
    };
    wiring.roles().await?;
    if let Some(reloader) = wiring.secure.reloader() {
        challenges::listen(&reloader, runtime, &mut wiring.listeners).await?;
        runtime.spawn("certificates", reloader.run(runtime.stop()));
    }
    Ok(wiring.listeners)
}

struct Wiring<'a> {
    settings: &'a Settings,
    runtime: &'a Runtime,
    buses: Buses,
    secure: Secure<'a>,
    listeners: RunJson,
}

impl Wiring<'_> {
    async fn roles(&mut self) -> anyhow::Result<()> {
        let (users, users_routes) = self.users().await?;
        let (things, things_routes) = self.things(users).await?;
        let Some(things) = things else {
            return Ok(());
        };
        // Before anything accepts messages: from here on they are kept for it.
        self.writer(things.clone()).await?;
        let adapters = self.adapters(things).await?;
        if self.settings.shape == Shape::Embedded {
            let (users, things) = (users_routes, things_routes);
            let behind = Behind {
                users,
                things,
                health: self.runtime.health(),
                ..adapters
            };
            let process = &self.settings.process;
            let address = SocketAddr::new(process.front_host, process.front_port);
            self.listen(&endpoints::FRONT, address, front::router(behind))
                .await?;
        }
        Ok(())
    }

    /// Opens users here, or reaches for them elsewhere when things are here; also returns its routes.
    async fn users(&mut self) -> anyhow::Result<(Option<Arc<dyn Users>>, Router)> {
        let Some((config, database)) = &self.settings.users else {
            let Some((things, _)) = &self.settings.things else {
                return Ok((None, Router::new()));
            };
            let tls = self.secure.client(&[&endpoints::THINGS_USERS])?;
            let channel = server::connect(&self.settings.process.users_url, tls)?;
            let client = proto::users::Client::new(channel, things.users_timeout.get());
            return Ok((Some(Arc::new(client)), Router::new()));
        };
        let db = self.open("users", "users-database", database).await?;
        let service = users::service(config, db.clone(), Timestamp::now)
            .await
            .map_err(anyhow::Error::from_boxed)?;
        self.relay("users", "users-relay", db, service.wake());
        let routes = version_router("users").merge(users::router(service.clone(), config));
        let address = SocketAddr::new(config.http_host, config.http_port);
        self.listen(
            &endpoints::USERS_HTTP,
            address,
            self.with_probes(routes.clone()),
        )
        .await?;
        let (ours, legacy) = proto::users::server(service.clone());
        let address = SocketAddr::new(
            self.settings.shape.internal(config.grpc_host),
            config.grpc_port,
        );
        self.grpc(
            &endpoints::USERS_GRPC,
            address,
            Routes::new(ours).add_service(legacy),
        )
        .await?;
        Ok((Some(service), routes))
    }

    /// Opens things here, or reaches for them elsewhere when a role here asks them; also returns its routes.
    async fn things(
        &mut self,
        users: Option<Arc<dyn Users>>,
    ) -> anyhow::Result<(Option<Arc<dyn Things>>, Router)> {
        let (Some((config, database)), Some(users)) = (&self.settings.things, users) else {
            if !self.settings.shape.asks_things() {
                return Ok((None, Router::new()));
            }
            let tls = self.secure.client(&THINGS_CLIENTS)?;
            let channel = server::connect(&self.settings.process.things_url, tls)?;
            let client = proto::things::Client::new(channel, self.things_timeout());
            return Ok((Some(Arc::new(client)), Router::new()));
        };
        let db = self.open("things", "things-database", database).await?;
        let service = things::service(config, db.clone(), users, Timestamp::now)
            .await
            .map_err(anyhow::Error::from_boxed)?;
        self.relay("things", "things-relay", db, service.wake());
        let events = things::user_events(
            service.clone(),
            self.buses.events.clone(),
            self.runtime.stop(),
        );
        self.runtime.spawn("things-user-events", events);
        let routes = version_router("things").merge(things::router(service.clone()));
        let address = SocketAddr::new(config.http_host, config.http_port);
        self.listen(
            &endpoints::THINGS_HTTP,
            address,
            self.with_probes(routes.clone()),
        )
        .await?;
        let address = SocketAddr::new(
            self.settings.shape.internal(config.auth_http_host),
            config.auth_http_port,
        );
        self.listen(
            &endpoints::THINGS_AUTH_HTTP,
            address,
            things::auth_router(service.clone()),
        )
        .await?;
        let (ours, legacy) = proto::things::server(service.clone());
        let address = SocketAddr::new(
            self.settings.shape.internal(config.auth_grpc_host),
            config.auth_grpc_port,
        );
        self.grpc(
            &endpoints::THINGS_GRPC,
            address,
            Routes::new(ours).add_service(legacy),
        )
        .await?;
        Ok((Some(service), routes))
    }

    async fn open(
        &mut self,
        name: &'static str,
        check: &'static str,
        settings: &storage::Settings,
    ) -> anyhow::Result<Db> {
        let what = format!("the database of {name}");
        let away = |error: &storage::Error| matches!(error, storage::Error::Unavailable(_));
        let db = patience::open(&what, self.settings, away, || storage::open(settings))
            .await
            .with_context(|| format!("cannot open {what}"))?;
        self.secure.database(&db);
        let checked = db.clone();
        self.runtime.check(check, move || {
            let db = checked.clone();
            Box::pin(async move { db.ping().await.map_err(|error| error.to_string()) })
        });
        Ok(db)
    }

    /// Publishes the outbox of a service for as long as the process lives.
    fn relay(&self, source: &'static str, task: &'static str, db: Db, wake: Arc<Notify>) {
        let relay = messaging::relay(
            db,
            source,
            self.buses.events.clone(),
            wake,
            self.runtime.stop(),
        );
        self.runtime.spawn(task, relay);
    }

    /// The roles of a process share the connection to things, so they share the patience of the most patient one.
    fn things_timeout(&self) -> Duration {
        let settings = self.settings;
        let http = settings.http.as_ref().map(|config| config.things_timeout);
        let ws = settings.ws.as_ref().map(|config| config.things_timeout);
        let mqtt = settings.mqtt.as_ref().map(|config| config.things_timeout);
        [http, ws, mqtt]
            .into_iter()
            .flatten()
            .chain(settings.history_timeouts())
            .map(|period| period.get())
            .max()
            .unwrap_or(Duration::from_secs(1))
    }
}
