"""What the table of attempts cannot say: every rule of the filter, exact counts, time, output, and the truth of the
report."""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import threading
import time

import box
import matrix

SOURCE = box.ROOT / "Sources/Guest/Sandbox/Kernel/SystemCalls.swift"
# Calls that end, replace or stop their caller, or that say EPERM to a process group's leader.
UNTRIED = {
    "exit", "exit_group", "pause", "rt_sigreturn", "rt_sigsuspend", "fork", "vfork", "clone", "clone3", "execve",
    "execveat", "select", "pselect6", "poll", "ppoll", "setsid", "restart_syscall", "kill", "tkill", "tgkill",
    "rt_sigqueueinfo", "rt_tgsigqueueinfo", "wait4", "waitid", "read", "ioctl", "futex", "pidfd_send_signal",
    "rt_sigtimedwait", "write", "sendmsg", "seccomp",
}


def run(place, results):
    for check in (refused_rules, argument_rules, strict_rules, counts, flood, whole_tree, dies_with_parent, fails_closed, report,
                  no_landlock, streams, terminal, work, copies, placeholders,
                  relay):
        began = time.monotonic()
        place.lay_out(1001)
        try:
            check(place, results.check, results)
        except Exception as error:
            results.check(False, f"{check.__name__}: {error!r}")
        if os.environ.get("ESCAPE_TIMES"):
            print(f"  {check.__name__}: {time.monotonic() - began:.1f} s")


def names(variable):
    """A list of SystemCalls.swift, so that a rule that is added there is executed here."""
    text = SOURCE.read_text()
    start = text.index(f"let {variable}")
    return re.findall(r'"(\w+)"', text[start:text.index("\n    ]", start)])


def values(variable):
    """The numbers of a list of SystemCalls.swift."""
    text = SOURCE.read_text()
    start = text.index("=", text.index(f"let {variable}"))
    listed = text[start:text.index("]", text.index("[", start))]
    return [int(word.replace("_", ""), 0) for word in re.findall(r"\b(?:0x[0-9A-Fa-f_]+|\d+)\b", listed)]


def argument_rules(place, check, results):
    """The rules that look at an argument: every family of sockets, every namespace, every terminal call."""
    clone, ioctl = results.numbers["clone"], results.numbers["ioctl"]
    flags, families = values("namespaceFlags"), values("families")
    check(len(flags) == 8 and len(families) == 20, f"the lists were not read: {flags} {families}")
    tries = [(f"socket {family} 1 0", "EAFNOSUPPORT", "EPERM") for family in families]
    tries += [(f"sys {clone} {flag | 17} 0 0 0 0", "EPERM", "EPERM") for flag in flags]
    tries += [(f"sys {ioctl} 0 {request} z", "EPERM", "EPERM") for request in values("terminalCalls")]
    # strict lets a few requests pass; on no descriptor at all they say so.
    allowed = values("strictRequests")
    lines = "".join(f"{index} {attempt}\n" for index, (attempt, _, _) in enumerate(tries))
    lines += "".join(f"{1000 + index} sys {ioctl} -1 {request} z\n" for index, request in enumerate(allowed))
    for kind in ("shell", "strict"):
        done, said = place.run([place.probe], policy=place.policy(seccomp=kind), text=lines)
        answers = matrix.Matrix.answers(done.stdout)
        for index, (attempt, shell, strict) in enumerate(tries):
            wanted = shell if kind == "shell" else strict
            check(answers.get(index) == wanted, f"{kind}: {attempt}: {answers.get(index)}, not {wanted}")
        for index, request in enumerate(allowed):
            check(answers.get(1000 + index) == "EBADF", f"{kind}: ioctl {request:#x}: {answers.get(1000 + index)}")
        check(len(said["denials"]) >= 20, f"{kind}: only {len(said['denials'])} kinds of refusals are reported")


def refused_rules(place, check, results):
    tried = {name: results.numbers[name] for name in names("refused") if name in results.numbers}
    lines = "".join(f"{index} sys {number} 0 0 0 0 0 0\n" for index, number in enumerate(tried.values()))
    done, said = place.run([place.probe], text=lines)
    answers = matrix.Matrix.answers(done.stdout)
    for index, name in enumerate(tried):
        check(answers.get(index) == "EPERM", f"the rule of {name}: {answers.get(index)}, not EPERM")
    check(len(said["denials"]) >= min(60, len(tried)), f"only {len(said['denials'])} denials were reported")
    outside = subprocess.run(
        ["unshare", "--mount", "--uts", "--ipc", str(place.probe)], input=lines, capture_output=True, text=True,
        timeout=60, start_new_session=True)
    reached = matrix.Matrix.answers(outside.stdout)
    check(sum(answer != "EPERM" for answer in reached.values()) >= len(tried) - 4,
          f"outside, too many are refused as well: {reached}")


