# Run by the tests. Publishes over a secure WebSocket and prints what comes back; the library is ruby-websocket (gem `websocket`).
require "openssl"
require "socket"
require "timeout"
require "uri"
require "websocket"

url = URI("#{ENV.fetch('WS_URL')}/channels/#{ENV.fetch('CHANNEL')}/messages")
tls = OpenSSL::SSL::SSLContext.new
tls.set_params(ca_file: ENV.fetch("CA_FILE"))
headers = {}
if ENV["CERT_FILE"]
  tls.cert = OpenSSL::X509::Certificate.new(File.read(ENV["CERT_FILE"]))
  tls.key = OpenSSL::PKey.read(File.read(ENV.fetch("KEY_FILE")))
else
  headers["Authorization"] = "Thing #{ENV.fetch('KEY')}"
end

Timeout.timeout(10) do
  socket = OpenSSL::SSL::SSLSocket.new(TCPSocket.new(url.host, url.port), tls)
  socket.sync_close = true
  socket.hostname = url.host
  socket.connect
  socket.post_connection_check(url.host)

  handshake = WebSocket::Handshake::Client.new(url: url.to_s, headers: headers)
  socket.write(handshake.to_s)
  handshake << socket.readpartial(4096) until handshake.finished?
  abort "refused: #{handshake.error}" unless handshake.valid?

  send_frame = ->(type, data) do
    frame = WebSocket::Frame::Outgoing::Client.new(version: handshake.version, type: type, data: data)
    socket.write(frame.to_s)
  end
  send_frame.call(:text, '[{"n":"temperature","u":"Cel","v":21.5}]')
  frames = WebSocket::Frame::Incoming::Client.new(version: handshake.version)
  frames << handshake.leftovers.to_s
  until (frame = frames.next)
    frames << socket.readpartial(4096)
  end
  puts "received #{frame.data}"
  send_frame.call(:close, "")
  socket.close
end
