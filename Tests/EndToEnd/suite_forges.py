"""Gitea and GitLab as GitHub before them: one pull request whatever happens; checks that become work; and what a person is
asked about and adds on the way."""

import subprocess
import threading

import forge_servers
import github_server
from home import Home, check, git, wait_for
from messages_server import Provider
from registry import test
from sessions import CALCULATOR, ONE_CODER, approve
from suite_delivery import Forge, home_is_over, status

SERVERS = {"gitea": forge_servers.Gitea, "gitlab": forge_servers.GitLab}
TOKENS = {"GITEA_TOKEN": "ghs_secret", "GITLAB_TOKEN": "ghs_secret", "GITHUB_TOKEN": "of-another-forge"}


@test
def gitea_and_gitlab_get_one_pull_request_with_labels_and_reviewers_and_merge_it():
    for provider, server in SERVERS.items():
        with Home(**TOKENS) as home, Forge(home, server=server, provider=provider) as forge:
            reviewers = ["--reviewer", "ann"] + (["--reviewer", "acme/core"] if provider == "gitea" else [])
            home.run(
                "run", "Fix it", *forge.flags, "--agents", "1", "--model", ONE_CODER, "--draft", "--merge", "--label", "bot",
                *reviewers, check=False)
            session = home.json("sessions", check=False)[0]["id"]
            check(not forge.github.pulls and not forge.has_branch(session), f"{provider}: it was there before the answer")
            approve(home, session)
            wait_for(lambda: home_is_over(home, session), "the end")
            pull = forge.only()
            check(status(home, session)["state"] == "completed", f"{provider}: {status(home, session)}")
            check(pull["merged_at"] and pull["title"] == "Fix it", f"{provider}: {pull}")
            check(pull["labels"] == ["bot"] and pull["reviewers"] == ["ann"], f"{provider}: {pull}")
            check(provider != "gitea" or pull["teams"] == ["core"], f"{pull}")
            check("| t1: " in pull["body"] and "gate of" in pull["body"], f"{provider}: {pull['body']}")


@test
def faults_of_gitea_and_gitlab_make_no_second_pull_request():
    paths = {
        "gitea": ("/repos/acme/widgets/pulls", "POST /repos/acme/widgets/issues/NUMBER/labels"),
        "gitlab": ("PROJECT/merge_requests", "PUT PROJECT/merge_requests/NUMBER"),
    }
    for provider, server in SERVERS.items():
        pulls, labels = paths[provider]
        with Home(**TOKENS) as home, Forge(home, server=server, provider=provider) as forge:
            for index, faults in enumerate([
                {f"POST {pulls}": ["cut"]}, {f"POST {pulls}": ["500", "502"], f"GET {pulls}": ["503"]}, {f"POST {pulls}": ["hang", "409"]},
            ]):
                faults[labels.replace("NUMBER", str(41 + index))] = ["500"]
                project = "/projects/" + str(forge.bare).strip("/").removesuffix(".git").replace("/", "%2F")
                forge.github.faults = {key.replace("PROJECT", project): list(value) for key, value in faults.items()}
                home.run("run", "Fix it", *forge.flags, "--agents", "1", "--model", ONE_CODER, "--yes", "--label", "bot")
                check(len(forge.github.pulls) == index + 1, f"{provider} {faults}: {forge.github.pulls}")
                check(forge.github.pulls[-1]["labels"] == ["bot"], f"{provider} {faults}: {forge.github.pulls}")
                left = {k: v for k, v in forge.github.faults.items() if v and v != ["409"]}
                check(not left, f"{provider}: not all faults were met: {left}")
        with Home(**{**TOKENS, "GITEA_TOKEN": "bad", "GITLAB_TOKEN": "bad"}) as home, Forge(home, server=server, provider=provider) as forge:
            done = home.run("run", "Fix it", *forge.flags, "--agents", "1", "--model", ONE_CODER, "--yes", check=False)
            check(done.returncode != 0 and "401" in done.stdout + done.stderr, f"{provider}: {done.stdout}{done.stderr}")


REPAIR = """\
name: repair
conversations:
  - match: {role: coder, task: t1}
    turns:
      - tools: [{name: write, input: {file_path: work.txt, content: x}}]
      - tools: [{name: complete_task, input: {summary: done}}]
  - match: {role: coder, task: ci-1}
    turns:
      - tools: [{name: write, input: {file_path: linted.txt, content: x}}]
      - tools: [{name: complete_task, input: {summary: repaired}}]
"""


@test
def a_red_check_of_the_pull_request_becomes_a_task_and_green_ones_are_what_yes_waits_for():
    for provider, server in {"github": github_server.GitHub, **SERVERS}.items():
        with Home(**{**TOKENS, "GITHUB_TOKEN": "ghs_secret"}, OPENCLAW_CHECKS_MS="100") as home, \
                Forge(home, server=server, provider=provider) as forge:
            looks = []

            def checks(commit):
                looks.append(commit)
                if looks.count(commit) < 3:
                    return None
                has = subprocess.run(["git", "--git-dir", str(forge.bare), "cat-file", "-e", f"{commit}:linted.txt"], capture_output=True)
                return [("build", True), ("lint", has.returncode == 0)]

            forge.github.checks = checks
            script = home.path / "repair.yaml"
            script.write_text(REPAIR)
            events = home.json(
                "run", "Do it", *forge.flags, "--agents", "1", "--model", f"script:{script}", "--watch-checks", "--yes")
            reported = [(e["data"]["is_green"], e["data"]["summary"]) for e in events if e["type"] == "checks.reported"]
            check([green for green, _ in reported] == [False, True], f"{provider}: {reported}")
            check("lint" in reported[0][1] and "build" not in reported[0][1], f"{provider}: {reported}")
            added = [e["data"]["task"] for e in events if e["type"] == "plan.changed"]
            check([t["id"] for t in added] == ["ci-1"] and "lint" in added[0]["description"], f"{provider}: {added}")
            order = [e["type"] for e in events]
            steps = [t for t in order if t in ("approval.granted", "approval.voided", "pull.opened", "checks.reported", "delivery.merged")]
            check(steps == ["approval.granted", "pull.opened", "checks.reported", "approval.voided",
                            "approval.granted", "pull.opened", "checks.reported", "pull.opened", "delivery.merged"],
                  f"{provider}: {steps}")
            check(len({e["data"]["url"] for e in events if e["type"] == "pull.opened"}) == 1, f"{provider}: two pull requests")
            forge.only()


