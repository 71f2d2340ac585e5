use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt, Full};
use model::BoxError;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Staple, Staples, Status, judge, request, responder};
use crate::reload::refresh;
use crate::{ServerTls, http_client};

/// Asks the responders about the certificates of listeners, so that these can present the responses.
#[derive(Default)]
pub(crate) struct Stapler {
    listeners: Vec<ServerTls>,
    wake: Arc<Notify>,
}

impl Stapler {
    pub(crate) fn add(&mut self, tls: &ServerTls) {
        if let Some(staples) = tls.staples() {
            // A listener is looked after once.
            let _ = staples.wake.set(Arc::clone(&self.wake));
            self.listeners.push(tls.clone());
        }
    }

    /// Runs until the stop.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), BoxError> {
        stop.run_until_cancelled(self.work()).await;
        Ok(())
    }

    async fn work(&self) {
        loop {
            for tls in &self.listeners {
                attend(tls).await;
            }
            let staples = self.listeners.iter().filter_map(ServerTls::staples);
            let wanted = staples.flat_map(Staples::wanted);
            match wanted.map(|staple| staple.due()).min() {
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = self.wake.notified() => {}
                },
                None => self.wake.notified().await,
            }
        }
    }
}

/// Asks about those certificates of a listener that are due.
async fn attend(tls: &ServerTls) {
    let Some(staples) = tls.staples() else {
        return;
    };
    let live = tls.live();
    let endpoint = live.endpoint();
    let count = |result: &'static str| {
        metrics::counter!("tls_ocsp_queries_total", "endpoint" => endpoint, "result" => result)
            .increment(1);
    };
    let now = Instant::now();
    let wanted = staples.wanted();
    for staple in wanted.iter().filter(|staple| staple.due() <= now) {
        let first = !staple.is_answered();
        match ask(staple).await {
            Ok(()) => {
                count("good");
                if first {
                    // A swap may have waited for it.
                    refresh(&live).await;
                }
            }
            Err(error) => {
                count("failed");
                staple.fail();
                tracing::warn!(endpoint, error, "no OCSP response about our certificate");
            }
        }
    }
    drop(wanted);
    staples.forget_unused();
}

async fn ask(staple: &Staple) -> Result<(), BoxError> {
    let url = responder(&staple.leaf).ok_or("the certificate names no OCSP responder")?;
    let question = request(&staple.leaf, &staple.issuer)?;
    let request = Request::post(&url)
        .header(CONTENT_TYPE, "application/ocsp-request")
        .body(Full::new(Bytes::from(question)))?;
    let answer = http_client::send(None, request).await;
    let answer = answer.map_err(|error| format!("{url} cannot be asked: {error}"))?;
    if !answer.status().is_success() {
        return Err(format!("{url} answers {}", answer.status()).into());
    }
    let der = answer.into_body().collect().await?.to_bytes();
    let verdict = judge(&der, &staple.leaf, &staple.issuer)?;
    if verdict.status != Status::Good {
        return Err(format!("{url} says that the certificate is {:?}", verdict.status).into());
    }
    staple.answer(der.into(), verdict);
    Ok(())
}
