"""What a first process must survive, as a table."""

import os
import time

import transcripts
from host import check

# `make deep` takes the whole of what a first process must survive; an emulated machine takes minutes for it.
DEEP = os.environ.get("OPENCLAW_DEEP") == "1"
ORPHANS = 10_000 if DEEP else 1000
FLOOD = 1 << 30 if DEEP else 16 << 20


def it_boots(ground):
    """The machine says that it is ready, with how long its kernel took."""
    ground.ready = ground.host.note("ready", ground.BOOT_SECONDS)
    check(ground.ready["layers"]["pid1"] and ground.ready["layers"]["ground"] == "microvm", ground.ready)
    check(ground.ready["pid"] == 1 and ground.ready["kernel_ms"] > 0, ground.ready)
    ground.host.call("configure", {"hostname": "agent-one", "clock_ms": int(time.time() * 1000)})


# In any ground

def a_host_that_never_reads(ground):
    """A child writes 1 GiB while the host reads nothing: it ends, and what was dropped is counted exactly."""
    host = ground.host
    size, line = 1 << 30, 1 << 16
    marker = ground.directory / "done"
    host.request("exec", {
        "command": ["/bin/sh", "-c", f"yes {'z' * 1023} | head -c {size}; echo end > {marker}"], "exec_id": "flood"})
    deadline = time.monotonic() + 240
    while not marker.exists():
        check(time.monotonic() < deadline, "the child is blocked by a host that does not read")
        time.sleep(0.1)
    host.note("execDone", exec_id="flood")
    lines = sum(1 for entry in host.lines if entry.get("method") == "log")
    gaps = sum(entry["params"]["dropped"] for entry in host.lines if entry.get("method") == "gap")
    check(lines + gaps == size // 1024, f"{lines} lines came, {gaps} were dropped, {size // 1024} were written")
    check(gaps > 0, "nothing was dropped: the queue is not bounded")
    resident = int(open(f"/proc/{ground.child.pid}/statm").read().split()[1]) * 4096
    check(resident < 64 << 20, f"the harness holds {resident >> 20} MiB")


def the_end_of_the_host_is_the_end(ground):
    """A connection that closes ends the guest with all its children."""
    ground.host.call("exec", {"command": ["sleep", "1000"], "exec_id": "sleeper"})
    ground.host.connection.close()
    check(ground.child.wait(20) == 0, "the harness did not end in order")


# In a machine of its own

def every_exit_code(ground):
    done, text = ground.host.execute("i=0; while [ $i -lt 256 ]; do (exit $i); [ $? = $i ] || echo $i; i=$((i+1)); done")
    check(done["exit_code"] == 0 and text == "", f"exit codes that changed: {text}")
    for code in [0, 1, 2, 63, 126, 127, 128, 255]:
        done, _ = ground.host.execute(f"exit {code}")
        check(done["exit_code"] == code, f"{code}: {done}")


def every_deadly_signal(ground):
    for number in [1, 2, 3, 4, 6, 8, 9, 11, 13, 14, 15, 24, 25, 31, 34, 64]:
        done, _ = ground.host.execute(f"kill -{number} $$; sleep 60")
        check(done["exit_code"] == 128 + number and done.get("signal") == number, f"signal {number}: {done}")


def many_orphans(ground):
    before = ground.host.call("health")["orphans"]
    script = f"i=0; while [ $i -lt {ORPHANS} ]; do ( (:) & ); i=$((i+1)); done"
    done, _ = ground.host.execute(script, seconds=900)
    deadline = time.monotonic() + 60
    while (reaped := ground.host.call("health")["orphans"] - before) < ORPHANS:
        check(time.monotonic() < deadline, f"{reaped} orphans of {ORPHANS} were reaped")
    _, zombies = ground.host.execute("grep -l '^State:.Z' /proc/[0-9]*/status 2>/dev/null | wc -l")
    check(zombies == "0", f"{zombies} zombies are left")


def an_orphan_that_holds_the_pipe(ground):
    started = time.monotonic()
    done, text = ground.host.execute("(sleep 300) & echo first; exit 4")
    check(done["exit_code"] == 4 and text == "first", (done, text))
    check(time.monotonic() - started < 60, "the exit waited for the orphan")
    ground.host.execute("kill -9 $(pidof sleep)")


def a_host_that_does_not_read(ground):
    """Over virtio-serial: much is written, first while nobody reads; the child ends, and the counts add up."""
    host, size = ground.host, FLOOD
    host.lines = []
    host.request("exec", {
        "command": ["/bin/sh", "-c", f"yes {'z' * 1023} | head -c {size}; touch /tmp/flooded"], "exec_id": "flood"})
    # Nothing is read for so long that the child must have met a full channel; what follows needs no luck.
    time.sleep(3)
    host.note("execDone", 1200, exec_id="flood")
    lines = sum(1 for entry in host.lines if entry.get("method") == "log")
    gaps = sum(entry["params"]["dropped"] for entry in host.lines if entry.get("method") == "gap")
    check(lines + gaps == size // 1024, f"{lines} came, {gaps} were dropped, {size // 1024} were written")
    host.lines = []


def out_of_memory(ground):
    """A child that takes all that the guest may use is killed; PID 1 goes on."""
    group = "/sys/fs/cgroup/guest"
    _, limit = ground.host.execute(f"cat {group}/memory.max; echo 100000000 >{group}/memory.max")
    check(0 < int(limit) < ground.memory << 20, f"the limit is {limit}")
    done, _ = ground.host.execute("python3 -c 'b=[]\nwhile True: b.append(bytearray(1<<22))'", seconds=240)
    check(done["exit_code"] == 137, f"{done}")
    ground.host.execute(f"echo {limit} >{group}/memory.max")
    check(ground.host.call("health", seconds=60)["status"] == "ok", "PID 1 is gone")


def a_fork_bomb(ground):
    """It stops at the limit of the control group; PID 1 still answers, and starts what ends it."""
    host = ground.host
    group = "/sys/fs/cgroup/guest"
    _, text = host.execute(f"cat {group}/pids.max; echo 300 >{group}/pids.max")
    check(text == "4096", f"the limit is {text}")
    bomb = "import os,time\nwhile True:\n  try: os.fork()\n  except OSError: time.sleep(600)"
    host.call("exec", {"command": ["python3", "-c", bomb], "exec_id": "bomb"})
    deadline = time.monotonic() + 120
    while True:
        host.number += 1
        name = f"look-{host.number}"
        host.call("exec", {"command": ["cat", f"{group}/pids.current"], "exec_id": name})
        current = int(host.note("log", exec_id=name)["line"])
        host.note("execDone", exec_id=name)
        # What PID 1 starts comes in from outside, which no limit refuses: that is how it stays able to act.
        check(current <= 310, f"{current} processes, and 300 are allowed")
        if current >= 300:
            break
        check(time.monotonic() < deadline, "the bomb met no limit")
    check(host.call("health")["status"] == "ok", "PID 1 does not answer")
    done, _ = host.execute(f"kill -9 -1; echo 4096 >{group}/pids.max; exit 9")
    check(done["exit_code"] == 9, done)
    check(host.note("execDone", exec_id="bomb")["exit_code"] == 137, "the bomb goes on")


def a_full_disk(ground):
    """5 GiB are allowed, and no more; then the guest still works."""
    done, text = ground.host.execute(
        "df -Pm / | tail -n 1; fallocate -l 20G /var/tmp/big 2>&1; rm /var/tmp/big; fallocate -l 4G /tmp/fits && echo fits; rm -f /tmp/fits")
    size = int(text.split()[1])
    check(4000 < size <= 5120, f"the disk has {size} MiB: {text}")
    check("No space left" in text and "fits" in text, text)


def bounds_of_the_manifest(ground):
    done, text = ground.host.execute("nproc; grep MemTotal /proc/meminfo; cat /sys/fs/cgroup/cgroup.controllers")
    processors, memory, controllers = text.split("\n")
    check(processors == "2", text)
    check(int(memory.split()[1]) <= ground.memory << 10, text)
    check({"memory", "pids", "cpu"} <= set(controllers.split()), text)


def transcripts_over_vsock(ground):
    """A second harness in the machine, whose host is the suite inside of it: Debian's kernel has a loopback for vsock as a module."""
    done, text = ground.host.execute(
        "for name in vsock vmw_vsock_virtio_transport_common vsock_loopback; do "
        "insmod /lib/modules/$(uname -r)/kernel/net/vmw_vsock/$name.ko || exit 1; done; "
        "OPENCLAW_HARNESS=/openclaw/bin/openclaw-harness /workspace/suite/Tests/Conformance/control/run vsock", seconds=400)
    check(done["exit_code"] == 0 and f"control: {len(transcripts.ALL)} passed, 0 failed" in text, text)


def bounds_of_a_namespace_guest(ground):
    """The platform in the machine: its kernel has what this one may lack, controllers that can be delegated."""
    done, text = ground.host.execute(
        "HOME=/root python3 /workspace/suite/Tests/Conformance/control/bounds_inside.py 2>&1", seconds=300)
    check(done["exit_code"] == 0 and "bounded" in text, text)


def machines_under_kvm(ground):
    """The platform in the machine, whose processor runs guests: what doctor says, both control channels, pause, end."""
    done, text = ground.host.execute(
        "for name in kvm-amd vhost_vsock tun bridge veth; do modprobe $name || exit 1; done; "
        # As udev would leave them.
        "chmod 666 /dev/net/tun && chgrp 5 /dev/kvm && chmod 660 /dev/kvm && "
        f"HOME=/root OPENCLAW_DEEP={int(DEEP)} python3 /workspace/suite/Tests/Conformance/control/kvm_inside.py 2>&1",
        seconds=1800 if DEEP else 500)
    check(done["exit_code"] == 0 and "virtualized" in text, text)
    print(text, flush=True)


def secrets_are_nowhere(ground):
    """A canary is in the environment of what is started, and in no file and no other user's view."""
    # Made here, so that no source that the machine can see has it.
    canary = f"c4n4ry-{os.urandom(5).hex()}"
    ground.host.call("injectSecrets", {"secrets": {"CANARY": canary}})
    done, text = ground.host.execute("echo ${#CANARY} $CANARY")
    check(text == "17 [redacted CANARY]", text)
    _, found = ground.host.execute(
        f"grep -rl {canary} /etc /run /tmp /var/tmp /home /workspace 2>/dev/null; "
        "/openclaw/bin/openclaw-harness as 1001 1001 -- /bin/sh -c "
        "'cat /proc/1/environ /proc/[0-9]*/environ 2>/dev/null | tr \"\\0\" \"\\n\" | grep -c \"^CANARY=c4n4ry\"; "
        "ls -d /proc/1 2>/dev/null'", env={"CANARY": "none"})
    check(found.strip() == "0", f"found: {found}")


def the_view_of_the_host(ground):
    """The machine shows the host's system, read-only, and nothing else of the host."""
    _, text = ground.host.execute(
        "touch /usr/x 2>&1; ls /home /root; test -e /etc/shadow && echo shadow; id -u; cat /proc/sys/kernel/hostname")
    check("Read-only file system" in text, text)
    check("shadow" not in text and text.endswith("0\nagent-one"), text)


def power_off(ground):
    """Ordered, with the milliseconds of each stage, and bounded."""
    ground.host.call("exec", {"command": ["/bin/sh", "-c", "trap '' TERM; echo deaf; sleep 1000 & wait; sleep 1000"], "exec_id": "deaf"})
    ground.host.note("log", exec_id="deaf", line="deaf")
    started = time.monotonic()
    ground.host.call("shutdown", {"grace_ms": 300})
    stopped = ground.host.note("stopped")
    check({"terminating_ms", "killing_ms", "syncing_ms", "draining_ms"} <= set(stopped), stopped)
    check(stopped["terminating_ms"] >= 300 and stopped["orphans"] >= 1, stopped)
    code = ground.child.wait(60)
    took = time.monotonic() - started
    check(code == 0, f"the machine ended with {code}: {ground.console()}")
    # 0.7 s on an idle machine, emulated.
    check(took < 2, f"power-off took {took:.1f} s: {stopped}")


PROCESS = [a_host_that_never_reads, the_end_of_the_host_is_the_end]
MACHINE = [
    bounds_of_the_manifest, the_view_of_the_host, every_exit_code, every_deadly_signal, an_orphan_that_holds_the_pipe,
    many_orphans, transcripts_over_vsock, bounds_of_a_namespace_guest, secrets_are_nowhere, a_host_that_does_not_read, a_full_disk, out_of_memory, a_fork_bomb,
    power_off,
]
