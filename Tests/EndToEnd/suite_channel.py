"""The Live Canvas's server side with whole sessions: the stream, decisions, kills."""

import hashlib
import json
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from home import ROOT, Home, check, kill, wait_for
from registry import test
from sessions import DEMO, SERVICE
from websocket import Closed, WebSocket


class Page:
    """What the app does: one socket, applies an event iff it is the next, comes back when cut."""

    def __init__(self, home, session, *options):
        self.home, self.session = home, session
        url = home.json("session", session, "--canvas", *options)[0]["url"]
        parts = urllib.parse.urlsplit(url)
        check(parts.query == "" and parts.fragment.startswith("token="), f"the token is not behind the #: {url}")
        self.base = f"{parts.scheme}://{parts.netloc}{parts.path}"
        self.token = parts.fragment.removeprefix("token=")
        self.events, self.socket, self.cuts = [], None, 0

    @property
    def last(self):
        return self.events[-1]["seq"] if self.events else 0

    def connect(self):
        self.socket = WebSocket(self.base.replace("http", "ws", 1) + "stream")
        self.socket.send({"token": self.token, "after": self.last})

    def step(self):
        """Takes one frame, connecting when there is no socket; returns it, or None when it was cut."""
        try:
            if self.socket is None:
                self.connect()
            frame = self.socket.receive()
        except (Closed, OSError):
            self.cut()
            time.sleep(0.1)
            return None
        if frame["k"] == "ev":
            for event in frame["e"]:
                check(event["seq"] == self.last + 1, f"after {self.last} came {event['seq']}")
                self.events.append(event)
        elif frame["k"] == "bye":
            self.cut()
        return frame

    def cut(self):
        if self.socket:
            self.socket.close()
            self.cuts += 1
        self.socket = None

    def read_until(self, condition, what, seconds=150):
        deadline = time.monotonic() + seconds
        seen = 0
        while time.monotonic() < deadline:
            for event in self.events[seen:]:
                seen += 1
                if condition(event):
                    return event
            self.step()
        check(False, f"waited {seconds} s in vain for {what}; the page has {len(self.events)} events")

    def request(self, method, path, body=None, token=None, headers=()):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data=data, method=method)
        if token != "":
            request.add_header("Authorization", f"Bearer {token or self.token}")
        if data is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in headers:
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, json.loads(answer.read() or b"{}")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"{}")

    def headers(self):
        """Of the page itself, which is there in words also when the app was not built."""
        try:
            with urllib.request.urlopen(self.base, timeout=60) as answer:
                return answer.headers
        except urllib.error.HTTPError as error:
            return error.headers

    def command(self, kind, **fields):
        return self.request("POST", "commands", {"id": str(uuid.uuid4()), "type": kind, **fields})


def begin(home, *options):
    repository = home.repository(SERVICE)
    done = home.run("run", "Fix it", "--repo", str(repository), "--model", DEMO, "--detach", *options)
    return done.stdout.strip()


def coordinator_pid(home):
    return home.json("coordinator", "status")[0]["pid"]


