"""What one session, one guest or one answer from outside can do to all the others: nothing."""

import ctypes
import hashlib
import http.server
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading

from home import ROOT, Home, check, git, wait_for
from platform_client import Platform, guest_pid, state_of, token
from registry import test
from sessions import CALCULATOR, DEMO, ONE_CODER, SERVICE, approve, in_progress, start, types, wait_until_over

EXTREMES = [
    -2**63, 2**63 - 1, 2**63, -2**63 - 1, 2**64 - 1, 2**64, -2**31, 2**32, -1, 0, 1e308, -1e308, 0.5, None, "9", [], {}, True]


class Poison:
    """A server of models, in both of OpenAI's forms, and of a forge. Every answer has the next extremes in all its
    counts; the model asks for one command a turn, until all of them were sent."""

    def __init__(self):
        poison = self
        self.sent, self.lock = {}, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                self.reply(403, "application/json", json.dumps({"message": "secondary rate limit"}), {
                    "x-ratelimit-remaining": "0", "x-ratelimit-reset": str(2**63 - 1), "x-ratelimit-limit": "1"})

            def do_POST(self):
                self.rfile.read(int(self.headers["Content-Length"]))
                form = "responses" if self.path.endswith("/responses") else "chat"
                with poison.lock:
                    turn = poison.sent[form] = poison.sent.get(form, 0) + 1
                number = lambda offset: EXTREMES[(turn - 1 + offset) % len(EXTREMES)]
                name, arguments = ("bash", {"command": f"echo {turn}"}) if turn <= len(EXTREMES) else (
                    "complete_task", {"summary": "nothing is done"})
                headers = {}
                for kind in ("requests", "tokens"):
                    headers |= {
                        f"x-ratelimit-limit-{kind}": str(2**40), f"x-ratelimit-remaining-{kind}": str(2**40 - 1),
                        f"x-ratelimit-reset-{kind}": f"{number(2)}s"}
                self.reply(200, "text/event-stream", poison.stream(form, turn, name, arguments, number), headers)

            def reply(self, status, kind, text, headers):
                data = text.encode()
                self.send_response(status)
                for key, value in {**headers, "Content-Type": kind, "Content-Length": str(len(data))}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stream(self, form, turn, name, arguments, number):
        if form == "chat":
            chunk = {
                "id": "c", "choices": [{"index": 0, "finish_reason": "tool_calls", "delta": {"content": f"Turn {turn}.", "tool_calls": [
                    {"index": 0, "id": f"c{turn}", "function": {"name": name, "arguments": json.dumps(arguments)}}]}}],
                "usage": {"prompt_tokens": number(0), "completion_tokens": number(1),
                          "prompt_tokens_details": {"cached_tokens": number(2)}}}
            return f"data: {json.dumps(chunk)}\n\ndata: [DONE]\n\n"
        item = {"type": "function_call", "call_id": f"c{turn}", "name": name, "arguments": json.dumps(arguments)}
        events = [
            {"type": "response.output_item.added", "output_index": number(3), "item": {**item, "arguments": ""}},
            {"type": "response.function_call_arguments.delta", "output_index": number(3), "delta": item["arguments"]},
            {"type": "response.output_item.done", "output_index": number(3), "item": item},
            {"type": "response.completed", "response": {"id": "r", "usage": {
                "input_tokens": number(0), "output_tokens": number(1), "input_tokens_details": {"cached_tokens": number(2)}}}}]
        return "".join(f"data: {json.dumps(event)}\n\n" for event in events)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def copy(home, name):
    """One more repository: only so many sessions work on one at the same time."""
    target = home.path / name
    shutil.copytree(ROOT / CALCULATOR, target)
    git(target, "init", "-q", "-b", "main")
    git(target, "add", "-A")
    git(target, "commit", "-qm", "Start")
    return target


def coordinator(home):
    return home.json("coordinator", "status")[0]["pid"]


