"""The Live Canvas in a browser where it is hard: cuts and kills, long sessions, drawings, questions, strangers."""

import json
import os
import random
import subprocess
import sys

from home import ROOT, Home, check, files_below, wait_for
from journal import grow
from registry import test
from sessions import CALCULATOR, ONE_CODER
from suite_channel import Page, begin

#: What of the cuts and the kills a run has time for; `make conformance` asks for all of them.
CUTS = int(os.environ.get("CANVAS_CUTS", 20))
KILLS = int(os.environ.get("CANVAS_KILLS", 2))


def scene(home, session, name, **options):
    """What a browser found; see canvas_scenes.py."""
    url = home.json("session", session, "--canvas")[0]["url"]
    ran = subprocess.run(
        [str(ROOT / ".venv/bin/python"), str(ROOT / "Tests/EndToEnd/canvas_scenes.py"), name, url, json.dumps(options)],
        capture_output=True, text=True, timeout=500, env={**home.environment, **shots()})
    check(ran.returncode == 0, f"the browser says:\n{ran.stdout}{ran.stderr[-3000:]}")
    return json.loads(ran.stdout.splitlines()[-1])


def shots():
    return {name: value for name, value in os.environ.items() if name == "CANVAS_SHOTS"}


def finished(home):
    """A session that is over, with one agent."""
    repository = home.repository(CALCULATOR)
    home.run("run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--yes")
    return home.json("sessions")[0]["id"]


@test
def what_the_page_applied_is_the_journal_whatever_was_cut_and_killed():
    with Home() as home:
        session = begin(home)
        seed = int(os.environ.get("CANVAS_SEED", 0)) or random.SystemRandom().randrange(1 << 30)
        found = scene(home, session, "cuts", cuts=CUTS, kills=KILLS, seed=seed)
        check(found["cuts"] >= CUTS and found["kills"] == KILLS, f"{found}, seed {seed}")
        check(found["reconnects"] >= CUTS, f"the page hardly noticed: {found}, seed {seed}")
        print(f"end-to-end: {found} (seed {seed})", file=sys.stderr)
        check(home.run("session", session, "--verify").returncode == 0, "the journal does not verify")


