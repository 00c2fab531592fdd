"""Past sessions: lists, pages, search, replay, making room, and being told."""

import http.server
import json
import threading
import time

from home import Home, check, git, wait_for
from terminal import plain
from world import CALCULATOR, ONE_CODER, test


@test
def sessions_are_filtered_and_the_page_of_one_says_what_came_of_it(world):
    names = lambda *options: [s["id"] for s in world.home.json("sessions", *options)]
    check(world.waiting in names("--filter", "state=waiting"), "state=waiting")
    check(world.finished not in names("--filter", "state=waiting"), "a finished session waits")
    check(names("--filter", "task=SUBTRACTION") == [world.finished], names("--filter", "task=SUBTRACTION"))
    check(names("--filter", "since=0m") == [] and world.finished in names("--filter", "since=1d"), "since")
    wrong = world.home.run("sessions", "--filter", "state=done", check=False)
    check(wrong.returncode == 2 and "states:" in wrong.stderr, wrong.stderr)
    check("disk_bytes" in world.home.json("sessions", "--disk")[0], "--disk")
    page = world.home.run("session", world.finished).stdout
    for words in ["completed", "gates:   1 green, 0 red", "calculator.py", "report:", "disk:", "result:", "model calls",
                  "queue:   1 merged in 1 batch, 1 gate"]:
        check(words in page, f"{words!r} is not on the page:\n{page}")


@test
def words_are_found_in_what_happened(world):
    world.finished
    hits = world.home.json("search", "subtraction", "ORDER")
    check(any(h["session"] == world.finished and h["type"] == "task.completed" for h in hits), hits)
    check(len(world.home.json("search", "coder", "--limit", "3")) == 3, "--limit")
    # What a model said or was told is no event.
    check(world.home.json("search", "nonlocal position", check=False) == [], "an event quotes a transcript")
    told = world.home.json("search", "--transcripts", "nonlocal", "POSITION")
    check(any(h["session"] == world.finished and h["type"] == "transcript" and h["agent"] == "t1" for h in told), told)
    nothing = world.home.run("search", "no such words", check=False)
    check(nothing.returncode == 1 and "nothing holds" in nothing.stderr, nothing.stderr)
    check(world.finished in world.home.run("search", "subtraction").stdout, "the text")
    check(world.home.run("search", check=False).returncode == 2, "no words")


@test
def a_session_is_shown_again_at_the_speed_that_is_asked_for(world):
    begin = time.monotonic()
    shown = world.home.run("replay", world.finished, "--speed", "max").stdout
    check(time.monotonic() - begin < 20, "max waits")
    check(shown == world.home.run("logs", world.finished).stdout, "a replay shows something else than the log")
    events = world.home.json("replay", world.finished, "--speed", "max")
    check([e["seq"] for e in events] == list(range(1, len(events) + 1)), "--json")
    long = (events[-1]["at"] - events[0]["at"]) / 1000
    begin = time.monotonic()
    world.home.run("replay", world.finished, "--speed", "2")
    check(time.monotonic() - begin >= min(long / 2, 1) * 0.9, "it does not wait")
    check(world.home.run("replay", world.finished, "--speed", "fast", check=False).returncode == 2, "--speed fast")
    check(world.home.run("replay", "nothing-here", check=False).returncode == 5, "no such session")


@test
def room_is_made_and_the_history_stays(world):
    done = world.home.run(
        "run", "For the bin", "--repo", str(world.repository), "--agents", "1", "--model", ONE_CODER, "--yes")
    session = world.home.json("sessions", "--filter", "task=bin")[0]["id"]
    directory = world.home.path / "aegis/openclaw/sessions" / session
    logs, diff = world.home.run("logs", session).stdout, world.home.run("diff", session).stdout
    everything = ["gc", "--keep-days", "0", "--keep-sessions", "0"]
    world.home.run("config", "set", "gc.keep_days", "0")
    kept = world.home.json("gc", "--dry-run", "--keep-sessions", "1")[0]
    check(session not in [s["id"] for s in kept["removed"]], "the newest is not kept")
    young = world.home.json("gc", "--dry-run", "--keep-days", "1", "--keep-sessions", "0")[0]
    check(young["removed"] == [] and young["bytes"] == 0, young)
    dry = world.home.json(*everything, "-n")[0]
    check(session in [s["id"] for s in dry["removed"]] and dry["bytes"] > 0, dry)
    check(world.waiting not in [s["id"] for s in dry["removed"]], "a session that waits would lose its workspace")
    check((directory / "workspace").exists(), "a dry run removed something")
    check("would be removed" in world.home.run(*everything, "-n").stdout, "the words of a dry run")
    done = world.home.json(*everything)[0]
    check(session in [s["id"] for s in done["removed"]] and not (directory / "workspace").exists(), done)
    world.home.run("coordinator", "stop")
    check(world.home.run("logs", session).stdout == logs, "the log is gone")
    check(world.home.run("diff", session).stdout == diff != "", "the change is gone")
    check(world.home.run("session", session, "--verify").returncode == 0, "the journal is broken")
    check(session not in [s["id"] for s in world.home.json(*everything)[0]["removed"]], "it is removed twice")
    world.home.run("config", "unset", "gc.keep_days")


