"""What agents do with each other: files from guest to guest, one language server for several, looks at each other,
messages that a person lets through. Real guests; the models are scripts."""

import ctypes
import hashlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

from home import ROOT, Home, check, holding, kill, wait_for
from platform_client import command, guest_pid, tree
from registry import test
from sessions import CALCULATOR, approve
from suite_agent import coder, done, results, script, token_of, transcript
from suite_canvas import scene

FETCHER = """\
name: fetcher
extends: coder
description: Has files of its peers.
"""

PLAN = """\
summary: hand files over
tasks:
- {id: t1, title: Make files, description: Make them., write_set: [one.txt]}
- {id: t2, title: Have them, description: Have them., role: fetcher, depends_on: [t1], write_set: [two.txt]}
"""


def role(home, text):
    roles = home.path / "aegis/openclaw/roles"
    roles.mkdir(parents=True, exist_ok=True)
    (roles / f"{text.splitlines()[0].split(': ')[1]}.yaml").write_text(text)


def plan(home, text):
    path = home.path / "plan.yaml"
    path.write_text(text)
    return str(path)


def workspace(home, session):
    return home.path / "aegis/openclaw/sessions" / session / "workspace"


LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_OPEN, PIDFD_GETFD = 434, 438


def cut_connections(pid, port):
    """Cuts a process's connections to a port, as a network that fails does: by their own sockets. How many were cut."""
    handle = LIBC.syscall(PIDFD_OPEN, pid, 0)
    check(handle >= 0, f"pidfd_open: {os.strerror(ctypes.get_errno())}")
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        number = LIBC.syscall(PIDFD_GETFD, handle, int(name), 0)
        if number < 0:
            continue
        try:
            with socket.socket(fileno=number) as line:
                if line.family == socket.AF_INET and line.getpeername()[1] == port:
                    line.shutdown(socket.SHUT_RDWR)
                    count += 1
        except OSError:
            # It is no socket, or none that is connected.
            continue
    os.close(handle)
    return count


MAKE = (
    "set -e; truncate -s 1G big.bin; for at in 0 300000000 1073741000; do "
    "printf 'mark at %s' $at | dd of=big.bin bs=1 seek=$at conv=notrunc status=none; done; "
    "echo damaged > damaged.txt; echo kept > kept.txt")


def big_digest():
    """Of what the first agent makes, made here once more."""
    content = hashlib.sha256()
    marks = {at: f"mark at {at}".encode() for at in (0, 300000000, 1073741000)}
    at = 0
    for start, mark in sorted(marks.items()):
        while at < start:
            size = min(1 << 24, start - at)
            content.update(bytes(size))
            at += size
        content.update(mark)
        at += len(mark)
    content.update(bytes((1 << 30) - at))
    return content.hexdigest()


