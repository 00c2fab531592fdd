"""What agents draw: every component of both catalogs, what comes back of it, and what must not come of it."""

import re

from stage import check, shoot, test, violations
from surfaces import drawn, gallery, pictures, surface


def fence(page, agent):
    return page.get_by_role("region", name=f"Drawn by {agent}")


@test
def every_component_is_drawn_and_accessible(stage):
    problems = []
    with stage.server(drawn(("coder-1", gallery()), ("architect-1", pictures()))) as server:
        for theme, width in (("light", 1280), ("dark", 390), ("dark", 1280), ("light", 390)):
            with stage.page(server, view="drawn", theme=theme, width=width, motion="reduce") as page:
                box = fence(page, "coder-1")
                for words in (
                    "Every component",
                    "alpha of 1,234,567.",
                    "Bound to the data",
                    "beta",
                    "In the first tab",
                ):
                    box.get_by_text(words).first.wait_for()
                for name in ("Your name", "I agree", "Red", "Size", "When"):
                    box.get_by_label(name, exact=False).first.wait_for()
                box.get_by_role("img", name="Warning").wait_for()
                check(
                    box.locator(".a2-problem").count() == 0,
                    f"something is not drawn: {box.locator('.a2-problem').all_inner_texts()}",
                )
                other = fence(page, "architect-1")
                for words in (
                    "How a token is checked",
                    "signature.js",
                    "breaks",
                    "Plan of 2 subtasks accepted",
                    "src/errors.js",
                    "Refuse expired tokens",
                ):
                    other.get_by_text(words).first.wait_for()
                check(
                    other.locator(".a2-problem").count() == 0,
                    "something of the session's catalog is not drawn",
                )
                shoot(page, f"drawn-{theme}-{width}")
                problems += [f"{theme} {width}: {one}" for one in violations(page)]
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    problems.append(f"{theme} {width}: the page scrolls sideways")
    check(not problems, "\n".join(problems))


@test
def what_a_person_enters_goes_to_the_agent_that_asked(stage):
    with stage.server(drawn(("coder-1", gallery()))) as server, stage.page(server, view="drawn") as page:
        box = fence(page, "coder-1")
        send = box.get_by_role("button", name="Submit")
        check(send.get_attribute("aria-disabled") == "true", "a button whose check fails can be pressed")
        box.get_by_text("Fill in your name first.").wait_for()
        send.click(force=True)
        check(not server.commands, "a disabled button sent an action")
        box.get_by_label("Your name").fill("Ada")
        box.get_by_label("I agree").check()
        box.get_by_label("Blue").check()
        check(not server.commands, "typing sent something")
        send.click()
        page.get_by_text(re.compile("Sent .submit. to coder-1")).wait_for()
        command = server.commands[0]
        check(
            command["type"] == "action"
            and command["surfaceId"] == "coder-1/gallery"
            and command["name"] == "submit",
            f"{command}",
        )
        check(
            command["sourceComponentId"] == "send"
            and command["context"] == {"name": "Ada", "agree": True, "color": ["blue"]},
            f"{command}",
        )
        box.get_by_role("tab", name="First").focus()
        page.keyboard.press("ArrowRight")
        box.get_by_text("In the second tab").wait_for()
        box.get_by_role("button", name="Details").click()
        box.get_by_text("What the modal holds").wait_for()
        link = box.get_by_role("link", name=re.compile("The guide"))
        check(link.get_attribute("href") == "https://docs.example/guide", "the link goes elsewhere")
        check(
            "noopener" in link.get_attribute("rel") and "docs.example" in link.inner_text(),
            "the link does not say where it goes",
        )
        # What the agent sends later for another place leaves what was typed as it is.
        base = server.events[-1]
        more = [
            {
                "version": "v0.9",
                "updateDataModel": {"surfaceId": "gallery", "path": "/note", "value": "Changed since"},
            }
        ]
        server.append([{**base, "seq": base["seq"] + 1, "data": {"agent": "coder-1", "messages": more}}])
        box.get_by_text("Changed since").wait_for()
        check(box.get_by_label("Your name").input_value() == "Ada", "what was typed is gone")


