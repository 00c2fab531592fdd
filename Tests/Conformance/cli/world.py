"""What the tests of the command line share: a home, a session that is over, and one that waits for approval."""

import functools
import os

from home import OPENCLAW, ROOT, Home, check, wait_for
from terminal import Terminal

TESTS = []
CALCULATOR = "examples/calculator/repository"
ONE_CODER = f"script:{ROOT}/examples/calculator/one-coder.yaml"


def test(function):
    TESTS.append(function)
    return function


class World:
    def __init__(self, home: Home):
        self.home = home
        # The agent programs of scripts/setup, which examples name, come last: a Python is among them.
        home.environment["PATH"] = f"{OPENCLAW.parent}:{os.environ['PATH']}:{ROOT}/.venv-agents/pair/bin"
        self.environment = {**home.environment, "TERM": "xterm-256color"}

    @functools.cached_property
    def repository(self):
        return self.home.repository(CALCULATOR)

    @functools.cached_property
    def finished(self):
        """The id of a session that is over."""
        self.home.run(
            "run", "Fix subtraction", "--repo", str(self.repository), "--agents", "1", "--model", ONE_CODER, "--yes")
        return self.home.json("sessions")[0]["id"]

    @functools.cached_property
    def waiting(self):
        """The id of a session that waits for approval."""
        done = self.home.run(
            "run", "Fix the minus sign", "--repo", str(self.repository), "--agents", "1", "--model", ONE_CODER,
            check=False)
        check(done.returncode == 8, f"exit {done.returncode}: {done.stderr}")
        return next(s["id"] for s in self.home.json("sessions") if s["approval"])

    def slow_model(self, seconds=60):
        """A model that keeps a coder busy for a while."""
        path = self.home.path / "slow.yaml"
        path.write_text(
            "name: slow\nconversations:\n- match: {role: coder}\n  turns:\n"
            f"  - {{tools: [{{name: bash, input: {{command: 'sleep {seconds}'}}}}]}}\n"
            "  - {tools: [{name: complete_task, input: {summary: slept}}]}\n")
        return f"script:{path}"

    def start_slow(self, words="Take your time", seconds=60):
        done = self.home.run(
            "run", words, "--repo", str(self.repository), "--agents", "1", "--model", self.slow_model(seconds),
            "--detach")
        return done.stdout.strip()

    def state(self, session):
        return self.home.json("session", session, check=False)[0]["state"]

    def terminal(self, *arguments, columns=80, rows=24, **environment):
        return Terminal([str(OPENCLAW), *arguments], {**self.environment, **environment}, columns, rows)
