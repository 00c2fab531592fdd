"""The client of our agent (`openclaw-agent tool mcp`) against servers made with the official SDK, over stdio and over
streamable HTTP with JSON and with streams. This program plays the harness: a socket as its standard input."""

import base64
import json
import pathlib
import socket
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
SERVER = str(HERE / "server.py")
CHECKS = []


def check(claim, holds, seen=""):
    CHECKS.append(bool(holds))
    if not holds:
        print(f"mcp client: not so: {claim}: {str(seen)[:500]}")


class Client:
    """The agent's program with one server."""

    def __init__(self, agent, server, secrets={}):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen([agent, "tool", "mcp"], stdin=theirs, stdout=subprocess.DEVNULL)
        theirs.close()
        ours.settimeout(60)
        self.socket, self.lines = ours, ours.makefile("rw")
        self.progress = []
        self.begun = self.ask("start", servers=[{"name": "s", **server}], secrets=secrets)

    def ask(self, method, **params):
        self.lines.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\n")
        self.lines.flush()
        while True:
            message = json.loads(self.lines.readline())
            if message.get("method") == "progress":
                self.progress.append(message["params"]["message"])
                continue
            return message["result"]

    def call(self, tool, **arguments):
        return self.ask("call", name=f"mcp__s__{tool}", input=arguments)

    def close(self):
        # As the harness ends a task.
        self.socket.shutdown(socket.SHUT_RDWR)
        self.process.wait(20)


def text(answer):
    content = answer["content"]
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def everything(kind, client):
    names = [tool["name"] for tool in client.begun["tools"]]
    check(f"{kind}: it starts", client.begun["problems"] == {}, client.begun)
    check(f"{kind}: all tools are listed", {f"mcp__s__{n}" for n in ["add", "draw", "fail", "slow", "grow"]} <= set(names), names)
    add = next((tool for tool in client.begun["tools"] if tool["name"] == "mcp__s__add"), {"input_schema": {}, "description": ""})
    check(f"{kind}: with their schemas", set(add["input_schema"].get("properties", {})) == {"a", "b"}, add)
    check(f"{kind}: descriptions are fenced", add["description"].count("</untrusted-text>") == 1, add)
    done = client.call("add", a=2, b=3)
    check(f"{kind}: a call is answered", "\n5\n" in text(done) and not done["is_error"], done)
    drawn = client.call("draw")["content"]
    image = next((part for part in drawn if part["type"] == "image"), {"source": {"data": ""}})
    check(f"{kind}: an image comes through", base64.b64decode(image["source"]["data"]).startswith(b"\x89PNG"), drawn)
    failed = client.call("fail")
    check(f"{kind}: a tool's error is an error with its words", failed["is_error"] and "the tool says no" in text(failed), failed)
    wrong = client.call("add", a="x")
    check(f"{kind}: wrong arguments are an error", wrong["is_error"], wrong)
    # Two seconds of work against one second of patience: only its reports keep it alive.
    slow = client.call("slow", seconds=2, reports=8)
    check(f"{kind}: progress keeps a long call alive", "slow but done" in text(slow), slow)
    check(f"{kind}: and is told", any("step 3" in words for words in client.progress), client.progress)
    begin = time.monotonic()
    silent = client.call("slow", seconds=15, reports=0)
    check(f"{kind}: a silent call is cancelled", silent["is_error"] and "cancelled" in text(silent), silent)
    check(f"{kind}: in its time", time.monotonic() - begin < 10)
    again = client.call("add", a=20, b=3)
    check(f"{kind}: and the server goes on", "\n23\n" in text(again), again)


def grows(kind, client):
    """The news may come a moment after the answer."""
    changed = client.call("grow").get("tools_changed")
    deadline = time.monotonic() + 10
    while not changed and time.monotonic() < deadline:
        changed = client.call("add", a=1, b=1).get("tools_changed")
    check(f"{kind}: a tool that comes later is seen", changed)
    check(f"{kind}: and can be called", "grown" in text(client.call("grown")))


def over_http(agent, kind):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, SERVER, kind, str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and server.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        spec = {"url": f"http://127.0.0.1:{port}/mcp", "timeout_ms": 1500}
        client = Client(agent, spec)
        # With one JSON answer there is no place for progress.
        if kind == "sse":
            everything(f"http {kind}", client)
            grows(f"http {kind}", client)
        else:
            done = client.call("add", a=2, b=3)
            check(f"http {kind}: a call is answered", "\n5\n" in text(done), done)
        client.close()
        missing = Client(agent, {"url": f"http://127.0.0.1:{port}/elsewhere"})
        check(f"http {kind}: a wrong address is one problem", "answers 404" in missing.begun["problems"]["s"], missing.begun)
        missing.close()
    finally:
        server.kill()
        server.wait()
    away = Client(agent, {"url": f"http://127.0.0.1:{port}/mcp"})
    check(f"http {kind}: nobody there is one problem", "not reached" in away.begun["problems"]["s"], away.begun)
    away.close()


def main(agent):
    command = [sys.executable, SERVER, "stdio"]
    client = Client(agent, {"command": command, "secrets": ["DOCS_KEY"], "timeout_ms": 1500}, {"DOCS_KEY": "k-123", "OTHER": "x"})
    everything("stdio", client)
    check("stdio: it has its secret", "key=k-123" in text(client.call("secret")))
    grows("stdio", client)
    client.close()
    for kind in ["sse", "json"]:
        over_http(agent, kind)
    print(f"mcp client: {sum(CHECKS)} passed, {len(CHECKS) - sum(CHECKS)} failed")
    return 0 if all(CHECKS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
