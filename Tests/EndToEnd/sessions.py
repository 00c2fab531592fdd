"""Sessions that several files begin, and how they are waited for."""

import difflib
import subprocess

from home import ROOT, Home, check, git, wait_for

CALCULATOR = "examples/calculator/repository"
SERVICE = "examples/token-service/repository"
ONE_CODER = f"script:{ROOT}/examples/calculator/one-coder.yaml"
TEAM = f"script:{ROOT}/examples/calculator/five-agents.yaml"
DEMO = f"script:{ROOT}/examples/token-service/model.yaml"


def session_of(home):
    return home.json("sessions")[0]["id"]


def approve(home, session, **environment):
    """As a person does: looks at the change, then says yes to it."""
    home.run("diff", session, **environment)
    return home.run("approve", session, **environment)


def types(events):
    return [event["type"] for event in events]


def start(home, repository, model, *options):
    """Starts a session and returns its id at once."""
    return home.run("run", "Do it", "--repo", str(repository), "--model", model, "--detach", *options).stdout.strip()


def wait_until_over(home, session, seconds=150):
    def state():
        value = home.json("session", session, check=False)[0]["state"]
        return value if value in ("completed", "failed", "cancelled") else None

    return wait_for(state, f"the end of {session}", seconds)


def demo(home, harm=None, at=None):
    """Runs the demo's session; `harm` is done at the first event for which `at` holds. Returns its files and events."""
    repository = home.repository(SERVICE)
    session = start(home, repository, DEMO, "--yes", "--merge")
    if harm:
        home.wait_for_event(session, at, "the moment to do harm")
        harm(session)
    state = wait_until_over(home, session)
    events = home.events(session)
    check(state == "completed", f"the session is {state}: {events[-3:]}")
    check(home.run("session", session, "--verify").returncode == 0, "the journal does not verify")
    tests = subprocess.run(["npm", "test", "--silent"], cwd=repository, capture_output=True, text=True)
    check(tests.returncode == 0, tests.stdout)
    names = git(repository, "ls-tree", "-r", "--name-only", "HEAD").splitlines()
    return {name: git(repository, "show", f"HEAD:{name}") for name in names}, events


UNHARMED = []


def unharmed():
    """The files and events of the demo when nobody does harm."""
    if not UNHARMED:
        with Home() as home:
            UNHARMED.append(demo(home))
    return UNHARMED[0]


def check_same_end(files):
    wanted = unharmed()[0]
    for name in sorted({*wanted, *files}):
        here, there = files.get(name, "").splitlines(), wanted.get(name, "").splitlines()
        check(here == there, f"{name} is another one:\n" + "\n".join(difflib.unified_diff(there, here, lineterm="")))


def in_progress(agent):
    return lambda e: e["type"] == "task.progressed" and e["data"]["agent"] == agent
