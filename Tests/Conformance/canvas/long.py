"""A long session with everything in it that repeats, and the coordinator's own snapshots of it."""

import json
import pathlib
import random
import subprocess

from stage import ROOT, check, demo_events
from standin import chain

#: Where the snapshots are of: every so often, and where the tests of the store want one.
STEP, LAST, EXTRA = 97, 6000, (2001, 2500, 4002)


def noisy(amount, seed=11):
    """The rows of the demo session, with a long stream of everyday events put in before its end."""
    source = random.Random(seed)
    demo = [(event["at"], event["type"], event["data"]) for event in demo_events()]
    agents = [data["agent"] for _, kind, data in demo if kind == "agent.requested"]
    at = demo[100][0]
    rows = demo[:100]
    surfaces = {}
    while len(rows) < amount - 90:
        at += source.randrange(40)
        agent, task = source.choice(agents), source.choice(["t1", "t2"])
        rows.append((at, *everyday(source, agent, task, surfaces)))
    return rows + [(row[0] + at - demo[100][0], *row[1:]) for row in demo[100:]]


def everyday(source, agent, task, surfaces):
    number = source.randrange(1000)
    kinds = [
        ("task.progressed", {"agent": agent, "task": task, "message": f"step {number}"}),
        ("task.progressed", {"agent": agent, "task": task, "message": f"step {number}"}),
        ("task.accepted", {"agent": agent, "task": task}),
        (
            "model.settled",
            {
                "agent": agent,
                "task": task,
                "model": source.choice(["a", "b"]),
                "microusd": number,
                "input": number * 3,
                "output": number // 7,
            },
        ),
        ("model.reserved", {"agent": agent, "task": task, "call": "c", "model": "a", "microusd": 5}),
        ("model.waited", {"agent": agent, "milliseconds": number, "reason": "a limit"}),
        ("model.refused", {"agent": agent, "task": task, "reason": "budget"}),
        ("effect.intended", {"effect": {"key": f"k{number}", "kind": "x"}}),
        ("effect.succeeded", {"key": f"k{number}"}),
        ("sandbox.denied", {"agent": agent, "task": task, "denials": [f"open /{number}"]}),
        ("message.sent", {"from": agent, "to": "all", "text": f"text {number}"}),
        ("note.appended", {"agent": agent, "text": f"note {number}"}),
        ("agent.stalled", {"agent": agent, "milliseconds": number}),
        ("agent.paused", {"agent": agent, "generation": 1}),
        ("agent.resumed", {"agent": agent, "generation": 1}),
        ("egress.denied", {"agent": agent, "host": "example.invalid", "port": 80, "count": 1, "reason": "no"}),
        ("peer.waved", {"agent": agent, "what": f"a kind of a later version, {number}"}),
        ("canvas.changed", {"agent": agent, "messages": []}),
    ]
    kind, data = source.choice(kinds)
    if kind == "canvas.changed":
        data["messages"] = drawing(source, agent, surfaces)
    return kind, data


def drawing(source, agent, surfaces):
    """Messages as the coordinator lets them through."""
    names = surfaces.setdefault(agent, set())
    name = source.choice("abc")
    body = {"surfaceId": f"{agent}/{name}"}
    if name not in names:
        names.add(name)
        made = {**body, "catalogId": "openclaw/session/v1", "theme": {"agentDisplayName": agent}}
        root = [{"id": "root", "component": "Column", "children": ["t"]}]
        text = [{"id": "t", "component": "Text", "text": {"path": "/rows/0"}}]
        return [
            {"version": "v0.9", "createSurface": made},
            {"version": "v0.9", "updateComponents": {**body, "components": root + text}},
        ]
    choice = source.randrange(12)
    if choice == 0:
        names.discard(name)
        return [{"version": "v0.9", "deleteSurface": body}]
    if choice < 4:
        text = [{"id": source.choice("tuv"), "component": "Text", "text": f"{source.random()}"}]
        return [{"version": "v0.9", "updateComponents": {**body, "components": text}}]
    path = source.choice(["/", "/rows", "/rows/0", "/rows/1", "/total", "/deep", "/deep/er", "/deep/er/still"])
    value = [1, "two"] if path == "/rows" else {"x": source.random()} if path in ("/", "/deep") else source.random()
    change = {**body, "path": path, "value": value}
    return [{"version": "v0.9", "updateDataModel": change}]


def long_session(files):
    """A directory with `log.jsonl` and `snapshots.jsonl`."""
    folder = pathlib.Path(files) / "long"
    if folder.exists():
        return folder
    folder.mkdir()
    events = chain("long-session-xxxx", noisy(LAST))
    (folder / "log.jsonl").write_text("\n".join(json.dumps(event, ensure_ascii=False) for event in events))
    program = next(
        (
            ROOT / place / "snapshot-check"
            for place in (".build-release/release", ".build/debug")
            if (ROOT / place / "snapshot-check").exists()
        ),
        None,
    )
    check(program, "snapshot-check is not built; run 'swift build --product snapshot-check'")
    wanted = sorted({*range(1, 150), *range(STEP, len(events), STEP), *EXTRA, len(events)})
    with open(folder / "log.jsonl", "rb") as log, open(folder / "snapshots.jsonl", "wb") as made:
        subprocess.run([str(program), *map(str, wanted)], stdin=log, stdout=made, check=True, timeout=120)
    return folder
