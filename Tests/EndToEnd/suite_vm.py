"""Sessions whose guests are virtual machines, in software emulation: slow, and the same everywhere."""

import pathlib

from home import ROOT, Home, check, git, kill, wait_for
from registry import test

CALCULATOR = "examples/calculator/repository"
ONE_CODER = f"script:{ROOT}/examples/calculator/one-coder.yaml"


def run_one(home, isolation):
    """One agent's session; its result's tree and its events."""
    repository = home.repository(CALCULATOR)
    home.run(
        "run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--yes", "--merge",
        "--isolation", isolation, timeout=280)
    session = home.json("sessions")[0]["id"]
    return git(repository, "rev-parse", "HEAD^{tree}"), home.events(session)


@test
def one_agent_works_in_a_virtual_machine():
    with Home(AEGIS_WARM_POOL="0") as home:
        tree, events = run_one(home, "microvm-emulated")
    with Home() as home:
        expected, _ = run_one(home, "namespace")
    check(tree == expected, "a virtual machine made another tree than a namespace guest")
    check(any(e["type"] == "gate.passed" for e in events), f"no gate ran: {[e['type'] for e in events]}")


@test
def a_virtual_machine_that_is_killed_is_replaced():
    """kill -9 of QEMU in the middle of the work: the jail goes with it, and the session goes on in a new machine."""
    with Home(AEGIS_WARM_POOL="0") as home:
        repository = home.repository(CALCULATOR)
        home.run(
            "run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--yes", "--merge",
            "--isolation", "microvm-emulated", "--detach")
        session = home.json("sessions")[0]["id"]
        home.wait_for_event(session, lambda e: e["type"] == "task.accepted" or e["type"] == "agent.ready", "an agent")
        machines = machines_of(home)
        check(machines, "there is no machine")
        for pid in machines:
            kill(pid)
        wait_for(
            lambda: home.json("session", session, check=False)[0]["state"] in ("completed", "failed", "cancelled"),
            f"the end of {session}", 280)
        events = home.events(session)
        check(home.json("session", session)[0]["state"] == "completed", f"{events[-3:]}")
        check(any(e["type"] == "agent.lost" for e in events), "nobody noticed")


def machines_of(home):
    """QEMU processes below this home's platform. Their jail shows them no path of ours, so the tree tells."""
    parents, commands = {}, {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1])
                commands[int(entry.name)] = (entry / "cmdline").read_bytes()
            except OSError:
                continue
    family = set(home.processes())
    while True:
        more = {pid for pid, parent in parents.items() if parent in family} - family
        if not more:
            return [pid for pid in family if b"qemu-system" in commands.get(pid, b"")]
        family |= more
