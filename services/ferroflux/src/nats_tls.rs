//! The files for TLS to NATS: by our variables, or by those of the NATS documentation.

use ::config::{Environment, Problems};
use messaging::{NatsFile, NatsTls};

use crate::config::Config;

/// Returns our variable for a file, and the other.
fn variables(file: NatsFile) -> (&'static str, &'static str) {
    match file {
        NatsFile::CaCerts => ("MF_NATS_CA_CERTS", "NATS_ROOT_CA"),
        NatsFile::ClientCert => ("MF_NATS_CLIENT_CERT", "NATS_CLIENT_CERT"),
        NatsFile::ClientKey => ("MF_NATS_CLIENT_KEY", "NATS_CLIENT_KEY"),
    }
}

/// Fills in what only the other names set, and checks the files.
pub(crate) fn settle(config: &mut Config, environment: &Environment, problems: &mut Problems) {
    let mut by_other_name = Vec::new();
    for (file, path) in [
        (NatsFile::CaCerts, &mut config.nats_ca_certs),
        (NatsFile::ClientCert, &mut config.nats_client_cert),
        (NatsFile::ClientKey, &mut config.nats_client_key),
    ] {
        let (_, other) = variables(file);
        if path.is_none()
            && let Some(given) = environment.get(other)
        {
            *path = Some(given.to_owned());
            by_other_name.push(file);
        }
    }
    for (file, problem) in files(config).check() {
        let (ours, other) = variables(file);
        let used = by_other_name.contains(&file);
        problems.push(if used { other } else { ours }, problem);
    }
}

/// Returns the files that a configuration names.
pub(crate) fn files(config: &Config) -> NatsTls {
    NatsTls {
        ca_certs: config.nats_ca_certs.as_ref().map(Into::into),
        client_cert: config.nats_client_cert.as_ref().map(Into::into),
        client_key: config.nats_client_key.as_ref().map(Into::into),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(variables: &[(&str, &str)]) -> (Config, String) {
        let environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let mut problems = Problems::new();
        let loaded = ::config::load(&environment, crate::config::PREFIX, &mut problems);
        let mut config = loaded.unwrap();
        settle(&mut config, &environment, &mut problems);
        let told = problems.into_result().err();
        (
            config,
            told.map_or_else(String::new, |told| told.to_string()),
        )
    }

    #[test]
    fn nothing_set_is_no_problem() {
        assert_eq!(settled(&[]).1, "");
    }

    #[test]
    fn what_is_wrong_has_the_name_that_was_used() {
        for (variables, name) in [
            ([("MF_NATS_CA_CERTS", "/nowhere")], "MF_NATS_CA_CERTS"),
            ([("NATS_ROOT_CA", "/nowhere")], "NATS_ROOT_CA"),
            ([("NATS_ROOT_CA", "/dev/null")], "NATS_ROOT_CA"),
            ([("MF_NATS_CLIENT_KEY", "/x")], "MF_NATS_CLIENT_CERT"),
            ([("NATS_CLIENT_CERT", "/x")], "MF_NATS_CLIENT_KEY"),
        ] {
            let (_, told) = settled(&variables);
            assert!(
                told.lines().any(|line| line.trim_start().starts_with(name)),
                "{name} is not in {told:?}"
            );
        }
    }

    #[test]
    fn our_names_come_first() {
        let (config, _) = settled(&[("MF_NATS_CA_CERTS", "/ours"), ("NATS_ROOT_CA", "/other")]);
        assert_eq!(config.nats_ca_certs.as_deref(), Some("/ours"));
    }
}
