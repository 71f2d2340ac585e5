// Run by the tests. A backend that takes each message of all channels from NATS, over mutual TLS.
import { AckPolicy, connect } from "nats";
import protobuf from "protobufjs";

const { NATS_URL, CA_FILE, CERT_FILE, KEY_FILE, PROTO = "proto/mainflux/message.proto" } = process.env;
const RawMessage = (await protobuf.load(PROTO)).lookupType("mainflux.RawMessage");
const tls = { caFile: CA_FILE, certFile: CERT_FILE, keyFile: KEY_FILE };
const connection = await connect({ servers: NATS_URL, tls });

// From here on messages wait for this consumer until it acknowledges them, also while it is away.
const manager = await connection.jetstreamManager();
const settings = { durable_name: "backend", ack_policy: AckPolicy.Explicit };
await manager.consumers.info("MESSAGES", "backend").catch(() => manager.consumers.add("MESSAGES", settings));
const consumer = await connection.jetstream().consumers.get("MESSAGES", "backend");
console.log("ready");
const delivery = await consumer.next();
const { channel, publisher, protocol, payload } = RawMessage.decode(delivery.data);
console.log("received", channel, publisher, protocol, Buffer.from(payload).toString());
await delivery.ackAck();
await connection.close();
