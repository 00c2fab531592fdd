"""Surfaces that agents draw: one of each component of both catalogs."""

from stage import demo_events
from standin import chain

BASIC = "https://a2ui.org/specification/v0_9/basic_catalog.json"
SESSION = "openclaw/session/v1"
PIXEL = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def drawn(*updates, through=138):
    """A session in which agents draw: (agent, messages) each becomes an event."""
    base = demo_events()[:through]
    rows = [(event["at"], event["type"], event["data"]) for event in base]
    for agent, messages in updates:
        rows.append((base[-1]["at"] + 1000, "canvas.changed", {"agent": agent, "messages": messages}))
    return chain(base[0]["session"], rows)


def surface(name, components, data=None, catalog=BASIC, **more):
    messages = [
        {"version": "v0.9", "createSurface": {"surfaceId": name, "catalogId": catalog, **more}},
        {"version": "v0.9", "updateComponents": {"surfaceId": name, "components": components}},
    ]
    if data is not None:
        messages.append({"version": "v0.9", "updateDataModel": {"surfaceId": name, "value": data}})
    return messages


def gallery():
    """One of each of the eighteen, bound to data where that can be."""
    children = [
        "heading",
        "prose",
        "row",
        "divider",
        "list",
        "tabs",
        "modal",
        "picture",
        "remote",
        "video",
        "audio",
        "form",
        "buttons",
    ]
    return surface(
        "gallery",
        [
            {"id": "root", "component": "Column", "children": children},
            {"id": "heading", "component": "Text", "text": "Every component", "variant": "h1"},
            {
                "id": "prose",
                "component": "Text",
                "text": {
                    "call": "formatString",
                    "args": {
                        "value": "A **bold** word, `code`, and ${/items/0/name} of ${formatNumber(value: /amount)}.\n- one\n- two"
                    },
                },
            },
            {
                "id": "row",
                "component": "Row",
                "children": ["icon", "card"],
                "justify": "start",
                "align": "center",
            },
            {"id": "icon", "component": "Icon", "name": "warning", "accessibility": {"label": "Warning"}},
            {"id": "card", "component": "Card", "child": "cardtext", "weight": 2},
            {"id": "cardtext", "component": "Text", "text": {"path": "/note"}},
            {"id": "divider", "component": "Divider"},
            {"id": "list", "component": "List", "children": {"componentId": "item", "path": "/items"}},
            {"id": "item", "component": "Text", "text": {"path": "name"}},
            {
                "id": "tabs",
                "component": "Tabs",
                "tabs": [{"title": "First", "child": "tab1"}, {"title": "Second", "child": "tab2"}],
            },
            {"id": "tab1", "component": "Text", "text": "In the first tab"},
            {"id": "tab2", "component": "Text", "text": "In the second tab"},
            {"id": "modal", "component": "Modal", "trigger": "trigger", "content": "content"},
            {"id": "trigger", "component": "Text", "text": "Details"},
            {"id": "content", "component": "Text", "text": "What the modal holds"},
            {
                "id": "picture",
                "component": "Image",
                "url": PIXEL,
                "description": "A pixel",
                "variant": "icon",
            },
            {
                "id": "remote",
                "component": "Image",
                "url": "https://tracker.example/pixel.png",
                "description": "A remote picture",
            },
            {"id": "video", "component": "Video", "url": "https://video.example/v.mp4"},
            {
                "id": "audio",
                "component": "AudioPlayer",
                "url": "https://audio.example/a.mp3",
                "description": "A song",
            },
            {"id": "form", "component": "Column", "children": ["name", "agree", "color", "size", "when"]},
            {
                "id": "name",
                "component": "TextField",
                "label": "Your name",
                "value": {"path": "/name"},
                "checks": [
                    {
                        "condition": {"call": "required", "args": {"value": {"path": "/name"}}},
                        "message": "A name is needed.",
                    }
                ],
            },
            {"id": "agree", "component": "CheckBox", "label": "I agree", "value": {"path": "/agree"}},
            {
                "id": "color",
                "component": "ChoicePicker",
                "label": "Color",
                "value": {"path": "/color"},
                "options": [{"label": "Red", "value": "red"}, {"label": "Blue", "value": "blue"}],
            },
            {
                "id": "size",
                "component": "Slider",
                "label": "Size",
                "min": 0,
                "max": 10,
                "value": {"path": "/size"},
            },
            {
                "id": "when",
                "component": "DateTimeInput",
                "label": "When",
                "enableDate": True,
                "value": {"path": "/when"},
            },
            {"id": "buttons", "component": "Row", "children": ["send", "visit"]},
            {
                "id": "send",
                "component": "Button",
                "child": "sendtext",
                "variant": "primary",
                "checks": [
                    {
                        "condition": {"call": "required", "args": {"value": {"path": "/name"}}},
                        "message": "Fill in your name first.",
                    }
                ],
                "action": {
                    "event": {
                        "name": "submit",
                        "context": {
                            "name": {"path": "/name"},
                            "agree": {"path": "/agree"},
                            "color": {"path": "/color"},
                        },
                    }
                },
            },
            {"id": "sendtext", "component": "Text", "text": "Submit"},
            {
                "id": "visit",
                "component": "Button",
                "child": "visittext",
                "action": {
                    "functionCall": {"call": "openUrl", "args": {"url": "https://docs.example/guide"}}
                },
            },
            {"id": "visittext", "component": "Text", "text": "The guide"},
        ],
        {
            "items": [{"name": "alpha"}, {"name": "beta"}],
            "amount": 1234567,
            "note": "Bound to the data",
            "name": "",
            "agree": False,
            "color": ["red"],
            "size": 3,
            "when": "2026-11-26",
        },
        theme={"primaryColor": "#00BFFF", "agentDisplayName": "OpenClaw itself"},
    )


