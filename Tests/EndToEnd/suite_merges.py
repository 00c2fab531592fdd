"""Work that meets: what nobody resolved is not merged, whatever the file is called or holds, and nothing is lost."""

from home import Home, check, git
from registry import test
from sessions import CALCULATOR
from suite_agent import coder, done, results, script, transcript

PLAN = """summary: Two change the same files.
tasks:
- {id: a, title: Write one, write_set: [one/**]}
- {id: b, title: Write two, write_set: [two/**]}
"""


def bash(command):
    return [("bash", {"command": command})]


def match(conversation, **more):
    conversation["match"].update(more)
    return conversation


def writes(word, number):
    return bash(f"printf '{word}\\n' > ä.txt; printf '\\0\\{number}' > x.bin; mkdir -p {word}; touch {word}/done")


@test
def a_conflict_that_nobody_resolved_is_named_and_not_merged():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        (repository / "ä.txt").write_text("base\n")
        (repository / "x.bin").write_bytes(b"\0\0")
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", "Files that are no everyday ones")
        plan = home.path / "plan.yaml"
        plan.write_text(PLAN)
        model = script(
            home, "merges",
            match(coder(writes("one", 1), done()), task="a", kind="implement"),
            match(coder(writes("two", 2), done()), task="b", kind="implement"),
            # At once; then only the text is resolved; then git is told what the binary file is.
            match(coder(
                done("too early"), bash("printf 'both\\n' > ä.txt"), done("half"),
                bash("printf '\\0\\3' > x.bin; git add x.bin"), done("whole")), kind="rework"),
            {"match": {"role": "reviewer"}, "turns": [
                {"tools": [{"name": "verdict", "input": {"verdict": "approve", "summary": "right"}}]},
                {"tools": [{"name": "complete_task", "input": {"summary": "approved"}}]}]},
            {"match": {"role": "tester"}, "turns": [
                {"tools": [{"name": "run_tests", "input": {}}]},
                {"tools": [{"name": "complete_task", "input": {"summary": "green"}}]}]})
        home.run(
            "run", "Write", "--repo", str(repository), "--agents", "5", "--plan", str(plan), "--model", model,
            "--test", "true", "--yes", "--merge")
        session = home.json("sessions", "--all")[0]["id"]
        returned = next(e["data"] for e in home.events(session) if e["type"] == "task.returned")
        check(set(returned["context"]["conflict"]["files"]) == {"ä.txt", "x.bin"}, f"{returned}")
        said = "\n".join(str(result) for result in results(transcript(home, session, returned["task"])))
        check("conflict markers are left in ä.txt" in said, f"the half resolved text was taken: {said}")
        check("nobody resolved the conflict in x.bin" in said, f"the binary file was taken as it lay: {said}")
        check((repository / "ä.txt").read_text() == "both\n", (repository / "ä.txt").read_text())
        check((repository / "x.bin").read_bytes() == b"\0\3", "the binary file is not what was resolved")
        check((repository / "one/done").exists() and (repository / "two/done").exists(), "work was lost")


@test
def a_repository_within_the_repository_is_not_handed_over_without_its_files():
    with Home() as home:
        repository = home.repository(CALCULATOR)
        nested = bash(
            "git init -q fixture && echo important > fixture/data.txt && git -C fixture add -A && "
            "git -C fixture -c user.name=a -c user.email=a@example.org commit -qm data")
        model = script(home, "nested", coder(nested, done(), bash("rm -rf fixture/.git"), done()))
        home.run(
            "run", "Add", "--repo", str(repository), "--agents", "1", "--model", model, "--test", "true", "--yes", "--merge")
        session = home.json("sessions", "--all")[0]["id"]
        said = "\n".join(str(result) for result in results(transcript(home, session)))
        check("fixture is a Git repository of its own" in said, f"nobody said what would be lost: {said}")
        check((repository / "fixture/data.txt").read_text() == "important\n", "its file is not in the result")
