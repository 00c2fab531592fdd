"""Sessions and the money, the limits and the models behind them."""

import json
import os
import signal
import time

from home import ROOT, Home, check, files_below, wait_for
from limited_server import LimitedProvider, call
from registry import test
from sessions import CALCULATOR

TASKS = [f"t{number}" for number in range(1, 6)]
TURNS = 12


def keys(provider):
    return {"ANTHROPIC_API_KEY": "sk-real", "ANTHROPIC_BASE_URL": provider.url}


def team(body, task, turn):
    """Plays architect, five coders, reviewer and tester."""
    if task == "plan":
        if turn == 0:
            return [call("plan", summary="five files", tasks=[
                {"id": name, "title": f"Write {name}", "description": f"Write {name}.txt.",
                 "write_set": [f"{name}.txt"]} for name in TASKS])]
        return [call("complete_task", summary="planned")]
    if task in TASKS:
        if turn < TURNS:
            return [{"type": "text", "text": f"Step {turn}."}, call("bash", command=f"echo {task} step {turn}")]
        if turn == TURNS:
            return [call("write", file_path=f"{task}.txt", content=f"{task}\n")]
        return [call("complete_task", summary=f"{task} is written")]
    if task == "review":
        return [[call("diff")], [call("verdict", verdict="approve", summary="fine")],
                [call("complete_task", summary="approved")]][min(turn, 2)]
    return [[call("run_tests")], [call("complete_task", summary="green")]][min(turn, 1)]


