# Not run by the tests, for want of the gem `mqtt`. Subscribes over MQTT with TLS, publishes, and prints what comes back.
require "mqtt"

options = {
  host: ENV.fetch("MQTT_HOST"),
  port: ENV.fetch("MQTT_PORT").to_i,
  ssl: true,
  ca_file: ENV.fetch("CA_FILE"),
  verify_host: true
}
if ENV["CERT_FILE"]
  options.update(cert_file: ENV["CERT_FILE"], key_file: ENV.fetch("KEY_FILE"))
else
  options.update(username: ENV.fetch("THING"), password: ENV.fetch("KEY"))
end

topic = "channels/#{ENV.fetch('CHANNEL')}/messages"
MQTT::Client.connect(options) do |client|
  client.subscribe(topic => 1)
  client.publish(topic, '[{"n":"temperature","u":"Cel","v":21.5}]', false, 1)
  _topic, payload = client.get
  puts "received #{payload}"
end
