"""What the hosts of both generations say and expect, from the documented order of messages, as functions of a host."""

import json
import os
import re
import time

from host import LINE_LIMIT, check

HELLO = ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"]


def second_generation_task(host):
    """runTask with id 1, env null; logs come before the answer; then shutdown with id 2, whose answer nobody reads."""
    host.request("runTask", {"command": HELLO, "env": None}, number=1)
    logs = []
    while True:
        line = host.next()
        if "id" in line:
            break
        logs.append((line["method"], line["params"].get("stream"), line["params"].get("line")))
    check(line["id"] == 1 and line["result"]["exit_code"] == 3, line)
    check(("log", "stdout", "out") in logs and ("log", "stderr", "err") in logs, logs)


def second_generation_server(host):
    """startServer with id 1: the very next line is its answer, whatever comes later; then serverReady."""
    server = "import http.server;http.server.test(port=18080,bind='127.0.0.1')"
    host.request("startServer", {"command": ["python3", "-c", server], "readiness_port": 18080, "env": None}, number=1)
    line = host.next()
    check(line.get("id") == 1 and line["result"]["pid"] > 0, f"the next line after startServer is {line}")
    check(host.note("serverReady")["port"] == 18080, "serverReady")
    ports = [entry["port"] for entry in host.call("listPorts")["ports"]]
    check(18080 in ports, f"listPorts: {ports}")


def second_generation_secrets(host):
    """Secrets reach what is started later, a call's own environment wins over them, and no log line shows them."""
    host.call("injectSecrets", {"secrets": {"CANARY": "from-the-vault", "OTHER": "vault"}})
    number = host.request("runTask", {"command": ["/bin/sh", "-c", "echo ${#CANARY} $CANARY $OTHER"], "env": {"OTHER": "call"}})
    host.note("log", line="14 [redacted CANARY] call")
    host.answer(number)


def third_generation(host):
    """run, exec, health: a process's answer comes before anything about it, and its end after all its output."""
    host.request("run", {"command": ["/bin/sh", "-c", "echo primary; sleep 0.2; exit 7"]})
    line = host.next()
    check(line.get("id") == host.number and line["result"]["pid"] > 0, f"the first line after run is {line}")
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", line["result"]["started_at"]), line)
    second = host.answer(host.request("run", {"command": ["/bin/true"]}))
    check(second["error"]["code"] == -32000 and "already running" in second["error"]["message"], second)
    order = []
    while "processExited" not in order:
        line = host.next()
        order.append(line.get("method"))
        if line.get("method") == "processExited":
            check(line["params"]["exit_code"] == 7, line)
    check("log" in order, f"the output did not come before the end: {order}")
    done, text = host.execute("echo hello; exit 5")
    check(done["exit_code"] == 5 and text == "hello", (done, text))
    check(host.call("health")["status"] == "ok", "health")


def errors(host):
    """The codes that both generations know, and no others."""
    cases = [
        ("launchMissiles", {}, -32601), ("exec", {"command": ["true"]}, -32602), ("runTask", {}, -32602),
        ("runTask", {"command": []}, -32602), ("startServer", {"command": ["true"]}, -32602),
        ("runTask", {"command": ["/no/such/program"]}, -32000),
    ]
    for method, params, code in cases:
        message = host.answer(host.request(method, params))
        check(message.get("error", {}).get("code") == code, f"{method} {params}: {message}")


def split_and_merged(host):
    """A message a byte at a time; then many in one packet; empty lines and garbage between them."""
    text = json.dumps({"jsonrpc": "2.0", "id": 900, "method": "health"}).encode() + b"\n"
    for byte in text:
        host.send(bytes([byte]))
    check(host.answer(900)["result"]["status"] == "ok", "a message in pieces")
    many = b"".join(
        json.dumps({"jsonrpc": "2.0", "id": number, "method": "health", "params": None}).encode() + b"\n"
        for number in range(901, 951))
    host.send(b"\n\nnot json\n[1,2]\n{\"id\":\"text only\"}\n\xff\xfe\x00\n" + many)
    for number in range(901, 951):
        check(host.answer(number)["result"]["status"] == "ok", f"message {number} of a merged packet")
    # Without a version, as the third generation's host may send it.
    host.send(b'{"id":951,"method":"health"}\n')
    check(host.answer(951)["result"]["status"] == "ok", "no version")


def long_lines(host):
    """A request of almost a mebibyte is taken; a line of output of several comes in pieces that make the whole."""
    padding = "x" * (LINE_LIMIT - 4096)
    message = host.answer(host.request("health", {"padding": padding}))
    check("result" in message, "a request of a mebibyte")
    size = 3 << 20
    number = host.request(
        "runTask", {"command": ["/bin/sh", "-c", f"head -c {size} /dev/zero | tr '\\0' 'y'; echo"]})
    host.answer(number, 180)
    pieces = [line["params"] for line in host.lines if line.get("method") == "log" and line["params"]["line"].startswith("yyy")]
    dropped = any(line.get("method") == "gap" for line in host.lines)
    check(dropped or sum(len(piece["line"]) for piece in pieces) == size, "pieces are missing without a gap")
    check(all(piece.get("partial") for piece in pieces[:-1]), "a piece does not say that the line goes on")
    check(host.longest < LINE_LIMIT, f"a line of {host.longest} bytes")
    host.lines = []


def activity(host):
    """While the primary burns processor time the host hears of it every few seconds; while it only waits, nothing."""
    calm = f"/tmp/openclaw-calm-{os.getpid()}"
    host.request("run", {"command": ["/bin/sh", "-c", f"while [ ! -e {calm} ]; do :; done; sleep 600"]})
    host.answer(host.number)
    said = host.note("activity", 30)
    check(said["cpu_ms"] > 0 and {"tcp", "net_bytes"} <= set(said), said)
    host.execute(f"touch {calm}")
    # What was burnt until then is told once more; then two looks find nothing.
    started = quiet = time.monotonic()
    while time.monotonic() - quiet < 11:
        if any(line.get("method") == "activity" for line in host.lines):
            host.lines, quiet = [], time.monotonic()
            check(quiet - started < 60, "an agent that waits counts as busy for ever")
        host.read(0.5)
    host.execute(f"rm {calm}")


ALL = [
    second_generation_task, second_generation_secrets, third_generation, errors, split_and_merged, long_lines,
    second_generation_server,
]
# Takes long and is about no wire: once is enough.
ONCE = [activity]
