"""Whole sessions, as a user runs them: real guests, real git, real tool calls; only models are stand-ins."""

import hashlib
import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

from home import OPENCLAW, ROOT, Home, check, git, holding, kill, wait_for
from messages_server import Provider
from platform_client import command, guest_pid, tree
from registry import TESTS, test
from sessions import (
    CALCULATOR, DEMO, ONE_CODER, SERVICE, TEAM, approve, check_same_end, demo, in_progress, session_of, start, types, unharmed,
    wait_until_over)


@test
def the_kit_is_installed_listed_and_a_broken_one_refused():
    with Home() as home:
        check("openclaw" in home.run("kit", "list").stdout, "kit list does not show the kit")
        check(home.json("kit", "info")[0]["name"] == "openclaw", "kit info --json")
        broken = home.path / "broken"
        shutil.copytree(ROOT / "dist/kit", broken)
        text = (broken / "aegis-kit.yaml").read_text()
        (broken / "aegis-kit.yaml").write_text(text.replace("name: openclaw", "nome: openclaw"))
        done = home.run("kit", "install", str(broken), check=False)
        check(done.returncode == 2 and "aegis-kit.yaml:" in done.stderr and "nome" in done.stderr, done.stderr)
        check(home.run("doctor").returncode == 0, "doctor finds this machine unfit")


@test
def one_agent_fixes_a_repository_of_another_language():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        done = home.run(
            "run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--yes", "--merge")
        check("merged" in done.stdout, done.stdout)
        check(git(repository, "status", "--porcelain") == "", "the worktree is dirty afterwards")
        tests = subprocess.run(["make", "test"], cwd=repository, capture_output=True, text=True)
        check(tests.returncode == 0 and "test_difference" in tests.stderr, tests.stderr)
        session = session_of(home)
        check(git(repository, "branch", "--list", f"openclaw/{session}") != "", "there is no result branch")
        events = home.events(session)
        check([e["seq"] for e in events] == list(range(1, len(events) + 1)), "the sequence has gaps")
        check(home.run("session", session, "--verify").returncode == 0, "the journal does not verify")
        report = next(e["data"]["path"] for e in events if e["type"] == "artifact.stored")
        check("subtract" in pathlib.Path(report).read_text().lower(), "the report does not say what was done")
        check((pathlib.Path(report).parents[1] / "workspace/agents/coder-1/.git").exists(), "the volume was not kept")
        check("coder-1" in home.run("session", session, "--status").stdout, "status")


@test
def a_team_of_five_works_side_by_side():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        home.run(
            "run", "Improve it", "--repo", str(repository), "--agents", "5", "--model", TEAM, "--yes", "--merge")
        events = home.events(session_of(home))
        agents = {e["data"]["agent"] for e in events if e["type"] == "agent.ready"}
        check(agents == {"architect-1", "coder-1", "coder-2", "reviewer-1", "tester-1"}, f"agents: {agents}")
        check((repository / "README.md").exists(), "the second task is not in the result")


@test
def the_demo_has_a_conflict_a_change_request_and_a_gate():
    _, events = unharmed()
    seen = types(events)
    for wanted in ["merge.conflicted", "task.returned", "gate.passed", "tests.reported", "approval.requested"]:
        check(wanted in seen, f"there was no {wanted}")
    verdicts = [e["data"]["verdict"] for e in events if e["type"] == "review.submitted"]
    check(verdicts == ["request_changes", "approve"], f"verdicts: {verdicts}")
    check(seen.index("task.merged") > seen.index("gate.passed"), "something was merged before its gate")


@test
def the_agents_process_is_killed_and_the_end_is_the_same():
    killed = []

    def harm(session):
        killed.append(time.time() * 1000)
        for pid in tree(guest_pid(home, session, "coder-1")):
            if command(pid).startswith("/openclaw/bin/openclaw-agent"):
                kill(pid)

    with Home() as home:
        result, events = demo(home, harm, in_progress("coder-1"))
        lost = next((e["at"] for e in events if e["type"] == "agent.lost"), None)
        check(lost is not None, "nobody noticed")
        # Guests come and go meanwhile: the coordinator's address must stay where its neighbours know it.
        check(lost - killed[0] < 20_000, f"noticed after {lost - killed[0]:.0f} ms")
        check_same_end(result)


