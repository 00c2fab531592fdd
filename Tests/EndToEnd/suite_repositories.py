"""Where a session's repository can be: behind a password, at a branch, in a directory, with less than its whole history."""

import json

from git_server import GitServer
from home import Home, check, files_below, git, holding
from platform_client import ask
from registry import test
from sessions import CALCULATOR, ONE_CODER

SECRET = "s3cret-of-ann"


def bare(home, repository, name="private.git"):
    target = home.path / "served" / name
    target.parent.mkdir(exist_ok=True)
    git(home.path, "clone", "-q", "--bare", str(repository), str(target))
    git(target, "config", "http.receivepack", "true")
    return target


def written_with(home, needle):
    """Files with these bytes among all that was written: sessions, the journal, the logs."""
    root = home.path / "aegis/openclaw"
    check(len(files_below(root)) > 20, "there is nothing to look through")
    return holding(root, needle)


@test
def a_private_repository_is_reached_by_a_credential_helper_and_the_password_stays_with_git():
    with Home(GITHUB_TOKEN="ghs_not_for_this_host") as home:
        served = bare(home, home.repository(CALCULATOR))
        with GitServer(served.parent, "ann", SECRET) as server:
            url = f"{server.url}/private.git"
            arguments = ["run", "Fix it", "--repo", url, "--agents", "1", "--model", ONE_CODER, "--yes"]
            refused = home.run(*arguments, check=False)
            check(refused.returncode != 0 and "help repositories" in refused.stderr, refused.stderr)
            check(server.attempts == [None], f"it asked with {server.attempts}")
            # git's own helper, with the file that `git credential approve` writes.
            store = home.path / "credentials"
            store.write_text(f"{server.url.replace('://', f'://ann:{SECRET}@')}\n")
            (home.path / ".gitconfig").write_text(f"[credential]\n\thelper = store --file {store}\n")
            events = home.json(*arguments)
            session = next(e["session"] for e in events)
            check(any(e["type"] == "session.completed" for e in events), f"{events[-1]}")
            log = git(served, "log", "--format=%(trailers:key=Openclaw-Task)", f"openclaw/{session}")
            check("Openclaw-Task: t1" in log, log)
            check(f"ann:{SECRET}" in server.attempts, "nobody came in with the password")
            check(not any("ghs_" in (said or "") for said in server.attempts), "GitHub's token went elsewhere")
            written = written_with(home, SECRET.encode())
            check(not written, f"the password was written down in {written}")
            again = home.run(*[a.replace("http://", f"http://ann:{SECRET}@") for a in arguments], check=False)
            check(again.returncode == 2 and SECRET not in again.stdout + again.stderr, again.stderr)


@test
def a_token_of_the_environment_goes_to_the_kind_of_forge_that_it_is_for():
    with Home(GITEA_TOKEN="of-gitea", GITHUB_TOKEN="of-github") as home:
        served = bare(home, home.repository(CALCULATOR))
        with GitServer(served.parent, "x-access-token", "of-gitea") as server:
            arguments = ["run", "Fix it", "--repo", f"{server.url}/private.git", "--dry-run", "--model", ONE_CODER]
            home.run(*arguments, "--pull-request", "--provider", "gitea", "--forge-api", server.url + "/x", check=False)
            check("x-access-token:of-gitea" in server.attempts, f"{server.attempts}")
            check(not any("of-github" in (said or "") for said in server.attempts), f"{server.attempts}")


@test
def a_session_is_about_a_directory_at_a_branch():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        git(repository, "checkout", "-qb", "mono")
        (repository / "services").mkdir()
        git(repository, "mv", "calculator.py", "tests", "Makefile", "services")
        (repository / "Makefile").write_text("test:\n\tfalse\n")
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "Move")
        git(repository, "checkout", "-q", "main")
        run = ["run", "Fix it", "--repo", f"{repository}#mono:services", "--model", ONE_CODER, "--yes"]
        check("directory services" in home.run(*run, "--dry-run").stdout, "the dry run does not name the directory")
        wrong = home.run("run", "Fix it", "--repo", f"{repository}#mono:nowhere", "--model", ONE_CODER, check=False)
        check(wrong.returncode == 5 and "no directory nowhere" in wrong.stderr, f"{wrong.returncode} {wrong.stderr}")
        check(home.run(*run, "--subdir", "../x", check=False).returncode == 2, "two directories pass")
        # The script edits calculator.py where it starts, and the gate's tests are red anywhere else.
        events = home.json(*run, "--agents", "1")
        session = next(e["session"] for e in events)
        check(any(e["type"] == "session.completed" for e in events), f"{events[-1]}")
        changed = git(repository, "diff", "--name-only", "mono", f"openclaw/{session}").split()
        check("services/calculator.py" in changed, f"{changed}")


