// Run by the tests. Publishes over a secure WebSocket and prints what comes back.
import { readFileSync } from "node:fs";
import WebSocket from "ws";

const { WS_URL, CHANNEL, KEY, CA_FILE, CERT_FILE, KEY_FILE } = process.env;
const options = { ca: readFileSync(CA_FILE), headers: {}, handshakeTimeout: 10_000 };
if (CERT_FILE) {
  options.cert = readFileSync(CERT_FILE);
  options.key = readFileSync(KEY_FILE);
} else {
  options.headers.Authorization = `Thing ${KEY}`;
}

const socket = new WebSocket(`${WS_URL}/channels/${CHANNEL}/messages`, options);
socket.on("open", () => socket.send(JSON.stringify([{ n: "temperature", u: "Cel", v: 21.5 }])));
socket.on("message", (data) => {
  console.log("received", data.toString());
  socket.close();
});
