use std::convert::Infallible;
use std::net::IpAddr;

use ::http::HeaderMap;
use ::http::request::Parts;
use axum::extract::FromRequestParts;
use server::Peer;

use super::Shared;
use crate::network::Network;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The address a request comes from, as seen by the first proxy that is not trusted.
pub(super) struct ClientAddress(pub(super) IpAddr);

impl FromRequestParts<Shared> for ClientAddress {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Infallible> {
        let Peer(peer) = Peer::from_request_parts(parts, shared).await?;
        Ok(Self(client(peer.ip(), &parts.headers, &shared.proxies)))
    }
}

/// Goes back through the proxies as long as they are trusted: what they did not write themselves anybody may have.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[Network]) -> IpAddr {
    let trusted = |address: IpAddr| proxies.iter().any(|proxy| proxy.contains(address));
    let mut client = peer;
    let lines = headers.get_all(FORWARDED_FOR).iter().rev();
    let hops = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.rsplit(','));
    for hop in hops {
        if !trusted(client) {
            break;
        }
        let Ok(address) = hop.trim().parse() else {
            break;
        };
        client = address;
    }
    client
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(peer: &str, forwarded: &[&str]) -> String {
        let proxies = ["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append(FORWARDED_FOR, line.parse().unwrap());
        }
        client(peer.parse().unwrap(), &headers, &proxies).to_string()
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        assert_eq!(from("192.0.2.1", &["203.0.113.9"]), "192.0.2.1");
        assert_eq!(from("10.1.1.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("::1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(from("10.1.1.1", &[]), "10.1.1.1");
    }

    #[test]
    fn what_the_client_wrote_itself_is_not_believed() {
        let forged = "198.51.100.1, 203.0.113.9";
        assert_eq!(from("10.1.1.1", &[forged]), "203.0.113.9");
        assert_eq!(from("10.1.1.1", &[forged, "10.2.2.2"]), "203.0.113.9");
        assert_eq!(from("10.1.1.1", &["10.3.3.3", "unknown"]), "10.1.1.1");
    }
}