@test
def eight_agents_share_the_limits_of_a_provider_without_a_storm():
    with LimitedProvider(team, requests=60, tokens=40_000, minute=6.0) as provider, Home() as home:
        repository = home.repository(CALCULATOR)
        home.run(
            "run", "Write five files", "--repo", str(repository), "--agents", "8", "--model", "claude-sonnet-5-5",
            "--budget", "20", "--test", "true", "--yes", **keys(provider))
        print(provider.graph())
        session = home.json("sessions")[0]
        check(session["state"] == "completed", f"the session ended as {session['state']}")
        check(len(session["agents"]) == 8, f"there were {len(session['agents'])} agents")
        events = home.events(session["id"])
        alarms = [e for e in events if e["type"] in ("agent.stalled", "agent.lost", "task.failed", "model.refused")]
        check(not alarms, f"alarms: {alarms}")
        served = [entry for entry in provider.log if entry[2] == 200]
        refused = [entry for entry in provider.log if entry[2] == 429]
        # Nobody knows the limits before the first answers; after that they are kept.
        check(len(refused) <= len(served) // 10, f"{len(refused)} of {len(provider.log)} requests were too many")
        in_a_row = max((sum(1 for other in refused if 0 <= other[0] - entry[0] < 0.5) for entry in refused), default=0)
        check(in_a_row <= 4, f"{in_a_row} refusals within half a second: a storm")
        # While all coders worked, each had about the same.
        done = {task: [at for at, name, *_ in served if name == task] for task in TASKS}
        first_end, last_begin = min(times[-1] for times in done.values()), max(times[0] for times in done.values())
        shares = [sum(last_begin <= at <= first_end for at in times) for times in done.values()]
        check(min(shares) * 2 >= max(shares) - 2, f"the coders' shares were {shares}")
        check("model.waited" in {e["type"] for e in events}, "no wait was told")
        # Both reports draw the requests over time.
        calls = sum(e["type"] == "model.settled" for e in events)
        for name in ("report.md", "report.html"):
            found = [p for p in files_below(home.path / "aegis/openclaw/sessions" / session["id"]) if p.name == name]
            check(found, f"there is no {name}")
            text = found[0].read_text()
            check(f"{calls} in all" in text and "│███" in text and "waited" in text, f"{name} has no graph of {calls} requests")


@test
def the_cost_of_a_session_is_counted_every_way_and_sums_up():
    with LimitedProvider(team, requests=6000, tokens=40_000_000, minute=8.0) as provider, Home() as home:
        repository = home.repository(CALCULATOR)
        # Each role's model comes another way: the built-in one, the role's own file, a template, the command line.
        roles = home.path / "aegis/openclaw/roles"
        roles.mkdir(parents=True)
        (roles / "tester.yaml").write_text(
            (ROOT / "dist/kit/roles/tester.yaml").read_text() + "model: claude-haiku-4-5?cache=off\n")
        templates = home.path / "aegis/openclaw/templates"
        templates.mkdir(parents=True)
        # A template's models: the architect's holds, the reviewer's loses to the command line.
        (templates / "five.yaml").write_text(
            "name: five\ntask: Write five files\noptions:\n  budget: {all: '20', coder: '10'}\n"
            "  model: {architect: claude-opus-4-8, reviewer: claude-haiku-4-5}\n")
        home.run(
            "run", "--template", "five", "--repo", str(repository), "--agents", "8", "--model",
            "reviewer=claude-opus-4-8?effort=high", "--test", "true", "--yes", **keys(provider))
        session = home.json("sessions")[0]
        check(session["state"] == "completed", f"the session ended as {session['state']}")
        cost = home.json("cost", session["id"])[0]
        check(cost["microusd"] == session["spent_microusd"] > 0, f"{cost['microusd']} is not what was spent")
        for dimension in ("agent", "role", "model", "task"):
            rows = cost["by"][dimension]
            for field in ("microusd", "calls", "input_tokens", "output_tokens"):
                check(sum(row[field] for row in rows) == cost[field], f"{dimension}: {field} does not sum up")
        models = {e["data"]["detail"]["role"]: e["data"]["model"] for e in home.events(session["id"])
                  if e["type"] == "model.settled"}
        check(models == {"architect": "claude-opus-4-8", "coder": "claude-sonnet-5-5", "tester": "claude-haiku-4-5",
                         "reviewer": "claude-opus-4-8"}, f"the models were {models}")
        check(cost["solo_estimate_microusd"] > 0, "there is no estimate of a solo run")
        reserved = {e["data"]["call"]: e["data"]["microusd"] for e in home.events(session["id"])
                    if e["type"] == "model.reserved"}
        settled = [e["data"] for e in home.events(session["id"]) if e["type"] == "model.settled"]
        check(len(reserved) == len(settled) == cost["calls"], "not every reservation was settled once")
        check(all(s["microusd"] <= reserved[s["detail"]["call"]] for s in settled), "a call passed its reservation")
        check(session["id"] in home.run("cost").stdout, "openclaw cost lists no session")
        check("ROLE" in home.run("cost", session["id"]).stdout, "openclaw cost SESSION shows no roles")
        listed = [line for line in home.json("models", "--server", provider.url + "/v1", **keys(provider))]
        check(any(line.get("model") == "claude-opus-5-5" for line in listed), "openclaw models lists no model")
        check(any(line.get("reachable") is False for line in listed), "a server without models counts as reachable")


@test
def a_limit_of_a_role_stops_that_role_alone():
    with LimitedProvider(team, requests=6000, tokens=40_000_000, minute=8.0) as provider, Home() as home:
        repository = home.repository(CALCULATOR)
        done = home.run(
            "run", "Write five files", "--repo", str(repository), "--agents", "8", "--model", "claude-sonnet-5-5",
            "--budget", "20", "--budget", "coder=0.0001", "--yes", check=False, **keys(provider))
        check(done.returncode == 1, f"the session ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        session = home.json("sessions")[0]["id"]
        refusals = [e["data"] for e in home.events(session) if e["type"] == "model.refused"]
        check(refusals and all(r["agent"].startswith("coder") for r in refusals), f"refused: {refusals}")
        check("the role coder" in refusals[0]["reason"], refusals[0]["reason"])
        roles = {row["name"] for row in home.json("cost", session)[0]["by"].get("role", [])}
        check("coder" not in roles and "architect" in roles, f"money was spent by {roles}")


@test
def a_call_that_a_killed_coordinator_left_open_is_paid_for():
    def silent(body, task, turn):
        time.sleep(3 if silent.hangs else 0)
        return [call("complete_task", summary="done")]

    silent.hangs = True
    with LimitedProvider(silent) as provider, Home() as home:
        repository = home.repository(CALCULATOR)
        session = home.run(
            "run", "Do it", "--repo", str(repository), "--agents", "1", "--model", "claude-sonnet-5-5", "--budget",
            "2", "--detach", **keys(provider)).stdout.strip()
        held = home.wait_for_event(session, lambda e: e["type"] == "model.reserved", "a reservation")["data"]
        wait_for(lambda: provider.log, "the provider to be asked")
        pids = [pid for pid, line in home.processes().items() if "coordinator serve" in line]
        os.kill(pids[0], signal.SIGKILL)
        silent.hangs = False
        home.run("sessions", **keys(provider))
        settled = home.wait_for_event(
            session, lambda e: e["type"] == "model.settled" and e["data"]["detail"]["call"] == held["call"],
            "the settlement of the call that was left open")["data"]
        check(settled["microusd"] == held["microusd"], json.dumps(settled))
        check(not settled["detail"]["answered"], "a call that nobody heard the end of counts as answered")
