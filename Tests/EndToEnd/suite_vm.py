"""Sessions whose guests are virtual machines, in software emulation: slow, and the same everywhere."""

import json
import os
import time
import urllib.request

from home import Home, check, git, kill, wait_for
from platform_client import Platform, command, processor_time, tree
from registry import test
from sessions import CALCULATOR, ONE_CODER, TEAM, approve, wait_until_over

# A boot in software on a machine that does other things too.
BOOT_SECONDS = 280


def begin(home, repository, *options):
    home.run(
        "run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--merge",
        "--isolation", "microvm-emulated", "--detach", *options)
    return home.json("sessions")[0]["id"]


def finish(home, session, seconds=BOOT_SECONDS):
    """The session's events, when it has ended well."""
    over = wait_until_over(home, session, seconds)
    events = home.events(session)
    check(over == "completed", f"the session is {over}: {events[-3:]}")
    return events


def machines_of(home, name="qemu-system"):
    """Programs of this name below this home's processes. Their jail shows them no path of ours, so the tree tells."""
    family = set().union(*[tree(root) for root in home.processes()])
    return sorted(pid for pid in family if name in command(pid).split(" ")[0])


NAMESPACE_TREE = []


def expected():
    """What a namespace guest makes of the same task."""
    if not NAMESPACE_TREE:
        with Home() as home:
            repository = home.repository(CALCULATOR)
            home.run(
                "run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--yes", "--merge")
            NAMESPACE_TREE.append(git(repository, "rev-parse", "HEAD^{tree}"))
    return NAMESPACE_TREE[0]


def the_canvas_is_served_from_a_machine_too(home, platform, session):
    address = home.run("session", session, "--canvas").stdout.strip().partition("#")[0]
    ours = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def page():
        with ours.open(address, timeout=60) as answer:
            return answer.read()

    # Until the machine has booted there is a page that says so, and looks again.
    wait_for(lambda: b"app.js" in page(), "the app", BOOT_SECONDS)
    kinds = [guest["isolation"] for guest in platform.instances() if "/canvas/" in guest["app_id"] and guest["state"] != "terminated"]
    check(kinds == ["microvm-emulated"], kinds)


@test
def one_agent_works_in_a_virtual_machine_sleeps_there_and_wakes_with_the_right_time():
    with Home(AEGIS_WARM_POOL="0", AEGIS_PAUSE_AFTER_IDLE_MS="2000") as home:
        repository = home.repository(CALCULATOR)
        session = begin(home, repository)
        home.wait_for_event(session, lambda e: e["type"] == "agent.paused", "sleep", BOOT_SECONDS)
        home.wait_for_event(session, lambda e: e["type"] == "approval.requested", "a result", BOOT_SECONDS)
        platform = Platform(home)
        agent = next(a for a in home.json("session", session, check=False)[0]["agents"] if a["id"] == "coder-1")
        check(agent["state"] == "paused", agent)
        processors = machines_of(home)
        check(len(processors) == 1, f"{len(processors)} machines: the gate's has ended")
        before, since = processor_time(processors), time.monotonic()
        wait_for(lambda: time.monotonic() - since > 6, "a sleep that a clock would show")
        # QEMU itself looks around now and then; an emulated machine that idles takes more than that.
        check(processor_time(processors) - before < 20, "the processors of a machine that stands still do not")
        # Whoever wants something of it wakes it. The clock is set by a notification that comes before the command.
        guest = float(platform.execute(agent["guest"], "date +%s.%N"))
        check(abs(guest - time.time()) < 4, f"after the sleep the guest is {time.time() - guest:.1f} s behind")
        home.wait_for_event(session, lambda e: e["type"] == "agent.resumed", "that it goes on")
        the_canvas_is_served_from_a_machine_too(home, platform, session)
        approve(home, session)
        events = finish(home, session)
        check(git(repository, "rev-parse", "HEAD^{tree}") == expected(), "it made another tree than a namespace guest")
    check(any(e["type"] == "gate.passed" for e in events), f"no gate ran: {[e['type'] for e in events]}")
    check(not any(e["type"] == "agent.lost" for e in events), "a machine that slept counted as dead")


@test
def a_machine_its_files_and_its_platform_are_killed_and_the_end_is_the_same():
    """kill -9 of QEMU, then of the next machine's virtiofsd, then of the platform: nothing is left, and the work is done."""
    with Home(AEGIS_WARM_POOL="0") as home:
        repository = home.repository(CALCULATOR)
        session = begin(home, repository, "--yes")
        killed = set()
        for number, name in enumerate(["qemu-system", "virtiofsd", "openclaw"], 1):
            ready = home.wait_for_event(
                session, lambda e: e["type"] == "agent.ready" and e["data"]["generation"] == number, f"guest {number}",
                BOOT_SECONDS)
            check(ready["data"]["agent"] == "coder-1", ready)
            if name == "openclaw":
                killed |= set(machines_of(home)) | set(machines_of(home, "virtiofsd"))
                victims = [json.loads(home.run("platform", "status", "--json").stdout)["pid"]]
            else:
                victims = machines_of(home, name)[:1]
            check(victims, f"there is no {name}")
            for pid in victims:
                kill(pid)
            killed |= set(victims)
            home.wait_for_event(
                session, lambda e: e["type"] == "agent.lost" and e["data"]["generation"] == number, f"loss {number}", 60)
        finish(home, session)
        check(git(repository, "rev-parse", "HEAD^{tree}") == expected(), "the result is another one")
        alive = [pid for pid in killed if os.path.exists(f"/proc/{pid}/exe") and "openclaw" not in command(pid)]
        check(not alive, f"machines outlived their platform: {[command(pid)[:60] for pid in alive]}")


@test
def a_secret_of_an_agent_in_a_virtual_machine_is_nowhere_but_in_its_environment():
    from suite_guests import a_secret_stays_where_it_belongs

    with Home() as home, Platform(home, AEGIS_WARM_POOL="0") as platform:
        a_secret_stays_where_it_belongs(platform, "microvm-emulated")


@test
def a_team_works_in_machines_of_their_own():
    with Home(AEGIS_WARM_POOL="0") as home:
        repository = home.repository(CALCULATOR)
        home.run(
            "run", "Improve it", "--repo", str(repository), "--agents", "5", "--model", TEAM, "--yes", "--merge",
            "--isolation", "microvm-emulated", timeout=590)
        events = home.events(home.json("sessions")[0]["id"])
        agents = {e["data"]["agent"] for e in events if e["type"] == "agent.ready"}
        check(len(agents) >= 3, f"agents: {agents}")
        result = git(repository, "rev-parse", "HEAD^{tree}")
    with Home() as home:
        repository = home.repository(CALCULATOR)
        home.run("run", "Improve it", "--repo", str(repository), "--agents", "5", "--model", TEAM, "--yes", "--merge")
        check(git(repository, "rev-parse", "HEAD^{tree}") == result, "machines made another tree than namespace guests")