@test
def ten_sessions_go_on_while_others_are_answered_every_extreme_of_every_number():
    with Poison() as poison, Home() as home:
        repositories = [copy(home, f"r{number}") for number in range(5)]
        feed = lambda form: start(
            home, repositories[0], f"openai:m@{poison.url}/v1?api={form}", "--agents", "1", "--yes", "--test", "true")
        hostile = {form: feed(form) for form in ("chat", "responses")}
        pid = coordinator(home)
        others = [
            start(home, repositories[1 + number % 4], ONE_CODER, "--agents", "1", "--yes", "--test", "true")
            for number in range(10)]
        # A forge's limit that ends at the end of time.
        issue = home.run(
            "run", "--issue", "7", "--repo", str(repositories[0]), "--agents", "1", "--model", ONE_CODER, "--yes",
            "--provider", "github", "--forge-api", poison.url, "--pull-request", check=False)
        check(issue.returncode != 0, "an issue that was never told is worked on")
        for session in others:
            check(wait_until_over(home, session) == "completed", f"{session} did not complete")
        for form, session in hostile.items():
            # An agent that is told absurd lengths sums up, or gives up; another one goes on then.
            for _ in range(4):
                wait_until_over(home, session)
                if poison.sent.get(form, 0) > len(EXTREMES):
                    break
                session = feed(form)
            check(poison.sent.get(form, 0) > len(EXTREMES), f"{form}: {poison.sent} of {len(EXTREMES)} answers were asked for")
        check(coordinator(home) == pid, "the coordinator is another one")
        crashes = home.path / "aegis/openclaw/crashes.log"
        check(crashes.read_text() == "", crashes.read_text())


def back(home):
    """The coordinator's process, when one answers."""
    done = home.run("coordinator", "status", "--json", check=False)
    return json.loads(done.stdout)["pid"] if done.returncode == 0 else None


def threads(pid, name):
    found = []
    for entry in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            if (entry / "comm").read_text().strip() == name:
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@test
def a_session_at_which_coordinators_die_again_and_again_is_isolated_and_the_others_go_on():
    with Home() as home:
        other = start(home, home.repository(SERVICE), DEMO)
        home.wait_for_event(other, lambda e: e["type"] == "approval.requested", "the approval gate of the other one")
        bad = start(home, copy(home, "bad"), ONE_CODER, "--agents", "1", "--yes", "--test", "sleep 1000")
        home.wait_for_event(bad, lambda e: e["type"] == "gate.started", "the gate")
        book = home.path / "aegis/openclaw/crashes.log"
        pid = coordinator(home)
        for death in range(1, 4):
            # The thread that waits for the gate is the only one that is at an effect.
            victim = wait_for(lambda: threads(pid, "effect"), f"the effect before death {death}")[0]
            check(ctypes.CDLL(None, use_errno=True).syscall(234, pid, victim, signal.SIGILL) == 0, "tgkill")
            wait_for(lambda: len(book.read_text().splitlines()) == death, f"the last words of death {death}")
            # It is the same process, which has begun anew.
            check(wait_for(lambda: back(home), "the coordinator") == pid, "somebody else had to start the coordinator again")
        check(all(f" {bad} effect gate" in line for line in book.read_text().splitlines()), book.read_text())
        check(home.json("session", bad, check=False)[0]["state"] == "paused", "it is not isolated")
        said = [e["data"]["text"] for e in home.events(bad) if e["type"] == "message.sent" and e["data"]["to"] == "user"]
        check(any("died 3 times" in text and f"openclaw resume {bad}" in text for text in said), f"the person was told {said}")
        # Also after a start that nobody was forced to.
        home.run("coordinator", "stop")
        approve(home, other)
        check(wait_until_over(home, other) == "completed", "the other session does not go on")
        pid = coordinator(home)
        # The other one's last effects may take a moment yet.
        wait_for(lambda: not threads(pid, "effect"), "that nothing works for the isolated session")
        check(home.json("session", bad, check=False)[0]["state"] == "paused", "it goes on without anybody's word")
        home.run("resume", bad)
        wait_for(lambda: threads(pid, "effect"), "the gate, once a person let the session go on")
        check(bad not in book.read_text(), "the deaths are still counted")
        home.run("cancel", bad)
        check(wait_until_over(home, bad) == "cancelled", "it cannot be cancelled")


# What a guest does in its own network, as a program that was taken over would.
REQUEST = """
import json, sys, urllib.error, urllib.request
for line in sys.stdin:
    path, token, body = json.loads(line)
    request = urllib.request.Request("http://10.77.0.1:9090" + path, headers={"Authorization": "Bearer " + token})
    if body is not None:
        request.data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            print(json.dumps([answer.status, answer.read().decode()]), flush=True)
    except urllib.error.HTTPError as error:
        print(json.dumps([error.code, error.read().decode()]), flush=True)
"""


