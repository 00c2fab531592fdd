"""Agent programs of somebody else's, unmodified, as members of the team: Claude Code and Codex in every role, with models
that answer from scripts. `scripts/setup test` installs the two pinned ones below .venv-agents; `make test-agents` the rest."""

import json
import os
import pathlib

from home import ROOT, Home, check, git, holding, kill, wait_for
from messages_server import Provider
from registry import test
from sessions import CALCULATOR, session_of, start, wait_until_over
from suite_agent import BAIT, PUSH, STEAL, script, token_of

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


# How one says that it is done, where words alone do not.
END = {"mini-swe-agent": [SHELL["mini-swe-agent"]("echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT")]}


def ours(program, name, **value):
    """A call of one of our tools, as the program names tools of MCP servers."""
    if program == "vibe":
        code = f"async function main() {{ return await tools.mcp_openclaw.{name}({json.dumps(value)}); }}"
        return turn("run_typescript", code=code)
    return turn({"claude": "mcp__openclaw__", "codex": "mcp__openclaw__", "gptme": "openclaw."}[program] + name, **value)


def conversation(role, *turns, **match):
    return {"match": {"role": role, **match}, "turns": list(turns)}


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
        check(used and all(e["data"]["input"] > 0 for e in used), f"no tokens were counted: {used}")
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


@test
def a_team_of_programs_plans_writes_reviews_and_tests():
    with programs("pair") as home:
        repository = home.repository(CALCULATOR)
        plan = {"summary": "One fix", "tasks": [
            {"id": "t1", "title": "Fix subtraction", "description": "Operands are swapped.", "write_set": ["calculator.py"]}]}
        model = script(
            home, "team",
            conversation("architect", ours("claude", "plan", **plan), say("The plan is made.")),
            conversation("coder", SHELL["claude"](FIX), say("Subtraction takes its operands in order.")),
            conversation(
                "reviewer", SHELL["codex"]("git diff HEAD^ --stat; touch x"),
                ours("codex", "comment", file_path="calculator.py", line=1, text="Well done.", severity="note"),
                ours("codex", "verdict", verdict="approve", summary="It is right."), say("Approved.")),
            conversation("tester", ours("claude", "run_tests"), ours("claude", "complete_task", summary="All green."), say("Bye.")))
        done, session = run(
            home, repository, model, "--agent", "claude", "--agent", "reviewer=codex", agents="4")
        check(is_fixed(repository), f"the fix was not merged: {done.stdout}{done.stderr}")
        events = home.events(session)
        kinds = {e["type"] for e in events}
        wanted = {"plan.accepted", "review.submitted", "tests.reported"}
        check(wanted <= kinds, f"there is no {wanted - kinds} in {sorted(kinds)}")
        verdict = next(e["data"] for e in events if e["type"] == "review.submitted")
        check(verdict["summary"] == "It is right." and verdict["verdict"] == "approve", f"the verdict: {verdict}")
        ends = {e["data"]["task"]: e["data"]["summary"] for e in events if e["type"] == "task.completed"}
        check("All green." in ends.values(), f"what the tester said: {ends}")
        plan = next(e["data"] for e in events if e["type"] == "plan.accepted")
        check("Operands are swapped." in json.dumps(plan), f"the plan: {plan}")
        roles = {row["name"] for row in home.json("cost", session)[0]["by"]["role"]}
        check({"architect", "coder", "reviewer", "tester"} <= roles, f"who used a model: {roles}")


# A program of a person's own, described by one file: it says what its sandbox is, and fails at its first run.
MINE = """\
#!/usr/bin/env python3
import json, os, pathlib, socket, subprocess, sys, urllib.error, urllib.request

def tried(action):
    try:
        return action()
    except Exception as error:
        return f"{type(error).__name__}: {error}"

def get(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code

status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
facts = {
    "seccomp": status["Seccomp"], "capabilities": status["CapEff"], "places": f"{os.getcwd()} {os.environ['HOME']}",
    "namespace": tried(lambda: subprocess.run(["unshare", "-U", "true"], check=True)),
    "coordinator": tried(lambda: socket.create_connection((sys.argv[1], 9090), 3).close()),
    "elsewhere": tried(lambda: socket.create_connection(("192.0.2.1", 80), 3).close()),
    "relay": tried(lambda: [get("http://127.0.0.1:9090/coordinator/notes"), get(os.environ["OPENAI_BASE_URL"] + "/models")]),
    "written": tried(lambda: pathlib.Path(__file__).write_text("mine")),
    "secrets": [name for name in ("SESSION_TOKEN", "ANTHROPIC_AUTH_TOKEN") if name in os.environ],
    "login": tried(lambda: open(sys.argv[2]).read()),
}
for name, fact in facts.items():
    print(f"{name}: {fact}")
if "--fail" in sys.argv:
    sys.exit("It does not work:\\n\\x1b[31mout of tea\\x1b[0m")
text = pathlib.Path("calculator.py").read_text()
pathlib.Path("calculator.py").write_text(text.replace("value = product() - value", "value -= product()"))
print("Fixed by a program of one's own.")
"""


