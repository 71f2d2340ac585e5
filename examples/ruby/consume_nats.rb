# Not run by the tests, for want of the gems `nats-pure` and `google-protobuf`. A backend that takes each message from NATS, over mutual TLS.
#
# `protoc -I proto/mainflux --ruby_out=. message.proto` makes message_pb.rb.
require "nats/client"
require_relative "message_pb"

tls = OpenSSL::SSL::SSLContext.new
tls.set_params(ca_file: ENV.fetch("CA_FILE"))
tls.cert = OpenSSL::X509::Certificate.new(File.read(ENV.fetch("CERT_FILE")))
tls.key = OpenSSL::PKey.read(File.read(ENV.fetch("KEY_FILE")))
client = NATS.connect(ENV.fetch("NATS_URL"), tls: { context: tls })

# From here on messages wait for this consumer until it acknowledges them, also while it is away.
consumer = client.jetstream.pull_subscribe("channel.>", "backend", stream: "MESSAGES")
consumer.fetch(1, timeout: 30).each do |delivery|
  message = Mainflux::RawMessage.decode(delivery.data)
  puts "received #{message.channel} #{message.publisher} #{message.protocol} #{message.payload}"
  delivery.ack_sync
end
client.close