class Inside:
    """Requests from within the network of a guest."""

    def __init__(self, home, session, agent):
        self.child = subprocess.Popen(
            ["nsenter", "-t", str(guest_pid(home, session, agent)), "-n", "python3", "-c", REQUEST],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        secret = (home.path / f"aegis/openclaw/sessions/{session}/secret").read_text().strip()
        self.key = bytes.fromhex(secret)

    def token(self, agent, generation=1):
        holder = agent if generation == 1 else f"{agent}/{generation}"
        return f"{agent}.{hashlib.blake2b(holder.encode(), key=self.key, digest_size=32).hexdigest()}"

    def ask(self, path, token, body=None):
        self.child.stdin.write(json.dumps([f"/coordinator/{path}", token, body]) + "\n")
        self.child.stdin.flush()
        return json.loads(self.child.stdout.readline())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.stdin.close()
        self.child.wait(10)


@test
def a_guest_names_nothing_but_itself_and_fills_no_journal():
    check(os.geteuid() == 0, "this test enters a guest's network and needs root")
    with Home() as home:
        victim = start(home, home.repository(SERVICE), DEMO)
        home.wait_for_event(victim, lambda e: e["type"] == "approval.requested", "the approval gate of the victim")
        stranger = state_of(home, victim, "coder-1")["guest"]
        session = start(home, copy(home, "mine"), ONE_CODER, "--agents", "1", "--yes", "--test", "sleep 1000")
        home.wait_for_event(session, lambda e: e["type"] == "gate.started", "the gate")
        lost = lambda number: home.wait_for_event(
            session, lambda e: e["type"] == "agent.lost" and e["data"]["generation"] == number, f"loss {number}")
        there = lambda number: home.wait_for_event(
            session, lambda e: e["type"] == "agent.ready" and e["data"]["generation"] == number, f"guest {number}")
        with Inside(home, session, "coder-1") as inside:
            old = inside.token("coder-1")
            check(inside.ask("peers", old)[0] == 200, "the token of the first guest")
            # Nobody else's token, and no number, is an answer's beginning or the coordinator's end.
            for wrong in (inside.token("coder-2"), inside.token("coder-1", 2), token("coder-1"), "coder-1.", "", "@canvas.00"):
                check(inside.ask("peers", wrong)[0] == 401, f"the token {wrong} is good")
            for number in (2**63 - 1, -2**63, 1e308, -1, "9", None):
                for path, body in (
                        ("heartbeat", {"progress_age_ms": number}), ("comments", {"file": "a", "body": "b", "line": number}),
                        ("tests", {"command": "x", "exit_code": number, "passed": number, "failed": number}),
                        ("artifacts", {"name": "a", "size": number, "sha256": "0" * 64}),
                        ("artifacts/received", {"agent": "coder-1", "name": "a", "cuts": number, "milliseconds": number})):
                    status, text = inside.ask(path, old, body)
                    check(200 <= status < 500, f"{path} with {number}: {status} {text}")
            # The limit of a minute, in words, and then the guest's end.
            denial = {"denials": [{"layer": "x", "object": "y" * 3000}] * 1200}
            check(inside.ask("denials", old, denial)[0] == 200, "the first flood")
            status, text = inside.ask("denials", old, denial)
            check(status == 429 and "4 MiB in a minute" in text, f"{status} {text}")
            status, text = inside.ask("plan", old, {"tasks": [{}] * 1000})
            check(status in (403, 429), f"a coder's plan: {status} {text}")
            # A sign of life that names another session's guest changes nothing.
            check(inside.ask("agents/ready", old, {"instance_id": stranger})[0] == 200, "ready")
            for _ in range(300):
                status, text = inside.ask("notes", old, {"text": "x" * (1 << 20)})
                if status == 401:
                    break
                check(status == 429, f"{status} {text}")
            event = lost(1)
            check("into the journal" in event["data"]["reason"], f"lost: {event}")
            check(status == 401, "the token of a guest that was lost is good")
        for place in ("aegis/aegisd.sock", "aegis/openclaw/coordinator.sock", "aegis/openclaw", "aegis/openclaw/journal.db"):
            mode = (home.path / place).stat().st_mode & 0o077
            check(mode == 0, f"others may {mode:o} at {place}")
        data = home.path / "aegis/openclaw/journal.db"
        check(sum(p.stat().st_size for p in data.parent.glob("journal.db*")) < 32 << 20, "the journal has grown")
        events = home.events(session)
        check("plan.rejected" not in types(events), "a coder's plan is in the journal")
        ready = [e["data"]["instance"] for e in events if e["type"] == "agent.ready"]
        check(stranger not in ready, f"another session's guest is taken for its own: {ready}")
        guest = Platform(home).instance(stranger)
        check(guest["state"] != "terminated", "the victim's guest was ended")
        home.run("cancel", session)
        home.run("cancel", victim)
        for one in (session, victim):
            wait_until_over(home, one)
