# Run by the tests. Publishes over a secure WebSocket and prints what comes back.
import os
import ssl

from websockets.sync.client import connect

env = os.environ
tls = ssl.create_default_context(cafile=env["CA_FILE"])
headers = {}
if "CERT_FILE" in env:
    tls.load_cert_chain(env["CERT_FILE"], env["KEY_FILE"])
else:
    headers["Authorization"] = f"Thing {env['KEY']}"

url = f"{env['WS_URL']}/channels/{env['CHANNEL']}/messages"
with connect(url, ssl=tls, additional_headers=headers) as socket:
    socket.send('[{"n":"temperature","u":"Cel","v":21.5}]')
    print("received", socket.recv(timeout=10))
