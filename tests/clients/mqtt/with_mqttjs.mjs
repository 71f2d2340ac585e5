// Goes through what a client expects of a server with MQTT.js: HOST PORT TRANSPORT VERSION THING KEY TOPIC.
//
// Prints a word for each thing that works; whatever does not ends the program with an error.

import assert from 'node:assert'
import { randomUUID } from 'node:crypto'
import { createRequire } from 'node:module'

const require = createRequire(new URL('../../../target/node/', import.meta.url))
const mqtt = require('mqtt')

const [host, port, transport, version, thing, key, topic] = process.argv.slice(2)
const DEADLINE = 10_000
const url = transport === 'websockets' ? `ws://${host}:${port}/mqtt` : `mqtt://${host}:${port}`

const unique = (name) => `${name}-${randomUUID()}`

function within(promise, what) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`${what}: nothing in time`)), DEADLINE).unref())
  return Promise.race([promise, late])
}

class Client {
  static async connect(name, { keep = false, will } = {}) {
    const self = new Client()
    self.waiting = []
    self.messages = []
    const session = version === '5' ? { properties: { sessionExpiryInterval: keep ? 600 : 0 } } : {}
    self.mqtt = mqtt.connect(url, {
      ...session,
      clientId: name,
      username: thing,
      password: key,
      protocolVersion: Number(version),
      clean: !keep,
      reconnectPeriod: 0,
      will: will && { topic, payload: will, qos: 1 },
    })
    self.mqtt.on('message', (from, payload, packet) => {
      const message = [from, payload.toString(), packet.qos, packet.retain]
      const waiter = self.waiting.shift()
      waiter ? waiter(message) : self.messages.push(message)
    })
    self.connack = await within(new Promise((resolve, reject) => {
      self.mqtt.on('connect', resolve)
      self.mqtt.on('error', reject)
    }), 'CONNACK')
    return self
  }

  subscribe(qos) {
    return within(this.mqtt.subscribeAsync(topic, { qos }), 'SUBACK')
  }

  publish(payload, qos, retain = false) {
    return within(this.mqtt.publishAsync(topic, payload, { qos, retain }), 'an acknowledgement')
  }

  async expect(payload, qos, retain = false) {
    const next = this.messages.length > 0
      ? this.messages.shift()
      : await within(new Promise((resolve) => this.waiting.push(resolve)), payload)
    assert.deepStrictEqual(next, [topic, payload, qos, retain])
  }

  vanish() {
    this.mqtt.stream.destroy()
  }

  close() {
    return within(this.mqtt.endAsync(), 'the end')
  }
}

const publisher = await Client.connect(unique('publisher'))
const subscriber = await Client.connect(unique('subscriber'))
await subscriber.subscribe(2)
for (const qos of [0, 1, 2]) {
  await publisher.publish(`qos ${qos}`, qos)
  await subscriber.expect(`qos ${qos}`, qos)
  console.log(`qos${qos}`)
}

await publisher.publish('kept', 1, true)
await subscriber.expect('kept', 1)
const late = await Client.connect(unique('late'))
await late.subscribe(2)
await late.expect('kept', 1, true)
await late.close()
await publisher.publish('', 1, true)
await subscriber.expect('', 1)
console.log('retained')

const mortal = await Client.connect(unique('mortal'), { will: 'gone' })
mortal.vanish()
await subscriber.expect('gone', 1)
console.log('will')

const name = unique('keeper')
let keeper = await Client.connect(name, { keep: true })
assert.strictEqual(keeper.connack.sessionPresent, false)
await keeper.subscribe(2)
await keeper.close()
for (const qos of [1, 2]) await publisher.publish(`queued ${qos}`, qos)
keeper = await Client.connect(name, { keep: true })
assert.strictEqual(keeper.connack.sessionPresent, true)
for (const qos of [1, 2]) await keeper.expect(`queued ${qos}`, qos)
await keeper.close()
await (await Client.connect(name)).close()
console.log('session')
await publisher.close()
await subscriber.close()
