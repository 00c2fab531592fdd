"""Plans, templates, roles: from a file to a session that did it."""

import json
import subprocess

import jsonschema

from home import ROOT, check, git
from test_schemas import validator
from world import CALCULATOR, ONE_CODER, test

TEAM = f"script:{ROOT}/examples/calculator/five-agents.yaml"


def yaml(path):
    """libyaml's core schema is ours; PyYAML is not needed for what these files hold."""
    import yaml as reader

    return reader.safe_load(path.read_text())


@test
def an_architect_writes_a_plan_and_nothing_else_happens(world):
    plan = world.home.path / "architect.yaml"
    before = git(world.repository, "for-each-ref")
    done = world.home.run(
        "plan", "Improve: it", "--repo", str(world.repository), "--model", TEAM, "-o", str(plan))
    check(str(plan) in done.stdout, done.stdout)
    problem = next(validator("plan").iter_errors(yaml(plan)), None)
    check(problem is None, f"the plan is not what its schema says: {problem}")
    check(git(world.repository, "for-each-ref") == before, "something was written into the repository")
    session = world.home.json("sessions")[0]
    check(session["state"] == "completed" and [a["id"] for a in session["agents"]] == ["architect-1"], session)
    again = world.home.run("plan", "x", "--repo", str(world.repository), "--model", TEAM, "-o", str(plan), check=False)
    check(again.returncode == 2 and "is there already" in again.stderr, again.stderr)


@test
def a_plan_is_looked_at_without_a_session_and_then_run(world):
    plan = world.home.path / "team.yaml"
    plan.write_text(
        "task: 'Improve: it'\nsummary: Two things\ntasks:\n"
        "- {id: fix, title: Subtract in order, write_set: [calculator.py, 'tests/**']}\n"
        "- {id: docs, title: Add a readme, write_set: [README.md]}\n")
    count = len(world.home.json("sessions", "--all"))
    arguments = ["run", "--plan", str(plan), "--repo", str(world.repository), "--model", TEAM]
    preview = world.home.run(*arguments, "--dry-run").stdout
    for words in ["nothing was started", "fix", "docs", "Improve: it", "make test", "waits for your approval"]:
        check(words in preview, f"{words!r} is not in {preview}")
    shown = world.home.json(*arguments, "-n")[0]
    check([[t["id"] for t in wave] for wave in shown["waves"]] == [["fix", "docs"]], shown["waves"])
    stray = world.repository / "left-over"
    stray.write_text("x")
    preview = world.home.run(*arguments, "--dry-run", "--allow-dirty").stdout
    stray.unlink()
    check("uncommitted changes stay out of the session: ?? left-over" in preview, preview)
    check(len(world.home.json("sessions", "--all")) == count, "a dry run made a session")
    left = {p.name for p in (world.home.path / "aegis/openclaw/sessions").iterdir()}
    check(left == {s["id"] for s in world.home.json("sessions", "--all")}, "a dry run left a directory")
    done = world.home.run(*arguments, "--yes")
    check("result:" in done.stdout, done.stdout)
    check(world.home.json("sessions")[0]["task"] == "Improve: it", "the task of the file was not taken")
    # Now there is a session to estimate from.
    check("from one session" in world.home.run(*arguments, "-n").stdout, "there is no estimate")


@test
def the_schema_of_plans_refuses_what_the_coordinator_refuses(world):
    path = world.home.path / "wrong.yaml"
    for text in [
        "tasks: []", "summary: x", "tasks: [{id: a}]", "tasks: [{title: a, rule: coder}]", "tasks: [{title: a}]\ntsk: x",
        "tasks: [{title: a, write_set: x}]", "tasks: [{title: a, id: 'no name'}]", "tasks: x",
    ]:
        path.write_text(text)
        check(not validator("plan").is_valid(yaml(path)), f"the schema takes {text}")
        done = world.home.run("run", "x", "--plan", str(path), "--repo", str(world.repository), "--model", TEAM, "-n", check=False)
        check(done.returncode == 2 and "wrong.yaml:" in done.stderr, f"{text}: {done.returncode} {done.stderr}")


