"""Runs inside of a machine whose kernel has control groups of version 2 with their controllers: the embedded platform, and
in it a namespace guest whose memory, processors and processes are bounded from outside, as the manifest says."""

import pathlib
import sys
import time

SUITE = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(SUITE / "Tests/EndToEnd"))
from home import Home, check, wait_for
from platform_client import Platform, processor_time, tree

MEGABYTES = 96


def main():
    with Home() as home:
        manifest = home.path / "aegis/kits/openclaw/aegis-kit.yaml"
        text = manifest.read_text()
        check("  memory: 1gb" in text and "  cpu: 2" in text, text)
        manifest.write_text(text.replace("  memory: 1gb", f"  memory: {MEGABYTES}mb").replace("  cpu: 2", "  cpu: 1"))
        with Platform(home, AEGIS_WARM_POOL="0", AEGIS_PAUSE_AFTER_IDLE_MS="0") as platform:
            able = platform.call("GET", "/v1/status")["capabilities"]
            check(able["limits"]["namespace"] == {"memory": "cgroup", "cpu": "cgroup", "processes": "cgroup", "disk": "none"}, able)
            check(able["pause"]["namespace"] == "freezer", able)
            instance = platform.ensure("a/coder-1/1")
            group, = pathlib.Path("/sys/fs/cgroup").glob(f"**/openclaw-*/{instance['id']}")
            held = {name: (group / name).read_text().strip() for name in ["memory.max", "cpu.max", "pids.max"]}
            check(held == {"memory.max": str(MEGABYTES << 20), "cpu.max": "100000 100000", "pids.max": "4096"}, held)
            check(str(instance["pid"]) in (group / "cgroup.procs").read_text().split(), "PID 1 is not in it")
            # Who wants more is killed; the guest lives on.
            greedy = platform.call("POST", f"/v1/instances/{instance['id']}/exec", {
                "command": ["python3", "-c", "b=[]\nwhile True: b.append(bytearray(1<<22))"], "timeout_ms": 120_000})
            check(greedy["exit_code"] == 137, greedy)
            check("oom_kill 0" not in (group / "memory.events").read_text(), "it was not the kernel for want of memory")
            check(platform.execute(instance["id"], "echo alive") == "alive", "the guest did not outlive its child")
            platform.call("POST", f"/v1/instances/{instance['id']}/pause", {})
            check("frozen 1" in (group / "cgroup.events").read_text(), "it is not frozen")
            guest = tree(instance["pid"])
            before, since = processor_time(guest), time.monotonic()
            wait_for(lambda: time.monotonic() - since > 1, "a second")
            check(processor_time(guest) == before, "a frozen guest burns processor time")
            platform.call("POST", f"/v1/instances/{instance['id']}/terminate", {"grace_ms": 500})
            wait_for(lambda: not group.exists(), "the end of the group")
        check(not list(pathlib.Path("/sys/fs/cgroup").glob("**/openclaw-*")), "control groups are left")
    print("bounded")


main()
