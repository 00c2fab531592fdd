"""The app as it is meant to be used."""

import gzip
import json
import re
import subprocess

from long import long_session
from stage import (
    FIXTURES,
    HERE,
    PATIENCE,
    VIEWS,
    Failure,
    check,
    crowd,
    demo_documents,
    demo_events,
    shoot,
    test,
    violations,
)
from standin import TOKEN, checksum

#: Just after the reviewer asked for changes, while coder-2 works again: something of everything is there.
BUSY = 138
#: The approval has been requested, and nobody has decided.
WAITING = 180


@test
def the_bundle_keeps_its_budget(stage):
    for name, most in (("app.js", 120 << 10), ("index.html", 20 << 10)):
        size = len(gzip.compress((stage.files / name).read_bytes(), 9))
        check(size <= most, f"{name} is {size} bytes packed; {most} is the budget")
        check(
            gzip.decompress((stage.files / f"{name}.gz").read_bytes()) == (stage.files / name).read_bytes(),
            f"{name}.gz is not {name}",
        )


@test
def the_core_holds_in_node(stage):
    bundle = stage.files / "unit.cjs"
    built = subprocess.run(
        [
            "esbuild",
            str(HERE / "unit.ts"),
            "--bundle",
            "--platform=node",
            "--format=cjs",
            "--log-level=warning",
            f"--outfile={bundle}",
        ],
        capture_output=True,
        text=True,
    )
    check(built.returncode == 0, built.stderr)
    ran = subprocess.run(
        ["node", "--test", str(bundle)],
        capture_output=True,
        text=True,
        timeout=120,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "FIXTURES": str(FIXTURES),
            "LONG": str(long_session(stage.files)),
        },
    )
    check(
        ran.returncode == 0,
        "\n".join(line for line in ran.stdout.splitlines() if "ok" in line or "rror" in line)[-3000:],
    )
    passed = re.search(r"^# pass (\d+)", ran.stdout, re.M)
    check(passed and int(passed[1]) >= 20, f"only {passed and passed[1]} tests ran in node")


@test
def the_dashboard_shows_what_the_specification_draws(stage):
    with stage.server(through=BUSY) as server, stage.page(server) as page:
        server.print("coder-2", ["> npm test", "added 234 packages"])
        check(
            TOKEN not in page.url and "token=" not in page.url,
            f"the token is still in the address: {page.url}",
        )
        check(page.locator("h1").inner_text() == "fix-token-validation-99c3", "the session is not named")
        page.get_by_text("1/2 subtasks").wait_for()
        check(page.locator(".agent-row").count() == 5, "not every agent has a row")
        row = page.locator(".agent-row", has_text="coder-2")
        row.get_by_text("t2", exact=True).wait_for()
        row.get_by_role("img", name="working").wait_for()
        check(page.locator(".activity-row").count() > 5, "no recent activity")
        for name in ("Approve & Merge", "Pause All", "Cancel"):
            page.get_by_role("group", name="Session controls").get_by_role("button", name=name).wait_for()
        page.locator(".log-row", has_text="added 234 packages").wait_for()


@test
def every_view_is_accessible_in_both_themes_and_widths(stage):
    problems = []
    with stage.server(through=WAITING) as server:
        for theme in ("light", "dark"):
            for width in (390, 1280):
                with stage.page(server, theme=theme, width=width, motion="reduce") as page:
                    server.print(
                        "coder-2", ["\x1b[31mred\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b[2mdim\x1b[0m plain"]
                    )
                    for view in VIEWS:
                        page.evaluate("view => { location.hash = 'view=' + view }", view)
                        page.locator(f".nav-item[aria-current]", has_text=re.compile(view, re.I)).wait_for()
                        page.locator("main h2").first.wait_for()
                        if view == "review":
                            page.locator(".file-change").first.wait_for()
                        if view == "audit":
                            page.get_by_text("Whole", exact=True).wait_for()
                        shoot(page, f"{view}-{theme}-{width}")
                        problems += [f"{view} {theme} {width}: {one}" for one in violations(page)]
                        wide = page.evaluate(
                            "document.documentElement.scrollWidth > innerWidth || document.body.scrollWidth > innerWidth"
                        )
                        if wide:
                            problems.append(f"{view} {theme} {width}: the page scrolls sideways")
    check(not problems, "\n".join(problems))


