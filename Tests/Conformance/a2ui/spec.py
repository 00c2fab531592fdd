"""The specification's own examples and test cases, held against the coordinator's validator and the app.

Usage: spec.py A2UI-CHECK DIRECTORY, with DIRECTORY a folder `specification/v0_9` or `v0_9_1` of a checkout of the A2UI
repository (Apache-2.0). The files are read there and not kept here: the package from PyPI does not ship them. Every
example must pass the validator and be drawn whole; every test case must get the verdict that it names.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "Tests/Conformance/canvas"))

BASIC = "https://a2ui.org/specification/v0_9/catalogs/basic/catalog.json"
#: What we refuse though the specification allows it, and why.
STRICTER = [
    (r"http or https|data:image", "links and media are limited to the web's own schemes"),
]


def check(program, updates):
    lines = "\n".join(json.dumps(update) for update in updates) + "\n"
    done = subprocess.run([program], input=lines, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def examples(program, folder):
    """Name to the messages as viewers get them; and what was refused, with the reason."""
    passed, refused = {}, {}
    for path in sorted(folder.glob("catalogs/basic/examples/*.json")):
        document = json.loads(path.read_text())
        messages = document["messages"] if isinstance(document, dict) else document
        # An agent draws a surface, and changes it with one update after the other.
        first = next((n for n, one in enumerate(messages) if "updateComponents" in one), len(messages) - 1) + 1
        answer = check(program, [{"updates": [messages[:first], *[[one] for one in messages[first:]]]}])[0]
        if "error" in answer:
            refused[path.name] = answer["error"]
        else:
            passed[path.name] = answer["messages"]
    return passed, refused


def verdict(program, message):
    """Whether a message with components is taken, once everything that it refers to is there."""
    components = message["updateComponents"]["components"]
    body = [one for one in components if isinstance(one, dict)]
    ids = [one.get("id") for one in body]
    extra = []
    for _ in range(40):
        root = [] if "root" in ids else [{"id": "root", "component": "Column", "children": [i for i in ids if i]}]
        surface = message["updateComponents"].get("surfaceId", "s")
        update = [
            {"version": "v0.9", "createSurface": {"surfaceId": surface, "catalogId": BASIC}},
            {**message, "updateComponents": {**message["updateComponents"], "components": root + components + extra}},
        ]
        answer = check(program, [update])[0]
        missing = re.search(r"(\S+) is referred to, but there is no such component", answer.get("error", ""))
        if not missing:
            # A part that our root does not reach because another contains it already is no fault of the case.
            loose = re.search(r"(\S+) contains itself|is there twice", answer.get("error", ""))
            return ("error" not in answer) if not loose else None, answer.get("error", "")
        extra.append({"id": missing[1], "component": "Text", "text": "x"})
    return None, "cannot be made whole"


def cases(program, folder):
    """Verdicts that differ from the specification's, and how many were compared."""
    different, compared = [], 0
    for path in sorted(folder.glob("test/cases/*.json")):
        document = json.loads(path.read_text())
        if document.get("schema") != "server_to_client.json":
            continue
        for case in document["tests"]:
            if "updateComponents" not in case["data"]:
                continue
            found, error = verdict(program, case["data"])
            if found is None:
                continue
            compared += 1
            if found != case["valid"]:
                different.append(f"{path.name}: {case['description']}: {case['valid']} there, {found} here {error}")
    return different, compared


def draw(surfaces):
    """Draws every example in the app; what could not be drawn."""
    from stage import Stage, chain, demo_events

    troubles = []
    with Stage() as stage:
        for name, messages in surfaces.items():
            rows = [(event["at"], event["type"], event["data"]) for event in demo_events()[:150]]
            rows.append((rows[-1][0] + 1, "canvas.changed", {"agent": "coder-1", "messages": messages}))
            with stage.server(chain("spec-examples-xxxx", rows)) as server, stage.page(server, view="drawn") as page:
                page.locator(".fence").first.wait_for()
                page.wait_for_timeout(150)
                said = page.locator(".fence").first.inner_text()
                wrong = page.locator(".fence .a2-problem").count()
                if wrong or not said.strip():
                    troubles.append(f"{name}: {said[:200]!r}")
    return troubles


def main(program, folder):
    folder = pathlib.Path(folder)
    passed, refused = examples(program, folder)
    known = {name: next((why for pattern, why in STRICTER if re.search(pattern, error)), None) for name, error in refused.items()}
    for name, error in refused.items():
        print(f"a2ui: {name} is refused: {error}" + (f" ({known[name]})" if known[name] else ""))
    different, compared = cases(program, folder)
    for line in different:
        print(f"a2ui: {line}")
    troubles = draw(passed)
    for line in troubles:
        print(f"a2ui: not drawn: {line}")
    print(
        f"a2ui: {len(passed)} of {len(passed) + len(refused)} examples pass, {len(troubles)} of them are not drawn; "
        f"{len(different)} of {compared} cases get another verdict")
    return 1 if different or troubles or any(why is None for why in known.values()) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
