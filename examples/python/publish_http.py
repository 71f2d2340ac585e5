# Run by the tests. Publishes over HTTPS, with a client certificate or with the thing's key.
import os

import requests

env = os.environ
certificate, headers = None, {}
if "CERT_FILE" in env:
    certificate = (env["CERT_FILE"], env["KEY_FILE"])
else:
    headers["Authorization"] = f"Thing {env['KEY']}"

url = f"{env['HTTP_URL']}/channels/{env['CHANNEL']}/messages"
payload = '[{"n":"temperature","u":"Cel","v":21.5}]'
reply = requests.post(url, payload, headers=headers, verify=env["CA_FILE"], cert=certificate, timeout=10)
reply.raise_for_status()
print("published")
