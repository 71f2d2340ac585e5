use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Tells a service manager like systemd that the process is ready; `socket` is the value of its `NOTIFY_SOCKET`.
///
/// # Errors
/// When nobody listens there.
pub fn notify_ready(socket: &str) -> io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(b"READY=1", &address)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn received(manager: &UnixDatagram) -> Vec<u8> {
        let mut buffer = [0; 64];
        let length = manager.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    #[test]
    fn the_manager_is_told_by_path_and_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        notify_ready(path.to_str().unwrap()).unwrap();
        assert_eq!(received(&manager), b"READY=1");

        let name = path.to_str().unwrap();
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        notify_ready(&format!("@{name}")).unwrap();
        assert_eq!(received(&manager), b"READY=1");
    }

    #[test]
    fn nobody_there_is_an_error() {
        assert!(notify_ready("/nowhere/notify").is_err());
    }
}