def strict_rules(place, check, results):
    allowed = {name for part in ("files", "memory", "processes", "waiting") for name in names(part)}
    everything = sorted(results.numbers.items(), key=lambda item: item[1])
    lines = "".join(
        f"{index} sys {number} -1 -1 -1 -1 -1 -1\n" for index, (name, number) in enumerate(everything)
        if name not in UNTRIED)
    policy = place.policy(seccomp="strict")
    done, said = place.run([place.probe], policy=policy, text=lines)
    answers = matrix.Matrix.answers(done.stdout)
    for index, (name, _) in enumerate(everything):
        answer = answers.get(index)
        if name in UNTRIED:
            continue
        if name in allowed:
            check(answer not in ("EPERM", None), f"strict refuses {name}, which is on its list: {answer}")
        else:
            check(answer in ("EPERM", "ENOSYS"), f"strict lets {name} through: {answer}")
    check("layers" in said and said["layers"]["seccomp"] == "strict", f"strict is not reported: {said}")
    done, _ = place.run(["bash", "-c", "git init -q x && cd x && echo 1 > f && git add f && git diff --cached | cat"],
                        policy=policy)
    check(done.returncode == 0 and "+1" in done.stdout, f"git under strict: {done.stderr}")
    for name in ("TIOCSTI", "TIOCLINUX"):
        number = {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541C}[name]
        done, _ = place.run([place.probe], policy=policy, text=f"1 sys {results.numbers['ioctl']} 0 {number} z\n")
        check("EPERM" in done.stdout, f"strict lets {name} through: {done.stdout}")


def counts(place, check, results):
    mount = results.numbers["mount"]
    lines = [f"{i} sys {mount} s:x s:/tmp s:tmpfs 0 0" for i in range(37)]
    lines += [f"{i} sys {mount} s:x s:/tmp/{i} s:tmpfs 0 0" for i in range(100, 200)]
    done, said = place.run([place.probe], text="\n".join(lines) + "\n")
    denials = {entry["object"]: entry for entry in said["denials"]}
    check(denials["mount /tmp"]["count"] == 37, f"37 refusals were counted as {denials['mount /tmp']['count']}")
    total = sum(entry["count"] for entry in said["denials"])
    check(total == 137, f"137 refusals were counted as {total}")
    check(len(said["denials"]) == 65, f"the list has {len(said['denials'])} entries, not 64 and the rest")
    check(denials["mount /tmp"]["errno"] == "EPERM" and denials["mount /tmp"]["syscall"] == "mount", "no errno or call")


def flood(place, check, results):
    policy = place.policy(output_head_bytes=1000, output_tail_bytes=500)
    done, said = place.run(["sh", "-c", "head -c 200000000 /dev/zero; printf end; head -c 3000 /dev/zero >&2"],
                           policy=policy)
    check(said["stdout_bytes"] == 200000003, f"stdout has {said['stdout_bytes']} bytes")
    check(said["stderr_bytes"] == 3000, f"stderr has {said['stderr_bytes']} bytes")
    check(said["elided_bytes"] == 200000003 + 3000 - 2 * 1500, f"{said['elided_bytes']} bytes were elided")
    check(done.stdout.endswith("end") and len(done.stdout) < 1700, f"{len(done.stdout)} bytes came out")


def living(marker):
    return subprocess.run(["pgrep", "-f", marker], capture_output=True, text=True).stdout.split()


def wait_until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def whole_tree(place, check, results):
    marker = f"sleep 6{os.getpid()}"
    script = f"trap 'echo told' TERM; for i in 1 2 3; do (trap '' TERM; setsid {marker} & ) ; done; while :; do sleep 0.1; done"
    done, said = place.run(["bash", "-c", script], policy=place.policy(timeout_ms=700, grace_ms=300))
    check(said["timed_out"] and done.returncode == 124, f"no timeout: {done.returncode} {said}")
    check("told" in done.stdout, "TERM did not come before KILL")
    check(wait_until(lambda: not living(marker)), "processes outlived the call")