@test
def a_crowd_fits_and_is_accessible(stage):
    problems = []
    events = crowd()
    with stage.server(events) as server:
        for theme, width in (("dark", 390), ("light", 1280), ("dark", 1920)):
            with stage.page(
                server, theme=theme, width=width, height=1080 if width == 1920 else None, motion="reduce"
            ) as page:
                for view in VIEWS:
                    page.evaluate("view => { location.hash = 'view=' + view }", view)
                    page.locator(".nav-item[aria-current]", has_text=re.compile(view, re.I)).wait_for()
                    shoot(page, f"crowd-{view}-{theme}-{width}")
                    if view in ("dashboard", "flow", "timeline"):
                        problems += [f"{view} {theme} {width}: {one}" for one in violations(page)]
                    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                        problems.append(f"{view} {theme} {width}: the page scrolls sideways")
                page.evaluate("location.hash = 'view=flow'")
                page.locator(".node").first.wait_for()
                check(page.locator(".node").count() >= 53, "the graph does not show every task")
                check(page.locator(".edge.is-critical").count() >= 3, "no critical path")
    check(not problems, "\n".join(problems))


@test
def the_keyboard_alone_approves(stage):
    with stage.server(through=WAITING) as server, stage.page(server) as page:
        page.keyboard.press("?")
        page.get_by_role("dialog", name="Keyboard").wait_for()
        check(not violations(page), "\n".join(violations(page)))
        shoot(page, "keys")
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        page.keyboard.press("a")
        page.get_by_role("dialog", name="Approve and merge").wait_for()
        check(not violations(page), "\n".join(violations(page)))
        shoot(page, "approve")
        page.keyboard.press("Enter")
        page.get_by_text("Approved. The coordinator delivers the change.").wait_for()
        check(len(server.commands) == 1, f"not one command: {server.commands}")
        command = server.commands[0]
        tree = demo_events()[WAITING - 1]["data"]["tree"]
        check(
            command["type"] == "approve" and command["basedOn"] == {"seq": WAITING, "digest": tree},
            f"approved something else: {command}",
        )


@test
def tab_reaches_the_approval_without_shortcuts(stage):
    with stage.server(through=WAITING) as server, stage.page(server) as page:
        for _ in range(40):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.textContent") == "Approve & Merge":
                break
        else:
            raise Failure("Tab does not come to Approve & Merge")
        page.keyboard.press("Enter")
        page.get_by_role("dialog", name="Approve and merge").wait_for()
        check(
            page.evaluate("document.activeElement.textContent") == "Approve & Merge",
            "the dialog does not take the focus",
        )
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for(state="detached")
        check(not server.commands, "going back sent a command")
        check(
            page.evaluate("document.activeElement.textContent") == "Approve & Merge",
            "the focus did not come back",
        )


@test
def a_stale_approval_is_refused_and_said(stage):
    with stage.server(through=WAITING) as server, stage.page(server) as page:
        server.answer = (409, {"error": {"code": "stale", "message": "the change is another one now"}})
        page.keyboard.press("a")
        page.get_by_role("dialog").get_by_role("button", name="Approve & Merge").click()
        page.get_by_text("the session has changed since you looked").wait_for()
        server.answer = (200, {"ok": True})
        amount = len(server.commands)
        page.keyboard.press("a")
        page.get_by_role("dialog").wait_for()
        # The tree changes under the open dialog: it must not approve what nobody looked at.
        last = demo_events()[WAITING - 1]
        server.events = server.events[:WAITING]
        server.append(
            [
                {
                    **last,
                    "seq": WAITING + 1,
                    "type": "approval.requested",
                    "data": {"tree": "f" * 40, "commit": "e" * 40},
                }
            ]
        )
        page.get_by_text("The change is another one now than when").wait_for()
        page.get_by_role("dialog").get_by_role("button", name="Approve & Merge").click(force=True)
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        check(len(server.commands) == amount, "a stale dialog sent an approval")


