"""Guests that wait, sleep, hang and die: the long-running policy, the warm pool, and what of a secret stays where."""

import concurrent.futures
import os
import pathlib
import subprocess
import time

from home import Home, check, git, holding, kill, wait_for
from platform_client import Platform, command, guest_pid, processor_time, state_of, stop, token, tree
from registry import test
from sessions import (
    CALCULATOR, ONE_CODER, approve, check_same_end, demo, in_progress, session_of, start, types, wait_until_over)


@test
def an_agent_that_waits_for_input_sleeps_and_a_message_wakes_it():
    with Home(AEGIS_PAUSE_AFTER_IDLE_MS="1200", OPENCLAW_SILENCE_SECONDS="3") as home:
        repository = home.repository(CALCULATOR)
        session = start(home, repository, ONE_CODER, "--agents", "1", "--merge")
        paused = home.wait_for_event(session, lambda e: e["type"] == "agent.paused", "sleep")
        check(paused["data"] == {"agent": "coder-1", "generation": 1, "reason": "it waits for input"}, paused)
        agent = state_of(home, session, "coder-1")
        check(agent["state"] == "paused", agent)
        page = home.run("session", session, "--status", check=False).stdout
        check("paused" in page, page)
        platform = Platform(home)
        instance = platform.instance(agent["guest"])
        check(instance["state"] == "PAUSED" and instance["pause_cause"] == "idle", instance)
        guest = tree(instance["pid"])
        check(len(guest) >= 2, guest)
        before, since = processor_time(guest), time.monotonic()
        # Longer than a guest may be silent, the coordinator's look every five seconds included.
        wait_for(lambda: time.monotonic() - since > 9, "the time in which a silent guest would be ended")
        check(processor_time(guest) == before, "a guest that sleeps burns processor time")
        home.run("session", session, "coder-1", "--message", "Are you there?")
        resumed = home.wait_for_event(session, lambda e: e["type"] == "agent.resumed", "the awakening")
        check(resumed["data"]["milliseconds"] >= 8000, resumed)
        home.wait_for_event(
            session, lambda e: e["type"] == "agent.paused" and e["seq"] > resumed["seq"], "sleep again")
        approve(home, session)
        check(wait_until_over(home, session) == "completed", "the session did not end well")
        check(not any(e["type"] == "agent.lost" for e in home.events(session)), "a guest that slept counted as dead")


@test
def agents_that_sleep_whenever_they_wait_come_to_the_same_end():
    with Home(AEGIS_PAUSE_AFTER_IDLE_MS="50") as home:
        result, events = demo(home)
        check("agent.lost" not in types(events), "a guest was lost")
        slept = {e["data"]["agent"] for e in events if e["type"] == "agent.paused"}
        woken = {e["data"]["agent"] for e in events if e["type"] == "agent.resumed"}
        check(slept and woken, f"{slept} slept, {woken} went on")
        check_same_end(result)


@test
def an_agent_that_is_silent_is_ended_and_replaced():
    with Home(OPENCLAW_SILENCE_SECONDS="3") as home:
        result, events = demo(
            home, lambda session: stop(tree(guest_pid(home, session, "coder-1"))), in_progress("coder-1"))
        lost = [e["data"] for e in events if e["type"] == "agent.lost"]
        check(lost and lost[0]["agent"] == "coder-1" and "silent for 3 seconds" in lost[0]["reason"], lost)
        check("agent.requested" in types(events)[types(events).index("agent.lost"):], "nobody took its place")
        check_same_end(result)


@test
def a_guest_that_is_told_to_stand_still_is_not_woken_by_work_and_its_time_does_not_run():
    with Home(AEGIS_PAUSE_AFTER_IDLE_MS="0") as home, Platform(home) as platform:
        instance = platform.ensure("a/coder-1/1", max_runtime_seconds=3)["id"]
        platform.call("POST", f"/v1/instances/{instance}/pause", {})
        since = time.monotonic()
        platform.ensure("a/coder-1/1", max_runtime_seconds=3)
        check(platform.instance(instance)["pause_cause"] == "asked", "somebody woke it")
        wait_for(lambda: time.monotonic() - since > 5, "more than its longest run time")
        check(platform.instance(instance)["state"] == "PAUSED", "its time ran while it stood")
        platform.call("POST", f"/v1/instances/{instance}/resume", {})
        check(platform.execute(instance, "echo here") == "here", "it does not go on")
        ended = wait_for(lambda: platform.instance(instance).get("exit"), "the end of its run time", 30)
        check("longest run time" in ended["reason"], ended)


@test
def a_guest_without_a_control_group_of_its_own_stands_still_by_signals():
    """An ordinary user may make no group, as on most machines."""
    check(os.geteuid() == 0, "this test becomes an ordinary user and needs root to do so")
    user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    with Home(AEGIS_PAUSE_AFTER_IDLE_MS="0") as home:
        (home.path / "aegis/openclaw").mkdir(parents=True, exist_ok=True)
        subprocess.run(["chown", "-R", "65534:65534", str(home.path)], check=True)
        home.path.chmod(0o755)
        with Platform(home, user, AEGIS_WARM_POOL="0") as platform:
            able = platform.call("GET", "/v1/status")["capabilities"]
            check(able["pause"]["namespace"] == "sigstop" and able["limits"]["namespace"]["memory"] == "none", able)
            busy = ["/bin/sh", "-c", "for i in 1 2 3; do (while :; do :; done) & done; wait"]
            instance = platform.ensure("a/coder-1/1", busy)
            wait_for(lambda: len(tree(instance["pid"])) >= 5, "the busy ones")
            platform.call("POST", f"/v1/instances/{instance['id']}/pause", {})
            guest = tree(instance["pid"])
            before, since = processor_time(guest), time.monotonic()
            wait_for(lambda: time.monotonic() - since > 1, "a second")
            after = processor_time(guest)
            check(after == before, f"{after - before} ticks more while it stands")
            platform.call("POST", f"/v1/instances/{instance['id']}/resume", {})
            check(platform.execute(instance["id"], "echo here") == "here", "it does not go on")
            wait_for(lambda: processor_time(guest) > before, "that its programs go on")