def dies_with_parent(place, check, results):
    marker = f"sleep 7{os.getpid()}"
    document = place.base / "policy.json"
    document.write_text(json.dumps(place.policy()))
    child = subprocess.Popen(
        [str(place.sandbox), "--policy", str(document), "--", "bash", "-c", f"setsid {marker} & {marker}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    check(wait_until(lambda: len(living(marker)) >= 2), "the command did not start")
    child.kill()
    child.wait()
    check(wait_until(lambda: not living(marker)), "the command outlived the sandbox's parent")
    child = subprocess.Popen(
        [str(place.sandbox), "--policy", str(document), "--", "bash", "-c", f"{marker} & {marker}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    check(wait_until(lambda: len(living(marker)) >= 2), "the command did not start again")
    child.terminate()
    child.wait()
    check(wait_until(lambda: not living(marker)), "the command outlived a TERM of the sandbox")


def fails_closed(place, check, results):
    held = ["seccomp", "capabilities", "securebits", "no_new_privs", "uid", "root", "proc", "net_ns", "pid_ns", "mount_ns",
            "ipc_ns", "uts_ns", "cgroup_ns", "protected", "landlock", "landlock>=4"]
    for ground in box.GROUNDS:
        place.lay_out(box.GROUNDS[ground]["owner"])
        done, said = place.run(["true"], ground, policy=place.policy(require=held))
        check(done.returncode == 0, f"{ground}: a layer is missing: {said.get('error')}")
    place.lay_out(1001)
    made = place.base / "work/made"
    for demand, without in (("landlock>=99", None), ("nonsense", None), ("seccomp", "seccomp"), ("uid", "uid"),
                            ("net_ns", "net_ns"), ("landlock", "landlock"), ("capabilities", "capabilities"),
                            ("securebits", "capabilities"), ("root", "mounts")):
        options = ["--without", without] if without else []
        done, said = place.run(["touch", str(made)], policy=place.policy(require=[demand]), options=options)
        check(done.returncode == 125 and demand in said.get("error", ""), f"{demand} did not fail closed: {said}")
        check(not made.exists(), f"something ran although {demand} is missing")
    document = place.policy()
    document["rok"] = True
    done, said = place.run(["true"], policy=document)
    check(done.returncode == 125 and "rok" in said["error"], "a misspelt field of a policy was taken")
    done, said = place.run(["true"], policy=place.policy(uid=0))
    check(done.returncode == 125, "a tool was made root")


FACTS = "grep -E '^(Uid|Groups|CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' /proc/self/status"


def report(place, check, results):
    """What it says about itself is what /proc says inside, in every ground."""
    for ground in box.GROUNDS:
        place.lay_out(box.GROUNDS[ground]["owner"])
        done, said = place.run(["bash", "-c", FACTS], ground)
        facts = {line.split(":")[0]: line.split(":")[1].split() for line in done.stdout.splitlines()}
        layers = said["layers"]
        check(facts["Uid"] == ["1001"] * 4 and layers["uid"].startswith("1001"), f"{ground}: uid {facts['Uid']}")
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            check(int(facts[name][0], 16) == 0 and layers["capabilities"] == "none", f"{ground}: {name} {facts[name]}")
        check(facts["NoNewPrivs"] == ["1"] and layers["no_new_privs"] is True, f"{ground}: no_new_privs")
        check(facts["Seccomp"] == ["2"] and layers["seccomp"] == "shell", f"{ground}: seccomp")
        check(layers["user_ns"] is (ground == "user"), f"{ground}: user_ns is {layers['user_ns']}")
        check(layers["landlock"].startswith("abi ") and not said["denials"], f"{ground}: {layers['landlock']}")


def no_landlock(place, check, results):
    """A kernel without Landlock: it is said, it is no success, and everything else holds."""
    kernel = [str(place.probe), "without-landlock"]
    for ground in ("root", "guest"):
        place.lay_out(box.GROUNDS[ground]["owner"])
        done, said = place.run([place.probe], ground, before=kernel, text=results.attempts())
        check(said["layers"]["landlock"] == "absent (ENOSYS)", f"it says landlock: {said['layers']['landlock']}")
        answers = results.answers(done.stdout)
        for index, case in enumerate(results.cases):
            expected = results.expected(case, ground, "landlock")
            check(answers.get(index) in expected.split("|"),
                  f"{ground}, a kernel without landlock: {case.name}: {answers.get(index)}, not {expected}")
    done, said = place.run(["true"], before=kernel, policy=place.policy(require=["landlock"]))
    check(done.returncode == 125, "a role that demands landlock ran without it")


def streams(place, check, results):
    text = "0123456789abcdef" * 300000
    done, said = place.run(["sh", "-c", "wc -c; echo no >&2"], text=text)
    check(done.stdout.strip() == str(len(text)) and done.stderr.strip() == "no", f"stdin: {done.stdout}{done.stderr}")
    done, _ = place.run(["sh", "-c", "exit 77"])
    check(done.returncode == 77, f"exit code {done.returncode}")
    done, said = place.run(["sh", "-c", "kill -SEGV $$"])
    check(done.returncode == 139 and said["signal"] == 11, f"signal: {done.returncode}")
    document = place.base / "policy.json"
    document.write_text(json.dumps(place.policy()))
    child = subprocess.Popen([str(place.sandbox), "--policy", str(document), "--live", "--", "cat"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    child.stdin.write(b"first\n")
    child.stdin.flush()
    check(child.stdout.readline() == b"first\n", "input and output do not stream")
    child.stdin.close()
    check(child.wait(30) == 0, "cat did not end")
    child.stdout.close()
    done = subprocess.run(["bash", "-c", f"exec {place.sandbox} --policy {document} -- true < /etc"],
                          capture_output=True, text=True)
    check(done.returncode == 125 and "directory" in done.stderr, "a directory on stdin was taken")


def terminal(place, check, results):
    done, said = place.run(["bash", "-c", "tty; stty size; cat; echo out > /dev/tty"], options=["--pty", "120x40"],
                           text="typed\n")
    check("/dev/pts/0" in done.stdout and "40 120" in done.stdout, f"no terminal: {done.stdout}")
    check("typed" in done.stdout and "out" in done.stdout, f"the terminal does not carry: {done.stdout!r}")
    done, _ = place.run([place.probe], options=["--pty", "80x24"], text="1 tiocsti own\n")
    check("EPERM" in done.stdout, f"a tool types into its terminal: {done.stdout}")


WORK = {
    "git": "git init -q . && echo x > f && git add f && git -c user.name=a -c user.email=a@b commit -qm x && git log -p",
    "make and gcc": "printf 'int main(void){return 0;}' > m.c && printf 'm: m.c\\n\\tgcc -o m m.c\\n' > Makefile && make && ./m",
    "python": "python3 -m unittest -q 2>&1; python3 -c 'import threading,subprocess,tempfile,socket; socket.socketpair(); "
              "subprocess.run([\"true\"],check=True); t=threading.Thread(target=print); t.start(); t.join()'",
    "node": "printf \"require('node:test')('t',()=>{})\" > t.test.js && node --test t.test.js",
    "a server on the loopback": "python3 -c 'import http.server,threading,urllib.request as u; "
                                "s=http.server.HTTPServer((\"127.0.0.1\",0),http.server.SimpleHTTPRequestHandler); "
                                "threading.Thread(target=s.serve_forever,daemon=True).start(); "
                                "u.urlopen(f\"http://127.0.0.1:{s.server_port}/\").read()'",
    "ripgrep": "echo needle > hay && rg needle .",
    "many compilers at once": "for i in $(seq 24); do echo \"int f$i(void){return $i;}\" > f$i.c; done; "
                              "printf 'O=$(patsubst %%.c,%%.o,$(wildcard *.c))\\nall: $(O)\\n\\tar rc l.a $(O)\\n' > Makefile; "
                              "make -sj8 && test $(ar t l.a | wc -l) = 24",
    "cargo": "CARGO_HOME=/tmp/cargo PATH=/toolchain/bin:$PATH; export PATH CARGO_HOME; cargo init -q --vcs none --name t --lib "
             ". && cargo test -q --offline && cargo build -q --offline --release",
    # As the browser tool starts it: its own sandbox off, because it is in ours.
    "chromium": "printf '<p id=p></p><script>p.textContent=6*7</script>' > p.html && chromium --headless --no-sandbox "
                "--disable-gpu --dump-dom file://$PWD/p.html 2>/dev/null | grep -q '>42<'",
}


def toolchain():
    """Where cargo's own files are: rustup keeps them below somebody's home. Nil where there is none."""
    if not shutil.which("rustc"):
        return None
    done = subprocess.run(["rustc", "--print", "sysroot"], capture_output=True, text=True)
    root = pathlib.Path(done.stdout.strip())
    return str(root) if done.returncode == 0 and (root / "bin/cargo").exists() else None


def work(place, check, results):
    """What a coder runs all day must run, and nothing of it may be refused."""
    rust = toolchain()
    for name, script in WORK.items():
        if (name == "cargo" and not rust) or (name == "chromium" and not shutil.which("chromium")):
            results.absent.append(name)
            continue
        place.lay_out(1001)
        script = f"mkdir w && cd w && {script}"
        limits = {"limits": {"processes": 512, "open_files": 1024, "file_mb": 512}, "tmp_mb": 256}
        policy = place.policy(**limits)
        if name == "cargo":
            policy["views"].append({"source": rust, "target": "/toolchain", "mode": "ro"})
        done, said = place.run(["bash", "-c", script], policy=policy)
        check(done.returncode == 0, f"{name}: exit {done.returncode}: {done.stderr[-300:]}")
        loud = [entry["what"] for entry in said["denials"] if not entry["probe"]]
        check(not loud, f"{name}: {loud}")


def copies(place, check, results):
    work = str(place.base / "work")
    views = [{"source": work, "target": "/copy", "mode": "copy"}]
    done, _ = place.run(["sh", "-c", "cd /copy && cat mine && echo changed > mine && rm -r .git"],
                        policy=place.policy(views=views, protected=[], workdir="/"))
    check(done.returncode == 0 and (place.base / "work/mine").read_text() == "mine\n", f"a copy: {done.stderr}")
    check((place.base / "work/.git/config").exists(), "a copy was the thing itself")
    done, _ = place.run(["sh", "-c", f"ls {work}/.git; cat {work}/mine"],
                        policy=place.policy(hidden=[f"{work}/.git", f"{work}/mine"], protected=[]))
    check("config" not in done.stdout and "mine" not in done.stdout, "hidden is seen")


def placeholders(place, check, results):
    """A directory that is no repository yet: what is protected in it cannot be made, and nothing fails for it."""
    work = place.base / "work"
    shutil.rmtree(work / ".git")
    shutil.rmtree(work / ".github")
    done, said = place.run(["sh", "-c", f"cd {work}; mkdir .git/hooks; mkdir .github/x; echo fine > plain; mv .git .g"])
    check(said.get("error") is None and (work / "plain").exists(), f"without a repository: {said}")
    check(not (work / ".git/hooks").exists() and not (work / ".g").exists(), "a place-holder was filled or moved")
    check(done.stderr.count("Read-only") == 2 and "busy" in done.stderr, f"place-holders: {done.stderr}")


def relay(place, check, results):
    """The only door: what the proxy is told, what the tool is told, and that there is no other."""
    heard = []

    def serve(listener):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            heard.append(head.decode())
            if b"denied" in head:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n")
            else:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nyes")
            client.close()

    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    port = listener.getsockname()[1]
    policy = place.policy(network="proxy", proxy=f"127.0.0.1:{port}", proxy_token="agent.secret", egress=["example.org"])
    policy["environment"] |= {"http_proxy": "http://127.0.0.1:3128", "https_proxy": "http://127.0.0.1:3128"}
    script = ("curl -s http://example.org/x; curl -s http://denied.org/; curl -s https://denied.org/ ; curl -s http://denied.org/; "
              f"curl -s --noproxy '*' --max-time 5 http://127.0.0.1:{port}/; echo code $?; env; cat /proc/self/environ")
    done, said = place.run(["bash", "-c", script], policy=policy)
    listener.close()
    check("yes" in done.stdout and "code 7" in done.stdout, f"the relay: {done.stdout[:300]} {done.stderr[:300]}")
    check(any("GET http://example.org:80/x HTTP/1.1" in head for head in heard), f"the proxy heard {heard}")
    check(all("Proxy-Authorization: Bearer agent.secret" in head for head in heard), "the token is missing")
    check("agent.secret" not in done.stdout, "the tool sees the token")
    denied = {entry["object"]: entry["count"] for entry in said["denials"] if entry["layer"] == "egress"}
    check(denied == {"denied.org:80": 2, "denied.org:443": 1}, f"denied hosts: {denied}")
