"""What the canvas tests stand on: the built app, a browser, a stand-in server for each test, and sessions
to show."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

from standin import StandIn, chain

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
FIXTURES = HERE / "fixtures"
SHOTS = os.environ.get("CANVAS_SHOTS")
VIEWS = ["dashboard", "flow", "review", "tests", "cost", "timeline", "drawn", "audit"]
TESTS = []
#: Anything here is generous: the machine may be busy.
PATIENCE = int(os.environ.get("CANVAS_PATIENCE", 30_000))


class Failure(Exception):
    """What a test says when it fails."""


def test(function):
    TESTS.append(function)
    return function


def check(condition, message):
    if not condition:
        raise Failure(message)


def demo_events():
    return [json.loads(line) for line in (FIXTURES / "demo.jsonl").read_text().splitlines()]


def demo_documents():
    return {
        "diff": json.loads((FIXTURES / "diff.json").read_text()),
        "verify": {"ok": True, "sound": 190, "summary": "all 190 events are as they were written"},
    }


class Stage:
    """A context: the app built from this source, and one browser for all tests."""

    def __enter__(self):
        self.directory = tempfile.TemporaryDirectory(prefix="canvas-")
        self.files = pathlib.Path(self.directory.name)
        built = subprocess.run([str(ROOT / "canvas/build"), str(self.files)], capture_output=True, text=True)
        check(built.returncode == 0, f"canvas/build failed:\n{built.stdout}{built.stderr}")
        self.playwright = sync_playwright().start()
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        self.browser = self.playwright.chromium.launch(executable_path=browser, args=flags)
        return self

    def __exit__(self, *_):
        self.browser.close()
        self.playwright.stop()
        self.directory.cleanup()

    @contextlib.contextmanager
    def server(self, events=None, through=None, **options):
        server = StandIn(self.files, demo_events() if events is None else events, **options)
        server.documents = demo_documents()
        if through is not None:
            server.visible = through
        try:
            yield server
        finally:
            server.stop()

    @contextlib.contextmanager
    def page(
        self,
        server,
        view="dashboard",
        theme="light",
        width=1280,
        height=None,
        port=None,
        through=None,
        motion="no-preference",
    ):
        """A page that shows the session; leaving it fails when the page complained, or asked anybody else."""
        size = {"width": width, "height": height or (844 if width < 500 else 800)}
        context = self.browser.new_context(
            viewport=size, color_scheme=theme, reduced_motion=motion, has_touch=width < 500
        )
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        complaints = []
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("console", lambda message: complaints.append(message.text) if is_complaint(message) else None)
        strangers = []
        page.on(
            "request",
            lambda request: (
                strangers.append(request.url)
                if not request.url.startswith((f"http://127.0.0.1:{port or server.port}/", "data:"))
                else None
            ),
        )
        try:
            page.goto(server.address(port=port, view=f"&view={view}"))
            page.wait_for_function(
                "n => window.openclawCanvas && openclawCanvas.head() >= n",
                arg=server.visible if through is None else through,
            )
            yield page
            check(not complaints, "the page complained: " + "\n".join(complaints[:5]))
            check(not strangers, f"the page asked somebody else: {strangers[:3]}")
        finally:
            context.close()


def is_complaint(message):
    """What a browser says about a refused request is not the page's own complaint."""
    return (
        message.type == "error"
        and "Failed to load resource" not in message.text
        and "WebSocket connection" not in message.text
    )


def shoot(page, name):
    if SHOTS:
        pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{name}.png")


#: WCAG 2.2 AA, named one by one: the rules of 2.2 are off unless asked for.
TAGS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}


def violations(page):
    # The rules go into a page once, and only what is wrong comes back: both are large.
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("options => axe.run(document, options).then(found => found.violations)", TAGS)
    return [
        f"{one['id']}: {one['help']} at {[node['target'] for node in one['nodes']][:4]} "
        f"{one['nodes'][0].get('failureSummary', '')[:300]}"
        for one in found
    ]