def with_own_program(home, *more):
    """Installs MINE where a person's installer would, with a login beside it in the home."""
    commands = home.path / ".local/bin"
    commands.mkdir(parents=True)
    (commands / "mine").write_text(MINE)
    (commands / "mine").chmod(0o755)
    home.path.chmod(0o711)
    (home.path / ".claude").mkdir()
    (home.path / ".claude/.credentials.json").write_text("login-canary")
    described = home.path / "aegis/openclaw/agents"
    described.mkdir(parents=True)
    words = ["openclaw-coordinator", str(home.path / ".claude/.credentials.json"), "{task}", *more]
    (described / "mine.yaml").write_text(
        f"name: mine\ndescription: A program of one's own\nfind: [mine]\nstart: {json.dumps(words)}\n")


@test
def a_program_of_ones_own_is_one_file_and_bound_by_the_sandbox_of_its_role():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        with_own_program(home)
        model = script(home, "none", conversation("coder", say("It is not asked.")))
        done, session = run(home, repository, model, "--agent", "coder=mine")
        check(is_fixed(repository), f"the fix was not merged: {done.stdout}{done.stderr}")
        events = home.events(session)
        summary = next(e["data"]["summary"] for e in events if e["type"] == "task.completed")
        facts = dict(line.split(": ", 1) for line in summary.splitlines() if ": " in line)
        check(facts["seccomp"] == "2" and int(facts["capabilities"], 16) == 0, f"the filter and capabilities: {facts}")
        check(facts["places"] == "/workspace/agents/coder-1 /tmp/home", f"its places: {facts}")
        for name in ("namespace", "coordinator", "elsewhere", "written", "login"):
            check("Error" in facts[name] or "gaierror" in facts[name], f"{name} was reached: {facts[name]}")
        check(facts["relay"] == "[400, 200]", f"the relay lets through: {facts}")
        check(facts["secrets"] == "[]", f"it has {facts['secrets']}")
        check("Fixed by a program" in git(repository, "log", "-3", "--format=%B"), "its account is not in the commit")
        token, sessions = token_of(home, session, "coder-1"), home.path / "aegis/openclaw/sessions"
        check(not holding(sessions, token.encode(), b"login-canary"), "a token or login lies in the session's files")


@test
def a_program_that_fails_costs_an_attempt_each_and_says_why():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        with_own_program(home, "--fail")
        model = script(home, "none", conversation("coder", say("It is not asked.")))
        done, session = run(home, repository, model, "--agent", "coder=mine", check=False)
        check(done.returncode == 1 and "out of tea" in done.stderr + done.stdout, f"{done.stdout}{done.stderr}")
        events = home.events(session)
        reasons = [e["data"]["reason"] for e in events if e["type"] == "task.failed"]
        check(reasons and all("mine ended with exit code 1" in r and "\x1b" not in r for r in reasons), f"{reasons}")
        check(not [e for e in events if e["type"] == "agent.lost"], "an end of the program counts as a loss of the agent")
        listed = {row["name"]: row for row in home.json("agents")}
        check(listed["mine"]["path"].endswith(".local/bin/mine"), f"it is listed as {listed['mine']}")
        missing = home.run("run", "Do it", "--repo", str(repository), "--agent", "aider", "--model", model, check=False)
        check("aider is not installed" in missing.stderr and "pipx install" in missing.stderr, missing.stderr)
        roles = home.path / "aegis/openclaw/roles"
        roles.mkdir(parents=True)
        (roles / "coder.yaml").write_text(
            "name: coder\nprompt: x\ntools: [bash]\nworkspace: clone\ncommand: [mine, --yes]\n")
        unseen = home.run("run", "Do it", "--repo", str(repository), "--model", model, check=False)
        check("they do not see" in unseen.stderr and "agent: NAME" in unseen.stderr, unseen.stderr)
        checked = home.run("roles", "check", check=False)
        check(checked.returncode == 2 and "they do not see" in checked.stdout, checked.stdout)
        (roles / "coder.yaml").unlink()
        wrong = home.run(
            "run", "Do it", "--repo", str(repository), "--agent", "reviewer=mine", "--model", model, check=False)
        check("mine cannot be the reviewer" in wrong.stderr, wrong.stderr)