@test
def a_canvas_follows_a_session_whose_coordinator_is_killed_and_approves_what_it_saw():
    with Home() as home:
        session = begin(home)
        page = Page(home, session)
        for wanted in ["agent.ready", "task.assigned", "merge.made"]:
            page.read_until(lambda event: event["type"] == wanted, wanted)
            kill(coordinator_pid(home))
            home.run("coordinator", "start")
        waiting = page.read_until(lambda event: event["type"] == "approval.requested", "the request for approval")
        check(page.cuts >= 1, f"the page was cut {page.cuts} times by three kills")
        tree = waiting["data"]["tree"]
        head = page.request("GET", "api/summary")[1]["seq"]
        page.read_until(lambda event: event["seq"] >= head, "the page to be up to date")

        status, answer = page.command("approve", basedOn={"seq": page.last, "digest": "0" * 40})
        check(status == 409 and answer["error"]["code"] == "stale_tree" and answer["tree"] == tree, f"{status} {answer}")
        status, answer = page.command("approve", basedOn={"seq": waiting["seq"] - 5, "digest": tree})
        check(status == 409 and answer["error"]["code"] == "stale", f"an approval of less than all: {status} {answer}")
        status, answer = page.command("approve")
        check(status == 409, f"an approval of nothing in particular: {status} {answer}")

        viewer = Page(home, session, "--read-only")
        status, _ = viewer.command("approve", basedOn={"seq": page.last, "digest": tree})
        check(status == 403, f"an address for looking approved: {status}")
        status, diff = viewer.request("GET", "api/diff")
        check(status == 200 and diff["tree"] == tree and diff["patch"], "the change cannot be read")
        status, cost = viewer.request("GET", "api/cost")
        check(status == 200 and cost["total"]["calls"] > 0, f"the cost: {cost}")

        body = {"id": str(uuid.uuid4()), "type": "approve", "basedOn": {"seq": page.last, "digest": tree}}
        first = page.request("POST", "commands", body)
        check(first[0] == 200, f"the approval was refused: {first}")
        # The answer was lost on the way, and so was the coordinator: the page asks again.
        kill(coordinator_pid(home))
        home.run("coordinator", "start")
        again = page.request("POST", "commands", body)
        check(again[0] == 200, f"the same command again: {again}")
        page.read_until(lambda event: event["type"] == "session.completed", "the end of the session")
        events = home.events(session)
        check(page.events == events[:len(page.events)], "the page applied something else than the journal says")
        granted = [event for event in events if event["type"] == "approval.granted"]
        applied = [event for event in events if event["type"] == "command.applied"]
        check(len(granted) == 1 and len(applied) == 1, f"granted {len(granted)} times, applied {len(applied)} times")
        check(applied[0]["data"]["digest"] == tree and applied[0]["data"]["seq"] == body["basedOn"]["seq"], str(applied))
        check(home.run("session", session, "--verify").returncode == 0, "the journal does not verify")


@test
def other_pages_and_other_names_reach_nothing_of_the_canvas():
    with Home() as home:
        session = begin(home, "--agents", "1")
        page = Page(home, session)
        for headers in [[("Origin", "http://evil.example")], [("Host", "evil.example")], [("Sec-Fetch-Site", "cross-site")]]:
            status, _ = page.request("POST", "commands", {"id": str(uuid.uuid4()), "type": "cancel"}, headers=headers)
            check(status in (403, 421), f"{headers}: {status}")
            try:
                WebSocket(page.base.replace("http", "ws", 1) + "stream", [f"{n}: {v}" for n, v in headers])
                check(False, f"a WebSocket was opened with {headers}")
            except Closed:
                pass
        status, _ = page.request("GET", "api/summary", token="")
        check(status == 401, f"without a token: {status}")
        # An agent's own token, the one thing that a guest holds, steers nothing here.
        guest = wait_for(lambda: next((p for p in home.path.glob(f"aegis/openclaw/sessions/{session}/secret")), None), "the secret")
        key = bytes.fromhex(guest.read_text().strip())
        token = "coder-1." + hashlib.blake2b(b"coder-1", key=key, digest_size=32).hexdigest()
        status, _ = page.request("POST", "commands", {"id": str(uuid.uuid4()), "type": "cancel"}, token=token)
        check(status == 401, f"with an agent's token: {status}")
        status, answer = page.command("cancel")
        check(status == 200, f"the person's own cancel: {status} {answer}")
        page.read_until(lambda event: event["type"] == "session.cancelled", "the cancellation")


def canvas_guests(home, session):
    """The states of the canvas guests of a session, from the platform itself."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(30)
    connection.connect(str(home.path / "aegis/aegisd.sock"))
    connection.sendall(b"GET /v1/instances HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    data = b""
    while piece := connection.recv(1 << 16):
        data += piece
    body = data.split(b"\r\n\r\n", 1)[1]
    return [(i["id"], i["state"]) for i in json.loads(body)["instances"] if i["app_id"].startswith(f"{session}/canvas/")]


@test
def the_canvas_guest_wakes_sleeps_and_ends_and_nothing_is_missed():
    with Home(OPENCLAW_CANVAS_IDLE="1,3") as home:
        session = begin(home)
        page = Page(home, session)
        check(canvas_guests(home, session) == [], "a canvas guest runs before anybody looks")
        page.read_until(lambda event: event["type"] == "agent.ready", "an agent")
        first = canvas_guests(home, session)
        check([state for _, state in first] == ["RUNNING"], f"the stream did not wake a guest: {first}")
        check(page.headers()["X-OpenClaw-Served-By"] == "guest", "the page does not come from the guest")
        # "Pause all" is for agents: who paused them still wants to see it.
        check(page.command("pause")[0] == 200 and page.command("resume")[0] == 200, "pause and resume")
        page.read_until(lambda event: event["type"] == "session.resumed", "the session to go on")
        page.cut()
        wait_for(lambda: [s for _, s in canvas_guests(home, session)] == ["PAUSED"], "the guest to be paused")
        wait_for(lambda: (page.step() or {}).get("k") == "hello", "a word from a guest that was paused")
        check(canvas_guests(home, session) == first, "it was not the same guest that woke")
        page.cut()
        wait_for(lambda: "RUNNING" not in str(canvas_guests(home, session)) and "PAUSED" not in str(canvas_guests(home, session)),
                 "the guest to be ended")
        waiting = page.read_until(lambda event: event["type"] == "approval.requested", "the request for approval")
        head = page.request("GET", "api/summary")[1]["seq"]
        page.read_until(lambda event: event["seq"] >= head, "the page to be up to date")
        status, answer = page.command("approve", basedOn={"seq": page.last, "digest": waiting["data"]["tree"]})
        check(status == 200, f"an approval through the guest: {status} {answer}")
        page.read_until(lambda event: event["type"] == "session.completed", "the end")
        check(page.events == home.events(session)[:len(page.events)], "the page applied something else than the journal says")
        # A session that is over has no guests; its page is still there.
        check(page.request("GET", "api/summary")[1]["state"] == "completed", "the page of a session that is over")


AG_UI_MODELS = """
import sys
from ag_ui.core import PROTOCOL_VERSION, Event
from pydantic import TypeAdapter

