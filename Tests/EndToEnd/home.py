"""A home of its own for a test: sockets, journal, sessions; and what may be left behind when it is gone."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPENCLAW = ROOT / "dist/bin/openclaw"


class Failure(Exception):
    """What a test says when it fails."""


def check(condition, message):
    if not condition:
        raise Failure(message)


def wait_for(condition, what, seconds=60):
    """Polls until the condition gives something true; the bound is generous because machines are slow."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.05)
    raise Failure(f"waited {seconds} s in vain for {what}")


def files_below(directory):
    """Files, and no links, below a directory whose parts may come and go meanwhile."""
    return [
        path for folder, _, names in os.walk(directory) for path in (pathlib.Path(folder) / name for name in names)
        if path.is_file() and not path.is_symlink()
    ]


def holding(directory, *needles, limit=None):
    """Files below a directory, of at most so many bytes, that hold one of these. They may come and go meanwhile."""
    found = []
    for path in files_below(directory):
        try:
            if limit is not None and path.stat().st_size > limit:
                continue
            with open(path, "rb") as file:
                tail = b""
                while chunk := file.read(1 << 22):
                    if any(needle in tail + chunk for needle in needles):
                        found.append(str(path))
                        break
                    tail = chunk[-max(map(len, needles)):]
        except FileNotFoundError:
            continue
    return found


def git(directory, *arguments):
    environment = dict(os.environ, GIT_CONFIG_GLOBAL="/dev/null", GIT_CONFIG_NOSYSTEM="1")
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid", "-c", "safe.directory=*"]
    return subprocess.run(
        ["git", *identity, "-C", str(directory), *arguments],
        check=True, capture_output=True, text=True, env=environment,
    ).stdout.strip()


class Home:
    """A context: an AEGIS_HOME with the kit installed; leaving it stops everything and looks for leftovers."""

    def __init__(self, **environment):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="openclaw-test-"))
        self.environment = {
            "PATH": os.environ["PATH"], "HOME": str(self.path), "LANG": "C.UTF-8",
            "AEGIS_HOME": str(self.path / "aegis"), **environment,
        }
        self.namespaces = network_namespaces()

    def __enter__(self):
        self.run("kit", "install", str(ROOT / "dist/kit"))
        return self

    def __exit__(self, kind, value, trace):
        self.run("coordinator", "stop", "--all", check=False)
        if kind is not None:
            self.show_logs()
        leftovers = self.leftovers()
        shutil.rmtree(self.path, ignore_errors=True)
        if kind is None and leftovers:
            raise Failure(f"left behind: {leftovers}")

    def run(self, *arguments, check=True, timeout=300, **environment):
        done = subprocess.run(
            [str(OPENCLAW), *arguments], capture_output=True, text=True, timeout=timeout,
            env={**self.environment, **environment}, stdin=subprocess.DEVNULL,
        )
        if check and done.returncode != 0:
            raise Failure(f"openclaw {' '.join(arguments)} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def json(self, *arguments, **options):
        return [json.loads(line) for line in self.run(*arguments, "--json", **options).stdout.splitlines()]

    def repository(self, example, name=None):
        """A git repository with the files of an example."""
        target = self.path / (name or pathlib.Path(example).parent.name)
        shutil.copytree(ROOT / example, target)
        git(target, "init", "-q", "-b", "main")
        git(target, "add", "-A")
        git(target, "commit", "-qm", "Start")
        return target

    def events(self, session):
        return self.json("session", session, "--logs")

    def wait_for_event(self, session, condition, what, seconds=120):
        return wait_for(
            lambda: next((event for event in self.events(session) if condition(event)), None), what, seconds)

    def processes(self):
        """The processes that belong to this home: their environment or command line names it."""
        found = {}
        needle = str(self.path).encode()
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                text = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                if needle in text:
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
            except OSError:
                continue
        return found

    def leftovers(self):
        def look():
            left = [f"process {pid} {command}" for pid, command in self.processes().items()]
            mounts = pathlib.Path("/proc/mounts").read_text().splitlines()
            left += [f"mount {line}" for line in mounts if str(self.path) in line]
            left += [f"network namespace {name}" for name in network_namespaces() - self.namespaces]
            return left

        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if not look():
                return []
            time.sleep(0.1)
        return look()

    def show_logs(self):
        for name in ["coordinator.log", "platform.log"]:
            path = self.path / "aegis/openclaw" / name
            if path.exists():
                print(f"--- the end of {name}")
                print("\n".join(path.read_text(errors="replace").splitlines()[-40:]))


def network_namespaces():
    """All network namespaces that a process is in."""
    found = set()
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found.add(os.readlink(entry / "ns/net"))
            except OSError:
                continue
    return found


def kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
