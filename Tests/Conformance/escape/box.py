"""Where the attempts are made: a directory with things to steal and to spoil, and the ways into the boxes."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[3]
HERE = pathlib.Path(__file__).resolve().parent
SANDBOX = ROOT / "dist/kit/guest/openclaw-sandbox"

# Who runs the sandbox, and which user of the machine its tools then are.
GROUNDS = {
    "root": {"prefix": [], "owner": 1001},
    "user": {"prefix": ["setpriv", "--reuid", "2000", "--regid", "2000", "--clear-groups"], "owner": 2000},
    # Root of a user namespace, as the harness is in a guest.
    "guest": {"prefix": ["PROBE", "as-guest"], "owner": 101001},
}


class Place:
    """The directories, made anew for each run; and what listens and lives outside."""

    def __init__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="escape-", dir="/var/tmp"))
        self.opt = pathlib.Path(tempfile.mkdtemp(prefix="escape-", dir="/opt"))
        self.base.chmod(0o755)
        self.opt.chmod(0o777)
        self.bin = self.base / "bin"
        self.bin.mkdir()
        self.probe = self.bin / "probe"
        subprocess.run(
            ["gcc", "-O1", "-static", "-o", str(self.probe), str(HERE / "probe.c"), "-lutil"], check=True)
        shutil.copy(self.probe, self.bin / "suid")
        (self.bin / "suid").chmod(0o4755)
        self.sandbox = self.bin / "openclaw-sandbox"
        shutil.copy(SANDBOX, self.sandbox)
        shutil.copy(f"{SANDBOX}.filters", self.bin)
        self.children = []
        self.sockets = []
        self.abstract = f"escape-{os.getpid()}"
        self.listen(socket.AF_UNIX, "\0" + self.abstract)
        self.port = self.listen(socket.AF_INET, ("0.0.0.0", 0)).getsockname()[1]
        self.address = own_address()
        self.pid = self.sleeper()

    def listen(self, family, address):
        listener = socket.socket(family)
        listener.bind(address)
        listener.listen(64)
        self.sockets.append(listener)
        return listener

    def sleeper(self):
        child = subprocess.Popen(["sleep", "600"], stdin=subprocess.DEVNULL)
        self.children.append(child)
        return child.pid

    def lay_out(self, owner):
        """Everything as at the start, and the view's owner the tool's user."""
        for name in ("work", "outside", "ro"):
            shutil.rmtree(self.base / name, ignore_errors=True)
            (self.base / name).mkdir()
        for child in self.opt.iterdir():
            child.unlink()
        out, work, ro = self.base / "outside", self.base / "work", self.base / "ro"
        (out / "agent-2").mkdir()
        (out / "empty").mkdir()
        for repository in (out / ".git", work / ".git"):
            for name in ("hooks", "info", "objects/info", "refs"):
                (repository / name).mkdir(parents=True)
            (repository / "config").write_text("[core]\n")
        (work / ".github/workflows").mkdir(parents=True)
        (work / "free-dir").mkdir()
        (work / "mine").write_text("mine\n")
        (work / "link-out").symlink_to(out / "secret")
        for file in ("secret", "agent-2/token", "mine"):
            (out / file).write_text("secret\n")
        for file in ("file", "victim", "victim2", "victim4"):
            (ro / file).write_text("file\n")
        (self.opt / "tool").write_text("#!/bin/sh\n")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(out / "socket"))
        listener.listen(64)
        self.sockets.append(listener)
        # Plain permissions must not be what refuses an attempt.
        for top in (out, work, ro):
            for directory, _, names in os.walk(top):
                os.chmod(directory, 0o777)
                for name in names:
                    path = os.path.join(directory, name)
                    if not os.path.islink(path):
                        os.chmod(path, 0o666)
        subprocess.run(["chown", "-hR", f"{owner}:{owner}", str(work)], check=True)
        (self.opt / "tool").chmod(0o777)

    def words(self, numbers):
        return {
            "work": self.base / "work", "out": self.base / "outside", "ro": self.base / "ro", "opt": self.opt,
            "bin": self.bin, "pid": self.pid, "port": self.port, "address": self.address,
            "abstract": self.abstract, "home": "/root", **numbers,
        }

    def policy(self, **changes):
        work = str(self.base / "work")
        policy = {
            "workdir": work, "environment": {"PATH": "/usr/bin:/bin", "HOME": "/tmp"}, "tmp_mb": 8,
            "views": [
                {"source": work, "target": work, "mode": "rw"},
                {"source": str(self.base / "ro"), "target": str(self.base / "ro"), "mode": "ro"},
                {"source": str(self.bin), "target": str(self.bin), "mode": "ro"},
            ],
            "protected": [
                f"{work}/{name}" for name in (
                    ".git/config", ".git/hooks", ".git/info", ".git/objects/info", ".github/workflows",
                    ".gitlab-ci.yml", ".vscode", ".envrc")
            ],
            "limits": {"processes": 512, "open_files": 256, "file_mb": 70, "memory_mb": 256},
        }
        policy.update(changes)
        return policy

    def run(self, command, ground="root", policy=None, options=(), text="", before=(), timeout=120):
        """A command in the sandbox; the report and what it wrote."""
        document, report = self.base / "policy.json", self.base / "report.json"
        document.write_text(json.dumps(policy or self.policy()))
        report.write_text("")
        report.chmod(0o666)
        # A shell sets up exactly these descriptors: the policy, the report, and two that must not get in.
        prefix = [str(self.probe) if word == "PROBE" else word for word in GROUNDS[ground]["prefix"]]
        script = (f'exec "$@" 3<{document} 4>{report} 7<{self.base}/outside/secret 8<{self.base}/outside')
        done = subprocess.run(
            ["bash", "-c", script, "bash", *before, *prefix, str(self.sandbox), *options, "--",
             *map(str, command)],
            input=text, capture_output=True, text=True, timeout=timeout, errors="replace",
            env={"PATH": os.environ["PATH"], "ESCAPE_SECRET": "hunter2", "LD_PRELOAD": ""})
        said = report.read_text()
        return done, json.loads(said) if said else {}

    def close(self):
        for child in self.children:
            child.send_signal(signal.SIGKILL)
            child.wait()
        for listener in self.sockets:
            listener.close()
        shutil.rmtree(self.base, ignore_errors=True)
        shutil.rmtree(self.opt, ignore_errors=True)


def own_address():
    """An address of this machine that is not the loopback's; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as finder:
        try:
            finder.connect(("192.0.2.1", 9))
            return finder.getsockname()[0]
        except OSError:
            return "127.0.0.2"


def numbers():
    """The system calls of this machine by name, from its own headers."""
    text = subprocess.run(
        ["gcc", "-E", "-dM", "-include", "sys/syscall.h", "-"], input="", capture_output=True, text=True, check=True).stdout
    found = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) == 3 and words[1].startswith("__NR_") and words[2].isdigit():
            found[words[1][5:]] = int(words[2])
    return found


def fail(text):
    print(f"escape: {text}", file=sys.stderr)
    sys.exit(70)
