"""README, tutorial and help say only what works: their commands are run as they stand."""

import os
import re
import shlex
import subprocess

from home import OPENCLAW, ROOT, Home, check, git
from world import CALCULATOR, ONE_CODER, TESTS, World, test

# What stands in a document for a session.
PLACEHOLDERS = ["fix-auth-bug-4k2p", "SESSION", "ID"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def everybody(world):
    """A scripted model for whoever asks: a team, and a coder for any task."""
    path = world.home.path / "everybody.yaml"
    examples = ROOT / "examples/calculator"
    alone = (examples / "one-coder.yaml").read_text().split("conversations:\n")[1]
    path.write_text((examples / "five-agents.yaml").read_text() + alone)
    return f"script:{path}"


def make_targets(line):
    """`make` builds and installs; that is tested elsewhere. That the target is there is tested here."""
    done = subprocess.run(["make", "-n", *shlex.split(line, comments=True)[1:]], cwd=ROOT, capture_output=True, text=True)
    check(done.returncode == 0, f"{line}: {done.stderr}")


def names_session(line):
    return any(word in PLACEHOLDERS for word in shlex.split(line, comments=True))


class Runner:
    """Runs commands of documents in a repository, with a real session in the place of the example's."""

    def __init__(self, world):
        self.world, self.home = world, world.home
        self.directory = self.home.path / "documents"
        if not self.directory.exists():
            subprocess.run(["git", "clone", "-q", str(world.repository), str(self.directory)], check=True)
            roles = self.directory / ".openclaw/roles"
            roles.mkdir(parents=True)
            (roles / "fuzzer.yaml").write_text("name: fuzzer\nextends: coder\nprompt: Fuzz.\n")
            git(self.directory, "add", "-A")
            git(self.directory, "commit", "-qm", "A role")
        (self.home.path / "plan.yaml").unlink(missing_ok=True)
        self.home.run("config", "set", "model", everybody(world))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for name in ["model", "budget"]:
            self.home.run("config", "unset", name)

    def waiting(self):
        """A session for commands that name one."""
        done = self.home.run(
            "run", "Fix the auth bug", "--repo", str(self.directory), "--agents", "1", check=False)
        check(done.returncode == 8, f"{done.returncode}: {done.stdout}{done.stderr}")
        return next(s["id"] for s in self.home.json("sessions") if s["approval"] and s["task"] == "Fix the auth bug")

    def run(self, line, session=None):
        words = shlex.split(line, comments=True)
        check(words[0] == "openclaw", line)
        words = [session if session and w in PLACEHOLDERS else w for w in words[1:]]
        words = [f"file://{self.directory}" if w.startswith("github.com/") else w for w in words]
        # Nobody is there to answer these models' calls; the session is made, and cancelled below.
        detaches = any("127.0.0.1:8080" in w or "claude-" in w or w == "--agent" for w in words) and words[0] == "run"
        if detaches:
            words.append("--detach")
        if session and "-f" in words:
            self.home.run("diff", session)
            self.home.run("approve", session)  # what is followed comes to an end
        if session and "--approve" in words:
            self.home.run("diff", session)  # an approval is of what was seen
        if words[:2] == ["roles", "trust"]:
            words.append("--yes")
        before = {s["id"] for s in self.home.json("sessions", "--all")}
        environment = {
            **self.world.environment, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_ALLOW_PROTOCOL": "file",
            "ANTHROPIC_API_KEY": "sk-none", "ANTHROPIC_BASE_URL": "http://127.0.0.1:9"}
        done = subprocess.run(
            [str(OPENCLAW), *words], cwd=self.directory, env=environment, capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=240)
        # 8: it waits for approval, which nobody here gives. 1: a search without a hit, a server that is not there.
        may_fail = words[0] == "search" or words[:2] == ["models", "check"]
        allowed = {0, 8} if words[0] in ("run", "session", "status") else {0, 1} if may_fail else {0}
        check(done.returncode in allowed, f"{line}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        for other in self.home.json("sessions", "--all"):
            is_ours = other["id"] not in before or other["id"] == session
            if is_ours and other["state"] not in ("completed", "failed", "cancelled"):
                self.home.run("cancel", other["id"], check=False)


@test
def every_command_of_the_readme_is_run(world):
    lines = [
        line for kind, text in FENCE.findall((ROOT / "README.md").read_text()) if kind == "sh"
        for line in text.splitlines() if line.strip()]
    check(len([l for l in lines if l.startswith("openclaw ")]) >= 8, f"the README's commands were not found: {lines}")
    with Runner(world) as runner:
        for line in lines:
            if line.startswith("make "):
                make_targets(line)
            elif line.startswith("export "):
                name = line.split()[1].split("=")[0]
                check(name in world.home.run("help", "environment").stdout, f"{name} is not in openclaw help environment")
            else:
                check(line.startswith("openclaw "), f"what is this: {line}")
                runner.run(line, runner.waiting() if names_session(line) else None)


@test
def every_command_and_example_of_the_help_is_run(world):
    overview = world.home.run("help").stdout
    commands = re.findall(r"^  ([a-z]+)(?: |$)", overview.split("Topics")[0], re.M)
    commands = [c for c in dict.fromkeys(commands) if c != "openclaw"]
    check(len(commands) >= 20, f"the commands were not found: {commands}")
    # What a plan's example writes is what run's example reads; making room comes last.
    commands.sort(key=lambda c: {"plan": -1, "gc": 1}.get(c, 0))
    with Runner(world) as runner:
        for command in commands:
            text = world.home.run("help", command).stdout
            check(text.startswith(world.home.run(command, "--help").stdout) and f"openclaw {command}" in text, command)
            examples = text.split("\nExamples\n")[1].split("\n\n")[0] if "\nExamples\n" in text else ""
            for line in filter(None, (line.strip() for line in examples.splitlines())):
                runner.run(line, runner.waiting() if names_session(line) else None)
        topics = re.findall(r"^  ([a-z-]+) ", overview.split("Topics")[1], re.M)
        check("exit-codes" in topics and "roles" in topics, topics)
        for topic in topics:
            check(len(world.home.run("help", topic).stdout) > 100, topic)


@test
def the_tutorial_is_run_from_the_first_to_the_last_line(world):
    with Home() as home:
        work = home.path / "work"
        work.mkdir()
        (work / "examples").symlink_to(ROOT / "examples")
        blocks = FENCE.findall((ROOT / "docs/TUTORIAL.md").read_text())
        script, expected = ["set -e"], []
        for number, (kind, text) in enumerate(blocks):
            if kind == "sh":
                for line in text.splitlines():
                    if line.startswith("make ") and " -C " not in line:
                        make_targets(line)
                    else:
                        script += [f"echo '$ {number}' >&2", line]
            elif kind == "text":
                expected.append((number - 1, text.splitlines()))
        identity = {
            "GIT_AUTHOR_NAME": "Test", "GIT_AUTHOR_EMAIL": "t@example.invalid", "GIT_COMMITTER_NAME": "Test",
            "GIT_COMMITTER_EMAIL": "t@example.invalid", "GIT_CONFIG_GLOBAL": "/dev/null"}
        done = subprocess.run(
            ["bash", "-c", "exec 2>&1\n" + "\n".join(script)], cwd=work, capture_output=True, text=True, timeout=400,
            env={**home.environment, **identity, "PATH": f"{OPENCLAW.parent}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL)
        check(done.returncode == 0, f"exit {done.returncode}:\n{done.stdout[-3000:]}")
        outputs = {}
        for part in done.stdout.split("$ ")[1:]:
            number, _, text = part.partition("\n")
            if number.isdigit():
                outputs[int(number)] = outputs.get(int(number), "") + text
        for number, lines in expected:
            for line in lines:
                check(line in outputs.get(number, ""), f"block {number} does not print {line!r}:\n{outputs.get(number)}")