@test
def a_shallow_repository_is_worked_on_and_a_partial_one_is_refused_in_words():
    with Home() as home:
        full = home.repository(CALCULATOR)
        (full / "more.txt").write_text("x\n")
        git(full, "add", "-A")
        git(full, "commit", "-qm", "More")
        git(full, "config", "uploadpack.allowFilter", "true")
        git(home.path, "clone", "-q", "--depth=1", f"file://{full}", "shallow")
        events = home.json(
            "run", "Fix it", "--repo", str(home.path / "shallow"), "--agents", "1", "--model", ONE_CODER, "--yes", "--merge")
        told = [e["data"]["text"] for e in events if e["type"] == "message.sent" and e["data"]["to"] == "user"]
        check(any("only a part of the history" in text for text in told), f"{told}")
        check(git(home.path / "shallow", "log", "-1", "--format=%(trailers:key=Openclaw-Task)"), "nothing was merged")
        git(home.path, "clone", "-q", "--filter=blob:none", "--no-checkout", f"file://{full}", "partial")
        done = home.run("run", "Fix it", "--repo", str(home.path / "partial"), "--model", ONE_CODER, check=False)
        check(done.returncode != 0 and "partial clone" in done.stderr and "--refetch" in done.stderr, done.stderr)
        check(json.loads(home.run("sessions", "--json").stdout.splitlines()[0])["state"] == "completed", "a second session was made")


@test
def agents_get_as_much_of_the_history_as_was_asked_for_and_the_result_fits_the_whole():
    with Home() as home:
        full = home.repository(CALCULATOR)
        for number in range(5):
            git(full, "commit", "-q", "--allow-empty", "-m", f"Step {number}")
        served = bare(home, full)
        for place, branch_of in [(f"file://{served}", served), (str(full), full)]:
            events = home.json(
                "run", "Fix it", "--repo", place, "--depth", "2", "--agents", "1", "--model", ONE_CODER, "--yes",
                *(["--merge"] if branch_of == full else []))
            session = next(e["session"] for e in events)
            check(any(e["type"] == "session.completed" for e in events), f"{events[-1]}")
            told = [e["data"]["text"] for e in events if e["type"] == "message.sent" and e["data"]["to"] == "user"]
            check(any("only a part of the history" in text for text in told), f"{told}")
            copy = home.path / "aegis/openclaw/sessions" / session / "repository.git"
            check(git(copy, "rev-list", "--count", "refs/openclaw/base").strip() == "2", "another part of the history")
            branch = "main" if branch_of == full else f"openclaw/{session}"
            log = git(branch_of, "log", "--format=%s", branch)
            check("Start" in log and "Step 4" in log, f"the result is on another history: {log}")
            check(not (branch_of / ".git/shallow").exists() and not (branch_of / "shallow").exists(), "it became shallow")
            git(branch_of, "fsck", "--connectivity-only")


@test
def a_session_that_makes_no_sense_is_refused_in_words_and_leaves_nothing():
    """Asked over the API: the command line would not let these through."""
    with Home() as home:
        repository = str(home.repository(CALCULATOR))
        home.run("coordinator", "start")
        for field, value, word in [
                ("agents", 9, "agents: 9"), ("agents", 0, "agents: 0"), ("depth", 0, "depth: 0"), ("depth", -3, "depth: -3"),
                ("depth", "all", "depth"), ("isolation", "jail", "isolation jail"), ("task", "", "needs a task"),
                ("task", "x" * 70_000, "64 KiB"), ("repo", "", "needs a repo"), ("model", "nobody:x", "nobody"),
                ("surprise", 1, "surprise"), ("approve", ["everything"], "everything"), ("subdir", "../..", "subdir")]:
            status, answer = ask(
                str(home.path / "aegis/openclaw/coordinator.sock"), "POST", "/v1/sessions",
                {"task": "Fix it", "repo": repository, "model": ONE_CODER, field: value})
            check(400 <= status < 500 and word in answer["error"]["message"], f"{field}={str(value)[:20]}: {status} {answer}")
        kept = home.path / "aegis/openclaw/sessions"
        check(not kept.exists() or not list(kept.iterdir()), f"left: {list(kept.iterdir()) if kept.exists() else ''}")
        check(home.json("sessions") == [], "a session was begun")
