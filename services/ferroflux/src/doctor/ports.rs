//! Whether each listener of the process can have its port.

use std::fs;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;

use super::finding::Findings;
use crate::role::Shape;
use crate::settings::Settings;

pub(super) fn look(findings: &mut Findings, settings: &Settings) {
    let mut taken: Vec<(SocketAddr, &str)> = Vec::new();
    for (variable, address) in listeners(settings) {
        if address.port() == 0 {
            continue;
        }
        let other = taken.iter().find(|(other, _)| collide(*other, address));
        if let Some((_, other)) = other {
            let text = format!("is {}, and so is {other}", address.port());
            findings.fault(variable, text);
            continue;
        }
        taken.push((address, variable));
        bind(findings, variable, address);
    }
}

/// Tells whether only one of two listeners can be had: an unspecified address is all of them.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let (a, b) = (one.ip(), other.ip());
    one.port() == other.port() && (a == b || a.is_unspecified() || b.is_unspecified())
}

/// Returns the listeners of the process by the variable of their port.
fn listeners(settings: &Settings) -> Vec<(&'static str, SocketAddr)> {
    let shape = &settings.shape;
    let mut all = Vec::new();
    if let Some((users, _)) = &settings.users {
        let grpc = shape.internal(users.grpc_host);
        all.extend([
            ("MF_USERS_HTTP_PORT", (users.http_host, users.http_port)),
            ("MF_USERS_GRPC_PORT", (grpc, users.grpc_port)),
        ]);
    }
    if let Some((things, _)) = &settings.things {
        let auth = shape.internal(things.auth_http_host);
        let grpc = shape.internal(things.auth_grpc_host);
        all.extend([
            ("MF_THINGS_HTTP_PORT", (things.http_host, things.http_port)),
            ("MF_THINGS_AUTH_HTTP_PORT", (auth, things.auth_http_port)),
            ("MF_THINGS_AUTH_GRPC_PORT", (grpc, things.auth_grpc_port)),
        ]);
    }
    let http = settings.http.as_ref();
    all.extend(http.map(|http| ("MF_HTTP_ADAPTER_PORT", (http.host, http.port))));
    let ws = settings.ws.as_ref();
    all.extend(ws.map(|ws| ("MF_WS_ADAPTER_PORT", (ws.host, ws.port))));
    if let Some(mqtt) = &settings.mqtt {
        all.extend([
            ("MF_MQTT_ADAPTER_PORT", (mqtt.host, mqtt.port)),
            ("MF_MQTT_ADAPTER_WS_PORT", (mqtt.ws_host, mqtt.ws_port)),
        ]);
    }
    let writer = settings.writer.as_ref().map(|writer| &writer.config);
    all.extend(writer.map(|writer| ("MF_WRITER_PORT", (writer.host, writer.port))));
    let reader = settings.reader.as_ref().map(|(reader, _)| reader);
    all.extend(reader.map(|reader| ("MF_READER_PORT", (reader.host, reader.port))));
    if *shape == Shape::Embedded {
        let process = &settings.process;
        all.push(("MF_FRONT_PORT", (process.front_host, process.front_port)));
    }
    all.into_iter()
        .map(|(variable, address)| (variable, SocketAddr::from(address)))
        .collect()
}

fn bind(findings: &mut Findings, variable: &str, address: SocketAddr) {
    let port = address.port();
    let Err(error) = TcpListener::bind(address) else {
        findings.good(variable, format!("is {port}, which is free"));
        return;
    };
    let text = match (error.kind(), owner(port)) {
        (ErrorKind::AddrInUse, Some((pid, name))) if name == "ferroflux" => {
            let text = format!("is {port}, where ferroflux listens already (process {pid})");
            findings.good(variable, text);
            return;
        }
        (ErrorKind::AddrInUse, Some((pid, name))) => {
            format!("is {port}, which {name} has (process {pid}); stop it or choose another port")
        }
        (ErrorKind::AddrInUse, None) => {
            format!("is {port}, which another process has; stop it or choose another port")
        }
        (ErrorKind::PermissionDenied, _) => {
            format!(
                "is {port}, which takes a privilege; allow it (CAP_NET_BIND_SERVICE) or choose one from 1024 on"
            )
        }
        (ErrorKind::AddrNotAvailable, _) => {
            format!(
                "cannot be had: {} is no address of this machine, see the HOST beside it",
                address.ip()
            )
        }
        _ => format!("cannot be had: {error}"),
    };
    findings.fault(variable, text);
}

/// Returns the process that listens on a port, as far as we may know.
fn owner(port: u16) -> Option<(u32, String)> {
    let wanted = format!("socket:[{}]", inode(port)?);
    let processes = fs::read_dir("/proc").ok()?.flatten();
    for process in processes {
        let Some(pid) = process
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
        else {
            continue;
        };
        if holds(&process.path(), &wanted) {
            let name = fs::read_to_string(process.path().join("comm")).ok()?;
            return Some((pid, name.trim_end().to_owned()));
        }
    }
    None
}

fn holds(process: &Path, socket: &str) -> bool {
    let files = fs::read_dir(process.join("fd")).into_iter().flatten();
    files
        .flatten()
        .any(|file| fs::read_link(file.path()).is_ok_and(|link| link.as_os_str() == socket))
}

/// Returns the inode of the socket that listens on a port.
fn inode(port: u16) -> Option<String> {
    let suffix = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .find_map(|table| {
            let table = fs::read_to_string(table).ok()?;
            table.lines().find_map(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let listens = fields.get(3) == Some(&"0A") && fields.get(1)?.ends_with(&suffix);
                listens.then(|| fields.get(9).map(|&inode| inode.to_owned()))?
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_free_on_another_address() {
        let collide = |a: &str, b: &str| collide(a.parse().unwrap(), b.parse().unwrap());
        assert!(collide("127.0.0.1:80", "0.0.0.0:80") && collide("[::1]:80", "[::1]:80"));
        assert!(!collide("127.0.0.1:80", "127.0.0.2:80"));
        assert!(!collide("0.0.0.0:80", "0.0.0.0:81"));
    }

    #[test]
    fn who_has_a_port_is_named() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(
            owner(address.port()).map(|(pid, _)| pid),
            Some(std::process::id())
        );
        let mut findings = Findings::default();
        bind(&mut findings, "MF_X_PORT", address);
        assert!(
            findings.text().contains("FAULT    MF_X_PORT is"),
            "{}",
            findings.text()
        );
    }
}