@test
def claude_code_that_obeys_a_hostile_repository_gives_nothing_away():
    with programs("pair") as home:
        repository = home.repository(CALCULATOR)
        (repository / "CLAUDE.md").write_text(BAIT)
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "Lay a bait")
        home.path.chmod(0o711)
        (home.path / ".claude").mkdir()
        (home.path / ".claude/.credentials.json").write_text("login-canary")
        head = git(repository, "rev-parse", "HEAD")
        model = script(home, "obeys", conversation(
            "coder", SHELL["claude"](STEAL), SHELL["claude"](PUSH), SHELL["claude"]("mount -t tmpfs none /mnt; touch ~/x /openclaw/x"),
            SHELL["claude"](FIX), say("I obeyed.")))
        done = home.run(
            "run", "Do it", "--repo", str(repository), "--agents", "1", "--model", model, "--agent", "claude", check=False)
        check(done.returncode == 8, f"it does not wait for a person: {done.returncode} {done.stdout}{done.stderr}")
        session = session_of(home)
        check(git(repository, "rev-parse", "HEAD") == head and is_fixed(repository) is False, "the repository was changed")
        sessions = home.path / "aegis/openclaw/sessions" / session
        token = token_of(home, session, "coder-1").encode()
        leaks = [p for p in holding(sessions, token, b"login-canary", b"sk-ant-canary") if not p.endswith("/secret")]
        check(not leaks, f"a token or login is in {leaks}")
        changed = git(sessions / "repository.git", "diff", "--name-only", head, f"openclaw/{session}")
        check(changed == "calculator.py", f"more would be merged than the fix: {changed}")


# The role's own program: it speaks the harness's socket, and says what bounds it.
SPEAKS = """\
import json, os, pathlib, socket
harness = socket.socket(socket.AF_UNIX)
harness.connect(os.environ["OPENCLAW_AGENT_SOCKET"])
lines = harness.makefile("rw")

def call(method, **params):
    lines.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}) + "\\n")
    lines.flush()
    answer = json.loads(lines.readline())
    return answer.get("result", answer)

def reached(place):
    try:
        socket.create_connection(place, 3).close()
        return True
    except OSError:
        return False

task = None
while not task:
    task = call("task.next", wait_ms=60000)["task"]
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
facts = {"seccomp": status["Seccomp"], "coordinator": reached(("openclaw-coordinator", 9090)) or reached(("10.77.0.1", 9090)),
         "uid": os.getuid(), "token": os.environ.get("SESSION_TOKEN")}
file = pathlib.Path("calculator.py")
file.write_text(file.read_text().replace("value = product() - value", "value -= product()"))
call("task.complete", task=task["id"], result="success", summary=json.dumps(facts), artifacts=[])
while True:
    call("task.next", wait_ms=60000)
"""


@test
def a_roles_own_program_runs_in_the_roles_sandbox():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        (home.path / "aegis/kits/openclaw/guest/speaks.py").write_text(SPEAKS)
        roles = home.path / "aegis/openclaw/roles"
        roles.mkdir(parents=True, exist_ok=True)
        (roles / "coder.yaml").write_text(
            "name: coder\nprompt: It asks no model.\ntools: [bash]\nworkspace: clone\n"
            "command: [python3, /openclaw/bin/speaks.py]\n")
        done, session = run(home, repository, script(home, "none", conversation("coder", say("It is not asked."))))
        check(is_fixed(repository), f"the fix was not merged: {done.stdout}{done.stderr}")
        facts = json.loads(next(e["data"]["summary"] for e in home.events(session) if e["type"] == "task.completed"))
        check(facts["seccomp"] == "2" and not facts["coordinator"] and not facts["token"], f"it is not bound: {facts}")
        check(facts["uid"] != 1000 or os.getuid() != 0, f"it is the agent's user and not the tools': {facts}")
        # A person's file beside the kit's programs outlives a new kit.
        home.run("kit", "install", str(ROOT / "dist/kit"))
        check((home.path / "aegis/kits/openclaw/guest/speaks.py").read_text() == SPEAKS, "a new kit replaced a person's file")


