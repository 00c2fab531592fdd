"""The attempts, in every ground and with each layer switched off."""

import pathlib
import shutil
import subprocess
import textwrap

import box
import cases

LAYERS = ["seccomp", "landlock", "mounts", "net_ns", "uid", "capabilities", "rlimits"]


class Matrix:
    def __init__(self, place):
        self.place = place
        self.numbers = box.numbers()
        hidden = {"null", "zero", "full", "random", "urandom", "tty", "fd", "stdin", "stdout", "stderr", "ptmx", "pts",
                  "shm", "core", "mqueue", "hugepages", "log"}
        nodes = sorted(
            node.name for node in pathlib.Path("/dev").iterdir()
            if node.name not in hidden and (node.is_char_device() or node.is_block_device())
            and not node.name.startswith(("tty", "loop", "ram", "vcs", "pty", "nbd")))
        self.cases = cases.collect(nodes[:24])
        self.problems = []
        self.passed = 0
        self.runs = []
        self.unproven = 0
        # Programs that are not on this machine, so that what they need was not tried.
        self.absent = []

    def check(self, is_right, text):
        if is_right:
            self.passed += 1
        else:
            self.problems.append(text)

    def attempts(self, controls=False):
        words = self.place.words(self.numbers)
        lines = []
        for index, case in enumerate(self.cases):
            text = case.control if controls and case.control else case.attempt
            if "{victim" in text:
                words |= {"victim": self.place.sleeper(), "victim2": self.place.sleeper()}
            lines.append(f"{index} {text.format(**words)}")
        return "\n".join(lines) + "\n"

    @staticmethod
    def answers(output):
        found = {}
        for line in output.splitlines():
            index, _, answer = line.partition(" ")
            if index.isdigit():
                found[int(index)] = answer.strip()
        return found

    def run(self):
        self.control()
        for ground in box.GROUNDS:
            self.inside(ground, "")
            self.inside(ground, "landlock")
        for layer in LAYERS:
            if layer != "landlock":
                self.inside("root", layer)
        for ground in ("user", "guest"):
            self.inside(ground, "seccomp")
            self.inside(ground, "mounts")

    def control(self):
        """Outside: each attempt must get through, or it proves nothing inside."""
        self.place.lay_out(1001)
        text = self.attempts(controls=True)
        done = subprocess.run(
            ["bash", "-c", f'exec "$@" 7<{self.place.base}/outside/secret 8<{self.place.base}/outside', "bash",
             "unshare", "--mount", "--uts", "--ipc", str(self.place.probe)],
            input=text, capture_output=True, text=True, timeout=120, errors="replace",
            env={"PATH": "/usr/bin:/bin", "ESCAPE_SECRET": "hunter2", "LD_PRELOAD": ""})
        answers = self.answers(done.stdout)
        for index, case in enumerate(self.cases):
            answer = answers.get(index, "nothing")
            self.check(case.inside != case.outside, f"{case.name}: the same outside as inside, which proves nothing")
            allowed = case.outside.split("|")
            # A kernel without the call, or a machine without the device, cannot show that the box refuses it.
            self.unproven += answer in allowed[1:]
            self.check(answer in allowed, f"control: {case.family}: {case.name}: {answer}, not {case.outside}")

    def expected(self, case, ground, layer):
        """Nil where nothing else holds, and the page says so."""
        if layer and layer in case.alone.split(","):
            return None
        special = case.grounds.get(ground, {})
        if layer in special:
            return special[layer]
        if layer in case.others:
            return case.others[layer]
        return special.get("", case.inside)

    def inside(self, ground, layer):
        self.place.lay_out(box.GROUNDS[ground]["owner"])
        options = ["--without", layer] if layer else []
        done, report = self.place.run([self.place.probe], ground, options=options, text=self.attempts())
        answers = self.answers(done.stdout)
        where = ground + (f" without {layer}" if layer else "")
        if not answers:
            self.check(False, f"{where}: no sandbox: {report.get('error')} {done.stderr[:200]}")
            return
        held = 0
        for index, case in enumerate(self.cases):
            expected = self.expected(case, ground, layer)
            if expected is None:
                continue
            answer = answers.get(index, "nothing")
            held += answer in expected.split("|")
            self.check(
                answer in expected.split("|"), f"{where}: {case.family}: {case.name}: {answer}, not {expected}")
        self.runs.append((where, held))

    def summary(self):
        lines = [f"{len(self.cases)} attempts in {len({case.family for case in self.cases})} families"]
        if self.unproven:
            lines.append(f"  {self.unproven} of them cannot be made on this kernel at all, so outside proves nothing")
        if self.absent:
            lines.append(f"  not tried, because it is not installed here: {', '.join(self.absent)}")
        lines += [f"  {where}: {held} held" for where, held in self.runs]
        return "\n".join(lines)

    # The peer

    def bubblewrap(self):
        """bubblewrap with the flags that its own documentation and agents' sandboxes use, run by an ordinary user."""
        if not shutil.which("bwrap"):
            return None, {}
        self.place.lay_out(2000)
        base = self.place.base
        command = [
            "setpriv", "--reuid", "2000", "--regid", "2000", "--clear-groups", "bwrap", "--unshare-all",
            "--die-with-parent", "--new-session", "--clearenv", "--setenv", "PATH", "/usr/bin:/bin",
            "--ro-bind", "/usr", "/usr", "--ro-bind", "/opt", "/opt", "--ro-bind", "/etc", "/etc",
            "--symlink", "usr/bin", "/bin", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
            "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--bind", f"{base}/work", f"{base}/work",
            "--ro-bind", f"{base}/ro", f"{base}/ro", "--ro-bind", f"{base}/bin", f"{base}/bin", "--chdir", f"{base}/work",
            str(self.place.probe),
        ]
        done = subprocess.run(
            ["bash", "-c", f'exec "$@" 7<{base}/outside/secret 8<{base}/outside', "bash", *command],
            input=self.attempts(), capture_output=True, text=True, timeout=500, errors="replace",
            env={"PATH": "/usr/bin:/bin", "ESCAPE_SECRET": "hunter2", "LD_PRELOAD": ""})
        version = subprocess.run(["bwrap", "--version"], capture_output=True, text=True).stdout.split()[-1]
        return version, self.answers(done.stdout)

    PAGE = box.ROOT / "docs/SECURITY.md"
    BEGIN, END = "<!-- escape suite: begin -->", "<!-- escape suite: end -->"

    def write(self):
        """The page's columns, measured now."""
        self.control()
        self.place.lay_out(1001)
        done, report = self.place.run([self.place.probe], text=self.attempts())
        ours = self.answers(done.stdout)
        self.place.lay_out(1001)
        done, _ = self.place.run(
            [self.place.probe], text=self.attempts(), before=[str(self.place.probe), "without-landlock"])
        bare = self.answers(done.stdout)
        version, peer = self.bubblewrap()
        kernel = subprocess.run(["uname", "-r"], capture_output=True, text=True).stdout.strip()
        rows = {}
        through = []
        for index, case in enumerate(self.cases):
            expected = self.expected(case, "root", "")
            row = rows.setdefault(case.family, [0, 0, 0, 0])
            row[0] += 1
            row[1] += ours.get(index) in expected.split("|")
            row[2] += bare.get(index) in self.expected(case, "root", "landlock").split("|")
            # What the attempt gives outside is what it must not give inside.
            got_through = peer.get(index, "nothing") == case.outside.split("|")[0]
            row[3] += not got_through
            if got_through:
                through.append(f"{case.name} ({peer.get(index)})")
        lines = [
            self.BEGIN,
            f"Measured on Linux {kernel}, Landlock {report['layers']['landlock']}; bubblewrap {version}, run by an ordinary",
            "user with `--unshare-all --die-with-parent --new-session --clearenv`, the system read-only, `--proc`, `--dev`,",
            "`--tmpfs /tmp` and one writable bind. Written by `Tests/Conformance/escape/run --write`.", "",
            "| family | attempts | refused here | here, on a kernel without Landlock | refused under bubblewrap |",
            "|---|---|---|---|---|",
        ]
        lines += [f"| {family} | {a} | {b} | {c} | {d} |" for family, (a, b, c, d) in rows.items()]
        totals = [sum(row[i] for row in rows.values()) for i in range(4)]
        lines += [f"| all | {totals[0]} | {totals[1]} | {totals[2]} | {totals[3]} |", ""]
        words = (
            "bubblewrap takes its system call filter and its protected paths from its caller, and with its usual flags "
            "has neither; so these reach the kernel there, or get through (some, like a file in its own root, harm "
            "nobody): " + "; ".join(through) + ".")
        lines += [*textwrap.wrap(words, 120), self.END]
        text = self.PAGE.read_text()
        start, end = text.index(self.BEGIN), text.index(self.END) + len(self.END)
        self.PAGE.write_text(text[:start] + "\n".join(lines) + text[end:])
        print(f"escape: wrote {self.PAGE.relative_to(box.ROOT)}: {totals}")