@test
def a_guest_is_killed_and_the_end_is_the_same():
    with Home() as home:
        result, events = demo(
            home, lambda session: kill(guest_pid(home, session, "coder-2")), in_progress("coder-2"))
        check("agent.lost" in types(events), "nobody noticed")
        check_same_end(result)


@test
def the_coordinator_is_killed_and_the_end_is_the_same():
    def harm(session):
        kill(home.json("coordinator", "status")[0]["pid"])
        time.sleep(0.3)
        home.run("coordinator", "start")

    with Home() as home:
        result, _ = demo(home, harm, in_progress("coder-1"))
        check_same_end(result)


@test
def the_platform_is_killed_with_all_guests_and_the_end_is_the_same():
    with Home() as home:
        def harm(session):
            answer = subprocess.run(
                ["curl", "-sS", "--unix-socket", str(home.path / "aegis/aegisd.sock"), "http://x/v1/status"],
                check=True, capture_output=True, text=True)
            kill(json.loads(answer.stdout)["pid"])

        result, events = demo(home, harm, in_progress("coder-1"))
        check("agent.lost" in types(events), "nobody noticed")
        check_same_end(result)


@test
def nothing_is_merged_without_an_approval_of_exactly_this_tree():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        done = home.run(
            "run", "Fix it", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--merge", check=False)
        check(done.returncode == 8, f"exit {done.returncode}: {done.stdout}")
        session = session_of(home)
        head = git(repository, "rev-parse", "HEAD")
        check("-                value = product() - value" in home.run("diff", session).stdout, "the diff")
        stale = home.run("approve", session, "--tree", "0" * 40, check=False)
        check(stale.returncode == 1 and "changed" in stale.stderr, stale.stderr)
        check(git(repository, "rev-parse", "HEAD") == head, "something was merged without consent")
        approve(home, session)
        check(wait_until_over(home, session) == "completed", "the approved session did not complete")
        check(git(repository, "rev-parse", "HEAD") != head, "the approved change was not merged")
        idle = home.path / "idle.yaml"
        idle.write_text(
            "name: idle\nconversations:\n- match: {role: coder}\n  turns:\n"
            "  - {tools: [{name: complete_task, input: {summary: nothing to do}}]}\n")
        done = home.run(
            "run", "Fix it", "--repo", str(repository), "--agents", "1", "--model", f"script:{idle}", check=False)
        check(done.returncode == 1 and "changed nothing" in done.stdout, done.stdout)


@test
def a_session_is_paused_resumed_denied_and_cancelled():
    with Home() as home:
        repository = home.repository(SERVICE)
        session = start(home, repository, DEMO)
        home.wait_for_event(session, in_progress("coder-1"), "coder-1 at work")
        home.run("pause", session)
        home.wait_for_event(
            session, lambda e: e["type"] == "effect.succeeded" and e["data"]["key"].startswith("pause"), "the pause")
        count = len(home.events(session))
        time.sleep(1.5)
        check(len(home.events(session)) - count <= 3, "the agents went on although they are paused")
        home.run("resume", session)
        home.wait_for_event(session, lambda e: e["type"] == "approval.requested", "the approval gate")
        home.run("deny", session, "not today")
        check(home.run("session", session, check=False).returncode == 1, "a denied session is no success")
        other = start(home, repository, DEMO)
        home.wait_for_event(other, lambda e: e["type"] == "agent.ready", "an agent")
        home.run("cancel", other)
        check(wait_until_over(home, other) == "cancelled", "cancelled")


def edits(body):
    """A model that looks at the results it got: read, fix what it read, run the tests, finish."""
    turns = sum(message["role"] == "assistant" for message in body["messages"])
    last = body["messages"][-1]["content"]
    results = [b["content"] for b in last if isinstance(b, dict) and b["type"] == "tool_result"]
    call = lambda name, **arguments: {"type": "tool_use", "id": f"toolu_{turns}", "name": name, "input": arguments}
    if turns == 0:
        return [{"type": "text", "text": "I read it."}, call("read", file_path="calculator.py")]
    if turns == 1:
        line = next(line for line in results[0].splitlines() if "product() - value" in line)
        return [call("edit", file_path="calculator.py", old_string=line.split("\t", 1)[1].strip(), new_string="value -= product()")]
    if turns == 2:
        return [call("bash", command="env; python3 -c 'import calculator; print(calculator.evaluate(\"7 - 2\"))'")]
    if turns == 3:
        check("5.0" in results[0], f"the tool's result did not come back: {results}")
        check("sk-real" not in results[0], "the real key is in the guest")
    # Before the work is handed over, its author is shown the change as git sees it.
    return [call("complete_task", summary="fixed")]


@test
def a_server_that_speaks_the_messages_api_stands_in_for_the_provider():
    with Provider(edits, failures=2) as provider, Home() as home:
        repository = home.repository(CALCULATOR)
        keys = {"ANTHROPIC_API_KEY": "sk-real", "ANTHROPIC_BASE_URL": provider.url}
        home.run(
            "run", "Fix it", "--repo", str(repository), "--agents", "1", "--model", "claude-sonnet-5-5", "--yes",
            "--merge", "--budget", "5", **keys)
        check(all(h.get("x-api-key") == "sk-real" for h in provider.headers), "the key does not arrive")
        check(provider.requests[0]["model"] == "claude-sonnet-5-5", "the model is not the one that was asked for")
        events = home.events(session_of(home))
        check("model.waited" in types(events), "the overloaded provider was not waited for")
        check(home.json("sessions")[0]["spent_microusd"] > 0, "the calls cost nothing")
        # The session is still being torn down: files go while they are looked at.
        secrets = holding(home.path, b"sk-real")
        check(not secrets, f"the key is on the disk: {secrets}")
        poor = home.run(
            "run", "Fix it", "--repo", str(repository), "--agents", "1", "--model", "claude-sonnet-5-5", "--budget",
            "0.001", check=False, **keys)
        check(poor.returncode == 1, "a budget of a tenth of a cent was enough")
        check(home.json("sessions")[0]["spent_microusd"] <= 1000, "the budget was overshot")


@test
def the_official_anthropic_sdk_works_through_the_gateway():
    check(os.geteuid() == 0, "this test enters a guest's network and needs root")
    python = ROOT / ".venv/bin/python"
    check(python.exists(), "the SDK is not installed; run scripts/setup test")
    with Home() as home:
        repository = home.repository(SERVICE)
        session = start(home, repository, DEMO)
        home.wait_for_event(session, lambda e: e["type"] == "approval.requested", "the approval gate")
        secret = (home.path / f"aegis/openclaw/sessions/{session}/secret").read_text().strip()
        digest = hashlib.blake2b(b"tester-1", digest_size=32, key=bytes.fromhex(secret)).hexdigest()
        pid = guest_pid(home, session, "tester-1")
        done = subprocess.run(
            ["nsenter", "-t", str(pid), "-n", str(python), str(ROOT / "Tests/EndToEnd/sdk_anthropic.py")],
            capture_output=True, text=True, timeout=120,
            env={"BASE_URL": "http://10.77.0.1:9090/anthropic", "TOKEN": f"tester-1.{digest}", "PATH": os.environ["PATH"]})
        check(done.returncode == 0, done.stdout + done.stderr)
        forged = subprocess.run(
            ["nsenter", "-t", str(pid), "-n", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
             "-H", f"Authorization: Bearer coder-1.{digest}", "http://10.77.0.1:9090/coordinator/notes"],
            capture_output=True, text=True)
        check(forged.stdout == "401", f"another agent's name with this token: {forged.stdout}")
        home.run("cancel", session)


@test
def wrong_input_is_refused_with_the_next_step_and_leaves_nothing():
    with Home() as home:
        repository = home.repository(CALCULATOR)

        def refused(code, words, *arguments):
            done = home.run("run", "Fix it", *arguments, check=False)
            check(done.returncode == code, f"{arguments}: exit {done.returncode}, not {code}: {done.stderr}")
            check(words in done.stderr, f"{arguments}: {done.stderr}")

        model = ["--model", ONE_CODER]
        refused(5, "no repository", "--repo", str(home.path / "nowhere"), *model)
        empty = home.path / "empty"
        empty.mkdir()
        git(empty, "init", "-q")
        refused(2, "no commit yet", "--repo", str(empty), *model)
        refused(4, "ANTHROPIC_API_KEY", "--repo", str(repository), "--model", "claude-sonnet-5-5")
        refused(2, "no provider", "--repo", str(repository), "--model", "gpt")
        refused(5, "no scripted model", "--repo", str(repository), "--model", "script:nowhere")
        refused(2, "1 to 8", "--repo", str(repository), "--agents", "9", *model)
        refused(2, "--agents 2", "--repo", str(repository), "--agent", "2", *model)
        plan = home.path / "plan.yaml"
        plan.write_text("summary: x\ntasks:\n- {id: a, title: A, depends_on: [b]}\n- {id: b, title: B, depends_on: [a]}\n")
        refused(2, "a → b → a", "--repo", str(repository), "--plan", str(plan), *model)
        plan.write_text("summary: x\ntasks:\n- {id: a, title: A, role: wizard}\n")
        refused(2, "wizard", "--repo", str(repository), "--plan", str(plan), *model)
        (repository / "calculator.py").write_text("# changed\n")
        refused(2, "calculator.py", "--repo", str(repository), *model)
        check(home.json("sessions") == [], "a refused session was made")
        check(list((home.path / "aegis/openclaw/sessions").iterdir()) == [], "a refused session left a directory")


@test
def a_model_that_answers_nonsense_ends_in_a_clear_failure():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        script = home.path / "nonsense.yaml"
        script.write_text(
            "name: nonsense\nconversations:\n- match: {role: coder}\n  turns:\n"
            + "  - {tools: [{name: fly, input: {to: moon}}]}\n" * 6)
        done = home.run(
            "run", "Fix it", "--repo", str(repository), "--agents", "1", "--model", f"script:{script}", check=False)
        check(done.returncode == 1, f"exit {done.returncode}")
        check("4 times in a row" in done.stdout and "openclaw logs" in done.stdout, done.stdout)


@test
def a_second_daemon_is_refused():
    with Home() as home:
        home.run("coordinator", "start")
        for daemon in ["coordinator", "platform"]:
            done = home.run(daemon, "serve", check=False)
            check(done.returncode != 0 and ("in use" in done.stderr or "already" in done.stderr), done.stderr)


def fill(directory):
    """Writes until the disk is full; returns the file."""
    ballast = directory / "ballast"
    with open(ballast, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


@test
def a_full_disk_is_said_and_nothing_is_lost():
    check(os.geteuid() == 0, "this test mounts a small disk and needs root")
    with Home() as home:
        small = home.path / "small"
        small.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "small", str(small)], check=True)
        full = {"AEGIS_OPENCLAW_HOME": str(small / "openclaw")}

        def says_why(done):
            said = done.stdout + done.stderr
            check(any(word in said for word in ["ENOSPC", "space", "full", "disk"]), said)

        try:
            repository = home.repository(CALCULATOR)
            run = ["run", "Fix it", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--merge"]
            home.run("coordinator", "start", **full)
            ballast = fill(small)
            done = home.run(*run, check=False, timeout=120, **full)
            check(done.returncode not in (0, 8), "a session fits into nothing")
            says_why(done)
            ballast.unlink()
            check(home.run(*run, check=False, **full).returncode == 8, "with room again it does not work")
            session = home.json("sessions", **full)[0]["id"]
            before = home.json("session", session, "--logs", check=False, **full)
            home.run("diff", session, **full)
            ballast = fill(small)
            done = home.run("approve", session, check=False, **full)
            if done.returncode != 0:
                says_why(done)
            ballast.unlink()
            home.run("approve", session, check=False, **full)
            wait_for(
                lambda: home.json("session", session, check=False, **full)[0]["state"] == "completed",
                "the end of the session", 60)
            events = home.json("session", session, "--logs", **full)
            check(events[: len(before)] == before, "what was acknowledged before is another thing now")
            check(home.run("session", session, "--verify", **full).returncode == 0, "the journal does not verify")
            check("test_difference" in git(repository, "show", "HEAD:tests/test_calculator.py"), "the change did not come home")
        finally:
            home.run("coordinator", "stop", "--all", check=False, **full)
            subprocess.run(["umount", "-l", str(small)], check=True)


@test
def a_machine_without_user_namespaces_is_told_what_to_do():
    with Home() as home:
        command = "echo 0 > /proc/sys/user/max_user_namespaces; exec \"$0\" doctor"
        done = subprocess.run(
            ["unshare", "-Ur", "sh", "-c", command, str(OPENCLAW)], capture_output=True, text=True,
            env=home.environment)
        check(done.returncode == 69, f"exit {done.returncode}: {done.stdout}")
        check("max_user_namespaces" in done.stdout, done.stdout)


@test
def guests_of_a_session_reach_each_other_and_nobody_else():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        script = home.path / "look.yaml"
        look = (
            "getent hosts openclaw-coordinator coder-1; cat /etc/hosts | grep -c session.local; "
            "cut -d: -f1 /proc/net/dev; ls /root /home 2>&1; cat /proc/net/route | wc -l; echo done > here; "
            "touch /workspace/base/x /workspace/integration/x /workspace/agents/other 2>&1")
        script.write_text(
            "name: look\nconversations:\n- match: {role: coder}\n  turns:\n"
            f"  - {{tools: [{{name: bash, input: {{command: {json.dumps(look)}}}}}]}}\n"
            "  - {tools: [{name: complete_task, input: {summary: \"${last_result}\"}}]}\n")
        home.run(
            "run", "Look", "--repo", str(repository), "--agents", "1", "--model", f"script:{script}", "--yes",
            "--test", "true")
        events = home.events(session_of(home))
        said = next(e["data"]["summary"] for e in events if e["type"] == "task.completed")
        check("10.77.0.1" in said and "lo" in said, said)
        check("eth0" not in said, f"a tool without a network sees one: {said}")
        check(said.count("Read-only file system") == 3, f"what is not the agent's can be written: {said}")


@test
def an_ordinary_user_runs_the_same_session():
    check(os.geteuid() == 0, "this test becomes an ordinary user and needs root to do so")
    with Home() as home:
        repository = home.repository(CALCULATOR)
        # This checkout may lie where only its owner looks, as below what mktemp -d makes.
        program, model = home.path / "openclaw", home.path / "model.yaml"
        shutil.copy2(OPENCLAW, program)
        shutil.copy2(ONE_CODER.removeprefix("script:"), model)
        subprocess.run(["chown", "-R", "65534:65534", str(home.path)], check=True)
        home.path.chmod(0o755)
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", str(program), "run", "Fix it", "--repo",
             str(repository), "--agents", "1", "--model", f"script:{model}", "--yes", "--merge"],
            capture_output=True, text=True, env=home.environment, timeout=200, stdin=subprocess.DEVNULL)
        check(done.returncode == 0, f"exit {done.returncode}: {done.stdout}{done.stderr}")


def main():
    for path in sorted(pathlib.Path(__file__).parent.glob("suite_*.py")):
        importlib.import_module(path.stem)
    wanted = sys.argv[1:]
    chosen = [t for t in TESTS if not wanted or any(word in f"{t.__module__}.{t.__name__}" for word in wanted)]
    if not chosen:
        print(f"end-to-end: no test has {' or '.join(wanted)} in its name or its file's")
        return 2
    failed = []
    for number, function in enumerate(chosen, 1):
        name = function.__name__.replace("_", " ")
        begin = time.monotonic()
        try:
            function()
            verdict = "ok"
        except Exception as error:  # whatever a test throws is its failure
            verdict = f"FAILED: {type(error).__name__}: {error}"
            failed.append(f"{name}: {verdict}"[:2000])
        print(f"[{number}/{len(chosen)}] {name}: {verdict} ({time.monotonic() - begin:.1f} s)", flush=True)
    if failed:
        # Once more at the end: of a long log that is what is read, and sometimes all that is kept.
        print(f"end-to-end: {len(failed)} of {len(chosen)} failed:", *failed, sep="\n    ")
        return 1
    print(f"end-to-end: all {len(chosen)} green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
