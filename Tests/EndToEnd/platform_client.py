"""The embedded platform of a home, asked over its socket as aegisd's clients ask it."""

import hashlib
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess

from home import OPENCLAW, check, wait_for

SECRET = "5a" * 32


def token(agent, secret=SECRET):
    """The token that an agent is given, as the kit's hook derives it."""
    return f"{agent}.{hashlib.blake2b(agent.encode(), key=bytes.fromhex(secret), digest_size=32).hexdigest()}"


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost", timeout=300)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(300)
        self.sock.connect(self.path)


def ask(place, method, path, body=None):
    """Status and answer of the API on a Unix socket."""
    connection = Unix(place)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        response = connection.getresponse()
        return response.status, json.loads(response.read() or b"{}")
    finally:
        connection.close()


class Platform:
    """Asks the platform of a home; as a context it starts one, and ends it."""

    def __init__(self, home, prefix=(), **environment):
        self.socket = str(home.path / "aegis/aegisd.sock")
        self.home, self.prefix, self.environment = home, list(prefix), environment
        self.child = None

    def __enter__(self):
        log = self.home.path / "aegis/openclaw"
        log.mkdir(parents=True, exist_ok=True)
        self.log = open(log / "platform.log", "ab")
        self.child = subprocess.Popen(
            [*self.prefix, OPENCLAW, "platform", "serve"], env={**self.home.environment, **self.environment}, stdout=self.log,
            stderr=self.log)
        wait_for(self.answers, "the platform")
        self.call("PUT", "/v1/secrets/test/SESSION_TOKEN", {"value": SECRET})
        return self

    def __exit__(self, *_):
        self.child.send_signal(signal.SIGTERM)
        self.child.wait(60)
        self.log.close()

    def answers(self):
        try:
            return self.call("GET", "/v1/status")
        except OSError:
            return None

    def ask(self, method, path, body=None):
        return ask(self.socket, method, path, body)

    def call(self, method, path, body=None):
        status, answer = self.ask(method, path, body)
        check(status == 200, f"{method} {path}: {status} {answer}")
        return answer

    def ensure(self, name, command=("/bin/sleep", "600"), isolation="namespace", **more):
        return self.call("POST", "/v1/instances/ensure", {
            "kit": "openclaw", "policy": "long-running", "command": list(command), "run_as": "agent", "environment": {},
            "guest": {}, "isolation": isolation, "secrets_scope": "test",
            "app": {
                "id": name, "session_id": "test", "agent_id": "coder-1", "role": "coder",
                "coordinator_url": "http://openclaw-coordinator:9090", "peers": [], "config": {}}, **more})

    def instance(self, identity):
        return self.call("GET", f"/v1/instances/{identity}")

    def instances(self):
        return self.call("GET", "/v1/instances")["instances"]

    def execute(self, identity, script, milliseconds=60_000):
        """What a shell in the guest prints, as the guest's root."""
        answer = self.call(
            "POST", f"/v1/instances/{identity}/exec", {"command": ["/bin/sh", "-c", script], "timeout_ms": milliseconds})
        check(answer["exit_code"] == 0, f"{script}: {answer}")
        return answer["output"].strip()

    def spares(self):
        return self.call("GET", "/v1/status")["capabilities"]["warm_pool"]

    def logs(self, identity):
        connection = Unix(self.socket)
        try:
            connection.request("GET", f"/v1/instances/{identity}/logs?after=0")
            text = connection.getresponse().read().decode()
            return "\n".join(json.loads(line).get("line", "") for line in text.splitlines())
        finally:
            connection.close()


def state_of(home, session, agent):
    # A session that waits for approval exits with 8, which is no failure here.
    summary = home.json("session", session, check=False)[0]
    return next(a for a in summary["agents"] if a["id"] == agent)


def guest_pid(home, session, agent):
    """PID 1 of an agent's guest, as this namespace sees it."""
    return Platform(home).instance(state_of(home, session, agent)["guest"])["pid"]


def tree(pid):
    """A process and all below it, as this namespace sees them."""
    parents = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
    found = {pid}
    while True:
        more = {child for child, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def command(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def processor_time(pids):
    """Ticks that these processes have used so far."""
    total = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            continue
    return total


def stop(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGSTOP)
        except ProcessLookupError:
            pass
