// Run by the tests. Publishes over HTTPS, with a client certificate or with the thing's key.
import { readFileSync } from "node:fs";
import { request } from "node:https";

const { HTTP_URL, CHANNEL, KEY, CA_FILE, CERT_FILE, KEY_FILE } = process.env;
const options = { method: "POST", ca: readFileSync(CA_FILE), headers: {}, timeout: 10_000 };
if (CERT_FILE) {
  options.cert = readFileSync(CERT_FILE);
  options.key = readFileSync(KEY_FILE);
} else {
  options.headers.Authorization = `Thing ${KEY}`;
}

const publish = request(`${HTTP_URL}/channels/${CHANNEL}/messages`, options, (reply) => {
  if (reply.statusCode !== 202) throw new Error(`refused with ${reply.statusCode}`);
  reply.resume();
  console.log("published");
});
publish.end(JSON.stringify([{ n: "temperature", u: "Cel", v: 21.5 }]));
