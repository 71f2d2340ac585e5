use std::collections::HashMap;
use std::sync::Arc;

use openssl::ssl::{
    AlpnError, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode,
    SslVerifyMode,
};

use super::select::Select;
use super::{ContextError, common, of, staple, store};
use crate::Alpn;
use crate::material::{Identity, Loaded, names};
use crate::server_tls::Shared;
use crate::settings::{ClientAuth, Settings};
use crate::verify::Rules;

/// What the contexts of one generation have in common.
struct Parts<'a> {
    settings: &'a Settings,
    loaded: &'a Loaded,
    alpn: &'a Alpn,
    generation: u64,
    shared: &'a Arc<Shared>,
}

/// Builds the context of a listener, and those of its further certificates, which it turns to by name.
pub(crate) fn server(
    settings: &Settings,
    loaded: &Loaded,
    alpn: &Alpn,
    generation: u64,
    shared: &Arc<Shared>,
) -> Result<SslContext, ContextError> {
    let parts = Parts {
        settings,
        loaded,
        alpn,
        generation,
        shared,
    };
    let mut builder = parts.context(loaded.identity.as_ref())?;
    if settings.autocert.is_none() && loaded.further.is_empty() {
        return Ok(builder.build());
    }
    let mut contexts = HashMap::new();
    for identity in loaded.identities() {
        let context = parts.context(Some(identity))?.build();
        for name in names(&identity.leaf) {
            contexts.entry(name).or_insert_with(|| context.clone());
        }
    }
    let select = Select {
        contexts,
        has_default: loaded.identity.is_some(),
        autocert: settings.autocert.clone(),
        shared: Arc::clone(shared),
    };
    builder.set_client_hello_callback(move |ssl, alert| select.choose(ssl, alert));
    Ok(builder.build())
}

impl Parts<'_> {
    fn context(&self, identity: Option<&Identity>) -> Result<SslContextBuilder, ContextError> {
        let settings = self.settings;
        let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
        common::apply(&mut builder, settings)?;
        builder.set_options(SslOptions::CIPHER_SERVER_PREFERENCE | SslOptions::PRIORITIZE_CHACHA);
        if let Some(identity) = identity {
            common::present(&mut builder, identity)?;
            staple::present(
                &mut builder,
                identity,
                settings,
                self.generation,
                self.shared,
            )?;
        }
        verify_clients(&mut builder, settings, self.loaded)?;
        sessions(&mut builder, settings, self.generation)?;
        if !self.alpn.is_empty() {
            let alpn = self.alpn.clone();
            builder.set_alpn_select_callback(move |_, offered| {
                alpn.choose(offered).ok_or(AlpnError::ALERT_FATAL)
            });
        }
        Ok(builder)
    }
}

fn verify_clients(
    builder: &mut SslContextBuilder,
    settings: &Settings,
    loaded: &Loaded,
) -> Result<(), ContextError> {
    let mode = match settings.client_auth {
        ClientAuth::None => return Ok(()),
        ClientAuth::Optional => SslVerifyMode::PEER,
        ClientAuth::Require => SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT,
    };
    let refused = of("CLIENT_CA_PEM_FILE");
    builder
        .set_verify_cert_store(store::store(settings, loaded)?)
        .map_err(&refused)?;
    builder.set_verify_depth(store::DEPTH);
    for ca in loaded.cas.iter().flatten() {
        builder.add_client_ca(ca).map_err(&refused)?;
    }
    let rules = Rules::new(settings, loaded);
    builder.set_verify_callback(mode, move |good, context| rules.judge(good, context));
    Ok(())
}

fn sessions(
    builder: &mut SslContextBuilder,
    settings: &Settings,
    generation: u64,
) -> Result<(), ContextError> {
    // Without it a client that resumes gets an internal error as soon as certificates are asked for; with the
    // endpoint and the generation in it, a session is good nowhere else and never after a reload.
    let context = format!("{} {generation}", settings.endpoint.name);
    builder.set_session_id_context(&openssl::sha::sha256(context.as_bytes()))?;
    if !settings.tickets() {
        builder.set_options(SslOptions::NO_TICKET);
        builder.set_session_cache_mode(SslSessionCacheMode::OFF);
        builder.set_num_tickets(0)?;
    }
    Ok(())
}
