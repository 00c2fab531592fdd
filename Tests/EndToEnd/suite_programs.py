"""Agent programs of somebody else's, unmodified, as members of the team: Claude Code and Codex in every role, with models
that answer from scripts. `scripts/setup test` installs the two pinned ones below .venv-agents; `make test-agents` the rest."""

import json
import os
import pathlib

from home import ROOT, Home, check, git, kill
from registry import test
from sessions import CALCULATOR, session_of, start, wait_until_over
from suite_agent import script, token_of
from home import holding

PLACE = ROOT / ".venv-agents"
FIX = "sed -i 's/value = product() - value/value -= product()/' calculator.py && make test 2>&1 | tail -n 1"


def turn(name, **value):
    return {"tools": [{"name": name, "input": value}]}


def say(text):
    return {"text": text}


# How each program has a command run, in the words of its own tools.
SHELL = {
    "claude": lambda command: turn("Bash", command=command, description="Run it"),
    "codex": lambda command: turn("exec_command", cmd=command),
    "mini-swe-agent": lambda command: turn("bash", command=command),
    "gptme": lambda command: turn("shell", command=command),
    "vibe": lambda command: turn("bash", command=command),
}


def ours(program, name, **value):
    """A call of one of our tools, as the program names tools of MCP servers."""
    return turn({"claude": f"mcp__openclaw__{name}", "codex": f"mcp__openclaw__{name}"}[program], **value)


def conversation(role, *turns):
    return {"match": {"role": role}, "turns": list(turns)}


def programs(*names, **environment):
    """A home whose PATH has these programs, and nothing else of a person's."""
    found = [PLACE / name / "bin" for name in names]
    for place in found:
        check(place.is_dir(), f"{place} is missing; run scripts/setup test, or make test-agents for all of them")
    path = ":".join([*map(str, found), "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"])
    home = Home(**environment)
    home.environment["PATH"] = path
    return home


def run(home, repository, model, *options, agents="1", check=True):
    done = home.run(
        "run", "Do it", "--repo", str(repository), "--agents", agents, "--model", model, "--yes", "--merge", *options, check=check)
    return done, session_of(home)


def is_fixed(repository):
    return "value -= product()" in git(repository, "show", "HEAD:calculator.py")


def coder_does_a_task(program, venv="pair", fix=None):
    with programs(venv) as home:
        repository = home.repository(CALCULATOR)
        turns = fix or [SHELL[program](FIX), say("Subtraction takes its operands in order.")]
        done, session = run(home, repository, script(home, program, conversation("coder", *turns)), "--agent", program)
        check(is_fixed(repository), f"the fix was not merged: {done.stdout}{done.stderr}")
        changed = git(repository, "diff", "--name-only", "HEAD^", "HEAD").split()
        check(changed == ["calculator.py"], f"more was merged than the fix: {changed}")
        events = home.events(session)
        used = [e for e in events if e["type"] == "model.settled"]
        check(used and all(e["data"]["input_tokens"] > 0 for e in used), f"no tokens were counted: {used}")
        said = [e["data"]["message"] for e in events if e["type"] == "task.progressed"]
        check(said, "it showed no progress")
        check(home.run("session", session, "--verify").returncode == 0, "the journal does not verify")
        return done, events, said


@test
def claude_code_does_a_coders_task():
    _, events, said = coder_does_a_task("claude")
    check(any("→ Bash" in words and "sed -i" in words for words in said), f"its call was not shown: {said}")
    check(any("operands in order" in words for words in said), f"its words were not shown: {said}")


@test
def codex_does_a_coders_task():
    _, events, said = coder_does_a_task("codex")
    check(any("→ shell" in words and "sed -i" in words for words in said), f"its call was not shown: {said}")
