# Run by the tests. Publishes over HTTPS, with a client certificate or with the thing's key.
require "net/http"

url = URI("#{ENV.fetch('HTTP_URL')}/channels/#{ENV.fetch('CHANNEL')}/messages")
options = { use_ssl: true, ca_file: ENV.fetch("CA_FILE"), open_timeout: 10, read_timeout: 10 }
headers = {}
if ENV["CERT_FILE"]
  options[:cert] = OpenSSL::X509::Certificate.new(File.read(ENV["CERT_FILE"]))
  options[:key] = OpenSSL::PKey.read(File.read(ENV.fetch("KEY_FILE")))
else
  headers["Authorization"] = "Thing #{ENV.fetch('KEY')}"
end

Net::HTTP.start(url.host, url.port, options) do |http|
  reply = http.post(url.path, '[{"n":"temperature","u":"Cel","v":21.5}]', headers)
  abort "refused with #{reply.code}: #{reply.body}" unless reply.code == "202"
  puts "published"
end