events = [TypeAdapter(Event).validate_json(line) for line in open(sys.argv[1])]
assert events[0].protocol_version == PROTOCOL_VERSION, (events[0].protocol_version, PROTOCOL_VERSION)
for event in events:
    # Models keep what they do not know: a misspelt field would be one.
    assert not event.model_extra, event
    for part in [getattr(event, "outcome", None), *(getattr(event, "usage", None) or [])]:
        assert part is None or not part.model_extra, part
"""


@test
def a_session_is_exported_as_ag_ui_and_as_one_page():
    with Home() as home:
        repository = home.repository("examples/calculator/repository")
        model = f"script:{ROOT}/examples/calculator/one-coder.yaml"
        home.run("run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", model, "--yes")
        session = home.json("sessions")[0]["id"]
        stream = home.path / "run.jsonl"
        home.run("session", session, "--export-ag-ui", str(stream))
        validator = ROOT / ".venv/bin/ag-ui-validate"
        done = subprocess.run([str(validator), "--fail-on", "warning", str(stream)], capture_output=True, text=True)
        check(done.returncode == 0, f"ag-ui-validate: {done.stdout}{done.stderr}")
        # The protocol's own models of 1.0, strict about what they do not know.
        models = subprocess.run([str(ROOT / ".venv/bin/python"), "-c", AG_UI_MODELS, str(stream)], capture_output=True,
                                text=True)
        check(models.returncode == 0, f"ag-ui-protocol: {models.stdout}{models.stderr}")
        last = json.loads(stream.read_text().splitlines()[-1])
        check(last["outcome"] == {"type": "success"} and last["usage"][0]["inputTokens"] > 0, str(last))
        kinds = [json.loads(line)["type"] for line in stream.read_text().splitlines()]
        check(kinds[0] == "RUN_STARTED" and kinds[-1] == "RUN_FINISHED" and "SUBAGENT_STARTED" in kinds, str(kinds))
        # The page needs an app; one that is not built is told, and a stand-in shows that the log is in it.
        folder = home.path / "aegis/kits/openclaw/canvas"
        if not folder.exists():
            done = home.run("session", session, "--export-html", str(home.path / "s.html"), check=False)
            check(done.returncode != 0 and "kit install" in done.stderr, done.stderr)
            folder.mkdir()
            (folder / "index.html").write_text(
                '<!doctype html><html><head><meta charset="utf-8"><style>body{margin:0}</style>'
                '<script src="app.js" defer></script></head><body></body></html>')
            (folder / "app.js").write_text("1")
        home.run("session", session, "--export-html", str(home.path / "s.html"))
        page = (home.path / "s.html").read_text()
        log = page.split('id="openclaw-log">', 1)[1].split("</script>", 1)[0]
        document = json.loads(log)
        check([e["seq"] for e in document["events"]] == [e["seq"] for e in home.events(session)], "events are missing")
        check(document["summary"]["state"] == "completed" and document["verify"]["ok"], "the documents are missing")
        check("src=" not in page.split("<script", 1)[0], "the page asks for other files")
        check(str(home.path) not in page, "the page names the home directory")
