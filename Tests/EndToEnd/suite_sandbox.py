"""The sandbox in a whole session: what leaves a guest, what does not, and what is on record."""

import http.server
import shutil
import subprocess
import threading

from home import ROOT, Home, check, wait_for
from registry import test

SCRIPT = """
name: egress
conversations:
  - match: {{role: coder}}
    turns:
      - tools:
          - {{name: bash, input: {{command: "curl -sS http://127.0.0.2:{port}/allowed > got.txt; cat got.txt"}}}}
          - {{name: bash, input: {{command: "curl -sS http://127.0.0.3:{port}/denied; curl -sS --max-time 5 --noproxy '*' http://127.0.0.2:{port}/direct; curl -sS --max-time 5 --noproxy '*' http://10.77.0.1:9090/; echo code $?"}}}}
          - {{name: bash, input: {{command: "for i in 1 2 3; do mount -t tmpfs x /tmp 2>&1; done; env | grep -c TOKEN; mkdir -p .github/workflows/x; true"}}}}
          - {{name: write, input: {{file_path: /workspace/integration/no.txt, content: x}}}}
      - tools:
          - {{name: complete_task, input: {{result: success, summary: done}}}}
"""

ROLE = """
name: coder
prompt: x
tools: [bash, read, write, edit, glob, grep, git, notes]
workspace: clone
egress: ["127.0.0.2:{port}"]
sandbox: {{seccomp: shell, require: [seccomp, capabilities, securebits, net_ns, uid, root]}}
"""


def over(home, session):
    state = home.json("session", session, check=False)[0]["state"]
    return state if state in ("completed", "failed", "cancelled") else None


class Server(http.server.BaseHTTPRequestHandler):
    paths = []

    def do_GET(self):
        self.paths.append(self.path)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"from outside\n")

    def log_message(self, *arguments):
        pass


@test
def a_tool_reaches_the_hosts_of_its_role_and_nothing_else():
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Server)
    port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Home() as home:
            roles = home.path / "aegis/openclaw/roles"
            roles.mkdir(parents=True)
            (roles / "coder.yaml").write_text(ROLE.format(port=port))
            script = home.path / "egress.yaml"
            script.write_text(SCRIPT.format(port=port))
            repository = home.repository("examples/calculator/repository")
            session = home.run("run", "Do it", "--repo", str(repository), "--model", f"script:{script}", "--agents", "1",
                               "--yes", "--detach").stdout.strip()
            state = wait_for(lambda: over(home, session), f"the end of {session}", 150)
            events = home.events(session)
            check(state == "completed", f"the session is {state}: {events[-3:]}")
            allowed = [e["data"] for e in events if e["type"] == "egress.allowed"]
            denied = [e["data"] for e in events if e["type"] == "egress.denied"]
            check([(e["host"], e["port"], e["count"]) for e in allowed] == [("127.0.0.2", port, 1)], f"allowed: {allowed}")
            check([(e["host"], e["agent"]) for e in denied] == [("127.0.0.3", "coder-1")], f"denied: {denied}")
            check(Server.paths == ["/allowed"], f"the world outside was asked for {Server.paths}")
            refusals = " ".join(text for e in events if e["type"] == "sandbox.denied" for text in e["data"]["denials"])
            check("mount /tmp" in refusals and '"count":3' in refusals, f"the journal says {refusals}")
            check("/workspace/integration/no.txt was refused (EROFS)" in refusals,
                  f"the journal does not say which file was refused: {refusals}")
            check(f"127.0.0.3:{port}" in refusals, f"the denied host is not in the journal: {refusals}")
            conversations = "".join(
                path.read_text() for path in (home.path / "aegis/openclaw/sessions" / session / "bodies").rglob("*")
                if path.is_file())
            check(f"the host 127.0.0.3:{port} is not one that this role may reach" in conversations,
                  "the model was not told which host was refused")
            check("from outside" in conversations, "the model did not see the answer of the allowed host")
            check("code 7" in conversations, "a direct connection was possible")
            check("denied 3 times: mount /tmp was refused" in conversations, "the refused calls were not counted")
    finally:
        server.shutdown()


@test
def a_command_runs_as_a_role_on_this_machine():
    with Home() as home:
        work = home.path / "work"
        work.mkdir()
        (work / "mine").write_text("mine\n")
        shutil.chown(work, 1001, 1001)
        home.path.chmod(0o755)
        explained = home.run("sandbox", "explain", "coder").stdout
        for word in ("writable", "protected", "io_uring", "1001"):
            check(word in explained, f"{word} is not in the explanation: {explained}")
        done = home.run("sandbox", "run", "coder", "--dir", str(work), "--", "sh", "-c",
                        "echo new > made; cat mine; mkdir .vscode/x; mount -t tmpfs x /tmp; exit 9", check=False)
        check(done.returncode == 9 and done.stdout == "mine\n", f"{done.returncode} {done.stdout} {done.stderr}")
        check((work / "made").read_text() == "new\n", "the clone is not writable")
        check("denied: mount /tmp" in done.stderr and "Read-only" in done.stderr, done.stderr)
        done = home.run("sandbox", "run", "reviewer", "--dir", str(work), "--", "sh", "-c", "echo no > made2", check=False)
        check(done.returncode != 0 and not (work / "made2").exists(), "a reviewer writes")
        check(subprocess.run([str(ROOT / "dist/kit/guest/openclaw-sandbox"), "--", "true"], capture_output=True,
                             stdin=subprocess.DEVNULL).returncode == 125, "without a policy something ran")


@test
def the_shipped_coder_reaches_the_registries_that_the_user_names():
    server = http.server.ThreadingHTTPServer(("0.0.0.0", 0), Server)
    port = server.server_port
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with Home() as home:
            work = home.path / "work"
            work.mkdir()
            shutil.chown(work, 1001, 1001)
            home.path.chmod(0o755)
            command = ["sandbox", "run", "coder", "--dir", str(work), "--", "curl", "-sS", "--max-time", "10"]
            asked = [*command, f"http://127.0.0.2:{port}/package"]
            done = home.run(*asked, check=False)
            check(done.returncode == 7, f"without a setting something was reached: {done.stdout} {done.stderr}")
            check("nothing leaves" in home.run("sandbox", "explain", "coder").stdout, "the explanation says otherwise")
            wrong = home.run("config", "set", "egress.registries", "http://x/", check=False)
            check(wrong.returncode == 2, f"an address was taken for a host: {wrong.stdout}{wrong.stderr}")
            home.run("config", "set", "egress.registries", f"127.0.0.2:{port} packages.example.org")
            done = home.run(*asked)
            check(done.stdout == "from outside\n", f"{done.stdout} {done.stderr}")
            check(f"127.0.0.2:{port}" in home.run("sandbox", "explain", "tester").stdout, "the tester's list is empty")
            done = home.run(*command, f"http://127.0.0.3:{port}/other", check=False)
            check("denied" in done.stderr, f"another host was not refused: {done.stdout} {done.stderr}")
            check("none" in home.run("roles", "show", "reviewer").stdout, "the reviewer reaches something")
    finally:
        server.shutdown()