@test
def every_template_of_the_kit_is_listed_shown_and_can_be_filled(world):
    names = [t["name"] for t in world.home.json("templates")]
    check(
        {"fix-bug", "add-feature", "review-pr", "write-tests", "upgrade-dependency", "investigate"} <= set(names), names)
    for template in world.home.json("templates", "list"):
        check(template["name"] in world.home.run("templates", "show", template["name"]).stdout, "show")
        values = [p["name"] + "=some value" for p in template["parameters"] if p["required"]]
        arguments = [word for value in values for word in ("-p", value)]
        preview = world.home.json(
            "run", "--template", template["name"], *arguments, "--repo", str(world.repository), "--model", TEAM, "-n")[0]
        check("some value" in preview["configuration"]["task"], preview)
        check("${" not in preview["configuration"]["task"], preview)


@test
def a_template_is_run_with_words_and_parameters(world):
    done = world.home.run(
        "run", "--template", "fix-bug", "5 - 3 is -2", "-p", "place=calculator.py", "--agents", "1", "--repo",
        str(world.repository), "--model", ONE_CODER, "--yes")
    check("result:" in done.stdout, done.stdout)
    task = world.home.json("sessions")[0]["task"]
    check("Fix this bug: 5 - 3 is -2\nIt is probably in calculator.py." in task, task)
    for line, words in [
        (["--template", "fix-bgu"], "did you mean fix-bug?"), (["--template", "fix-bug"], "bug: is required"),
        (["--template", "fix-bug", "-p", "bug=x", "-p", "plaec=y"], "plaec: is no parameter"), (["-p", "a=b"], "add --template"),
        (["--template", "write-tests", "x", "-p", "kind=all"], "none of unit, integration, both"),
        (["--template", "fix-bug", "-p", "bug"], "expected KEY=VALUE"),
    ]:
        done = world.home.run("run", *line, "--repo", str(world.repository), "--model", TEAM, check=False)
        check(done.returncode in (2, 5) and words in done.stderr, f"{line}: {done.returncode} {done.stderr}")


@test
def a_template_of_ones_own_is_made_and_one_of_a_repository_sets_no_model(world):
    path = world.home.json("templates", "new", "nightly")[0]["path"]
    check("nightly" in world.home.run("templates", "show", "nightly").stdout, "the new template cannot be read")
    check(world.home.run("templates", "new", "nightly", check=False).returncode == 1, "it was overwritten")
    folder = world.repository / ".openclaw/templates"
    folder.mkdir(parents=True)
    try:
        (folder / "ours.yaml").write_text("name: ours\ntask: x\noptions: {model: 'openai:m@http://elsewhere/v1'}\n")
        done = world.home.run("run", "--template", "ours", "--repo", str(world.repository), check=False)
        check(done.returncode == 2 and "does not set model" in done.stderr, done.stderr)
        (folder / "ours.yaml").write_text("name: ours\ntask: from the repository\n")
        (folder / "fix-bug.yaml").write_text("name: fix-bug\ntask: taken over\n")
        listed = world.home.json("templates", "--repo", str(world.repository))
        check(any(t["name"] == "ours" and t["from"] == "repository" for t in listed), listed)
        check([t["from"] for t in listed if t["name"] == "fix-bug"] == ["kit"], "the kit's name was taken")
    finally:
        subprocess.run(["rm", "-r", str(world.repository / ".openclaw"), path], check=True)


ROLE = """name: docs-writer
extends: coder
description: Writes documentation.
prompt: |
  You write documentation only.
tools: [read, write, notes]
"""


