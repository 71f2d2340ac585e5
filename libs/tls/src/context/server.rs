use openssl::ssl::{
    AlpnError, SslContext, SslContextBuilder, SslMethod, SslOptions, SslSessionCacheMode,
    SslVerifyMode,
};

use super::{ContextError, common, of, store};
use crate::Alpn;
use crate::material::Loaded;
use crate::settings::{ClientAuth, Settings};
use crate::verify::Rules;

/// Builds the context of a listener.
pub(crate) fn server(
    settings: &Settings,
    loaded: &Loaded,
    alpn: &Alpn,
    generation: u64,
) -> Result<SslContext, ContextError> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_server())?;
    common::apply(&mut builder, settings)?;
    builder.set_options(SslOptions::CIPHER_SERVER_PREFERENCE | SslOptions::PRIORITIZE_CHACHA);
    if let Some(identity) = &loaded.identity {
        common::present(&mut builder, identity)?;
    }
    verify_clients(&mut builder, settings, loaded)?;
    sessions(&mut builder, settings, generation)?;
    if !alpn.is_empty() {
        let alpn = alpn.clone();
        builder.set_alpn_select_callback(move |_, offered| {
            alpn.choose(offered).ok_or(AlpnError::ALERT_FATAL)
        });
    }
    Ok(builder.build())
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
    let rules = Rules::new(settings);
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
