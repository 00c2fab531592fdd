"""Where a harness runs for the suite: as an ordinary process that dials TCP, and as PID 1 of a booted machine."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from host import Host, check

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "Tests/EndToEnd"))

from platform_client import tree  # noqa: E402
HARNESS = pathlib.Path(os.environ.get("OPENCLAW_HARNESS", ROOT / "dist/kit/guest/openclaw-harness"))
OPENCLAW = ROOT / "dist/bin/openclaw"


class Process:
    """A harness as the child of another init, as under libkrun: it dials AEGIS_HOST_ADDR."""

    def listen(self):
        """A listener, and how the harness finds it."""
        listener = socket.create_server(("127.0.0.1", 0))
        return listener, {"AEGIS_HOST_ADDR": f"127.0.0.1:{listener.getsockname()[1]}"}

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="openclaw-control-"))
        listener, way = self.listen()
        listener.settimeout(60)
        environment = {
            **way, "PATH": os.environ["PATH"], "AEGIS_RUN_DIR": str(self.directory / "run"), "AEGIS_WORKSPACE_DIR": str(self.directory / "workspace"),
            "AEGIS_HARNESS_LISTEN": "127.0.0.1:0",
        }
        self.child = subprocess.Popen([HARNESS], env=environment, start_new_session=True)
        connection, _ = listener.accept()
        # One connection for a machine's life.
        listener.close()
        self.host = Host(connection)
        return self

    def __exit__(self, *_):
        self.host.connection.close()
        try:
            self.child.wait(20)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)


class Vsock(Process):
    """The same over AF_VSOCK by the kernel's own loopback (context 1), where the kernel has one."""

    PORT, LOCAL = 5000, 1

    def listen(self):
        listener = socket.socket(socket.AF_VSOCK)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((socket.VMADDR_CID_ANY, self.PORT))
        listener.listen()
        return listener, {"AEGIS_VSOCK_PORT": str(self.PORT), "AEGIS_VSOCK_CID": str(self.LOCAL)}

    @classmethod
    def is_there(cls):
        try:
            with socket.socket(socket.AF_VSOCK) as probe:
                probe.bind((cls.LOCAL, socket.VMADDR_PORT_ANY))
            return True
        except OSError:
            return False


class Machine:
    """PID 1 of a kernel in software emulation, started as the platform starts it."""

    BOOT_SECONDS = 120

    def __init__(self, memory=512, processors=2):
        self.memory, self.processors = memory, processors
        self.ready = None

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="openclaw-machine-"))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.directory), "AEGIS_HOME": str(self.directory / "aegis"),
            **{name: os.environ[name] for name in ["AEGIS_KERNEL"] if name in os.environ}}
        self.openclaw("kit", "install", str(ROOT / "dist/kit"))
        for part in ["root", "share/workspace"]:
            (self.directory / part).mkdir(parents=True)
        self.take_along("Tests/Conformance/control", "Tests/EndToEnd", "dist/bin", "dist/kit", "examples/calculator")
        plan = json.loads(self.openclaw("platform", "plan", "microvm-emulated", str(self.directory)))
        plan["memory_mb"], plan["cpus"] = self.memory, self.processors
        self.take_kernel(plan)
        os.chmod(self.directory, 0o755)
        os.chown(plan["disk"], 100000, 100000)
        self.start(plan)
        return self

    def take_along(self, *parts):
        """What runs inside: the machine's /workspace/suite is a repository with these parts. The app is not needed."""
        for part in parts:
            shutil.copytree(
                ROOT / part, self.directory / "share/workspace/suite" / part, symlinks=True,
                ignore=shutil.ignore_patterns("__pycache__", "canvas"))

    def take_kernel(self, plan):
        """The kernel of this machine, for machines inside of it."""
        shutil.copy(plan["kernel"], self.directory / "share/workspace/suite/kernel")

    def openclaw(self, *arguments):
        done = subprocess.run([OPENCLAW, *arguments], capture_output=True, text=True, env=self.environment)
        check(done.returncode == 0, done.stderr)
        return done.stdout

    def start(self, plan):
        ours, theirs = socket.socketpair()
        status, writer = os.pipe()
        configuration = {
            "instance_id": "i-00000000", "hostname": "agent-i-00000000", "root": str(self.directory / "root"),
            "share": str(self.directory / "share"), "binaries": str(HARNESS.parent),
            "uid_map": [[0, 100000, 65536]], "gid_map": [[0, 100000, 65536]], "deny_setgroups": False,
            "machine": plan,
        }
        theirs_number, writer_number = theirs.detach(), writer

        def place():
            # High numbers first, so that neither is in the other's place.
            first, second = os.dup2(theirs_number, 103), os.dup2(writer_number, 104)
            os.dup2(first, 3), os.dup2(second, 4)

        self.log = open(self.directory / "console", "wb")
        self.started = time.monotonic()
        self.child = subprocess.Popen(
            [HARNESS, "launch"], stdin=subprocess.PIPE, stdout=self.log, stderr=self.log, preexec_fn=place,
            pass_fds=(3, 4), env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, start_new_session=True)
        os.close(theirs_number), os.close(writer_number)
        self.child.stdin.write(json.dumps(configuration).encode())
        self.child.stdin.close()
        text = os.read(status, 65536).decode()
        os.close(status)
        check(text.startswith("started "), f"{text} {self.console()}")
        self.pid = int(text.split()[1])
        self.host = Host(ours)

    def console(self):
        return (self.directory / "console").read_text(errors="replace")[-4000:]

    def descendants(self):
        """Every process of the jail."""
        return tree(self.child.pid) - {self.child.pid}

    def __exit__(self, *_):
        self.host.connection.close()
        if self.child.poll() is None:
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()
        self.log.close()
        shutil.rmtree(self.directory, ignore_errors=True)