@test
def commands_say_what_they_are(stage):
    with stage.server(through=BUSY) as server, stage.page(server) as page:
        page.keyboard.press("p")
        page.get_by_text("All agents are held.").wait_for()
        page.keyboard.press("m")
        page.get_by_role("dialog").locator("select").select_option("coder-2")
        page.get_by_label("Message", exact=True).fill("Mind the clock")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("Sent to coder-2.").wait_for()
        page.keyboard.press("x")
        page.get_by_role("button", name="Cancel the session").click()
        page.get_by_text("Cancelled.").wait_for()
        kinds = [command["type"] for command in server.commands]
        check(kinds == ["pause", "message", "cancel"], f"sent {kinds}")
        check(
            server.commands[1]["to"] == "coder-2" and server.commands[1]["text"] == "Mind the clock",
            f"{server.commands[1]}",
        )
        check(
            all(re.fullmatch(r"[0-9a-f-]{36}", command["id"]) for command in server.commands),
            "an id is no UUID",
        )


@test
def the_scrubber_rewinds_every_view(stage):
    events = demo_events()
    planned = next(event["seq"] for event in events if event["type"] == "plan.accepted")
    with stage.server() as server, stage.page(server) as page:
        page.get_by_text("2/2 subtasks").wait_for()
        slider = page.get_by_role("slider", name="Event that is shown")
        slider.fill(str(planned))
        page.get_by_text("0/2 subtasks").wait_for()
        check(f"seq={planned}" in page.url, f"the moment is not in the address: {page.url}")
        check(page.locator(".agent-row").count() == 1, "agents of later are shown")
        page.evaluate("location.hash = location.hash.replace('view=dashboard', '') + '&view=flow'")
        page.locator(".node", has_text="Refuse expired tokens").wait_for()
        check(page.locator(".node.is-done").count() == 0, "tasks are done before they are begun")
        page.keyboard.press("]")
        page.locator(f"[data-seq='{planned + 1}']").wait_for()
        page.keyboard.press("l")
        page.locator(f"[data-seq='{len(events)}']").wait_for()
        # A link that names a moment shows that moment.
        page.goto("about:blank")
        page.goto(server.address(view=f"&view=flow&seq={planned}"))
        page.locator(f"[data-seq='{planned}']").wait_for()
        check(page.locator(".node").count() >= 2, "no graph at the moment of the link")


@test
def every_moment_of_the_scrubber_is_the_fold_up_to_it(stage):
    # Going to any moment, in any order, shows what going there from the beginning shows.
    events = demo_events()
    with stage.server() as server, stage.page(server, view="audit") as page:
        slider = page.get_by_role("slider", name="Event that is shown")
        seen = {}
        for seq in (180, 30, 120, 30, 97, 180, 120, 1):
            slider.fill(str(seq))
            page.locator(f"[data-seq='{seq}']").wait_for()
            page.wait_for_function("() => !document.querySelector('main [aria-busy]')")
            state = (
                page.locator(".head-status").inner_text()
                + page.locator(".audit-events .panel-aside").inner_text()
            )
            check(seen.setdefault(seq, state) == state, f"event {seq} shows {state!r} and {seen[seq]!r}")
        check(f"{180} events" in seen[180], f"the audit view is not rewound: {seen[180]}")
        check(len(events) == 190, "the fixture is another one")