def pictures():
    """One of each of the session's own catalog."""
    names = ["lanes", "graph", "diff", "tests", "logs", "diagram", "timeline", "cost"]
    return surface(
        "pictures",
        [
            {"id": "root", "component": "Column", "children": names},
            {"id": "lanes", "component": "AgentLanes"},
            {"id": "graph", "component": "TaskGraph"},
            {"id": "diff", "component": "DiffView", "files": ["src/errors.js"]},
            {
                "id": "tests",
                "component": "TestTree",
                "suites": [
                    {
                        "name": "token",
                        "status": "failed",
                        "cases": [
                            {"name": "holds", "status": "passed", "milliseconds": 2.5},
                            {"name": "breaks", "status": "failed", "message": "expected 401"},
                        ],
                    }
                ],
            },
            {"id": "logs", "component": "LogTail", "agent": "coder-2", "lines": 5},
            {
                "id": "diagram",
                "component": "Diagram",
                "title": "How a token is checked",
                "nodes": [
                    {"id": "api", "label": "HTTP API", "kind": "service"},
                    {"id": "token", "label": "token.js", "kind": "component", "group": "core"},
                    {"id": "expiry", "label": "expiry.js", "kind": "component", "group": "core"},
                    {"id": "signature", "label": "signature.js", "kind": "component", "group": "core"},
                    {"id": "keys", "label": "Key store", "kind": "store"},
                    {"id": "client", "label": "Client", "kind": "actor"},
                ],
                "edges": [
                    {"from": "client", "to": "api", "label": "bearer"},
                    {"from": "api", "to": "token"},
                    {"from": "token", "to": "expiry"},
                    {"from": "token", "to": "signature"},
                    {"from": "signature", "to": "keys", "label": "reads"},
                    {"from": "keys", "to": "api", "label": "rotates"},
                ],
                "groups": [{"id": "core", "label": "core"}],
            },
            {"id": "timeline", "component": "Timeline", "fromSeq": 1, "toSeq": 100},
            {"id": "cost", "component": "CostMeter", "scope": "session"},
        ],
        catalog=SESSION,
    )
