"""Runs inside of a machine whose processor has virtualization: machines in it whose kernel runs on that processor, by KVM,
and whose control channel is vsock; in `make deep` also a whole session of them."""

import json
import os
import pathlib
import sys
import time

SUITE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(SUITE / "Tests/EndToEnd"))
from home import Home, check, git, wait_for
from platform_client import Platform, command, tree
from sessions import CALCULATOR, ONE_CODER
from suite_vm import expected

STARTED = time.monotonic()


def say(text):
    print(f"{time.monotonic() - STARTED:.0f} s: {text}", flush=True)


def machine_of(instance):
    return next(line for line in map(command, tree(instance["pid"])) if "qemu-system" in line.split(" ")[0])


def a_guest(platform, channel):
    able = platform.call("GET", "/v1/status")["capabilities"]
    check("microvm" in able["isolation"] and able["control"]["microvm"] == channel, able)
    instance = platform.ensure(f"a/coder-1/{channel}", isolation="microvm")
    check(instance["isolation"] == "microvm", instance)
    line = machine_of(instance)
    check("-accel kvm -cpu host" in line and ("vhost-vsock-device" in line) == (channel == "vsock"), line)
    say(f"a guest under KVM called by {channel} after {instance['start_ms']} ms")
    check(platform.execute(instance["id"], "cat /proc/sys/kernel/hostname") == f"agent-{instance['id']}", instance)
    # More than the channel holds at once.
    check(platform.execute(instance["id"], "seq 1 20000 | tail -n 1; seq 1 20000 >&2").count("\n") > 10_000, "lines are lost")
    platform.call("POST", f"/v1/instances/{instance['id']}/pause", {})
    time.sleep(6)
    platform.call("POST", f"/v1/instances/{instance['id']}/resume", {})
    behind = time.time() - float(platform.execute(instance["id"], "date +%s.%N"))
    check(abs(behind) < 4, f"after a pause of 6 s the guest is {behind:.1f} s behind")
    platform.call("POST", f"/v1/instances/{instance['id']}/terminate", {"grace_ms": 20_000})
    wait_for(lambda: not pathlib.Path(f"/proc/{instance['pid']}").exists(), "the end of the machine")
    say(f"what a guest says by {channel}, its pause and its end are right")


def a_platform_dies(home):
    """kill -9 of the platform: its machine, which it called by vsock, ends by itself."""
    platform = Platform(home).__enter__()
    instance = platform.ensure("a/coder-1/orphan", isolation="microvm")
    family = tree(instance["pid"])
    check("vhost-vsock-device" in machine_of(instance), machine_of(instance))
    platform.child.kill()
    platform.child.wait()
    platform.log.close()
    wait_for(lambda: not any(pathlib.Path(f"/proc/{pid}/exe").exists() for pid in family), "the end of the machine", 60)
    say("a machine whose platform was killed has ended")


def a_session(home, repository):
    home.run(
        "run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", ONE_CODER, "--yes", "--merge",
        "--isolation", "microvm", timeout=1200)
    result = git(repository, "rev-parse", "HEAD^{tree}")
    say("a session under KVM has ended")
    check(result == expected(), "KVM made another tree than namespaces")


def main():
    with Home(AEGIS_KERNEL=str(SUITE / "kernel"), AEGIS_WARM_POOL="0", AEGIS_PAUSE_AFTER_IDLE_MS="0") as home:
        findings = [json.loads(line) for line in home.run("doctor", "--json", check=False).stdout.splitlines()]
        kvm = next(finding for finding in findings if finding["check"] == "virtual machines with KVM")
        check(kvm["verdict"] == "ok" and "control by vsock" in kvm["detail"], kvm)
        say(kvm["detail"])
        repository = home.repository(CALCULATOR)
        preview = home.json(
            "run", "Fix it", "--repo", str(repository), "--model", ONE_CODER, "--isolation", "auto", "--dry-run")[0]
        check(preview["configuration"]["isolation"] == "microvm", preview["configuration"])
        home.run("coordinator", "stop", "--all")
        for channel in ["vsock", "virtio-serial"]:
            with Platform(home, AEGIS_CONTROL_CHANNEL=channel) as platform:
                a_guest(platform, channel)
        if os.environ.get("OPENCLAW_DEEP") == "1":
            a_platform_dies(home)
            a_session(home, repository)
    print("virtualized")


main()
