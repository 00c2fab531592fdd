"""The coordinator's validator against Google's SDK.

Usage: gate.py A2UI-CHECK [COUNT [SEED]]

Samples that are right must pass both. Then COUNT surfaces are made at random from the two catalogs, half of them with
one fault, and sent through the coordinator's validator: each that it lets through is given to the SDK as viewers would
get it, and must be accepted there. The last line counts.
"""

import json
import pathlib
import random
import subprocess
import sys
import tempfile

from a2ui.core.basic_catalog.v0_9 import BasicCatalog
from a2ui.processor.catalog_config import CatalogConfig
from a2ui.utils import validate_payload

SESSION = "openclaw/session/v1"
HERE = pathlib.Path(__file__).parent


def load_catalogs(check):
    """The basic catalog, and ours: the basic one with our components in it."""
    basic = BasicCatalog()
    document = json.loads(json.dumps(basic.validation_schema))
    ours = json.loads(subprocess.run([check, "catalog"], check=True, capture_output=True, text=True).stdout)
    known = document["$defs"]
    for name, component in ours["components"].items():
        text = json.dumps(component).replace("common_types.json#/$defs/", "#/$defs/")
        component = json.loads(text)
        # The document of the SDK has the common part of a component inlined in each; ours is given the same.
        component.pop("allOf")
        like = document["components"]["Divider"]["properties"]
        component["properties"].update({key: like[key] for key in ("id", "weight", "accessibility")})
        component["required"] = ["id", *component["required"]]
        document["components"][name] = component
    document["catalogId"] = SESSION
    known["anyComponent"] = {
        "oneOf": [{"$ref": f"#/components/{name}"} for name in document["components"]],
        "discriminator": {"propertyName": "component"},
    }
    # A catalog from a file is checked without formats, and then the three forms of a date cannot be told apart.
    loaded = json.loads(json.dumps(document))
    for key in ("min", "max"):
        loaded["components"]["DateTimeInput"]["properties"][key] = {"$ref": "#/$defs/DynamicString"}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(loaded, file)
        file.flush()
        session = CatalogConfig.from_path(file.name, protocol_version="v0.9").catalog
    return basic, session, document


class Maker:
    """Makes surfaces from a catalog's schema."""

    def __init__(self, document, basic_names, seed):
        self.document, self.basic_names, self.random = document, basic_names, random.Random(seed)

    def surface(self, index):
        is_session = self.random.random() < 0.5
        names = list(self.document["components"]) if is_session else self.basic_names
        self.components, self.count = [], 0
        self.component("root", names, 0)
        catalog = SESSION if is_session else "https://a2ui.org/specification/v0_9/catalogs/basic/catalog.json"
        create = {"surfaceId": f"s{index % 100}", "catalogId": catalog}
        if self.random.random() < 0.3:
            create["theme"] = {"primaryColor": "#12abEF", "agentDisplayName": "Somebody else"}
        return [
            {"version": self.random.choice(["v0.9", "v0.9.1"]), "createSurface": create},
            {"version": "v0.9", "updateComponents": {"surfaceId": create["surfaceId"], "components": self.components}},
            {"version": "v0.9", "updateDataModel": {"surfaceId": create["surfaceId"], "path": "/a", "value": {"b": [1]}}},
        ]

    def child(self, names, depth):
        self.count += 1
        identifier = f"c{self.count}"
        self.component(identifier, names, depth + 1)
        return identifier

    def component(self, identifier, names, depth):
        leaves = [name for name in names if name in ("Text", "Icon", "Divider", "CostMeter", "Diagram", "TestTree", "LogTail")]
        name = self.random.choice(leaves if depth > 3 or self.count > 30 else names)
        schema = self.document["components"][name]
        made = {"id": identifier, "component": name}
        for key, part in schema["properties"].items():
            if key in ("id", "component"):
                continue
            if key in schema["required"] or self.random.random() < 0.4:
                made[key] = self.value(part, names, depth, key)
        if name == "Diagram":
            self.connect(made)
        self.components.append(made)

    def connect(self, made):
        made["nodes"] = [dict(node, id=f"n{index}") for index, node in enumerate(made["nodes"])]
        made["groups"] = [dict(group, id=f"g{index}") for index, group in enumerate(made.get("groups", []))]
        for node in made["nodes"]:
            if "group" in node:
                node.pop("group")
                if made["groups"]:
                    node["group"] = self.random.choice(made["groups"])["id"]
        for edge in made.get("edges", []):
            edge["from"], edge["to"] = (self.random.choice(made["nodes"])["id"] for _ in range(2))

    def value(self, schema, names, depth, key=""):
        pick = self.random
        if "$ref" in schema:
            return self.named(schema["$ref"].split("/")[-1], names, depth)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return pick.choice(schema["enum"])
        if "allOf" in schema:
            return pick.choice(["2026-11-22", "2026-11-22T10:00:00Z", {"path": "/when"}])
        if "oneOf" in schema or "anyOf" in schema:
            return self.value(pick.choice(schema.get("oneOf") or schema["anyOf"]), names, depth, key)
        kind = schema.get("type")
        if kind == "array":
            return [self.value(schema["items"], names, depth) for _ in range(pick.randint(max(1, schema.get("minItems", 0)), 3))]
        if kind == "object":
            required = schema.get("required", [])
            return {name: self.value(part, names, depth, name) for name, part in schema.get("properties", {}).items()
                    if name in required or pick.random() < 0.5}
        if kind == "integer":
            return pick.randint(0, 9)
        if kind == "number":
            return pick.choice([0, 1, 2.5, -3])
        if kind == "boolean":
            return pick.random() < 0.5
        if key == "svgPath":
            return "M0 0L10 10"
        if key in ("pattern", "validationRegexp"):
            return "^[a-z]+$"
        if schema.get("format") == "uri" or key == "url":
            return "https://example.org/a"
        return pick.choice(["a", "words of a text", "☃", "<script>alert(1)</script>"])

    def named(self, name, names, depth):
        pick = self.random
        binding = {"path": pick.choice(["/a/b/0", "/x", "relative"])}
        text = {"call": "formatString", "args": {"value": "${/a} and ${/b}"}}
        condition = {"call": "required", "args": {"value": {"path": "/x"}}}
        match name:
            case "ComponentId":
                return self.child(names, depth)
            case "ChildList":
                if pick.random() < 0.2:
                    return {"componentId": self.child(names, depth), "path": "/items"}
                return [self.child(names, depth) for _ in range(pick.randint(1, 3))]
            case "DynamicString":
                return pick.choice(["https://example.org/i.png", binding, text])
            case "DynamicNumber":
                return pick.choice([1, 2.5, binding])
            case "DynamicBoolean":
                return pick.choice([True, binding, condition, {"call": "not", "args": {"value": condition}}])
            case "DynamicStringList":
                return pick.choice([["a", "b"], [], binding])
            case "DynamicValue":
                return pick.choice(["a", 1, True, ["a"], binding, text])
            case "Action":
                call = {"functionCall": {"call": "openUrl", "args": {"url": "https://example.org/"}}}
                return pick.choice([{"event": {"name": "go", "context": {"n": 1, "p": binding}}}, {"event": {"name": "x"}}, call])
            case "AccessibilityAttributes":
                return {"label": "a label"}
            case "CheckRule":
                return {"condition": condition, "message": "is needed"}
            case "DataBinding":
                return binding
            case other:
                raise SystemExit(f"gate: the catalog has a type that is not known here: {other}")

    def spoil(self, messages):
        """One fault somewhere: a value of another kind, a member too many or too few, a reference to nothing."""
        messages = json.loads(json.dumps(messages))
        places = []

        def walk(node):
            if isinstance(node, dict):
                places.append(node)
                for value in node.values():
                    walk(value)
            elif isinstance(node, list):
                for value in node:
                    walk(value)

        walk(messages)
        place = self.random.choice([node for node in places if node])
        key = self.random.choice(list(place))
        match self.random.randint(0, 3):
            case 0:
                del place[key]
            case 1:
                place[key] = self.random.choice([None, 1, "words", True, [], {}, {"path": "/x"}, {"call": "nothing"}, -1, 1.5])
            case 2:
                place["surplus"] = 1
            case 3:
                place[key] = f"{place[key]}x"
        return messages


