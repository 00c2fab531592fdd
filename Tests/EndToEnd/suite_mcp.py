"""Servers of tools in whole sessions: real servers made with the official SDK, as programs of the guest and behind the
egress proxy; what they were given stays with them."""

import json
import socket
import subprocess

from home import ROOT, Home, check, git, holding, wait_for
from registry import test
from sessions import CALCULATOR
from suite_agent import coder, done, results, run, script, transcript

SERVER = ROOT / "Tests/Conformance/mcp/server.py"
KEY, TOKEN = "docs-key-0123456789", "web-token-0123456789"

FIX = [("edit", {"file_path": "calculator.py", "old_string": "value = product() - value", "new_string": "value -= product()"})]

PRY = """\
cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c -e docs-key -e web-token
ps -ef 2>/dev/null | grep -c '[s]erver.py'
find / -xdev -type f -size -100k -newer /proc/self/stat 2>/dev/null | xargs grep -ls docs-key 2>/dev/null
echo pried
"""


def packages():
    found = next((ROOT / ".venv/lib").glob("python3*/site-packages"), None)
    check(found and (found / "mcp").is_dir(), "the MCP SDK is missing; run scripts/setup test")
    return found


class WebServer:
    """The SDK's server on an address of the host that only the proxy reaches."""

    def __enter__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.2", 0))
            self.port = free.getsockname()[1]
        self.process = subprocess.Popen(
            [str(ROOT / ".venv/bin/python"), str(SERVER), "sse", str(self.port), "127.0.0.2"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def answers():
            check(self.process.poll() is None, "the MCP server on the host ended")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.2", self.port)) == 0

        wait_for(answers, "the MCP server on the host")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def with_servers(home, port):
    """The coder of the kit with two servers, and the Python packages that one of them needs."""
    guest = home.path / "aegis/kits/openclaw/guest"
    subprocess.run(["cp", "-rl", str(packages()), str(guest / "python")], check=True)
    roles = home.path / "aegis/openclaw/roles"
    roles.mkdir(parents=True, exist_ok=True)
    role = (ROOT / "kit/roles/coder.yaml").read_text().replace("egress: [registries]", f'egress: ["127.0.0.2:{port}"]')
    (roles / "coder.yaml").write_text(role + (
        "mcp:\n"
        "  docs: {command: [python3, /workspace/integration/tools/server.py, stdio],\n"
        "         env: {PYTHONPATH: /openclaw/bin/python}, secrets: [DOCS_KEY]}\n"
        f'  web: {{url: "http://127.0.0.2:{port}/mcp", bearer: WEB_TOKEN}}\n'
        "  gone: {command: [no-such-program]}\n"))
    secrets = home.path / "aegis/openclaw/secrets.yaml"
    secrets.write_text(f"DOCS_KEY: {KEY}\nWEB_TOKEN: {TOKEN}\nOTHER: nobody-asked-for-this\n")
    secrets.chmod(0o600)


@test
def servers_of_tools_work_in_the_sandbox_and_keep_what_they_were_given():
    with WebServer() as web, Home() as home:
        repository = home.repository(CALCULATOR)
        (repository / "tools").mkdir()
        (repository / "tools/server.py").write_text(SERVER.read_text())
        (repository / ".mcp.json").write_text(json.dumps({"mcpServers": {"own": {
            "command": "python3", "args": ["tools/server.py", "stdio"], "env": {"PYTHONPATH": "/openclaw/bin/python"}}}}))
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "Bring servers")
        with_servers(home, web.port)
        checked = home.run("roles", "check", "coder", "--repo", str(repository))
        check(checked.returncode == 0, checked.stdout)
        listed = home.json("roles", "--repo", str(repository))
        check(any(r["name"] == ".mcp.json" and not r["trusted"] for r in listed), f"{listed}")
        home.run("roles", "trust", ".mcp.json", "--yes", "--repo", str(repository))
        model = script(home, "servers", coder(
            [("mcp__docs__add", {"a": 2, "b": 3}), ("mcp__web__add", {"a": 20, "b": 3}), ("mcp__own__add", {"a": 200, "b": 3})],
            [("mcp__docs__secret", {}), ("mcp__web__secret", {}), ("mcp__own__secret", {})],
            [("bash", {"command": PRY})],
            [("mcp__docs__draw", {}), ("mcp__docs__grow", {})],
            [("mcp__docs__grown", {}), ("mcp__gone__x", {})],
            FIX, done()))
        ended, session = run(home, repository, model)
        check("merged" in ended.stdout, ended.stdout)
        seen = results(transcript(home, session))
        for index, answer in enumerate(["\n5\n", "\n23\n", "\n203\n"]):
            check(answer in seen[index] and seen[index].startswith("<untrusted-text"), f"call {index}: {seen[index]}")
        check("key=[redacted DOCS_KEY]" in seen[3], f"the secret of the program: {seen[3]}")
        check("authorization=Bearer [redacted WEB_TOKEN]" in seen[4], f"the secret of the address: {seen[4]}")
        check("key=None" in seen[5], f"a repository's server has a secret: {seen[5]}")
        check(seen[6] == "0\n0\npried\n", f"the shell found its neighbour: {seen[6]}")
        check(seen[7][1]["source"]["data"].startswith("iVBORw0KGgo"), f"the picture: {seen[7]}")
        check("\ngrown\n" in seen[9], f"the tool that came later: {seen[8]} {seen[9]}")
        check("There is no tool mcp__gone__x" in seen[10], seen[10])
        told = [e["data"].get("message", "") for e in home.events(session) if e["type"] == "task.progressed"]
        check(any("gone is not there" in words for words in told), f"nobody was told: {told}")
        kept = [place for place in holding(home.path / "aegis/openclaw", KEY.encode(), TOKEN.encode()) if not place.endswith("/secrets.yaml")]
        check(kept == [], f"a secret is in {kept}")


@test
def a_repositorys_servers_are_not_started_before_the_user_trusts_them():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        (repository / ".mcp.json").write_text(json.dumps({"mcpServers": {"evil": {
            "command": "sh", "args": ["-c", "touch /workspace/agents/coder-1/STARTED; sleep 60"]}}}))
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "Lay a bait")
        model = script(home, "untrusted", coder([("mcp__evil__x", {}), ("bash", {"command": "ls"})], FIX, done()))
        ended, session = run(home, repository, model)
        check("merged" in ended.stdout, ended.stdout)
        seen = results(transcript(home, session))
        check("this role has no servers" in seen[0] and "STARTED" not in seen[1], f"{seen[:2]}")
        broken = repository / ".mcp.json"
        broken.write_text('{"mcpServers": {"a": {"command": "x", "env": {"T": "${GITHUB_TOKEN}"}}}}')
        refused = home.run("roles", "trust", ".mcp.json", "--yes", "--repo", str(repository), check=False)
        check(refused.returncode == 2 and "not filled in" in refused.stderr, f"{refused.stdout}{refused.stderr}")
