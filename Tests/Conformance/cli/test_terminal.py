"""Sizes, colours, signals and keys."""

import os
import signal
import subprocess
import time
import unicodedata

from home import OPENCLAW, ROOT, check, git, wait_for
from terminal import plain
from world import ONE_CODER, test


def cells(line):
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in line)


def widest(text):
    return max((cells(part) for line in plain(text).splitlines() for part in line.split("\r")), default=0)


@test
def lists_fit_terminals_of_40_80_and_200_columns(world):
    world.finished
    for columns in [40, 80, 200]:
        for command in [["sessions"], ["--help"], ["help", "json"], ["config"], ["logs", world.finished]]:
            with world.terminal(*command, columns=columns) as terminal:
                check(terminal.wait() == 0, f"{command} at {columns}: {plain(terminal.output)}")
                # What is to be copied, and plans, are not broken; they are the only lines that may be longer.
                lines = [
                    line for line in plain(terminal.output).replace("\r", "\n").splitlines()
                    if "openclaw " not in line and '{"' not in line]
                check(widest("\n".join(lines)) <= columns, f"{command} at {columns}: {max(lines, key=cells)!r}")


@test
def a_terminal_that_says_nonsense_about_its_size_is_no_reason_to_fail(world):
    for columns in [0, 1, 5, 65535]:
        with world.terminal("--help", columns=columns) as terminal:
            check(terminal.wait() == 0 and "openclaw run" in plain(terminal.output), f"{columns} columns")


@test
def colours_are_where_they_are_welcome(world):
    def has_colors(*arguments, **environment):
        with world.terminal("sessions", *arguments, **environment) as terminal:
            terminal.wait()
            return "\x1b[" in terminal.output

    world.finished
    check(has_colors(), "no colours on a terminal")
    check(not has_colors(NO_COLOR="1"), "NO_COLOR is ignored")
    check(has_colors("--color", "always", NO_COLOR="1"), "--color always")
    check(not has_colors("--color=never"), "--color never")
    check(not has_colors(TERM="dumb"), "TERM=dumb")
    piped = world.home.run("sessions").stdout
    check("\x1b" not in piped, "colours in a pipe")
    check("\x1b" in world.home.run("sessions", FORCE_COLOR="1").stdout, "FORCE_COLOR")
    check("\x1b" not in world.home.run("sessions", "--json", "--color", "always").stdout, "colours in JSON")
    wrong = world.home.run("sessions", "--color", "blue", check=False)
    check(wrong.returncode == 2 and "auto, always or never" in wrong.stderr, wrong.stderr)


@test
def a_reader_that_leaves_is_no_error_and_a_full_disk_is_one(world):
    def shell(command):
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=world.environment, timeout=120)

    for command in [f"logs {world.finished}", "help --man", "sessions --all", f"logs {world.finished} --json"]:
        done = shell(f"openclaw {command} | head -n 1; echo ${{PIPESTATUS[0]}}")
        check(done.stdout.splitlines()[-1] == "0" and done.stderr == "", f"{command}: {done.stdout}{done.stderr}")
        done = shell(f"openclaw {command} >/dev/full")
        check(done.returncode == 1 and "ENOSPC" in done.stderr or "No space" in done.stderr, f"{command}: {done.stderr}")
    done = shell("openclaw --help >&-")
    check(done.returncode == 1, f"a closed output: {done.returncode}")
    done = shell("openclaw nonsense 2>/dev/full")
    check(done.returncode in (1, 2), f"an error that cannot be said: {done.returncode}")


def follow(world, *options, columns=80, words="Take your time"):
    terminal = world.terminal(
        "run", words, "--repo", str(world.repository), "--agents", "1", "--model", world.slow_model(), *options,
        columns=columns)
    terminal.wait_for("starts t1")
    return terminal


def newest(world):
    return world.home.json("sessions")[0]["id"]


@test
def the_first_interrupt_detaches_and_the_session_goes_on(world):
    with follow(world) as terminal:
        terminal.type("\x03")
        terminal.wait_for("the session goes on")
        check(terminal.wait() == 130, "the exit code of an interrupt is 130")
        check(terminal.output.count("\x1b[") and not plain(terminal.output).rstrip().endswith("…"), "a status line is left")
    session = newest(world)
    check(world.state(session) == "working", f"the session is {world.state(session)}")
    world.home.run("cancel", session)


@test
def the_second_interrupt_cancels_the_session(world):
    with follow(world) as terminal:
        terminal.type("\x03")
        terminal.wait_for("press Ctrl-C again")
        terminal.type("\x03")
        check(terminal.wait() == 130, "exit")
        check("cancelled; the work is kept" in plain(terminal.output), plain(terminal.output[-500:]))
    check(world.state(newest(world)) == "cancelled", world.state(newest(world)))


