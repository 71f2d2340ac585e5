use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::nats::Nats;
use crate::process::Process;
use crate::{curl, postgres, until};

/// How the platform runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// One process, SQLite, the bus in process.
    Embedded,
    /// A process per role, PostgreSQL, NATS, gRPC between them.
    Separate,
}

/// A process of the platform.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The process that has every role.
    All,
    /// Accounts and tokens.
    Users,
    /// Things, channels and connections.
    Things,
    /// Messages by HTTP.
    HttpAdapter,
    /// Messages by WebSocket.
    WsAdapter,
    /// Messages by MQTT.
    MqttAdapter,
    /// Storing messages.
    Writer,
    /// Reading stored messages back.
    Reader,
}

impl Role {
    fn argument(self) -> Option<&'static str> {
        match self {
            Self::All => None,
            Self::Users => Some("users"),
            Self::Things => Some("things"),
            Self::HttpAdapter => Some("http-adapter"),
            Self::WsAdapter => Some("ws-adapter"),
            Self::MqttAdapter => Some("mqtt-adapter"),
            Self::Writer => Some("writer"),
            Self::Reader => Some("reader"),
        }
    }
}

/// Every listener: its name in run.json and the variable of its port.
pub const LISTENERS: [(&str, &str); 12] = [
    ("users-http", "MF_USERS_HTTP_PORT"),
    ("users-grpc", "MF_USERS_GRPC_PORT"),
    ("things-http", "MF_THINGS_HTTP_PORT"),
    ("things-auth-http", "MF_THINGS_AUTH_HTTP_PORT"),
    ("things-grpc", "MF_THINGS_AUTH_GRPC_PORT"),
    ("http-adapter", "MF_HTTP_ADAPTER_PORT"),
    ("ws-adapter", "MF_WS_ADAPTER_PORT"),
    ("mqtt", "MF_MQTT_ADAPTER_PORT"),
    ("mqtt-ws", "MF_MQTT_ADAPTER_WS_PORT"),
    ("writer", "MF_WRITER_PORT"),
    ("reader", "MF_READER_PORT"),
    ("front", "MF_FRONT_PORT"),
];

/// A second process of a role, killed when dropped.
pub struct Beside(Process);

impl Beside {
    /// Returns the address of a listener, as `127.0.0.1:PORT`.
    ///
    /// # Errors
    /// When the process has none of this name.
    pub fn address(&self, listener: &str) -> anyhow::Result<String> {
        let address = self.0.address(listener);
        local(address).with_context(|| format!("no listener {listener}"))
    }
}

fn local(address: Option<&str>) -> Option<String> {
    let (_, port) = address?.rsplit_once(':')?;
    Some(format!("127.0.0.1:{port}"))
}

/// A whole platform of a test's own.
pub struct Platform {
    /// The shape it runs in.
    pub shape: Shape,
    dir: TempDir,
    /// Where the data is instead of there.
    disk: Option<PathBuf>,
    nats: Option<Nats>,
    env: BTreeMap<String, String>,
    processes: BTreeMap<Role, Process>,
}

impl Platform {
    /// Starts a platform in the shape and waits until every role is ready.
    ///
    /// # Errors
    /// When a process does not start; the error has its log.
    pub async fn start(shape: Shape) -> anyhow::Result<Self> {
        Self::start_with(shape, &[]).await
    }

