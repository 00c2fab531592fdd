"""The Live Canvas in a browser, with whole sessions: the page shows the journal and merges what it approved."""

import subprocess

from home import ROOT, Home, check, git
from registry import test
from sessions import DEMO, SERVICE


@test
def a_browser_follows_a_session_through_kills_and_approves_by_keyboard():
    with Home() as home:
        repository = home.repository(SERVICE)
        session = home.run(
            "run", "Fix it", "--repo", str(repository), "--model", DEMO, "--detach", "--merge"
        ).stdout.strip()
        url = home.json("session", session, "--canvas")[0]["url"]
        before = git(repository, "rev-parse", "main")
        browser = subprocess.run(
            [
                str(ROOT / ".venv/bin/python"),
                str(ROOT / "Tests/EndToEnd/canvas_browser.py"),
                url,
                str(home.path),
            ],
            capture_output=True,
            text=True,
            timeout=280,
            env=home.environment,
        )
        check(browser.returncode == 0, f"the browser says:\n{browser.stdout}{browser.stderr}")
        events = home.events(session)
        granted = [event for event in events if event["type"] == "approval.granted"]
        applied = [event for event in events if event["type"] == "command.applied"]
        check(len(granted) == 1, f"granted {len(granted)} times")
        check([event["data"]["command"] for event in applied] == ["comment", "approve"], f"applied {applied}")
        check(
            applied[1]["data"]["digest"] == granted[0]["data"]["tree"],
            "another tree was approved than was shown",
        )
        check(
            events[-1]["type"] in ("session.completed", "effect.succeeded"),
            f"ended with {events[-1]['type']}",
        )
        check(git(repository, "rev-parse", "main") != before, "nothing was merged")
        check(home.run("session", session, "--verify").returncode == 0, "the journal does not verify")
