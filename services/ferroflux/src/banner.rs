//! What a person reads after the start: where everything listens, and what to try next.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::run_json::RunJson;

/// Returns the addresses, and the three commands to try next.
pub(crate) fn text(addresses: &RunJson, encrypted: bool) -> String {
    let mut text = String::from("ferroflux is running\n");
    for (name, address) in &addresses.listeners {
        let _infallible = writeln!(text, "  {name:<18} {address}");
    }
    if let Some(front) = addresses.listeners.get("front") {
        let _infallible = write!(text, "{}", next_steps(*front, encrypted));
    }
    text
}

fn next_steps(front: SocketAddr, encrypted: bool) -> String {
    let scheme = if encrypted { "https://" } else { "" };
    let front = format!("{scheme}localhost:{}", front.port());
    let json = "-H 'Content-Type: application/json'";
    let user = r#"'{"email":"john.doe@email.com","password":"123"}'"#;
    format!(
        "try next:\n  \
         curl -i {json} -d {user} {front}/users\n  \
         curl -s {json} -d {user} {front}/tokens\n  \
         curl -i -H \"Authorization: $TOKEN\" {json} -d '{{\"name\":\"weio\"}}' {front}/things\n\
         stop with Ctrl-C"
    )
}

#[cfg(test)]
mod tests {
    use super::next_steps;

    #[test]
    fn the_commands_name_the_real_port() {
        let text = next_steps("0.0.0.0:4711".parse().unwrap(), false);
        assert_eq!(text.matches("curl").count(), 3);
        assert_eq!(text.matches(" localhost:4711/").count(), 3);
        let text = next_steps("0.0.0.0:4711".parse().unwrap(), true);
        assert_eq!(text.matches(" https://localhost:4711/").count(), 3);
    }
}