def kill_programs():
    """Those that were started from the installed programs."""
    place = str(PLACE.resolve()).encode()
    for entry in pathlib.Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and place in (entry / "cmdline").read_bytes().split(b" ")[0]:
                kill(int(entry.name))
        except OSError:
            continue


def harmed(program, turns, harm, venv="pair"):
    """A session whose program is in the middle of its work when harm is done. Returns the events of its good end."""
    with programs(venv) as home:
        repository = home.repository(CALCULATOR)
        model = script(home, program, *turns)
        session = start(home, repository, model, "--agents", "1", "--yes", "--merge", "--agent", program)
        half = home.path / "aegis/openclaw/sessions" / session / "workspace/agents/coder-1/half.txt"
        wait_for(half.exists, "half of the work", 120)
        harm(home)
        state = wait_until_over(home, session)
        events = home.events(session)
        said = [e["data"]["message"] for e in events if e["type"] == "task.progressed"]
        check(state == "completed" and is_fixed(repository), f"the session is {state}: {said} {events[-3:]}")
        check("half.txt" not in git(repository, "ls-tree", "--name-only", "HEAD"), "half of the work was merged")
        check(home.run("session", session, "--verify").returncode == 0, "the journal does not verify")
        return events


WAIT = "echo half > half.txt; while [ ! -e /tmp/never ]; do sleep 0.05; done"
AGAIN = [f"rm half.txt; {FIX}", "Subtraction takes its operands in order."]


def killed(program, venv="pair"):
    events = harmed(program, [
        conversation("coder", SHELL[program](WAIT), say("Never said."), attempt=1),
        conversation("coder", SHELL[program](AGAIN[0]), *END.get(program, [say(AGAIN[1])]))], lambda home: kill_programs(), venv)
    reasons = [e["data"]["reason"] for e in events if e["type"] == "task.failed"]
    check(len(reasons) == 1 and f"{program} ended with exit code 137" in reasons[0], f"the attempts that failed: {reasons}")


@test
def a_killed_program_costs_one_attempt():
    killed("claude")
    killed("codex")


def goes_on(program):
    def harm(home):
        for pid, line in home.processes().items():
            if "coordinator serve" in line:
                kill(pid)
        home.run("sessions")

    wait = "echo half > half.txt; for step in $(seq 40); do sleep 0.05; done"
    harmed(program, [conversation("coder", SHELL[program](wait), SHELL[program](AGAIN[0]), say(AGAIN[1]))], harm)


@test
def claude_code_goes_on_after_its_coordinator_was_killed():
    goes_on("claude")


def hears_a_message(program):
    """What a person says while it works is heard in a second run that goes on with the same conversation."""
    def harm(home):
        home.run("session", session_of(home), "coder-1", "--message", "Put it right, and remove half.txt.")

    wait = "echo half > half.txt; for step in $(seq 60); do sleep 0.05; done"
    # A conversation of its own would begin with the first turn again.
    events = harmed(program, [conversation(
        "coder", SHELL[program](wait), say("Half of it is there."), SHELL[program](AGAIN[0]), say(AGAIN[1]))], harm)
    check(not any(e["type"] == "task.failed" for e in events), "an attempt failed")


@test
def claude_code_hears_a_message_in_the_same_conversation():
    hears_a_message("claude")


def ends_with_its_budget(program, name, input, venv="pair"):
    def endless(body):
        tool = (name, input) if any(t["name"] == name for t in body.get("tools", [])) else ("bash", {"command": "true"})
        return [{"type": "tool_use", "id": f"toolu_{len(body['messages'])}", "name": tool[0], "input": tool[1]}]

    def ending(*options):
        with Provider(endless, tokens=(4000, 2000)) as provider, programs(venv) as home:
            repository = home.repository(CALCULATOR)
            done = home.run(
                "run", "Do it", "--repo", str(repository), "--agents", "1", "--model", "claude-sonnet-5-5", "--budget", "0.4",
                "--yes", *options, check=False, ANTHROPIC_API_KEY="sk-real", ANTHROPIC_BASE_URL=provider.url)
            session = home.json("sessions")[0]
            check(session["spent_microusd"] <= 400_000, f"{session['spent_microusd']} is more than the budget")
            reason = next(e["data"]["reason"] for e in reversed(home.events(session["id"])) if e["type"] == "session.failed")
            return done.returncode, session["state"], reason

    ours, theirs = ending(), ending("--agent", program)
    check(ours[:2] == theirs[:2] and "budget" in theirs[2], f"our own ended with {ours}, {program} with {theirs}")


