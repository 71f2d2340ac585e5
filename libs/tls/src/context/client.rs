use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};

use super::{ContextError, common, staple, store};
use crate::Alpn;
use crate::material::Loaded;
use crate::settings::Settings;
use crate::verify::Rules;

/// Builds the context of a client.
pub(crate) fn client(
    settings: &Settings,
    loaded: &Loaded,
    alpn: &Alpn,
) -> Result<SslConnector, ContextError> {
    let mut builder = SslConnector::builder(SslMethod::tls_client())?;
    common::apply(&mut builder, settings)?;
    if let Some(identity) = &loaded.identity {
        common::present(&mut builder, identity)?;
    }
    if settings.policy.insecure_skip_verify {
        builder.set_verify(SslVerifyMode::NONE);
    } else {
        builder.set_verify_cert_store(store::store(settings, loaded)?)?;
        builder.set_verify_depth(store::DEPTH);
        staple::expect(&mut builder, settings)?;
        let rules = Rules::new(settings, loaded);
        builder.set_verify_callback(SslVerifyMode::PEER, move |good, context| {
            rules.judge(good, context)
        });
    }
    let wire = alpn.wire();
    if !wire.is_empty() {
        builder.set_alpn_protos(&wire)?;
    }
    Ok(builder.build())
}