@test
def checks_that_cannot_be_watched_are_no_consent_and_no_endless_wait():
    with Home(**TOKENS) as home, Forge(home, server=forge_servers.Gitea, provider="gitea") as forge:
        forge.github.ROUTES = [route for route in forge.github.ROUTES if route[1] != "status"]
        done = home.run(
            "run", "Fix it", *forge.flags, "--agents", "1", "--model", ONE_CODER, "--watch-checks", "--yes", check=False)
        check(done.returncode == 8 and "could not be waited for" in done.stdout, done.stdout + done.stderr)
        check(forge.github.shown(forge.only())["draft"] and not forge.only()["merged_at"], "it was merged, or offered for it")
        forge.github.problems.clear()


@test
def a_task_that_a_person_adds_is_done_before_the_result_is_asked_about_again():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        script, task = home.path / "more.yaml", home.path / "task.yaml"
        script.write_text(REPAIR.replace("ci-1", "more"))
        home.run("run", "Do it", "--repo", str(repository), "--agents", "1", "--model", f"script:{script}", check=False)
        session = home.json("sessions", check=False)[0]["id"]
        before = status(home, session)["approval"]["tree"]
        for text, words in [("id: more\n", "title"), ("id: t1\ntitle: Again\n", "already"), ("id: x\ntitle: T\nrole: wizard\n", "wizard"),
                            ("id: x\ntitle: T\nmodel: 'script:/nowhere'\n", "nowhere"), ("[", "cannot be read")]:
            task.write_text(text)
            refused = home.run("session", session, "--add-task", str(task), check=False)
            check(refused.returncode == 2 and words in refused.stderr, f"{text}: {refused.returncode} {refused.stderr}")
        task.write_text("id: more\ntitle: Write the other file\nchecks: ['test -f linted.txt']\n")
        home.run("session", session, "--add-task", str(task))
        wait_for(lambda: (status(home, session)["approval"] or {}).get("tree", before) != before, "the second approval", 120)
        events = home.events(session)
        check(any(e["type"] == "approval.voided" for e in events), "the old approval still counts")
        held = [e["data"] for e in events if e["type"] == "acceptance.checked"]
        check([(h["task"], h["exit_code"]) for h in held] == [("more", 0)], f"{held}")
        stale = home.run("approve", session, "--tree", before, check=False)
        check(stale.returncode != 0, "an approval of the old tree passes")
        approve(home, session)
        wait_for(lambda: home_is_over(home, session), "the end")
        check("linted.txt" in git(repository, "ls-tree", "--name-only", f"openclaw/{session}"), "the task was not done")


@test
def four_fifths_of_the_budget_are_asked_about_and_yes_doubles_it():
    """A call costs a sixth of a dollar. The one after the question is answered only when the person has answered."""
    for answer in ["approve", "deny"]:
        go = threading.Event()

        def respond(body):
            turn = sum(message["role"] == "assistant" for message in body["messages"])
            if turn == 10:
                go.wait(120)
            block = {"type": "tool_use", "id": f"toolu_{turn}", "name": "bash", "input": {"command": f"echo {turn} >file"}}
            if turn >= 13:
                block.update(name="complete_task", input={"summary": "done"})
            return [block]

        with Provider(respond, tokens=(2000, 16000)) as provider, Home() as home:
            repository = home.repository(CALCULATOR)
            home.run(
                "run", "Do it", "--repo", str(repository), "--agents", "1", "--model", "claude-sonnet-5-5", "--budget", "2",
                "--approve", "budget", "--detach", "--test", "true", ANTHROPIC_API_KEY="sk-real", ANTHROPIC_BASE_URL=provider.url)
            session = home.json("sessions", check=False)[0]["id"]
            asked = wait_for(lambda: status(home, session)["permissions"], "the question about the budget")
            check(asked[0]["kind"] == "budget" and len(provider.requests) <= 11, f"{asked} after {len(provider.requests)} calls")
            home.run(answer, session)
            go.set()
            if answer == "approve":
                wait_for(lambda: status(home, session)["approval"], "the result", 120)
                raised = [e["data"]["microusd"] for e in home.events(session) if e["type"] == "budget.raised"]
                check(raised == [4_000_000], f"{raised}")
                check(2_000_000 < status(home, session)["spent_microusd"] < 4_000_000, f"{status(home, session)['spent_microusd']}")
            else:
                # What is left may be spent; nothing beyond it.
                home.wait_for_event(session, lambda e: e["type"] == "model.refused", "a refusal")
                check(status(home, session)["spent_microusd"] <= 2_000_000, "more than the budget was spent")
            home.run("cancel", session)