@test
def a_repositorys_role_does_nothing_until_its_content_is_trusted(world):
    repository = world.home.path / "with-role"
    subprocess.run(["git", "clone", "-q", str(world.repository), str(repository)], check=True)
    (repository / ".openclaw/roles").mkdir(parents=True)
    file = repository / ".openclaw/roles/docs-writer.yaml"

    def commit():
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "Role")

    # A role of the user's by this name would come first, and what is trusted is the content.
    (world.home.path / "aegis/openclaw/roles/docs-writer.yaml").unlink(missing_ok=True)
    mine = ROLE + "# of a repository that nobody knows yet\n"
    file.write_text(mine)
    commit()
    plan = world.home.path / "roles.yaml"
    plan.write_text(
        "summary: Docs\ntasks:\n- {id: docs, title: Write it down, role: docs-writer, write_set: [README.md]}\n")
    script = world.home.path / "docs.yaml"
    script.write_text(
        "name: docs\nconversations:\n- match: {role: docs-writer}\n  turns:\n"
        "  - {tools: [{name: bash, input: {command: 'echo forbidden > README.md'}}]}\n"
        "  - {tools: [{name: write, input: {file_path: README.md, content: \"# Hi\\n\"}}]}\n"
        "  - {tools: [{name: complete_task, input: {summary: written}}]}\n")
    options = ["--plan", str(plan), "--repo", str(repository), "--agents", "2", "--model", f"script:{script}"]
    done = world.home.run("run", "Docs", *options, check=False)
    check(
        done.returncode == 2 and "not trusted" in done.stderr and "roles trust docs-writer" in done.stderr,
        f"exit {done.returncode}: {done.stdout}{done.stderr}")
    trust = ["roles", "trust", "docs-writer", "--repo", str(repository)]
    silent = world.home.run(*trust, check=False)
    check(silent.returncode == 2 and "--yes" in silent.stderr, silent.stderr)
    world.home.run(*trust, "--yes")
    done = world.home.run("run", "Docs", *options, "--yes", "--test", "true")
    check("result:" in done.stdout, done.stdout)
    session = world.home.json("sessions")[0]
    check([(a["id"], a["role"]) for a in session["agents"]] == [("docs-writer-1", "docs-writer")], session["agents"])
    check(git(repository, "show", f"openclaw/{session['id']}:README.md") == "# Hi", "its tools are not its own")
    file.write_text(ROLE.replace("[read, write, notes]", "[read, write, notes, bash]"))
    commit()
    done = world.home.run("run", "Docs", *options, check=False)
    check(done.returncode == 2 and "not trusted" in done.stderr, "a changed role is still trusted")
    file.write_text(mine)
    commit()
    world.home.run("roles", "untrust", "docs-writer", "--repo", str(repository))
    check(world.home.run("run", "Docs", *options, check=False).returncode == 2, "an untrusted role is used")
    file.write_text("name: docs-writer\nextends: nobody\nprompt: x\n")
    checked = world.home.run("roles", "check", "--repo", str(repository), check=False)
    check(checked.returncode == 2 and "there is no role nobody" in checked.stdout, checked.stdout)


@test
def a_role_of_ones_own_is_made_checked_and_used_while_the_coordinator_runs(world):
    path = world.home.json("roles", "new", "fuzzer")[0]["path"]
    try:
        check(world.home.run("roles", "check").returncode == 0, "the new role is broken")
        role = world.home.json("roles", "show", "fuzzer")[0]
        check(role["does_planned_work"] and "careful software engineer" in role["prompt"], role)
        listed = {r["name"]: r["from"] for r in world.home.json("roles")}
        check(listed["fuzzer"] == "user" and listed["coder"] == "kit", listed)
        plan = world.home.path / "fuzz.yaml"
        plan.write_text("task: Fuzz\ntasks:\n- {title: Fuzz it, role: fuzzer}\n")
        shown = world.home.json("run", "--plan", str(plan), "--repo", str(world.repository), "--model", TEAM, "-n")[0]
        check(shown["waves"][0][0]["role"] == "fuzzer", shown)
    finally:
        subprocess.run(["rm", path], check=True)
    check(world.home.run("roles", "new", "coder", check=False).returncode == 2, "a role of the kit was made again")