@test
def the_third_interrupt_does_not_wait_for_a_coordinator_that_hangs(world):
    with follow(world) as terminal:
        pid = world.home.json("coordinator", "status")[0]["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            for words in ["press Ctrl-C again", "Ctrl-C once more"]:
                terminal.type("\x03")
                terminal.wait_for(words)
            begin = time.monotonic()
            terminal.type("\x03")
            check(terminal.wait(20) == 130, "exit")
            check(time.monotonic() - begin < 8, "the third Ctrl-C waited")
        finally:
            os.kill(pid, signal.SIGCONT)
    world.home.run("cancel", newest(world), check=False)


@test
def a_watcher_never_cancels_what_it_did_not_start(world):
    session = world.start_slow()
    with world.terminal("logs", session, "-f") as terminal:
        terminal.wait_for("coder-1")
        terminal.type("\x03")
        check(terminal.wait() == 130 and "press Ctrl-C again" not in terminal.output, plain(terminal.output))
    check(world.state(session) == "working", "the session does not go on")
    world.home.run("cancel", session)


@test
def a_stopped_program_goes_on_and_a_new_width_is_used(world):
    session = world.start_slow("Write a rather long line so that it has to be cut at the edge of a small terminal")
    with world.terminal("logs", session, "-f", columns=200) as terminal:
        terminal.wait_for("starts t1")
        terminal.type("\x1a")
        terminal.wait_for_state("T")
        terminal.resize(40)
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.wait_for_state("S")
        before = len(terminal.output)
        world.home.run("pause", session)
        world.home.run("cancel", session)
        check(terminal.wait() == 130, "following a cancelled session exits with 130")
        check("cancelled by user" in plain(terminal.output), plain(terminal.output))
        check(widest(terminal.output[before:].split("session goes")[0]) <= 60, repr(terminal.output[before:]))


@test
def approval_at_the_terminal_survives_a_stop_and_leaves_the_terminal_as_it_was(world):
    head = git(world.repository, "rev-parse", "HEAD")
    with world.terminal(
            "run", "Fix it", "--repo", str(world.repository), "--agents", "1", "--model", ONE_CODER, "--merge") as terminal:
        terminal.wait_for("[a]pprove")
        check("calculator.py" in plain(terminal.output), "the files are not shown")
        wait_for(lambda: not terminal.echoes(), "the terminal without echo", 10)
        os.kill(terminal.pid, signal.SIGTSTP)
        terminal.wait_for_state("T")
        check(terminal.echoes(), "a stopped program leaves the terminal without echo")
        os.kill(terminal.pid, signal.SIGCONT)
        wait_for(lambda: terminal.pump() and not terminal.echoes(), "the terminal being taken again", 30)
        terminal.type("v")
        terminal.wait_for("value -= product()")
        terminal.type("x")
        terminal.type("d")
        check(terminal.wait() == 1, "a denied session is no success")
    check(git(world.repository, "rev-parse", "HEAD") == head, "something was merged")


@test
def a_question_is_asked_at_the_terminal_and_answered_there(world):
    # A model of its own, so that no estimate of another test counts these sessions.
    path = world.home.path / "asked.yaml"
    path.write_text((ROOT / "examples/calculator/five-agents.yaml").read_text())
    team = f"script:{path}"
    with world.terminal(
            "run", "Improve it", "--repo", str(world.repository), "--agents", "5", "--model", team, "--approve", "plan",
            "--yes") as terminal:
        terminal.wait_for("[y]es")
        check("asked plan/1" in plain(terminal.output), plain(terminal.output))
        terminal.type("x")
        terminal.type("n")
        terminal.wait_for("why (empty for no reason)")
        terminal.type("the readme first\n")
        terminal.wait_for("wants another plan: the readme first")
        terminal.wait_for("asked plan/2")
        wait_for(lambda: terminal.pump() and not terminal.echoes(), "the second question", 30)
        terminal.type("y")
        check(terminal.wait(240) == 0, plain(terminal.output[-2000:]))
        check("user says yes to plan/2" in plain(terminal.output), plain(terminal.output))
    with world.terminal(
            "run", "Improve it later", "--repo", str(world.repository), "--agents", "5", "--model", team, "--approve", "plan",
            "--yes") as terminal:
        terminal.wait_for("[y]es")
        terminal.type("l")
        check(terminal.wait() == 8, plain(terminal.output[-2000:]))
    world.home.run("cancel", newest(world))


@test
def a_killed_terminal_leaves_the_session_alone(world):
    with follow(world) as terminal:
        os.kill(terminal.pid, signal.SIGHUP)
        check(terminal.wait() == 130, "exit")
    session = newest(world)
    check(world.state(session) == "working", "the session ended with its terminal")
    world.home.run("cancel", session)


@test
def quiet_says_the_result_only_and_verbose_says_more(world):
    logs = [world.home.run("logs", world.finished, option).stdout for option in ["--quiet", "--json", "--verbose"]]
    normal = world.home.run("logs", world.finished).stdout
    check(logs[0] == "", f"quiet: {logs[0]}")
    check(len(logs[2]) > len(normal) and "effect.succeeded" in logs[2] and "effect" not in normal, "verbose")
    done = world.home.run(
        "run", "Quietly", "--repo", str(world.repository), "--agents", "1", "--model", ONE_CODER, "--yes", "-q")
    check(done.stderr == "" and "result:" in done.stdout and len(done.stdout.splitlines()) <= 5, done.stdout + done.stderr)