@test
def a_gibibyte_goes_from_guest_to_guest_over_a_line_that_is_cut():
    check(os.geteuid() == 0, "this test cuts a connection of a guest and needs root")
    with Home() as home:
        repository = home.repository(CALCULATOR)
        role(home, FETCHER)
        put = lambda name: ("artifact", {"action": "put", "path": name})
        get = lambda name: ("artifact", {"action": "get", "agent": "coder-1", "name": name})
        wait = lambda name: ("bash", {"command": f"until [ -e {name} ]; do sleep 0.1; done; rm {name}"})
        fetcher = {"match": {"role": "fetcher"}, "turns": [{"tools": [dict(name=n, input=i) for n, i in turn]} for turn in [
            [("artifact", {"action": "list"})],
            [get("big.bin")],
            [("bash", {"command": "sha256sum < /workspace/artifacts/fetcher-1/received/coder-1/big.bin; touch two.txt"})],
            [get("damaged.txt"), get("never.txt"), get("../kept.txt")],
            [("bash", {"command": "echo waiting > waiting"}), wait("go")],
            [get("kept.txt")],
            [("bash", {"command": "rm -f waiting; cp /workspace/artifacts/fetcher-1/received/coder-1/kept.txt two.txt"})],
            done("had them")]]}
        model = script(home, "hand-over", coder(
            [("bash", {"command": MAKE})], [put("big.bin"), put("damaged.txt"), put("kept.txt"), put("/etc/../proc")],
            [("bash", {"command": "rm *.bin damaged.txt kept.txt; touch one.txt"})], done("made them")), fetcher)
        session = home.run(
            "run", "Hand over", "--repo", str(repository), "--agents", "2", "--plan", plan(home, PLAN), "--model", model,
            "--test", "true", "--detach").stdout.strip()
        stored = home.wait_for_event(
            session, lambda e: e["type"] == "artifact.stored" and e["data"]["name"] == "damaged.txt", "the second file")
        volume = workspace(home, session)
        # Somebody changes what lies there.
        (volume / "artifacts/coder-1/.sha256" / stored["data"]["digest"]).write_text("Damaged\n")
        digest = big_digest()
        part = volume / "artifacts/fetcher-1/.part" / digest
        wait_for(lambda: part.exists() and part.stat().st_size > 50 << 20, "the transfer to be under way", 120)
        pid = guest_pid(home, session, "fetcher-1")
        check(cut_connections(pid, 8700) >= 1, "there was no connection to cut")
        before = part.stat().st_size if part.exists() else 1 << 30
        check(before < 1 << 30, "the file was there before the connection was cut")
        received = home.wait_for_event(
            session, lambda e: e["type"] == "artifact.received" and e["data"]["name"] == "big.bin", "the file", 240)
        data = received["data"]
        check(data["cuts"] >= 1 and data["is_direct"] and data["size"] == 1 << 30 and data["digest"] == digest, f"{data}")
        # The owner's guest goes; what it put stays.
        clone = volume / "agents/fetcher-1"
        wait_for(lambda: (clone / "waiting").exists(), "the fetcher to wait")
        strangers(home, session, digest)
        kill(guest_pid(home, session, "coder-1"))
        home.wait_for_event(session, lambda e: e["type"] == "agent.lost" and e["data"]["agent"] == "coder-1", "the loss")
        (clone / "go").touch()
        kept = home.wait_for_event(
            session, lambda e: e["type"] == "artifact.received" and e["data"]["name"] == "kept.txt", "the kept file", 120)
        check(not kept["data"]["is_direct"], "it came from a guest that is gone")
        home.wait_for_event(session, lambda e: e["type"] == "approval.requested", "the end of the work", 120)
        seen = results(transcript(home, session, "t2"))
        check("coder-1: big.bin, 1073741824 bytes" in seen[0], seen[0])
        check("It is at /workspace/artifacts/fetcher-1/received/coder-1/big.bin" in seen[1], seen[1])
        check(digest in seen[2], seen[2])
        check("is not what was announced" in seen[3], seen[3])
        check("has put no never.txt" in seen[4] and "a name is letters" in seen[5], f"{seen[4:6]}")
        refused = [e["data"] for e in home.events(session) if e["type"] == "artifact.refused"]
        check({r["name"] for r in refused} == {"damaged.txt", "never.txt"}, f"{refused}")
        check(not (volume / "artifacts/fetcher-1/received/coder-1/damaged.txt").exists(), "it has its name all the same")
        check("no regular file" in results(transcript(home, session, "t1"))[4], "a directory was put")
        # What a person sees and takes out.
        listed = home.json("session", session, "--artifacts")
        check({a["name"] for a in listed} == {"big.bin", "damaged.txt", "kept.txt"}, f"{listed}")
        target = home.path / "out.txt"
        home.run("session", session, "--artifact", "coder-1/kept.txt", "--output", str(target))
        check(target.read_text() == "kept\n", "the copy")
        refusal = home.run("session", session, "--artifact", "coder-1/damaged.txt", "--output", str(target), check=False)
        check(refusal.returncode == 1 and "not what the journal tells" in refusal.stderr, refusal.stderr)
        approve(home, session)
        report = home.wait_for_event(
            session, lambda e: e["type"] == "artifact.stored" and e["data"]["agent"] == "coordinator", "the report")
        text = pathlib.Path(report["data"]["path"]).read_text()
        check("Files from agent to agent" in text and digest in text, "the report does not name the files")
        # A leave never stands where it could be read.
        leaves = [p for p in holding(home.path / "aegis/openclaw", b"grant.", limit=1 << 20) if not p.endswith("/secret")]
        check(not leaves, f"a leave is in {leaves}")


def leave(home, session, owner, peer, use):
    """A leave as docs/PROTOCOLS.md derives it."""
    until = int(time.time() * 1000) + 60_000
    key = bytes.fromhex(token_of(home, session, owner))
    code = hashlib.blake2b(f"grant\0{peer}\0{use}\0{until}".encode(), key=key, digest_size=32).hexdigest()
    return f"grant.{peer}.{until}.{code}"


