use super::ending::End;
use super::serve::Conn;
use crate::packet::{Incoming, Outgoing, Reason};

impl Conn {
    pub(super) fn on_packet(&mut self, packet: Incoming<'_>) -> Result<(), End> {
        match packet {
            Incoming::Publish(publish) => self.on_publish(&publish),
            Incoming::PubAck(ack) => {
                self.on_puback(ack);
                Ok(())
            }
            Incoming::PubRec(ack) => {
                self.on_pubrec(ack);
                Ok(())
            }
            Incoming::PubRel(ack) => {
                self.on_pubrel(ack);
                Ok(())
            }
            Incoming::PubComp(ack) => {
                self.on_pubcomp(ack);
                Ok(())
            }
            Incoming::Subscribe(subscribe) => {
                self.on_subscribe(subscribe);
                Ok(())
            }
            Incoming::Unsubscribe(unsubscribe) => {
                self.on_unsubscribe(unsubscribe);
                Ok(())
            }
            Incoming::PingReq => {
                self.peer.send(&Outgoing::PingResp);
                Ok(())
            }
            Incoming::Disconnect(disconnect) => Err(End::Goodbye(disconnect)),
            Incoming::Connect(_) => Err(End::close(Reason::ProtocolError, "a second CONNECT")),
            Incoming::Auth(_) => Err(End::close(
                Reason::ProtocolError,
                "AUTH without an authentication method",
            )),
        }
    }
}
