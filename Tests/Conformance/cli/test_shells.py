"""Completions in real shells, the manual page, help, slips, and the configuration file."""

import json
import subprocess

from home import check
from terminal import Terminal, plain
from world import ONE_CODER, test


def run(world, *command, text=None):
    return subprocess.run(command, capture_output=True, text=True, env=world.environment, input=text, timeout=120)


@test
def bash_completes_commands_options_values_and_live_ids(world):
    def complete(*words):
        quoted = " ".join(f"'{w}'" for w in words)
        done = run(world, "bash", "--norc", "-c", (
            f"source <(openclaw completion bash); COMP_WORDS=(openclaw {quoted}); COMP_CWORD={len(words)}; "
            "_openclaw; printf '%s\\n' \"${COMPREPLY[@]}\""))
        check(done.stderr == "", done.stderr)
        return done.stdout.split()

    check(complete("ses") == ["sessions", "session"], complete("ses"))
    check(complete("approve", "") and world.finished in complete("approve", ""), complete("approve", ""))
    check(complete("logs", world.finished, "") == ["coder-1"], complete("logs", world.finished, ""))
    check(complete("run", "--color", "=", "al") == ["always"], complete("run", "--color", "=", "al"))
    check(any(word.endswith("README.md") for word in complete("run", "--plan", "")) or complete("run", "--plan", ""), "files")


@test
def zsh_completes_in_a_terminal(world):
    directory = world.home.path / "zsh"
    directory.mkdir(exist_ok=True)
    script = run(world, "openclaw", "completion", "zsh").stdout
    (directory / "_openclaw").write_text(script)
    check(run(world, "zsh", "-n", str(directory / "_openclaw")).returncode == 0, "zsh does not read the script")
    (directory / ".zshrc").write_text(f"fpath=({directory} $fpath); autoload -U compinit; compinit -u -D; PS1='ready> '\n")
    with Terminal(["zsh", "-i"], {**world.environment, "ZDOTDIR": str(directory)}, columns=120) as terminal:
        terminal.wait_for("ready>")
        terminal.type("openclaw canc\t")
        terminal.wait_for("openclaw cancel")
        terminal.type(world.finished[:6] + "\t\n")
        terminal.wait_for("is completed already")
        check(world.finished in plain(terminal.output), plain(terminal.output[-800:]))
        terminal.type("exit\n")


@test
def fish_completes_with_descriptions(world):
    def complete(line):
        done = run(world, "fish", "--no-config", "-c", f"openclaw completion fish | source; complete -C '{line}'")
        check(done.stderr == "", done.stderr)
        return dict((row.split("\t") + [""])[:2] for row in done.stdout.splitlines())

    check("sessions" in complete("openclaw ses"), complete("openclaw ses"))
    check("the repository" in complete("openclaw run --re")["--repo"], complete("openclaw run --re"))
    check("Fix subtraction" in complete("openclaw approve ")[world.finished], complete("openclaw approve "))


@test
def completing_starts_nothing_and_never_complains(world):
    elsewhere = {"AEGIS_OPENCLAW_HOME": str(world.home.path / "elsewhere")}
    done = world.home.run("__complete", "--", "approve", "", **elsewhere)
    check(done.stdout == "" and done.stderr == "", done.stdout + done.stderr)
    check(not (world.home.path / "elsewhere").exists(), "completing made a home")
    check(world.home.run("__complete", check=False).returncode == 0, "no words")


@test
def the_manual_page_is_sound_and_says_what_help_says(world):
    page = run(world, "openclaw", "help", "--man").stdout
    done = run(world, "groff", "-man", "-Tutf8", "-ww", "-z", text=page)
    check(done.returncode == 0 and done.stderr == "", done.stderr)
    shown = run(world, "bash", "-c", "openclaw help --man | groff -man -Tascii -P-c | col -b")
    for words in ["NAME", "openclaw run TASK", "--allow-dirty", "EXIT-CODES", "AEGIS_OPENCLAW_HOME"]:
        check(words in shown.stdout, f"{words} is not in the page")


@test
def slips_are_met_with_what_was_probably_meant(world):
    for line, code, words in [
        (["stauts"], 2, "did you mean openclaw status?"), (["help", "exitcodes"], 5, "openclaw help exit-codes?"),
        (["run", "x", "--bugdet", "1"], 2, "--budget?"), (["sessions", "x"], 2, "does not know what to do with x"),
        (["config", "get", "modle"], 2, "did you mean model?"), (["approve"], 2, "openclaw sessions lists them"),
        (["approve", "no-such"], 5, "there is no session no-such"), (["kit"], 2, "needs one of"),
        (["completion", "tcsh"], 2, "bash, zsh, fish"), (["frobnicate"], 2, "openclaw --help lists them"),
        (["session", "--logs", "no-such"], 5, "there is no session no-such"), (["help", "frob"], 5, "topics:"),
    ]:
        done = world.home.run(*line, check=False)
        check(done.returncode == code and words in done.stderr and done.stdout == "", f"{line}: {done.returncode} {done.stderr}")
        error = json.loads(world.home.run(*line, "--json", check=False).stderr)["error"]
        check(error["code"] == code and error["message"], f"{line} --json: {error}")


@test
def options_may_stand_before_the_command(world):
    check(json.loads(world.home.run("--json", "version").stdout)["version"], "--json version")
    check("openclaw 0" in world.home.run("--version").stdout, "--version")
    check(world.home.run("--color", "never", "sessions").returncode == 0, "--color never sessions")
    check("Work" in world.home.run("-h").stdout and world.home.run(check=False).returncode == 2, "help")


@test
def the_configuration_file_is_strict_and_the_command_line_wins(world):
    config = world.home.path / "aegis/openclaw/config.yaml"
    run_ = lambda *words, **o: world.home.run("config", *words, **o)
    try:
        run_("set", "budget", "0.0001")
        config.write_text("# kept\n" + config.read_text())
        run_("set", "model", ONE_CODER)
        run_("set", "agents", "1")
        check("# kept" in config.read_text() and oct(config.stat().st_mode)[-3:] == "600", config.read_text())
        check(run_("get", "agents").stdout == "1\n", "get")
        check(json.loads(run_("list", "--json").stdout)["budget"] == "0.0001", "list --json")
        session = world.home.json("run", "By the settings", "--repo", str(world.repository), "--detach")[0]
        check(session["budget_microusd"] == 100 and session["model"] == ONE_CODER, f"{session}")
        world.home.run("cancel", session["id"], check=False)
        session = world.home.json("run", "By hand", "--repo", str(world.repository), "--detach", "--budget", "3")[0]
        check(session["budget_microusd"] == 3_000_000, "the command line does not win")
        world.home.run("cancel", session["id"], check=False)
        refused = run_("set", "agents", "nine", check=False)
        check(refused.returncode == 2 and "none of auto" in refused.stderr, refused.stderr)
        missing = run_("get", "deadline", check=False)
        check(missing.returncode == 5 and "config set deadline" in missing.stderr, missing.stderr)
        config.write_text("agents: 1\nbuget: 2\n")
        for command in [["sessions"], ["config", "list"], ["config", "set", "agents", "2"]]:
            done = world.home.run(*command, check=False)
            check(done.returncode == 2 and "config.yaml:2: buget" in done.stderr, f"{command}: {done.stderr}")
        check(world.home.run("help").returncode == 0 and run_("path").stdout.strip() == str(config), "help and path work")
        doctor = world.home.run("doctor", check=False).stdout
        check("buget" in doctor, doctor)
    finally:
        config.unlink(missing_ok=True)
