"""The schemas in docs/schema hold what real sessions print, and are not so loose that they would hold anything."""

import copy
import json
import subprocess

import jsonschema

from home import ROOT, check
from world import test


def validator(name):
    schema = json.loads((ROOT / f"docs/schema/{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@test
def the_schema_of_events_is_of_these_sources(world):
    done = subprocess.run([str(ROOT / "scripts/event-schema"), "--check"], capture_output=True, text=True)
    check(done.returncode == 0, done.stderr)


@test
def every_event_of_real_sessions_is_what_the_schema_says(world):
    events = world.home.events(world.finished) + world.home.events(world.waiting)
    schema = validator("event")
    known = schema.schema["description"]
    for event in events:
        problem = next(schema.iter_errors(event), None)
        check(problem is None, f"{event}: {problem}")
        check(event["type"] in known, f"{event['type']} is not in the schema")
    check(len({e["type"] for e in events}) >= 15, "too few types to prove anything")


@test
def an_event_with_a_missing_or_wrong_field_is_refused_by_the_schema(world):
    schema = validator("event")
    for event in world.home.events(world.finished):
        rule = next(r for r in schema.schema["allOf"] if r["if"]["properties"]["type"]["const"] == event["type"])
        for field in rule["then"]["properties"]["data"]["required"]:
            broken = copy.deepcopy(event)
            del broken["data"][field]
            check(not schema.is_valid(broken), f"{event['type']} without {field} is accepted")
            broken["data"][field] = {"wrong": True}
            if event["data"][field].__class__ is not dict:
                check(not schema.is_valid(broken), f"{event['type']}.{field} may be anything")
        check(not schema.is_valid({**event, "seq": 0}) and not schema.is_valid({**event, "type": "x"}), "the envelope")


@test
def summaries_and_errors_are_what_their_schemas_say(world):
    schema = validator("summary")
    summaries = world.home.json("sessions") + world.home.json("session", world.finished)
    summaries += world.home.json("session", world.waiting, check=False)
    for summary in summaries:
        problem = next(schema.iter_errors(summary), None)
        check(problem is None, f"{summary['id']}: {problem}")
        for field in schema.schema["required"]:
            check(not schema.is_valid({k: v for k, v in summary.items() if k != field}), f"without {field}")
    for line in [["approve", "nothing-here"], ["nonsense"], ["run"], ["config", "set", "agents", "x"]]:
        error = json.loads(world.home.run(*line, "--json", check=False).stderr)
        problem = next(validator("error").iter_errors(error), None)
        check(problem is None, f"{line}: {problem}")
