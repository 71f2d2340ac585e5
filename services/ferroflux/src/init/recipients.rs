//! What each service may read: its own secrets and its own key, in a folder of its own that only it can open.

use std::fs;
use std::path::Path;

use anyhow::Context;
use model::Secret;

use super::certificates::SERVER;
use super::deliver::{Owner, folder, put};
use crate::secrets;

/// The user of the NATS server.
const NATS_USER: &str = "mainflux";

/// Who runs the NATS servers.
pub(super) const NATS: Owner = Owner {
    user: 10012,
    group: 10012,
};

/// Everything that is secret and no key of a certificate.
pub(super) struct Secrets {
    users: Secret,
    things: Secret,
    users_db: Secret,
    things_db: Secret,
    messages_db: Secret,
    nats: Secret,
}

impl Secrets {
    /// Reads them, and makes those that are missing.
    pub(super) fn load_or_create(keys: &Path) -> anyhow::Result<Self> {
        let secret = |name: &str| secrets::load_or_create(keys, name);
        Ok(Self {
            users: secret("users")?,
            things: secret("things")?,
            users_db: secret("users-db")?,
            things_db: secret("things-db")?,
            messages_db: secret("messages-db")?,
            nats: secret("nats")?,
        })
    }
}

/// Who is given something.
struct Recipient {
    name: &'static str,
    owner: Owner,
    /// Whether it reads as a member of the group, because the number of its user is not known.
    by_group: bool,
    /// Certificates with their keys: the name here, and the name there.
    certificates: Vec<(String, &'static str)>,
    texts: Vec<(&'static str, String)>,
}

/// Writes the folder of each service, for its own user or for that of the folder around it.
pub(super) fn deliver(
    certs: &Path,
    keys: &Path,
    secrets: &Secrets,
    to_users: bool,
) -> anyhow::Result<()> {
    let ours = Owner::create(keys)?;
    for mut recipient in recipients(secrets) {
        if !to_users {
            recipient.owner = ours;
        }
        recipient.deliver(certs, keys)?;
    }
    Ok(())
}

/// Lists them with the numbers of users and groups they have in `docker/docker-compose.yml`.
fn recipients(secrets: &Secrets) -> Vec<Recipient> {
    let nats = secrets.nats.expose();
    let url = format!("nats://{NATS_USER}:{nats}@nats:4222");
    let login = format!("authorization {{ user: {NATS_USER}, password: \"{nats}\" }}\n");
    let role = |name, number| {
        itself(name, number)
            .certificate(&format!("service-{name}"), "own")
            .text("nats-url", &url)
    };
    let owner = |name, number, secret: &Secret, password: &Secret| {
        role(name, number)
            .text("secret", secret.expose())
            .text("db-password", password.expose())
    };
    let database = |name, password: &Secret| Recipient {
        by_group: true,
        owner: Owner {
            user: 0,
            group: 10011,
        },
        ..itself(name, 0)
            .certificate("postgres", "own")
            .text("password", password.expose())
    };
    vec![
        owner("users", 10001, &secrets.users, &secrets.users_db),
        owner("things", 10002, &secrets.things, &secrets.things_db),
        role("http-adapter", 10003),
        role("ws-adapter", 10004),
        role("mqtt-adapter", 10005).certificate(SERVER, "server"),
        role("writer", 10006).text("db-password", secrets.messages_db.expose()),
        role("reader", 10007).text("db-password", secrets.messages_db.expose()),
        database("users-db", &secrets.users_db),
        database("things-db", &secrets.things_db),
        database("messages-db", &secrets.messages_db),
        itself("nats", NATS.user)
            .certificate("nats", "own")
            .text("login.conf", &login),
        itself("nginx", 10013).certificate(SERVER, "server"),
    ]
}

fn itself(name: &'static str, number: u32) -> Recipient {
    Recipient {
        name,
        owner: Owner {
            user: number,
            group: number,
        },
        by_group: false,
        certificates: Vec::new(),
        texts: Vec::new(),
    }
}

impl Recipient {
    fn certificate(mut self, file: &str, name: &'static str) -> Self {
        self.certificates.push((file.to_owned(), name));
        self
    }

    fn text(mut self, name: &'static str, text: &str) -> Self {
        self.texts.push((name, text.to_owned()));
        self
    }

    fn deliver(&self, certs: &Path, keys: &Path) -> anyhow::Result<()> {
        let dir = keys.join(self.name);
        let (folder_mode, file_mode) = if self.by_group {
            (0o750, 0o640)
        } else {
            (0o700, 0o400)
        };
        folder(&dir, folder_mode, self.owner)?;
        let put = |name: &str, content: &[u8]| put(&dir.join(name), content, file_mode, self.owner);
        for (name, text) in &self.texts {
            put(name, text.as_bytes())?;
        }
        put("ca.crt", &read(&certs.join("ca.crt"))?)?;
        for (file, name) in &self.certificates {
            for kind in ["crt", "key"] {
                let source = certs.join(file).with_added_extension(kind);
                // Without the CA's key some cannot be made; who needs one says so.
                if source.try_exists()? {
                    put(&format!("{name}.{kind}"), &read(&source)?)?;
                }
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}
