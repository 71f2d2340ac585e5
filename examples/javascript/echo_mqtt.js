// Run by the tests. Subscribes over MQTT with TLS, publishes, and prints what comes back.
import { readFileSync } from "node:fs";
import mqtt from "mqtt";

const { MQTT_HOST, MQTT_PORT, CHANNEL, THING, KEY, CA_FILE, CERT_FILE, KEY_FILE } = process.env;
const options = { protocolVersion: 5, ca: readFileSync(CA_FILE) };
if (CERT_FILE) {
  options.cert = readFileSync(CERT_FILE);
  options.key = readFileSync(KEY_FILE);
} else {
  options.username = THING;
  options.password = KEY;
}

const topic = `channels/${CHANNEL}/messages`;
const client = await mqtt.connectAsync(`mqtts://${MQTT_HOST}:${MQTT_PORT}`, options);
client.on("message", async (_topic, payload) => {
  console.log("received", payload.toString());
  await client.endAsync();
});
await client.subscribeAsync(topic, { qos: 1 });
await client.publishAsync(topic, JSON.stringify([{ n: "temperature", u: "Cel", v: 21.5 }]), { qos: 1 });