@test
def a_surface_that_imitates_the_page_gets_nowhere(stage):
    fake = surface(
        "gate",
        [
            {
                "id": "root",
                "component": "Column",
                "children": ["words", "button", "script", "evil", "data", "style", "many"],
            },
            {
                "id": "words",
                "component": "Text",
                "text": "This change waits for you <script>window.pwned=1</script>",
                "variant": "h1",
            },
            {
                "id": "button",
                "component": "Button",
                "child": "label",
                "variant": "primary",
                "action": {"event": {"name": "approve", "context": {}}},
            },
            {"id": "label", "component": "Text", "text": "Approve & Merge"},
            {
                "id": "script",
                "component": "Button",
                "child": "label2",
                "action": {"functionCall": {"call": "openUrl", "args": {"url": "javascript:window.pwned=1"}}},
            },
            {"id": "label2", "component": "Text", "text": "Click me"},
            {
                "id": "evil",
                "component": "Image",
                "url": "javascript:window.pwned=1",
                "description": "<img src=x onerror=window.pwned=1>",
            },
            {"id": "data", "component": "Image", "url": "data:image/svg+xml,<svg onload='window.pwned=1'/>"},
            {
                "id": "style",
                "component": "Icon",
                "name": {"svgPath": 'M0 0"/><script>window.pwned=1</script>'},
            },
            {"id": "many", "component": "List", "children": {"componentId": "root", "path": "/loop"}},
        ],
        {"loop": [1] * 50, "__proto__": {"polluted": 1}},
        theme={"primaryColor": "red;}*{display:none}", "iconUrl": "https://tracker.example/x"},
    )
    hostile = [
        ("coder-1", fake),
        (
            "coder-2",
            [
                {
                    "version": "v0.9",
                    "updateComponents": {
                        "surfaceId": "gate",
                        "components": [{"id": "root", "component": "Text", "text": "stolen"}],
                    },
                },
                {"version": "v0.9", "deleteSurface": {"surfaceId": "coder-1/gate"}},
                {
                    "version": "v0.9",
                    "createSurface": {"surfaceId": "odd", "catalogId": "https://evil.example/catalog.json"},
                },
                {
                    "version": "v0.9",
                    "updateDataModel": {"surfaceId": "odd", "path": "/__proto__/polluted", "value": 1},
                },
            ],
        ),
    ]
    with stage.server(drawn(*hostile, through=180)) as server, stage.page(server, view="drawn") as page:
        box = fence(page, "coder-1")
        box.get_by_text("This change waits for you <script>").first.wait_for()
        shoot(page, "drawn-imitation")
        check(
            page.locator(
                "main script, main iframe, main object, main img[src^='javascript'], main a[href^='javascript']"
            ).count()
            == 0,
            "active content is in the page",
        )
        check(page.evaluate("window.pwned === undefined && ({}).polluted === undefined"), "something ran")
        box.get_by_role("button", name="Approve & Merge").first.click()
        page.get_by_text(re.compile("Sent .approve. to coder-1")).wait_for()
        check(
            [one["type"] for one in server.commands] == ["action"],
            f"a surface gave a command: {server.commands}",
        )
        trusted = page.locator(".gate").get_by_role("button", name="Approve & Merge")
        look = "button => { const s = getComputedStyle(button); return [s.backgroundColor, s.borderStyle, s.borderRadius].join() }"
        check(
            trusted.evaluate(look) != box.get_by_role("button", name="Approve & Merge").first.evaluate(look),
            "both buttons look alike",
        )
        check("stolen" not in page.locator("main").inner_text(), "an agent drew on another's surface")
        fence(page, "coder-2").get_by_text("is not known here").wait_for()
        page.evaluate("location.hash = 'view=audit'")
        page.get_by_text("Surface not found").first.wait_for()
        page.get_by_text("cannot be part of a path").first.wait_for()
