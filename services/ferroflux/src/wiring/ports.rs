//! From an endpoint and its routes to a listener that serves them.

use std::net::SocketAddr;

use anyhow::Context;
use axum::Router;
use server::{Limits, Listener, metrics_router};
use tls::{Alpn, Endpoint};
use tonic::service::Routes;

use super::Wiring;

impl Wiring<'_> {
    /// Adds what every HTTP port has. The routes of the role come last: of two routers without a fallback of their own,
    /// a merge keeps that of the second, and theirs answers strays as 0.9 does.
    pub(super) fn with_probes(&self, routes: Router) -> Router {
        self.runtime.health().merge(metrics_router()).merge(routes)
    }

    pub(super) async fn listen(
        &mut self,
        endpoint: &Endpoint,
        address: SocketAddr,
        router: Router,
    ) -> anyhow::Result<()> {
        self.listen_within(endpoint, address, Limits::default(), router)
            .await
    }

    pub(super) async fn listen_within(
        &mut self,
        endpoint: &Endpoint,
        address: SocketAddr,
        limits: Limits,
        router: Router,
    ) -> anyhow::Result<()> {
        let listener = self.bind(endpoint, address, limits, Alpn::http()).await?;
        self.runtime.http(endpoint.name, listener, router);
        Ok(())
    }

    pub(super) async fn grpc(
        &mut self,
        endpoint: &Endpoint,
        address: SocketAddr,
        routes: Routes,
    ) -> anyhow::Result<()> {
        let limits = Limits::default();
        let listener = self.bind(endpoint, address, limits, Alpn::grpc()).await?;
        self.runtime.grpc(endpoint.name, listener, routes);
        Ok(())
    }

    async fn bind(
        &mut self,
        endpoint: &Endpoint,
        address: SocketAddr,
        limits: Limits,
        alpn: Alpn,
    ) -> anyhow::Result<Listener> {
        let acceptor = self.secure.acceptor(endpoint, alpn)?;
        let listener = Listener::bind(address, limits)
            .await
            .with_context(|| endpoint.name)?;
        self.listeners.add(endpoint.name, listener.local_addr());
        Ok(match acceptor {
            Some(acceptor) => listener.with_acceptor(acceptor),
            None => listener,
        })
    }
}

/// The usual limits, but for the number of connections.
pub(super) fn at_most(connections: usize) -> Limits {
    Limits {
        connections,
        ..Limits::default()
    }
}