@test
def claude_code_at_the_end_of_the_budget_ends_as_our_own_agent_does():
    ends_with_its_budget("claude", "Bash", {"command": "true", "description": "Go on"})


@test
def the_trial_says_whether_a_program_works_here():
    with programs("pair") as home:
        listed = {row["name"]: row for row in home.json("agents", "list")}
        check("2.1.327" in listed["claude"]["version"] and "0.163.0" in listed["codex"]["version"], f"{listed}")
        checked = {row["name"]: row for row in home.json("agents", "check")}
        check(set(checked) == {"claude", "codex"} and all(row["ok"] for row in checked.values()), f"{checked}")
        absent = home.run("agents", "check", "vibe", check=False)
        check(absent.returncode == 1 and "not installed" in absent.stdout, f"{absent.stdout}{absent.stderr}")


def every_role(program, venv="pair"):
    with programs(venv) as home:
        repository = home.repository(CALCULATOR)
        plan = {"summary": "One fix", "tasks": [
            {"id": "t1", "title": "Fix subtraction", "description": "Operands are swapped.", "write_set": ["calculator.py"]}]}
        model = script(
            home, "team",
            conversation("architect", ours(program, "plan", **plan), say("The plan is made.")),
            conversation("coder", SHELL[program](FIX), say("Subtraction takes its operands in order.")),
            conversation("reviewer", ours(program, "verdict", verdict="approve", summary="It is right."), say("Approved.")),
            conversation("tester", ours(program, "run_tests"), say("All green.")))
        done, session = run(home, repository, model, "--agent", program, agents="4")
        check(is_fixed(repository), f"the fix was not merged: {done.stdout}{done.stderr}")
        kinds = {e["type"] for e in home.events(session)}
        check({"plan.accepted", "review.submitted", "tests.reported"} <= kinds, f"the events: {sorted(kinds)}")


if os.environ.get("OPENCLAW_TEST_AGENTS") == "all":
    @test
    def claude_code_plays_every_role():
        every_role("claude")

    @test
    def codex_plays_every_role():
        every_role("codex")

    @test
    def vibe_plays_every_role():
        every_role("vibe", "mistral-vibe")

    @test
    def gptme_plays_every_role():
        every_role("gptme", "gptme")

    @test
    def codex_goes_on_after_its_coordinator_was_killed():
        goes_on("codex")

    @test
    def codex_hears_a_message_in_the_same_conversation():
        hears_a_message("codex")

    @test
    def codex_at_the_end_of_the_budget_ends_as_our_own_agent_does():
        ends_with_its_budget("codex", "exec_command", {"cmd": "true"})

    @test
    def vibe_does_a_coders_task():
        coder_does_a_task("vibe", "mistral-vibe")

    @test
    def mini_swe_agent_does_a_coders_task():
        coder_does_a_task("mini-swe-agent", "mini-swe-agent", [SHELL["mini-swe-agent"](FIX), *END["mini-swe-agent"]])

    @test
    def gptme_does_a_coders_task():
        coder_does_a_task("gptme", "gptme")

    @test
    def aider_does_a_coders_task():
        edit = (
            "I change the order.\n\ncalculator.py\n```python\n<<<<<<< SEARCH\n                value = product() - value\n=======\n"
            "                value -= product()\n>>>>>>> REPLACE\n```\n")
        # The examples in its first request look like turns that were had already.
        coder_does_a_task("aider", "aider-chat", [say(edit)] * 12)

    @test
    def killed_vibe_mini_swe_agent_and_gptme_cost_one_attempt():
        for program, venv in [("vibe", "mistral-vibe"), ("mini-swe-agent", "mini-swe-agent"), ("gptme", "gptme")]:
            killed(program, venv)

    @test
    def vibe_ends_with_its_budget():
        ends_with_its_budget("vibe", "bash", {"command": "true"}, "mistral-vibe")

    @test
    def mini_swe_agent_ends_with_its_budget():
        ends_with_its_budget("mini-swe-agent", "bash", {"command": "true"}, "mini-swe-agent")

    @test
    def gptme_ends_with_its_budget():
        ends_with_its_budget("gptme", "shell", {"command": "true"}, "gptme")