def strangers(home, session, digest):
    """Asks for the file from inside of the network without a leave, and with credentials that are none for it."""
    pid = guest_pid(home, session, "coder-1")
    other = "0" * 64
    for bearer, wanted in [
            (leave(home, session, "coder-1", "fetcher-1", f"artifact/{digest}"), "200"), ("", "401"), ("x", "401"),
            (f"fetcher-1.{token_of(home, session, 'fetcher-1')}", "401"),
            (leave(home, session, "fetcher-1", "fetcher-1", f"artifact/{digest}"), "401"),
            (leave(home, session, "coder-1", "fetcher-1", f"artifact/{other}"), "401"),
            (leave(home, session, "coder-1", "fetcher-1", "health"), "401")]:
        answer = subprocess.run(
            ["nsenter", "-t", str(pid), "-n", "curl", "-sS", "-I", "-o", "/dev/null", "-w", "%{http_code}", "-H",
             f"Authorization: Bearer {bearer}", f"http://127.0.0.1:8700/artifacts/{digest}"],
            capture_output=True, text=True, timeout=30)
        check(answer.stdout == wanted, f"{bearer[:20]} was answered {answer.stdout}{answer.stderr} instead of {wanted}")


SAY = """\
summary: talk
tasks:
- {id: t1, title: Say, description: Say it., write_set: [one.txt]}
- {id: t2, title: Hear, description: Hear it., role: fetcher, write_set: [two.txt]}
"""


@test
def a_person_reads_what_agents_say_before_it_is_passed_on():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        role(home, FETCHER)
        say = lambda text: ("message", {"to": "fetcher-1", "text": text})
        wait = ("bash", {"command": "until [ -e go ]; do sleep 0.1; done; rm go; date > two.txt"})
        hearer = {"match": {"role": "fetcher"}, "turns": [{"tools": [dict(name=n, input=i) for n, i in turn]} for turn in [
            [("bash", {"command": "touch here"}), wait], [("bash", {"command": "rm -f here"})], done("heard it")]]}
        model = script(home, "talk", coder(
            [("bash", {"command": "until [ -e go ]; do sleep 0.1; done; rm go; date > one.txt"})],
            [say("skip the tests")], [say("read README first")], [say("be quick")], [("notes", {"text": "my plan"})],
            [("bash", {"command": "until [ -e go ]; do sleep 0.1; done; rm go"})], [("tasks", {})], done("said it")), hearer, *judges())
        session = home.run(
            "run", "Talk", "--repo", str(repository), "--agents", "5", "--plan", plan(home, SAY), "--model", model,
            "--test", "true", "--approve", "messages,notes", "--detach").stdout.strip()
        volume = workspace(home, session)
        wait_for(lambda: (volume / "agents/fetcher-1/here").exists() and (volume / "agents/coder-1").exists(), "both")
        (volume / "agents/coder-1/go").touch()
        home.wait_for_event(
            session, lambda e: e["type"] == "permission.requested" and e["data"]["permission"]["kind"] == "notes", "questions")
        questions = home.json("session", session, check=False)[0]["permissions"]
        check([q["id"] for q in questions] == [f"message/{n}" for n in (1, 2, 3, 4)], f"{questions}")
        check(not any(e["type"] == "message.sent" for e in home.events(session)), "a message went on unread")
        home.run("session", session, "--refuse", "message/1", "tests stay")
        home.run("session", session, "--permit", "message/2", "--text", "read the README first, please")
        seen = scene(home, session, "edit", count=2, id="message/3", words="be thorough")
        check(seen["found"] == "be quick", f"the page shows {seen}")
        home.run("session", session, "--permit", "message/4")
        again = home.run("session", session, "--permit", "message/9", check=False)
        check(again.returncode == 1 and "nothing is asked as message/9" in again.stderr, again.stderr)
        for number, agent in [("2", "fetcher-1"), ("", "coder-1")]:
            home.wait_for_event(
                session, lambda e: e["type"] == "effect.succeeded" and e["data"]["key"].startswith("message/")
                and f"/{agent}/" in e["data"]["key"], f"the delivery to {agent}")
        (volume / "agents/coder-1/go").touch()
        (volume / "agents/fetcher-1/go").touch()
        home.wait_for_event(session, lambda e: e["type"] == "approval.requested", "the end of the work")
        heard = json.dumps(transcript(home, session, "t2"))
        check("A message of coder-1" in heard and "read the README first, please" in heard, heard)
        check("skip the tests" not in heard, "a message that was refused was heard")
        check("be thorough" in heard and "be quick" not in heard, "a message was not passed on in the person's words")
        told = transcript(home, session, "t1")
        check("message/1 to fetcher-1 was not passed on: tests stay" in json.dumps(told), f"{told}")
        check('"held":"message/1"' in results(told)[1].replace(" ", ""), results(told)[1])
        notes = [e["data"] for e in home.events(session) if e["type"] == "note.appended"]
        check(notes == [{"agent": "coder-1", "text": "my plan"}], f"{notes}")