@test
def a_long_session_opens_from_a_snapshot_and_any_moment_of_it_can_be_shown():
    with Home() as home:
        session = finished(home)
        length = 40_000
        grow(home, session, length)
        # Its chain is whole, and it was written by nobody who can sign: both are told.
        verified = home.run("session", session, "--verify", check=False)
        words = verified.stdout + verified.stderr
        check(verified.returncode == 1 and "event 500" in words and "its checkpoint is missing" in words, words)
        found = scene(home, session, "long", length=length, moments=[30_000, 17, 35_555, 20_001])
        check(found["head"] >= length, str(found))
        folder = home.path / f"aegis/openclaw/sessions/{session}/snapshots"
        wait_for(lambda: len(list(folder.glob("*.json"))) == length // 16384, "the keyframes", 60)


DRAWING = json.loads((ROOT / "Tests/Conformance/a2ui/samples/question.json").read_text())

#: The agent works until a person has answered: then the test puts a file where it can see it.
WAIT = "until [ -e /workspace/artifacts/answered ]; do sleep 0.2; done; echo seen"


def drawing_model(home):
    turns = [
        [{"name": "draw", "input": {"messages": [{"version": "v0.9", "approveSession": {}}]}}],
        [{"name": "draw", "input": {"messages": DRAWING}}],
        [{"name": "bash", "input": {"command": WAIT, "timeout": 120_000}}],
        [{"name": "bash", "input": {"command": "sed -i 's/value = product() - value/value -= product()/' calculator.py"}}],
        [{"name": "complete_task", "input": {"result": "success", "summary": "done as it was chosen"}}],
    ]
    path = home.path / "drawing.json"
    path.write_text(json.dumps({
        "name": "drawing", "conversations": [{"match": {"role": "coder"}, "turns": [{"tools": turn} for turn in turns]}]}))
    return f"script:{path}"


@test
def an_agent_draws_a_question_and_the_answer_comes_back_to_it():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        session = home.run(
            "run", "Do it", "--repo", str(repository), "--agents", "1", "--model", drawing_model(home), "--yes", "--detach",
        ).stdout.strip()
        page = Page(home, session)
        drawn = page.read_until(lambda event: event["type"] == "canvas.changed", "the drawing")
        made = drawn["data"]["messages"][0]["createSurface"]
        check(made["surfaceId"] == "coder-1/question", f"the surface is {made['surfaceId']}")
        check(made["theme"]["agentDisplayName"] == "coder-1", f"an agent called itself {made['theme']}")
        scene(home, session, "draw")
        said = page.read_until(
            lambda event: event["type"] == "message.sent" and event["data"]["text"].startswith("canvas action"), "the action")
        check(said["data"]["to"] == "coder-1" and said["data"]["from"] == "user", str(said))
        status, answer = page.command("action", surfaceId="coder-9/question", name="x", sourceComponentId="send")
        check(status == 404, f"an action on a surface of nobody: {status} {answer}")
        go = home.path / f"aegis/openclaw/sessions/{session}/workspace/artifacts/answered"
        go.write_text("yes")
        page.read_until(lambda event: event["type"] == "session.completed", "the end of the session")
        events = home.events(session)
        check(page.events == events[:len(page.events)], "the page applied something else than the journal says")
        found = [p for p in files_below(home.path / "aegis/openclaw/sessions" / session) if p.name == "t1.jsonl"]
        transcript = "".join(path.read_text() for path in found)
        check("approveSession" in transcript and "expected exactly one of" in transcript, "a verb of its own was taken")
        heard = transcript.replace("\\\\", "").replace('\\"', '"')
        check("canvas action" in heard and '"name":"chosen"' in heard and '"name":"Ada"' in heard, f"the agent did not hear: {heard[-3000:]}")


@test
def a_question_is_answered_on_the_canvas_as_it_was_shown():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        session = home.run(
            "run", "Improve it", "--repo", str(repository), "--agents", "5", "--model",
            f"script:{ROOT}/examples/calculator/five-agents.yaml", "--yes", "--approve", "plan", "--detach").stdout.strip()
        page = Page(home, session)
        asked = page.read_until(lambda event: event["type"] == "permission.requested", "the question")
        question = asked["data"]["permission"]["id"]

        def answer(kind, seq, digest, **more):
            return page.command(kind, basedOn={"seq": seq, "digest": digest}, **more)

        for kind in ("permit", "refuse"):
            check(page.command(kind)[1]["error"]["code"] == "no_basis", f"{kind} of nothing in particular")
            status, told = answer(kind, asked["seq"], question.split("/")[0] + "/99")
            check(status == 409 and told["error"]["code"] == "stale", f"another version: {status} {told}")
            status, told = answer(kind, asked["seq"] - 1, question)
            check(status == 409 and told["error"]["code"] == "stale", f"before it was asked: {status} {told}")
        viewer = Page(home, session, "--read-only")
        status, _ = viewer.command("permit", basedOn={"seq": asked["seq"], "digest": question})
        check(status == 403, f"an address for looking answered: {status}")
        scene(home, session, "answer")
        page.read_until(lambda event: event["type"] == "permission.granted", "the answer")
        status, told = answer("permit", page.last, question)
        check(status == 409, f"the same answer again, as another command: {status} {told}")
        page.read_until(lambda event: event["type"] == "session.completed", "the end")
        applied = [event["data"] for event in home.events(session) if event["type"] == "command.applied"]
        check([(one["command"], one["digest"]) for one in applied] == [("permit", question)], f"applied: {applied}")


@test
def a_page_of_a_stranger_reaches_nothing_even_with_the_token():
    with Home() as home:
        session = begin(home, "--agents", "1")
        found = scene(home, session, "attack")
        for where in ("port", "name"):
            for what, came in found[where].items():
                # A picture of an answer that may not be looked into is no answer; the server refused it as well.
                check(came in ("refused", "closed", "empty", "opaque"), f"{what} from another {where}: {came}")
        check(found["rebound page"] == 421, f"a name that was made to point here is answered: {found['rebound page']}")
        for what, came in found["rebound"].items():
            check(came in ("refused", "answered 421", "opaque", "closed", "empty", "read"), f"{what} by another name: {came}")
        check(found["rebound"]["stream"] == "refused" and found["rebound"]["command"] == "answered 421", str(found["rebound"]))
        events = home.events(session)
        done = [event for event in events if event["type"] in ("command.applied", "session.cancelled")]
        check(not done, f"something was commanded: {done}")