    /// Starts a platform with further variables.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_with(shape: Shape, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        Self::start_on_nats(shape, variables, &[]).await
    }

    /// Starts a platform with further variables, in the separate shape on a NATS server with further arguments.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_on_nats(
        shape: Shape,
        variables: &[(&str, &str)],
        nats: &[&str],
    ) -> anyhow::Result<Self> {
        let mut platform = Self::stopped(shape, variables)?;
        match shape {
            Shape::Embedded => platform.restart(Role::All).await?,
            Shape::Separate => platform.start_separate(nats).await?,
        }
        Ok(platform)
    }

    /// Starts a single process with further variables and its data on a disk of its own.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_on_disk(root: &Path, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let mut platform = Self::stopped(Shape::Embedded, variables)?;
        platform.disk = Some(root.to_owned());
        platform.restart(Role::All).await?;
        Ok(platform)
    }

    fn stopped(shape: Shape, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let ports = LISTENERS.iter().map(|&(_, variable)| (variable, "0"));
        let env = ports.chain(variables.iter().copied());
        let env = env.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Ok(Self {
            shape,
            dir: tempfile::tempdir()?,
            disk: None,
            nats: None,
            env: env.collect(),
            processes: BTreeMap::new(),
        })
    }

    async fn start_separate(&mut self, nats: &[&str]) -> anyhow::Result<()> {
        let nats = Nats::start(&self.dir.path().join("nats"), nats).await?;
        self.env.insert("MF_NATS_URL".to_owned(), nats.url());
        self.nats = Some(nats);
        self.env.extend(postgres::database("USERS").await?);
        self.env.extend(postgres::database("THINGS").await?);
        for (name, value) in postgres::database("WRITER").await? {
            let reader = name.replace("WRITER", "READER");
            self.env.extend([(reader, value.clone()), (name, value)]);
        }
        for secret in ["MF_USERS_SECRET", "MF_THINGS_SECRET"] {
            self.env.insert(
                secret.to_owned(),
                format!("{secret} of the end-to-end tests"),
            );
        }
        self.restart(Role::Users).await?;
        let address = self.address("users-grpc")?;
        self.env.insert("MF_USERS_URL".to_owned(), address);
        self.restart(Role::Things).await?;
        let address = self.address("things-grpc")?;
        self.env.insert("MF_THINGS_URL".to_owned(), address);
        for role in [
            Role::Writer,
            Role::Reader,
            Role::HttpAdapter,
            Role::WsAdapter,
            Role::MqttAdapter,
        ] {
            self.restart(role).await?;
        }
        Ok(())
    }

    /// Returns the processes of this shape.
    pub fn roles(&self) -> Vec<Role> {
        self.processes.keys().copied().collect()
    }

    /// Starts a process, again on the ports it had, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready; the error has its log.
    pub async fn restart(&mut self, role: Role) -> anyhow::Result<()> {
        self.restart_with(role, &[]).await?;
        self.ready(role).await
    }

    /// Starts a process, again on the ports it had and with other variables than the rest; it need not become ready.
    ///
    /// # Errors
    /// When it does not say where it listens; the error has its log.
    pub async fn restart_with(
        &mut self,
        role: Role,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<()> {
        let arguments: Vec<&str> = role.argument().into_iter().collect();
        let data = self.data(role);
        self.processes.remove(&role);
        let mut env = self.env.clone();
        for (name, value) in variables {
            env.insert((*name).to_owned(), (*value).to_owned());
        }
        let log = self.log_of(&data);
        let process = Process::start(&data, &log, &arguments, &env).await?;
        for (listener, variable) in LISTENERS {
            if let Some((_, port)) = process
                .address(listener)
                .and_then(|address| address.rsplit_once(':'))
            {
                self.env.insert(variable.to_owned(), port.to_owned());
            }
        }
        self.processes.insert(role, process);
        Ok(())
    }

    /// Starts a second process of a role, with ports and data of its own.
    ///
    /// # Errors
    /// When it does not say where it listens; the error has its log.
    pub async fn beside(&self, role: Role) -> anyhow::Result<Beside> {
        let arguments: Vec<&str> = role.argument().into_iter().collect();
        let data = self.data(role).with_extension("beside");
        let mut env = self.env.clone();
        env.extend(LISTENERS.map(|(_, variable)| (variable.to_owned(), "0".to_owned())));
        let log = self.log_of(&data);
        let process = Process::start(&data, &log, &arguments, &env).await?;
        Ok(Beside(process))
    }

    /// Returns the log of the process whose data this is; no disk but that of the tests takes it away.
    fn log_of(&self, data: &Path) -> PathBuf {
        let name = data.file_name().unwrap_or_default();
        self.dir.path().join(name).with_added_extension("log")
    }

    async fn ready(&self, role: Role) -> anyhow::Result<()> {
        let listener = match role {
            // Every listener tells of the whole process, and this one seldom has TLS.
            Role::All | Role::Users => "users-http",
            Role::Things => "things-http",
            Role::HttpAdapter => "http-adapter",
            Role::WsAdapter => "ws-adapter",
            Role::MqttAdapter => "mqtt-ws",
            Role::Writer => "writer",
            Role::Reader => "reader",
        };
        let url = format!("{}/health/ready", self.url(listener)?);
        let ready = || async { curl(&[&url]).await.ok().filter(|reply| reply.status == 200) };
        until("the role to be ready", ready)
            .await
            .with_context(|| self.log())?;
        Ok(())
    }

    /// Kills a process with SIGKILL.
    ///
    /// # Errors
    /// When it is not running.
    pub async fn kill(&mut self, role: Role) -> anyhow::Result<()> {
        self.processes
            .get_mut(&role)
            .context("no such process")?
            .kill()
            .await
    }

    /// Stops a process with SIGTERM and returns its exit status.
    ///
    /// # Errors
    /// When it does not stop in time.
    pub async fn terminate(&mut self, role: Role) -> anyhow::Result<Option<i32>> {
        self.processes
            .get_mut(&role)
            .context("no such process")?
            .terminate()
            .await
    }

    /// Kills the NATS server.
    ///
    /// # Errors
    /// In the embedded shape, which has none.
    pub async fn kill_nats(&mut self) -> anyhow::Result<()> {
        let nats = self.nats.as_mut().context("no NATS in this shape")?;
        nats.kill().await
    }

    /// Kills the NATS server and starts it again; nothing in the embedded shape.
    ///
    /// # Errors
    /// When it does not start again.
    pub async fn restart_nats(&mut self) -> anyhow::Result<()> {
        match &mut self.nats {
            Some(nats) => nats.restart().await,
            None => Ok(()),
        }
    }

    /// Returns the URL of the NATS server.
    ///
    /// # Errors
    /// In the embedded shape, which has none.
    pub fn nats_url(&self) -> anyhow::Result<String> {
        Ok(self.nats.as_ref().context("no NATS in this shape")?.url())
    }

    /// Takes the database of the messages away, as if its server had been killed, and gives it back after a while; nothing in
    /// the embedded shape.
    ///
    /// # Errors
    /// When the server does not do it.
    pub async fn interrupt_history(&self, away: std::time::Duration) -> anyhow::Result<()> {
        match self.env.get("MF_WRITER_DB") {
            Some(name) => postgres::interrupt(name, away).await,
            None => Ok(()),
        }
    }

    /// Returns the address of a listener, such as `mqtt`, as `127.0.0.1:PORT`.
    ///
    /// # Errors
    /// When no process has it.
    pub fn address(&self, listener: &str) -> anyhow::Result<String> {
        let address = self
            .processes
            .values()
            .find_map(|process| process.address(listener));
        local(address).with_context(|| format!("no listener {listener}"))
    }

    /// Returns the base URL of an HTTP listener.
    ///
    /// # Errors
    /// When no process has it.
    pub fn url(&self, listener: &str) -> anyhow::Result<String> {
        Ok(format!("http://{}", self.address(listener)?))
    }

    /// Returns the value of a metric that has no labels, as a process tells it at one of its listeners; 0 when it does not.
    ///
    /// # Errors
    /// When the listener does not answer.
    pub async fn metric(&self, listener: &str, name: &str) -> anyhow::Result<f64> {
        let page = curl(&[&format!("{}/metrics", self.url(listener)?)]).await?;
        let mut lines = page.body.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        Ok(value.map_or(Ok(0.0), str::parse)?)
    }

    /// Returns the variables that the processes run with.
    pub fn variables(&self) -> &BTreeMap<String, String> {
        &self.env
    }

    /// Returns where a process keeps its data.
    pub fn data(&self, role: Role) -> std::path::PathBuf {
        let root = self.disk.as_deref().unwrap_or(self.dir.path());
        root.join(role.argument().unwrap_or("all"))
    }

    /// Returns what all processes have logged.
    pub fn log(&self) -> String {
        self.processes
            .iter()
            .map(|(role, process)| format!("--- {role:?}\n{}", process.log()))
            .collect()
    }

    /// Returns the process id of a running process.
    pub fn pid(&self, role: Role) -> Option<u32> {
        self.processes.get(&role).and_then(Process::pid)
    }
}