WIDE = "summary: wide\ntasks:\n" + "".join(
    f"- {{id: t{n}, title: Part {n}, description: Do it., write_set: [part{n}.txt]}}\n" for n in range(1, 5))


@test
def agents_come_with_the_work_and_go_with_it():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        # All four wait for each other: had fewer come, nobody would get on.
        everybody = (
            "id=$(basename $PWD); touch here; until [ $(ls -d /workspace/agents/*/here 2>/dev/null | wc -l) -ge 4 ] || "
            "[ -e /workspace/agents/coder-1/all ]; do sleep 0.1; done; touch all; sleep 0.5; rm -f here; echo $id > part")
        model = script(home, "wide", *[
            {"match": {"role": "coder", "task": f"t{n}"}, "turns": [
                {"tools": [{"name": "bash", "input": {"command": everybody}}]},
                {"tools": [{"name": "bash", "input": {"command": f"rm -f all; mv part part{n}.txt"}}]},
                {"tools": [{"name": "complete_task", "input": {"result": "success", "summary": f"part {n}"}}]}]}
            for n in range(1, 5)], *judges())
        home.run(
            "run", "Go wide", "--repo", str(repository), "--agents", "auto", "--plan", plan(home, WIDE), "--model", model,
            "--test", "true", "--yes")
        session = home.json("sessions")[0]["id"]
        events = home.events(session)
        scaled = [(e["data"]["limit"], e["data"]["reason"]) for e in events if e["type"] == "agents.scaled"]
        check(scaled[0] == (4, "4 tasks are ready or under way") and scaled[-1][0] == 1, f"{scaled}")
        retired = {e["data"]["agent"] for e in events if e["type"] == "agent.retired"}
        check(len([a for a in retired if a.startswith("coder")]) == 3, f"{retired}")
        small = home.run(
            "run", "Small", "--repo", str(repository), "--plan", plan(home, WIDE.split("- {id: t2")[0]), "--model",
            script(home, "small", coder([("bash", {"command": "date > part1.txt"})], done()), *judges()), "--test", "true", "--yes")
        events = home.events(home.json("sessions")[0]["id"])
        check({e["data"]["agent"] for e in events if e["type"] == "agent.ready"} == {"coder-1", "reviewer-1", "tester-1"}, small.stdout)
        check(not any(e["type"] == "agents.scaled" for e in events), "a small task was scaled")


def judges():
    return [
        {"match": {"role": "reviewer"}, "turns": [
            {"tools": [{"name": "verdict", "input": {"verdict": "approve", "summary": "good"}}]},
            {"tools": [{"name": "complete_task", "input": {"summary": "reviewed"}}]}]},
        {"match": {"role": "tester"}, "turns": [
            {"tools": [{"name": "run_tests", "input": {}}]},
            {"tools": [{"name": "complete_task", "input": {"summary": "tested"}}]}]}]


CLONES = """\
summary: ask about the code
tasks:
- {id: t1, title: One, description: Ask., write_set: [one.py]}
- {id: t2, title: Two, description: Ask., write_set: [two.py]}
"""


def language_servers(pid):
    """The pylsp processes below a process, with what each holds of its own, in kB."""
    found = {}
    for child in tree(pid):
        try:
            if "pylsp" in command(child):
                rollup = pathlib.Path(f"/proc/{child}/smaps_rollup").read_text()
                found[child] = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Private_"))
        except OSError:
            pass
    return found


