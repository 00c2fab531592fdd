"""Plans with commands and models of their own; an architect who uses a role of the repository; what a report holds."""

import json
import re

from home import Home, check, git
from registry import test
from sessions import CALCULATOR

APPROVING = """
  - match: {role: reviewer}
    turns:
      - tools: [{name: verdict, input: {verdict: approve, summary: fine}}]
      - tools: [{name: complete_task, input: {summary: fine}}]
  - match: {role: tester}
    turns:
      - tools: [{name: run_tests, input: {}}]
      - tools: [{name: complete_task, input: {summary: green}}]
"""


def of(events, kind):
    return [event["data"] for event in events if event["type"] == kind]


@test
def a_command_of_the_plan_is_a_gate_on_the_merged_tree():
    """The first attempt leaves out what the plan's command asks for; what it printed brings it back to its author."""
    with Home() as home:
        repository = home.repository(CALCULATOR)
        (repository / "Makefile").write_text(
            "test:\n\tprintf '<testsuite><testcase name=\"sum\"/><testcase name=\"skip\"><skipped/></testcase></testsuite>' > r.xml\n")
        git(repository, "commit", "-qam", "Write a report")
        script, plan = home.path / "model.yaml", home.path / "plan.yaml"
        script.write_text(
            "name: notes\nconversations:\n"
            "  - match: {role: coder, task: notes, attempt: 1}\n    turns:\n"
            "      - tools: [{name: write, input: {file_path: NOTES.md, content: nothing}}]\n"
            "      - tools: [{name: complete_task, input: {summary: written}}]\n"
            "  - match: {role: coder, task: notes, attempt: 2}\n    turns:\n"
            "      - tools: [{name: bash, input: {command: 'echo minus is fixed >>NOTES.md'}}]\n"
            "      - tools: [{name: complete_task, input: {summary: written}}]\n" + APPROVING)
        plan.write_text(
            "task: Write notes\nsummary: notes\ntasks:\n"
            "  - {id: notes, title: Write notes, write_set: [NOTES.md], checks: ['echo looked; grep -q minus NOTES.md', 'test -d tests']}\n"
            f"model: {{tester: 'script:{script}'}}\n")
        preview = home.run("run", "--plan", str(plan), "--repo", str(repository), "--model", f"script:{script}", "-n").stdout
        check("grep -q minus NOTES.md" in preview, preview)
        events = home.json(
            "run", "--plan", str(plan), "--repo", str(repository), "--agents", "4", "--model", f"script:{script}", "--yes")
        returned = of(events, "task.returned")
        check(len(returned) == 1 and returned[0]["context"]["gate"]["output"].strip() == "looked", f"{returned}")
        check("grep" in returned[0]["context"]["gate"]["command"], f"{returned}")
        checked = [(c["command"].split()[-1], c["exit_code"]) for c in of(events, "acceptance.checked")]
        # Red and red again, then both.
        check(checked == [("NOTES.md", 1), ("NOTES.md", 1), ("NOTES.md", 0), ("tests", 0)], f"{checked}")
        counted = of(events, "gate.counted")[-1]["tests"]
        check((counted["passed"], counted["skipped"], counted["format"]) == (1, 1, "junit"), f"{counted}")
        session = next(e["session"] for e in events)
        report(home, session, counted["files"][0])
        check(of(events, "session.started")[0]["configuration"]["models"]["tester"].startswith("script:"), "no model by role")


def report(home, session, junit):
    """In three forms, with the reports that the tests wrote, byte for byte."""
    directory = home.path / f"aegis/openclaw/sessions/{session}/report"
    data = json.loads((directory / "report.json").read_text())
    kinds = {a["kind"] for a in data["artifacts"]}
    check(kinds == {"summary", "tests", "junit", "review", "diff", "queue", "cost", "timeline"}, f"{kinds}")
    stored = next(a for a in data["artifacts"] if a["kind"] == "junit")
    check(stored["sha256"] == junit["sha256"] and (directory / f"artifacts/{stored['name']}").exists(), f"{stored}")
    check(data["contents"]["junit"][0]["passed"] == 1, f"{data['contents']['junit']}")
    queue = data["contents"]["queue"][0]
    check(queue["merged"] == 1 and queue["tasks"][0] | {"in_queue_ms": 0} == {
        "task": "notes", "tries": 2, "returned": 1, "conflicts": 0, "merged": True, "in_queue_ms": 0}, f"{queue}")
    roles = {row["role"] for row in data["contents"]["cost"][0]["by_role"]}
    check(roles == {"coder", "reviewer", "tester"}, f"{roles}")
    # Beside the drawn requests, which are text.
    spans = next(part["spans"] for part in data["contents"]["timeline"] if isinstance(part, dict))
    check({s["who"] for s in spans} == {"coder-1", "reviewer-1", "tester-1", "gate"}, f"{spans}")
    html = (directory / "report.html").read_text()
    for part in ["NOTES.md", "minus is fixed", "<svg ", "JUnit", "Merge queue", "by role", "grep -q minus"]:
        check(part in html, f"{part!r} is not in the page")
    check(not re.search(r'(src|href)="?http|<script', html), "the page loads something")
    check("Merge queue" in (directory / "report.md").read_text(), "the queue is not in report.md")


@test
def an_architect_gives_a_task_to_a_role_of_the_repository_and_no_model_to_anybody():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        (repository / ".openclaw/roles").mkdir(parents=True)
        (repository / ".openclaw/roles/docs.yaml").write_text(
            "name: docs\nextends: coder\ndescription: Writes documents.\nprompt: You write documents and no code.\n")
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "A role")
        home.run("roles", "trust", "docs", "--yes", "--repo", str(repository))
        script = home.path / "model.yaml"
        task = "{id: readme, title: Add a readme, description: Say how, role: ROLE, write_set: [README.md]MORE}"
        plans = [task.replace("ROLE", "wizard"), task.replace("MORE", ", model: 'openai:x@http://127.0.0.1:1/v1'"), task]
        turns = "".join(
            "      - tools: [{name: plan, input: {summary: s, tasks: [" + plan.replace("ROLE", "docs").replace("MORE", "") + "]}}]\n"
            for plan in plans)
        script.write_text(
            "name: docs\nconversations:\n  - match: {role: architect}\n    turns:\n" + turns +
            "      - tools: [{name: complete_task, input: {summary: planned}}]\n"
            "  - match: {role: docs}\n    turns:\n"
            "      - tools: [{name: write, input: {file_path: README.md, content: x}}]\n"
            "      - tools: [{name: complete_task, input: {summary: written}}]\n" + APPROVING)
        events = home.json("run", "Document it", "--repo", str(repository), "--agents", "5", "--model", f"script:{script}", "--yes")
        refused = [" ".join(r["problems"]) for r in of(events, "plan.rejected")]
        check(len(refused) == 2 and "wizard" in refused[0] and "docs" in refused[0], f"{refused}")
        check("only a person chooses models" in refused[1], f"{refused}")
        assigned = [a["agent"] for a in of(events, "task.assigned") if a["task"] == "readme"]
        check(assigned == ["docs-1"], f"{assigned}")
        offers = of(events, "session.started")[0]["configuration"]["work_roles"]
        check([o["name"] for o in offers] == ["docs"], f"{offers}")
        session = next(e["session"] for e in events)
        bodies = home.path / f"aegis/openclaw/sessions/{session}/bodies"
        told = "".join(p.read_text(errors="replace") for p in bodies.rglob("*") if p.is_file())
        check("docs: Writes documents." in told, "the architect was not told of the role")
