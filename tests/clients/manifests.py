"""Says what the Kubernetes manifests start, a line of JSON for each Deployment: its arguments and its environment.

Usage: manifests.py FOLDER. What comes from a Secret is `nats://secret`, which is good for all of them.
"""

import json
import pathlib
import sys

import yaml

documents = [
    document
    for file in sorted(pathlib.Path(sys.argv[1]).glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
]
maps = {document["metadata"]["name"]: document["data"] for document in documents if document["kind"] == "ConfigMap"}
for document in documents:
    if document["kind"] != "Deployment":
        continue
    [container] = document["spec"]["template"]["spec"]["containers"]
    environment = {}
    for source in container["envFrom"]:
        environment |= maps[source["configMapRef"]["name"]]
    for variable in container["env"]:
        environment[variable["name"]] = variable.get("value", "nats://secret")
    print(json.dumps({"arguments": container["args"], "environment": environment}))
