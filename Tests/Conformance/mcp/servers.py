"""Servers of tools that other people publish, asked by our agent's program and directly: the same tools, schemas that
stay true, the same results. `servers.py AGENT` tries three; `servers.py AGENT --full` all, each in an environment
of its own below .venv/mcp-servers (a quarter of an hour for the first download)."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import venv

from client import Client, text

ROOT = pathlib.Path(__file__).resolve().parents[3]
HOME = ROOT / ".venv/mcp-servers"
WORDS = {"description", "title", "$comment", "examples"}
AT_TOP = {"$schema", "$id", "$ref", "anyOf", "oneOf", "allOf", "not", "if", "then", "else", "enum"}

# Name, packages, command in the environment's bin, a call that needs no network, None for servers that have none.
# FOLDER is a Git repository with one file, made for the try.
TRIED = [
    ("time", ["mcp-server-time==2026.10.19"], ["mcp-server-time", "--local-timezone", "UTC"],
     ("convert_time", {"source_timezone": "Asia/Tokyo", "time": "12:00", "target_timezone": "Asia/Kolkata"})),
    ("git", ["mcp-server-git==2026.10.19"], ["mcp-server-git"], ("git_log", {"repo_path": "FOLDER"})),
    ("fetch", ["mcp-server-fetch==2026.10.24"], ["mcp-server-fetch"], ("fetch", {"url": "no address"})),
]
QUICK = [package for _, packages, _, _ in TRIED for package in packages]
MORE = [
    ("code-index", ["code-index-mcp==2.17.1"], ["code-index-mcp"], ("get_settings_info", {})),
    ("sqlite", ["mcp-server-sqlite==2025.4.25", "mcp<2"], ["mcp-server-sqlite", "--db-path", "FOLDER/a.db"],
     ("read_query", {"query": "SELECT 6 * 7 AS answer"})),
    ("motherduck", ["mcp-server-motherduck==1.1.0"], ["mcp-server-motherduck", "--db-path", ":memory:", "--read-write"],
     ("execute_query", {"sql": "SELECT 6 * 7 AS answer"})),
    ("arxiv", ["arxiv-mcp-server==0.8.2"], ["arxiv-mcp-server", "--storage-path", "FOLDER/papers"],
     ("list_papers", {})),
    ("aws-documentation", ["awslabs.aws-documentation-mcp-server==1.2.3"], ["awslabs.aws-documentation-mcp-server"],
     None),
    ("kubectl", ["kubectl-mcp-server==2.0.0"], ["kubectl-mcp-serve", "serve"], None),
    ("calculator", ["mcp-server-calculator==0.2.1"], ["mcp-server-calculator"], ("calculate", {"expression": "6*7"})),
    ("markitdown", ["markitdown-mcp==0.0.1a8"], ["markitdown-mcp"],
     ("convert_to_markdown", {"uri": "data:text/plain,hello"})),
    ("wikipedia", ["wikipedia-mcp==2.0.1"], ["wikipedia-mcp"], None),
    ("duckduckgo", ["duckduckgo-mcp-server==0.7.0"], ["duckduckgo-mcp-server"], None),
    ("word", ["office-word-mcp-server==1.1.11"], ["word_mcp_server"], None),
    ("excel", ["excel-mcp-server==2.2.2"], ["excel-mcp-server", "stdio"], None),
    ("shell", ["mcp-shell-server==1.1.14"], ["mcp-shell-server"], None),
]


class Direct:
    """A server as its users start it, and nothing of ours in between."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        self.number = 0
        self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {},
                                "clientInfo": {"name": "direct", "version": "1"}})
        self.send({"method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.number += 1
        self.send({"id": self.number, "method": method, "params": params})
        while line := self.process.stdout.readline():
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("id") == self.number and "method" not in message:
                return message["result"]
        raise AssertionError(f"the server ended before it answered {method}")

    def tools(self):
        found, cursor = [], None
        while True:
            page = self.ask("tools/list", {"cursor": cursor} if cursor else {})
            found += page["tools"]
            cursor = page.get("nextCursor")
            if not cursor:
                return found

    def close(self):
        self.process.kill()
        self.process.wait()


def bare(schema):
    """Without the words, which decide nothing."""
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {key: bare(value) for key, value in schema.items() if key not in WORDS or isinstance(value, dict)}


def compare(name, command, call, agent, environment, folder):
    direct = Direct(command, environment)
    try:
        there = direct.tools()
        # Variables of the server alone: what a role gives it.
        given = {key: environment[key] for key in ("HOME", "PATH")}
        ours = Client(agent, {"command": command, "env": given, "timeout_ms": 60000})
        try:
            tools = {tool["name"]: tool for tool in ours.begun["tools"]}
            assert len(tools) == min(len(there), 64), (len(tools), len(there), ours.begun["problems"])
            if len(there) > 64:
                assert str(len(there) - 64) in str(ours.begun["problems"]), ours.begun["problems"]
            for tool in there[:64]:
                shown = tools[f"mcp__s__{tool['name']}"]
                words = tool.get("description") or tool.get("title") or ""
                assert words[:4000].strip() in shown["description"], (tool["name"], shown["description"])
                was = {key: value for key, value in tool["inputSchema"].items() if key not in AT_TOP}
                if AT_TOP & set(tool["inputSchema"]) <= {"$schema", "$id"}:
                    assert bare(shown["input_schema"]) == bare({**was, "type": "object"}), (tool["name"], shown, was)
            if call:
                wanted = direct.ask("tools/call", {"name": call[0], "arguments": call[1]})
                words = "\n".join(part["text"] for part in wanted["content"] if part["type"] == "text")
                got = ours.call(call[0], **call[1])
                assert words.strip() in text(got), (words, got)
                assert bool(got["is_error"]) == bool(wanted.get("isError")), (wanted, got)
        finally:
            ours.close()
        if len(there) > 64:
            # What a role chooses is there, wherever in the list it stands.
            last = there[-1]["name"]
            chosen = Client(agent, {"command": command, "env": given, "timeout_ms": 60000, "tools": [last]})
            try:
                assert [tool["name"] for tool in chosen.begun["tools"]] == [f"mcp__s__{last}"], chosen.begun
            finally:
                chosen.close()
    finally:
        direct.close()
    return len(there)


def install(name, packages):
    folder = HOME / name
    if not (folder / "installed").exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([folder / "bin/pip", "install", "--quiet", *packages], check=True)
        (folder / "installed").write_text("\n".join(packages))
    return folder / "bin"


def main(agent, full):
    failed = 0
    chosen = TRIED + (MORE if full else [])
    for name, packages, command, call in chosen:
        with tempfile.TemporaryDirectory() as folder:
            git = ["git", "-C", folder, "-c", "user.name=A", "-c", "user.email=a@example.org"]
            subprocess.run(["git", "init", "--quiet", folder], check=True)
            pathlib.Path(folder, "main.py").write_text("print('hello')\n")
            subprocess.run([*git, "add", "."], check=True)
            subprocess.run([*git, "commit", "--quiet", "-m", "First"], check=True)
            try:
                place = install(name, packages) if full else install("quick", QUICK)
                environment = {"HOME": folder, "PATH": f"{place}:/usr/bin:/bin"}
                words = [str(place / command[0])] + [word.replace("FOLDER", folder) for word in command[1:]]
                arguments = json.loads(json.dumps(call).replace("FOLDER", folder))
                count = compare(name, words, arguments, agent, environment, folder)
                print(f"mcp servers: {name}: {count} tools: the same", flush=True)
            except Exception as error:  # noqa: BLE001: every server is tried
                failed += 1
                print(f"mcp servers: {name}: NOT the same: {type(error).__name__}: {str(error)[:1500]}", flush=True)
    print(f"mcp servers: {len(chosen) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1] == "--install":
        install("quick", QUICK)
        sys.exit(0)
    sys.exit(main(os.path.abspath(sys.argv[1]), "--full" in sys.argv[2:]))
