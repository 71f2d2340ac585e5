"""A composition of its own: copied files, project, network and ports, so that it meets no other one."""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEADLINE = 180


def until(what, attempt, deadline=60):
    """Calls until there is an answer, which is returned."""
    end = time.monotonic() + deadline
    while not (answer := attempt()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {deadline} s")
        time.sleep(0.2)
    return answer


def output(*command, **more):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **more).stdout.strip()


def command_line():
    """Returns how compose is called here: the program of its own, or the plugin."""
    return ["docker-compose"] if shutil.which("docker-compose") else ["docker", "compose"]


class Composition:
    """Files as after a clone, started and stopped."""

    def __init__(self, files=("docker/docker-compose.yml",), **environment):
        self._folder = tempfile.TemporaryDirectory(prefix="ferroflux-compose-")
        self.root = pathlib.Path(self._folder.name)
        for name in output("git", "ls-files", "-co", "--exclude-standard", "docker", "ssl", ".env", cwd=ROOT).splitlines():
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        self.http, self.https, self.mqtt, self.mqtts = free_ports(4)
        self.files = list(files)
        self.environment = {
            **os.environ,
            "COMPOSE_PROJECT_NAME": f"ferroflux-test-{os.getpid()}",
            "MF_IMAGE": os.environ.get("MF_IMAGE", "ferroflux/ferroflux:dev"),
            "MF_SUBNET": f"10.214.{os.getpid() % 250 + 1}",
            "MF_NGINX_HTTP_PORT": str(self.http),
            "MF_NGINX_SSL_PORT": str(self.https),
            "MF_NGINX_MQTT_PORT": str(self.mqtt),
            "MF_NGINX_MQTTS_PORT": str(self.mqtts),
        }
        self.set(**environment)

    def set(self, **environment):
        """Changes what the next `up` reads."""
        self.environment.update(environment)

    @property
    def certs(self):
        return self.root / "ssl/certs"

    def compose(self, *arguments):
        files = [word for name in self.files for word in ("-f", name)]
        done = subprocess.run(
            [*command_line(), *files, *arguments],
            cwd=self.root,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        if done.returncode:
            raise AssertionError(f"compose {' '.join(arguments)}: {done.stdout}")
        return done.stdout

    def up(self):
        self.compose("up", "-d")
        self.is_healthy()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error:
            print(self.compose("ps"), self.compose("logs", "--no-color", "--tail", "40"))
        self.compose("down", "--volumes")
        self._folder.cleanup()

    def make(self, *arguments):
        """Makes certificates as a user would."""
        output("make", "-C", str(self.root / "ssl"), *arguments)

    @property
    def services(self):
        """All that go on running, in the order in which they may be killed."""
        return sorted(set(self.compose("config", "--services").split()) - {"init"})

    def containers(self, service):
        project, label = self.environment["COMPOSE_PROJECT_NAME"], "label=com.docker.compose"
        return output("docker", "ps", "-aq", "--filter", f"{label}.project={project}", "--filter", f"{label}.service={service}").split()

    def state(self, container):
        return json.loads(output("docker", "inspect", "--format", "{{json .State}}", container))

    def is_healthy(self):
        """Waits until every container of every service says that it is well."""

        def well(service):
            states = [self.state(container) for container in self.containers(service)]
            return states and all(state["Running"] and state.get("Health", {}).get("Status") == "healthy" for state in states)

        for service in self.services:
            until(f"{service} healthy", lambda: well(service), DEADLINE)

    def kill(self, service):
        """Kills the processes of a service from outside one by one, as nobody asked for it; returns when they run again."""
        for container in self.containers(service):
            self.kill_container(service, container)

    def kill_container(self, service, container):
        before = self.state(container)
        # Not `docker kill`: the engine would take that for a wish and leave it dead.
        helper = [self.environment.get("MF_NATS_IMAGE", "nats:2.11-alpine"), "-c", f"kill -9 {before['Pid']}"]
        output("docker", "run", "--rm", "--pid", "host", "--entrypoint", "sh", *helper)
        until(f"{service} to come back", lambda: self.state(container)["StartedAt"] != before["StartedAt"], DEADLINE)
        self.is_healthy()

    def restart(self, *services):
        self.compose("restart", *services)
        self.is_healthy()


def free_ports(count):
    """Returns ports nobody has at this moment."""
    sockets = [socket.create_server(("", 0)) for _ in range(count)]
    ports = [taken.getsockname()[1] for taken in sockets]
    for taken in sockets:
        taken.close()
    return ports