@test
def two_coders_share_one_language_server_and_each_is_told_of_its_own_clone():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        turns = lambda name, lines: [
            # Each makes its own file, with the definition at another line.
            [("bash", {"command": f"printf '{lines}def area(a, b):\\n    return a * b\\n\\n\\nprint(area(1, 2))\\n' > {name}; cp {name} same.py"})],
            [("lsp", {"action": "definition", "file_path": "same.py", "line": lines.count("n") + 5, "symbol": "area"}),
             ("lsp", {"action": "references", "file_path": "same.py", "line": lines.count("n") + 1, "symbol": "area"})],
            [("lsp", {"action": "hover", "file_path": "same.py", "line": lines.count("n") + 1, "symbol": "area"})],
            [("bash", {"command": "touch asked; until [ -e go ]; do sleep 0.1; done; rm -f go asked"})],
            [("lsp", {"action": "definition", "file_path": "same.py", "line": lines.count("n") + 5, "symbol": "area"})],
            [("peers", {})], [("bash", {"command": "rm same.py"})], done()]
        tools = lambda name, lines: [{"tools": [dict(name=n, input=i) for n, i in turn]} for turn in turns(name, lines)]
        model = script(
            home, "ask", {"match": {"role": "coder", "task": "t1"}, "turns": tools("one.py", "")},
            {"match": {"role": "coder", "task": "t2"}, "turns": tools("two.py", "x = 1\\n\\n")}, *judges())
        session = home.run(
            "run", "Ask", "--repo", str(repository), "--agents", "5", "--plan", plan(home, CLONES), "--model", model,
            "--test", "true", "--detach").stdout.strip()
        volume = workspace(home, session)
        agents = ["coder-1", "coder-2"]
        wait_for(lambda: all((volume / f"agents/{a}/asked").exists() for a in agents), "both to have asked", 150)
        pids = {a: guest_pid(home, session, a) for a in agents}
        servers = {a: language_servers(pids[a]) for a in agents}
        hosts = [a for a in agents if servers[a]]
        check(len(hosts) == 1 and len(servers[hosts[0]]) == 1, f"servers: {servers}")
        print(f"    one pylsp for two coders holds {sum(servers[hosts[0]].values()) // 1024} MB", flush=True)
        host, = hosts
        guest, = [a for a in agents if a != host]
        events = home.events(session)
        check([e["data"]["agent"] for e in events if e["type"] == "language.hosted"] == [host], "who hosts")
        check([(e["data"]["agent"], e["data"]["host"]) for e in events if e["type"] == "language.shared"] == [(guest, host)], "who shares")
        # The host's guest goes; nobody stays without an answer, and there is one server again.
        kill(pids[host])
        home.wait_for_event(session, lambda e: e["type"] == "agent.lost" and e["data"]["agent"] == host, "the loss")
        for agent in agents:
            (volume / f"agents/{agent}/go").touch()
        home.wait_for_event(
            session, lambda e: e["type"] == "language.hosted" and (e["data"]["agent"] == guest or e["data"]["generation"] > 1),
            "the new host", 120)
        home.wait_for_event(session, lambda e: e["type"] == "approval.requested", "the end of the work", 150)
        for task, first in [("t1", 1), ("t2", 3)]:
            seen = results(transcript(home, session, task))
            asked = [text for text in seen if text.startswith("same.py:")]
            check(len(asked) >= 3, f"{task}: {seen}")
            check(all(f"same.py:{first}:5: def area(a, b):" in text for text in asked), f"{task}: {asked}")
            check(f"same.py:{first + 4}:7: print(area(1, 2))" in "\n".join(asked), f"{task}: {asked}")
            check(any("area(a, b)" in text and "same.py" not in text for text in seen), f"{task}, hover: {seen}")
            check(any("this is you" in text for text in seen), f"{task}, peers: {seen}")


@test
def a_guest_that_does_not_answer_its_peers_is_written_down_and_so_is_its_return():
    check(os.geteuid() == 0, "this test takes a guest's network away and needs root")
    with Home() as home:
        repository = home.repository(CALCULATOR)
        wait = lambda name: [("bash", {"command": f"touch here; until [ -e {name} ]; do sleep 0.1; done; rm -f {name} here; date > $(basename $PWD).py"})]
        turns = coder(wait("go"), [("peers", {})], wait("end"), done())["turns"]
        model = script(home, "watch", {"match": {"role": "coder"}, "turns": turns}, *judges())
        session = home.run(
            "run", "Watch", "--repo", str(repository), "--agents", "5", "--plan", plan(home, CLONES), "--model", model,
            "--test", "true", "--detach").stdout.strip()
        volume = workspace(home, session)
        wait_for(lambda: all((volume / f"agents/coder-{n}/here").exists() for n in (1, 2)), "both to be there")
        link = ["nsenter", "-t", str(guest_pid(home, session, "coder-2")), "-n", "ip", "link", "set", "eth0"]
        subprocess.run([*link, "down"], check=True)
        lost = home.wait_for_event(
            session, lambda e: e["type"] == "peer.unreachable" and e["data"]["peer"] == "coder-2", "the peer to be missed", 90)
        check(lost["data"]["agent"] == "coder-1" and lost["data"]["reason"], f"{lost}")
        (volume / "agents/coder-1/go").touch()
        wait_for(lambda: len(results(transcript(home, session, "t1"))) >= 2, "coder-1 to have looked", 90)
        seen = results(transcript(home, session, "t1"))[1]
        check("coder-2 (coder): ready, works on t2; does not answer" in seen, seen)
        subprocess.run([*link, "up"], check=True)
        home.wait_for_event(
            session, lambda e: e["type"] == "peer.reachable" and e["data"]["peer"] == "coder-2", "the peer's return", 90)
        changes = [e for e in home.events(session) if e["type"].startswith("peer.") and e["data"]["peer"] == "coder-2"]
        check(len(changes) == 2, f"{changes}")
        home.run("cancel", session)