@test
def a_whole_session_goes_with_its_journal_and_the_others_stay_sound(world):
    with Home() as home:
        repository = home.repository(CALCULATOR)
        run = ["run", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER]
        home.run(*run, "To be forgotten", "--yes")
        home.run(*run, "To be kept", "--yes")
        home.run(*run, "Waits", check=False)
        names = {s["task"]: s["id"] for s in home.json("sessions", "--all", check=False)}
        old, kept = names["To be forgotten"], names["To be kept"]
        gc = ["gc", "--whole", "--keep-days", "0", "--keep-sessions", "1"]
        dry = home.json(*gc, "--dry-run")[0]
        check([s["id"] for s in dry["removed"]] == [old] and dry["bytes"] > 0, dry)
        check(home.json("session", old)[0]["state"] == "completed", "a dry run removed it")
        check([s["id"] for s in home.json(*gc)[0]["removed"]] == [old], "another one went")
        check(not (home.path / "aegis/openclaw/sessions" / old).exists(), "its files are left")
        for _ in range(2):
            left = {s["id"] for s in home.json("sessions", "--all", check=False)}
            check(left == set(names.values()) - {old}, left)
            check(home.run("session", old, check=False).returncode == 5, "it can be looked at")
            check(home.run("session", kept, "--verify").returncode == 0, "the journal of another one is broken")
            home.run("coordinator", "stop")
        check(git(repository, "rev-parse", "--verify", f"openclaw/{old}"), "the result went too")


@test
def one_is_told_once_by_command_and_webhook_when_a_session_waits_or_ends(world):
    told = world.home.path / "told"
    posts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        failures = 1

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if Handler.failures:
                Handler.failures -= 1
                self.send_response(503)
            else:
                posts.append(json.loads(body))
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        world.home.run("config", "set", "notify.command", f"cat >> {told}; echo \"$OPENCLAW_EVENT $OPENCLAW_SESSION\" >> {told}.words")
        world.home.run("config", "set", "notify.webhook", f"http://127.0.0.1:{server.server_port}/hook")
        evil = "Tell me; $(touch /tmp/never) `id`"
        done = world.home.run(
            "run", evil, "--repo", str(world.repository), "--agents", "1", "--model", ONE_CODER, check=False)
        check(done.returncode == 8, done.stderr)
        session = world.home.json("sessions", "--filter", "task=tell me")[0]["id"]

        def lines():
            return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []

        wait_for(lambda: len(lines()) >= 1 and len(posts) >= 1, "the first notification", 30)
        check(lines()[0]["event"] == "approval.requested" and lines()[0]["task"] == evil, lines())
        world.home.run("coordinator", "stop")
        world.home.run("coordinator", "start")
        world.home.run("diff", session)
        world.home.run("approve", session)
        wait_for(lambda: len(lines()) >= 2 and len(posts) >= 2, "the second notification", 60)
        check([line["event"] for line in lines()] == ["approval.requested", "session.completed"], lines())
        check(posts == lines(), f"the webhook got {posts}")
        words = (world.home.path / "told.words").read_text().split()
        check(words == ["approval.requested", session, "session.completed", session], words)
    finally:
        server.shutdown()
        world.home.run("config", "unset", "notify.command", check=False)
        world.home.run("config", "unset", "notify.webhook", check=False)


@test
def a_replay_in_a_terminal_fits_it(world):
    with world.terminal("replay", world.finished, "--speed", "max", columns=60) as terminal:
        check(terminal.wait() == 0, plain(terminal.output))
        check("completed" in plain(terminal.output), plain(terminal.output))
