"""The same attempts inside a guest of the platform, through the harness's own `exec` with a policy: as a gate's command
runs, and as an agent's tools do. The ground is a namespace guest or a machine of its own."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time

import box

sys.path.insert(0, str(box.ROOT / "Tests/EndToEnd"))
from home import OPENCLAW, Home  # noqa: E402

GUEST = "/workspace"
# What of a machine's kernel is not there cannot be read either; its memory is a cgroup's, which ends all of a call.
SKIPPED_IN_MACHINES = ("memory-bomb",)


class Platform:
    """A platform of its own with one guest, whose volume is the place of the attempts."""

    def __init__(self, volume, isolation):
        self.volume, self.isolation = volume, isolation

    def __enter__(self):
        self.home = Home(AEGIS_WARM_POOL="0")
        self.home.__enter__()
        self.socket = self.home.path / "aegis/aegisd.sock"
        self.log = open(self.home.path / "platform.log", "wb")
        self.process = subprocess.Popen(
            [str(OPENCLAW), "platform", "serve"], env=self.home.environment, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.call("GET", "/v1/status")
                break
            except OSError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise RuntimeError((self.home.path / "platform.log").read_text(errors="replace")[-2000:])
                time.sleep(0.05)
        self.call("POST", "/v1/kits/register", {"path": str(self.home.path / "aegis/kits/openclaw")})
        self.call("PUT", "/v1/volumes/escape", {"path": str(self.volume)})
        self.guest = self.call("POST", "/v1/instances/ensure", {
            "kit": "openclaw", "policy": "stateless", "command": [], "run_as": "root", "environment": {}, "guest": {},
            "isolation": self.isolation, "workspace": {"volume_id": "escape", "writable": ["work"]},
            "app": {"id": "escape", "session_id": "escape", "coordinator_url": "", "peers": [], "config": {}}}, 200)
        return self

    def __exit__(self, *rest):
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        # Its own leftovers only: other suites' network namespaces may come and go beside this one.
        deadline = time.monotonic() + 20
        while (left := self.home.processes()) and time.monotonic() < deadline:
            time.sleep(0.1)
        shutil.rmtree(self.home.path, ignore_errors=True)
        if left:
            raise RuntimeError(f"left behind: {left}")

    def call(self, method, path, body=None, seconds=60):
        connection = http.client.HTTPConnection("platform", timeout=seconds)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(seconds)
        connection.sock.connect(str(self.socket))
        connection.request(method, path, None if body is None else json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        if response.status >= 300:
            raise RuntimeError(f"{method} {path}: {response.status} {text}")
        return json.loads(text)

    def exec(self, command, policy=None, seconds=300):
        body = {"command": command, "timeout_ms": seconds * 1000}
        if policy:
            body["sandbox"] = policy
        return self.call("POST", f"/v1/instances/{self.guest['id']}/exec", body, seconds + 40)


def policy(place):
    """The one of the other grounds, with the volume where a guest has it."""
    text = json.dumps(place.policy(timeout_ms=280_000)).replace(str(place.base), GUEST)
    return json.loads(text)


def run(place, results, isolation="namespace"):
    """Every attempt, inside the box of a guest; and outside of the box in the same guest, where most get through."""
    is_machine = isolation != "namespace"
    place.lay_out(box.GROUNDS["guest"]["owner"])
    words = place.words(results.numbers) | {
        "work": f"{GUEST}/work", "out": f"{GUEST}/outside", "ro": f"{GUEST}/ro", "bin": f"{GUEST}/bin"}
    words |= {"victim": 1, "victim2": 1}
    chosen = [(index, case) for index, case in enumerate(results.cases)
              if not (is_machine and any(word in case.attempt for word in SKIPPED_IN_MACHINES))]
    attempts = place.base / "bin/attempts"

    def lines(of):
        # Each turn of a race is several calls to the host's file system, and an emulated machine is slow.
        text = "".join(f"{index} {case.attempt.format(**words)}\n" for index, case in of)
        return text.replace("raced 4000\n", "raced 60\n") if is_machine else text

    attempts.write_text(lines(chosen))
    command = ["/bin/sh", "-c", f"{GUEST}/bin/probe < {GUEST}/bin/attempts"]
    with Platform(place.base, isolation) as platform:
        done = platform.exec(command, policy(place))
        inside = results.answers(done["output"])
        layers = (done.get("report") or {}).get("layers", {})
        where = f"in a guest ({isolation})"
        results.check(layers.get("seccomp") == "shell" and layers.get("capabilities") == "none"
                      and layers.get("uid", "").startswith("1001"), f"{where}: it reports {layers} {done}"[:600])
        held = 0
        for index, case in chosen:
            expected = results.expected(case, "root" if is_machine else "guest", "").split("|")
            if is_machine and case.family in ("/proc and /sys", "devices"):
                expected.append("ENOENT")
            answer = inside.get(index, "nothing")
            held += answer in expected
            results.check(answer in expected, f"{where}: {case.family}: {case.name}: {answer}, not {expected}")
        # The control: the guest itself is what holds here, and lets its root do far more than a tool.
        harmless = ("kill", "race", "fill", "fork-bomb", "memory-bomb", "sys {reboot}")
        control = [(i, case) for i, case in chosen if not case.attempt.startswith(harmless)]
        attempts.write_text(lines(control))
        outside = results.answers(platform.exec(command)["output"])
        through = sum(outside.get(index) != inside.get(index) for index, _ in control)
        results.check(through >= 60, f"{where}: only {through} attempts differ outside of the box: it proves little")
        results.runs.append((f"{where}: {through} get further outside of the box", held))