@test
def reviews_show_threads_and_take_answers(stage):
    with stage.server(through=WAITING) as server, stage.page(server, view="review") as page:
        page.locator(".file-change").first.wait_for()
        check(page.locator(".diff-split").count() >= 1, "not side by side at 1280")
        thread = page.get_by_role("article", name=re.compile("Thread by reviewer-1 on .*signature"))
        thread.get_by_text("timingSafeEqual").wait_for()
        thread.get_by_text(re.compile("changed since, in t2")).wait_for()
        thread.get_by_role("button", name="Answer").click()
        page.get_by_label("Your answer").fill("Agreed, and done?")
        page.get_by_role("button", name="Send").click()
        page.get_by_text("Your remark is in the journal.").wait_for()
        sent = server.commands[-1]
        check(
            sent["type"] == "comment"
            and sent["file"] == "src/signature.js"
            and sent["line"] == 11
            and sent["text"] == "Agreed, and done?",
            f"{sent}",
        )
        page.get_by_role("button", name="Unified").click()
        page.locator(".diff-unified").first.wait_for()
        page.get_by_role("button", name=re.compile("Remark on line \\d+ of .*errors.js")).first.click()
        page.get_by_label(re.compile("Remark on line")).first.wait_for()
        server.events = server.events[:WAITING]
        last = server.events[-1]
        server.append(
            [
                {
                    **last,
                    "seq": WAITING + 1,
                    "type": "comment.made",
                    "data": {
                        "agent": "user",
                        "comment": {
                            "file": "src/signature.js",
                            "line": 11,
                            "body": "Agreed, and done?",
                            "severity": "note",
                        },
                    },
                }
            ]
        )
        page.get_by_role("article", name=re.compile("signature.js")).get_by_text(
            "Agreed, and done?"
        ).wait_for()
        check(page.get_by_role("article").count() == 1, "an answer opened a thread of its own")


@test
def the_page_recomputes_the_chain_of_hashes(stage):
    with stage.server() as server, stage.page(server, view="audit") as page:
        page.get_by_text("Whole", exact=True).wait_for()
        check(
            page.evaluate("openclawCanvas.checksum()") == checksum(server.events),
            "the page's log is not the journal's",
        )
        page.get_by_role("button", name="Ask the journal").click()
        page.get_by_text("all 190 events are as they were written").wait_for()
    forged = demo_events()
    forged[100] = {**forged[100], "at": forged[100]["at"] + 1}
    with stage.server(forged) as server, stage.page(server, view="audit") as page:
        page.get_by_text("Broken at event 101").wait_for()


@test
def a_replay_needs_no_server(stage):
    html = (stage.files / "index.html").read_text()
    log = json.dumps(
        {
            "events": demo_events(),
            "diff": demo_documents()["diff"],
            "logs": {"coder-1": [{"seq": 1, "at": 1, "line": "offline"}]},
        }
    )
    html = html.replace('<script src="app.js" defer></script>', "")
    script = (stage.files / "app.js").read_text().replace("</script", "<\\/script")
    html = html.replace(
        "</body>",
        '<script type="application/json" id="openclaw-log">'
        + log.replace("<", "\\u003c")
        + f"</script><script>{script}</script></body>",
    )
    (stage.files / "replay.html").write_text(html)
    context = stage.browser.new_context(offline=True, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((stage.files / "replay.html").as_uri())
    page.wait_for_function("() => openclawCanvas.head() === 190")
    page.get_by_text("Replay", exact=True).wait_for()
    page.get_by_text("2/2 subtasks").wait_for()
    page.get_by_role("slider").fill("40")
    page.get_by_text("0/2 subtasks").wait_for()
    page.evaluate("location.hash = 'view=review'")
    page.locator(".file-change").first.wait_for()
    others = [url for url in asked if not url.startswith(("file:", "data:"))]
    check(not others, f"the replay asked {others}")
    context.close()