def pooled(platform):
    """PID 1 of each guest that nobody has claimed."""
    claimed = {instance.get("pid") for instance in platform.instances()}
    found = []
    for pid in tree(platform.child.pid):
        if "openclaw-harness launch" in command(pid):
            found += [child for child in tree(pid) - {pid} if parent(child) == pid and child not in claimed]
    return found


def parent(pid):
    try:
        return int(pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


@test
def ten_claims_at_once_are_served_while_the_pool_refills_and_dead_spares_are_passed_over():
    with Home() as home, Platform(home, AEGIS_WARM_POOL="3", AEGIS_PAUSE_AFTER_IDLE_MS="0") as platform:
        wait_for(lambda: platform.spares() == 3, "a full pool")
        with concurrent.futures.ThreadPoolExecutor(10) as workers:
            made = list(workers.map(lambda n: platform.ensure(f"a/agent-{n}/1"), range(10)))
        check(all(m["state"] == "RUNNING" for m in made), [m["state"] for m in made])
        check(len({m["id"] for m in made}) == 10, "two claims were given one guest")
        check(sum(m["from_pool"] for m in made) >= 3, [m["from_pool"] for m in made])
        for instance in made:
            check(platform.execute(instance["id"], "echo $$") != "", "a guest does nothing")
        wait_for(lambda: platform.spares() == 3, "a pool that is full again")

        # One dies, one hangs: the claim comes to the third, or to a new guest when the dead was noticed and replaced.
        first, second, *_ = pooled(platform)
        stop(tree(first))
        kill(second)
        begin = time.monotonic()
        instance = platform.ensure("b/agent/1")
        check(instance["state"] == "RUNNING" and instance["pid"] not in (first, second), instance)
        check(time.monotonic() - begin < 15, "it took as long as a hang")
        for other in made + [instance]:
            platform.call("POST", f"/v1/instances/{other['id']}/terminate", {"grace_ms": 0})
        wait_for(lambda: platform.spares() == 3, "a pool of guests that live", 90)
        claimed = [platform.ensure(f"c/agent-{n}/1") for n in range(3)]
        check(all(c["from_pool"] and c["state"] == "RUNNING" for c in claimed), claimed)
    check(not leftover_groups(home), leftover_groups(home))


def leftover_groups(home):
    """Control groups of guests of this home's platform: its processes have all gone, so none may be left with one."""
    found = []
    for path in pathlib.Path("/sys/fs/cgroup").glob("**/openclaw-*/i-*/cgroup.procs"):
        try:
            if any(str(home.path) in command(int(pid)) for pid in path.read_text().split()):
                found.append(str(path))
        except OSError:
            continue
    return found


def a_secret_stays_where_it_belongs(platform, isolation):
    """What an agent is given as a secret is in its own environment, and nowhere else that anybody could look."""
    canary = token("coder-1").split(".")[1]
    home = platform.home
    volume = home.path / f"volume-{isolation}"
    (volume / "agents/coder-1").mkdir(parents=True)
    platform.call("PUT", f"/v1/volumes/{isolation}", {"path": str(volume)})
    script = "echo start ${#SESSION_TOKEN} $SESSION_TOKEN; sleep 600"
    instance = platform.ensure(
        f"{isolation}/coder-1/1", ["/bin/sh", "-c", script], isolation,
        workspace={"volume_id": isolation, "writable": ["agents/coder-1"]})
    identity = instance["id"]
    said = wait_for(lambda: next((l for l in platform.logs(identity).splitlines() if l.startswith("start ")), None), "its output")
    check(said.startswith(f"start {len(token('coder-1'))} ["), f"the log says {said}")
    look = (
        # The canary is not in these words, so what is found is not the search itself.
        f"n={canary[:20]}; n=${{n}}{canary[20:40]}; "
        "grep -rlsF \"$n\" /etc /run /tmp /var /home /workspace /root 2>/dev/null; "
        "seen=$(env -u SESSION_TOKEN /openclaw/bin/openclaw-harness as 1001 1001 -- /bin/sh -c "
        "'cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline 2>/dev/null' | tr '\\0' ' '); "
        "case \"$seen\" in *$n*) echo another user sees it;; esac")
    found = platform.execute(identity, look)
    check(found == "", f"it is in a file of the guest, or in what another user may see: {found}")
    # From the agent's own view it is there: the search is able to find it.
    own = platform.execute(identity, "tr '\\0' '\\n' < /proc/$(pidof -s sleep)/environ | grep -c ^SESSION_TOKEN=")
    check(own == "1", f"the agent has no token: {own}")
    check(holding(home.path, canary.encode()) == [], "it is in a file of the host")
    return identity


@test
def a_secret_of_an_agent_is_nowhere_but_in_its_environment():
    with Home() as home, Platform(home, AEGIS_WARM_POOL="0") as platform:
        a_secret_stays_where_it_belongs(platform, "namespace")


@test
def the_journal_and_the_logs_of_a_session_hold_no_token():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        home.run("run", "Do it", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--yes", "--merge")
        session = session_of(home)
        secret = (home.path / "aegis/openclaw/sessions" / session / "secret").read_text().strip()
        canary = token("coder-1", secret).split(".")[1].encode()
        check(holding(home.path, canary) == [], f"the token is in {holding(home.path, canary)}")
        check(git(repository, "grep", "-c", "value -= product", "HEAD") != "", "nothing was done")