def accepted(catalogs, messages):
    try:
        validate_payload(catalogs, messages)
        return None
    except Exception as error:  # the SDK has several kinds
        return f"{type(error).__name__}: {error}"


def main():
    check = sys.argv[1]
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 600
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20261126
    basic, session, document = load_catalogs(check)
    catalogs = [basic, session]
    maker = Maker(document, list(basic.validation_schema["components"]), seed)
    samples = [json.loads(path.read_text()) for path in sorted((HERE / "samples").glob("*.json"))]
    whole = [maker.surface(index) for index in range(count // 2)]
    spoiled = [maker.spoil(maker.surface(index)) for index in range(count - count // 2)]
    cases = samples + whole + spoiled
    lines = "\n".join(json.dumps(case) for case in cases) + "\n"
    answers = subprocess.run([check], input=lines, check=True, capture_output=True, text=True).stdout.splitlines()
    failures, refused, stricter = [], 0, 0
    if len(answers) != len(cases):
        failures.append(f"{len(cases)} cases got {len(answers)} answers")
    for index, (case, line) in enumerate(zip(cases, answers)):
        answer = json.loads(line)
        if "error" in answer:
            refused += 1
            if index < len(samples) + len(whole):
                failures.append(f"case {index} is right and was refused: {answer['error']}\n  {json.dumps(case)[:600]}")
            elif accepted(catalogs, case) is None:
                stricter += 1
            continue
        problem = accepted(catalogs, answer["messages"])
        if problem:
            failures.append(f"case {index} was let through, and the SDK refuses it: {problem}\n  {json.dumps(case)[:600]}")
        for message in answer["messages"]:
            body = next(value for key, value in message.items() if key != "version")
            if not body["surfaceId"].startswith("coder-1/"):
                failures.append(f"case {index}: the surface {body['surfaceId']} is nobody's")
            if "theme" in body and body["theme"].get("agentDisplayName") != "coder-1":
                failures.append(f"case {index}: the surface says that it is of {body['theme']}")
    for failure in failures[:20]:
        print(failure)
    print(f"a2ui: seed {seed}: {len(samples)} samples, {len(whole)} made whole, {len(spoiled)} spoiled; {refused} refused, of which the "
          f"SDK would take {stricter} (we are stricter about links, names, sizes and result types)")
    print(f"a2ui: {len(cases) - len(failures)} passed, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