@test
def a_person_takes_an_agents_place_and_hands_it_back():
    sys.path.insert(0, str(ROOT / "Tests/Conformance/cli"))
    from terminal import Terminal
    with Home() as home:
        repository = home.repository(CALCULATOR)
        model = script(home, "held", coder(
            [("bash", {"command": "echo by the agent > one.txt; touch here; until [ -e go ]; do sleep 0.1; done; rm -f go here"})],
            [("read", {"file_path": "one.txt"})], done("one")), *judges())
        session = home.run(
            "run", "Hold", "--repo", str(repository), "--agents", "2", "--plan",
            plan(home, CLONES.split("- {id: t2")[0].replace("one.py", "one.txt")), "--model", model, "--test", "true",
            "--detach").stdout.strip()
        clone = workspace(home, session) / "agents/coder-1"
        wait_for(lambda: (clone / "here").exists(), "the agent to be at work")
        command = [str(ROOT / "dist/bin/openclaw"), "session", session, "--take-over", "coder-1"]
        with Terminal(command, {**home.environment, "TERM": "xterm"}, columns=100, rows=30) as shell:
            shell.wait_for("coder-1:/workspace/agents/coder-1$")
            agent = next(p for p in tree(guest_pid(home, session, "coder-1")) if argument(p, 0).endswith("openclaw-agent") and argument(p, 1) == "")
            check(state(agent) == "T", f"the agent goes on: {state(agent)}")
            shell.type("tput cols; id -u; tty\r")
            shell.wait_for("/dev/pts/")
            shell.type("echo by a person >> one.txt; echo x > /workspace/base/x; touch go\r")
            shell.wait_for("Read-only file system")
            # Ctrl-C belongs to the shell, not to openclaw.
            shell.type("sleep 1000\r")
            guest = guest_pid(home, session, "coder-1")
            wait_for(lambda: any(argument(p, 0) == "sleep" for p in tree(guest)), "the command to run")
            # What is typed before it arrives is thrown away with it, as on any terminal.
            shell.type("\x03")
            shell.wait_for("^C")
            shell.type("echo still $((40 + 2))\r")
            shell.wait_for("still 42")
            again = home.run("session", session, "--take-over", "coder-1", check=False)
            check(again.returncode == 1 and "is in the place of coder-1 already" in again.stderr, again.stderr)
            shell.type("exit\r")
            code = shell.wait()
            check(code == 0 and "it is told of" in shell.output and "one.txt" in shell.output, shell.output)
            check("\n100" in shell.output and "\n1001" in shell.output.replace("\r", ""), f"size and user: {shell.output}")
        wait_for(lambda: state(agent) != "T", "the agent to go on")
        home.wait_for_event(session, lambda e: e["type"] == "approval.requested", "the end of the work")
        told = json.dumps(transcript(home, session))
        check("I was in your place" in told and "+by a person" in told, told)
        events = [e for e in home.events(session) if e["type"] in ("agent.taken", "agent.returned")]
        check([e["type"] for e in events] == ["agent.taken", "agent.returned"], f"{events}")
        check("+by a person" in home.run("diff", session).stdout, "the person's change is not in the result")
        missing = home.run("session", session, "--take-over", "nobody", check=False)
        check(missing.returncode == 1 and "no agent nobody" in missing.stderr, missing.stderr)


def argument(pid, number):
    words = command(pid).split(" ")
    return words[number] if number < len(words) else ""


def state(pid):
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