def crowd(tasks=50, coders=5):
    """Eight agents, many tasks, long names: a session that is full."""
    at = 1_795_656_591_000
    rows = []

    def add(kind, data, later=900):
        nonlocal at
        at += later
        rows.append((at, kind, data))

    long = "Rewrite the persistence layer so that it survives everything that a careless person can do to it, and say so"
    add(
        "session.started",
        {
            "configuration": {
                "session": "a-session-with-a-rather-long-name-x7qk",
                "task": long + ". " + long,
                "repository": "/home/ada/service",
                "model": "m",
                "base_commit": "1" * 40,
                "base_tree": "2" * 40,
                "budget_microusd": 25_000_000,
                "base_branch": "main",
                "merge": True,
                "auto_approve": False,
                "isolation": "microvm",
                "is_remote": False,
                "test_command": "make test",
            }
        },
    )
    people = [("architect-1", "architect"), ("reviewer-1", "reviewer"), ("tester-1", "tester")]
    people += [
        (f"coder-{number}-with-a-very-long-name-indeed" if number == 2 else f"coder-{number}", "coder")
        for number in range(1, coders + 1)
    ]
    names = [f"t{number}" for number in range(1, tasks + 1)]
    add("task.ready", {"task": "plan", "kind": "plan", "title": "Plan the work", "agent": "architect-1"})
    for name, role in people:
        add("agent.requested", {"agent": name, "role": role, "generation": 1}, 5)
        add("agent.ready", {"agent": name, "generation": 1, "instance": f"i-{name[:9]}"}, 40)
    add(
        "task.assigned",
        {"task": "plan", "attempt": 1, "agent": "architect-1", "generation": 1, "kind": "plan"},
    )
    add(
        "plan.accepted",
        {
            "by": "architect-1",
            "plan": {
                "summary": "Fifty steps in a few layers. " + long,
                "tasks": [
                    {
                        "id": name,
                        "title": f"{long} ({name})" if index % 9 == 4 else f"Step {index + 1} of the work",
                        "description": long,
                        "role": "coder",
                        "depends_on": (
                            [] if index < 4 else [names[(index * 7) // 9], names[index // 3]][: 1 + index % 2]
                        ),
                        "write_set": [f"src/{name}/**"],
                        "acceptance": ["it works"],
                    }
                    for index, name in enumerate(names)
                ],
            },
        },
    )
    add("task.completed", {"task": "plan", "attempt": 1, "agent": "architect-1", "summary": "planned"})
    makers = [name for name, role in people if role == "coder"]
    for index, name in enumerate(names[: tasks * 3 // 5]):
        who = makers[index % len(makers)]
        tree = f"{index:040x}"
        add("task.assigned", {"task": name, "attempt": 1, "agent": who, "generation": 1, "kind": "implement"})
        add(
            "model.settled",
            {
                "agent": who,
                "task": name,
                "model": "claude-large-2026",
                "microusd": 120_000 + 9000 * index,
                "input": 21_000,
                "output": 900,
            },
            3000,
        )
        add("task.progressed", {"agent": who, "task": name, "message": f"Implementing {long}"})
        if index == 7:
            add("sandbox.denied", {"agent": who, "task": name, "denials": ["connect to 169.254.169.254:80"]})
        add(
            "task.completed",
            {"task": name, "attempt": 1, "agent": who, "summary": "done", "commit": "3" * 40},
        )
        if index % 6 == 5:
            add(
                "overlap.forecast",
                {
                    "task": name,
                    "other": names[index - 1],
                    "files": ["src/store/journal.ts", "src/store/index.ts"],
                },
            )
        add("merge.made", {"task": name, "commit": "4" * 40, "tree": tree, "files": [f"src/{name}/a.ts"]})
        add("gate.started", {"task": name, "tree": tree, "command": "make test"})
        if index == 11:
            add(
                "gate.failed",
                {
                    "task": name,
                    "tree": tree,
                    "command": "make test",
                    "exit_code": 2,
                    "output": "tests/test_store.py::test_a PASSED\ntests/test_store.py::test_b FAILED\n",
                },
            )
            add("task.returned", {"task": name, "reason": "the gate is red", "context": {}})
            continue
        add("gate.passed", {"task": name, "tree": tree, "command": "make test", "milliseconds": 41_000})
        add("task.merged", {"task": name, "commit": "5" * 40, "tree": tree, "files": [f"src/{name}/a.ts"]})
    for index, who in enumerate(makers):
        add(
            "task.assigned",
            {
                "task": names[tasks * 3 // 5 + index],
                "attempt": 1,
                "agent": who,
                "generation": 1,
                "kind": "implement",
            },
        )
        add("task.progressed", {"agent": who, "task": names[tasks * 3 // 5 + index], "message": long})
    add("agent.stalled", {"agent": makers[0], "milliseconds": 90_000})
    return chain("a-session-with-a-rather-long-name-x7qk", rows)


def flood(amount, session="flood-test-xxxx", at=1_795_656_591_000):
    """Many small events."""
    rows = [
        (
            at,
            "session.started",
            {
                "configuration": {
                    "session": session,
                    "task": "flood",
                    "repository": "/r",
                    "model": "m",
                    "base_commit": "1" * 40,
                    "base_tree": "2" * 40,
                }
            },
        )
    ]
    rows += [
        (at, "agent.requested", {"agent": f"coder-{number}", "role": "coder", "generation": 1})
        for number in range(1, 4)
    ]
    rows += [
        (
            at + number,
            "task.progressed",
            {"agent": f"coder-{number % 3 + 1}", "task": "t1", "message": f"step {number} of the work"},
        )
        for number in range(amount - len(rows))
    ]
    return chain(session, rows)
