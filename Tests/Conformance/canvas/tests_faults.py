"""What goes wrong on purpose: cuts, silence, strangers' content."""

import random

from stage import check, demo_events, flood, shoot, test
from standin import TOKEN, Cutter, chain, checksum


@test
def a_hundred_cuts_lose_and_double_nothing(stage):
    events = flood(4000)
    seed = random.SystemRandom().randrange(1 << 30)
    with stage.server(events, through=10) as server:
        server.batch_bytes = 2000
        cutter = Cutter(server.port, random.Random(seed), 6000, 100)
        try:
            with stage.page(server, port=cutter.port, through=0) as page:
                # Nobody waits for a backoff here: this is about what is lost, not about how long it takes.
                page.evaluate("""() => {
                        const real = window.setTimeout;
                        window.setTimeout = (work, wait, ...more) => real(work, Math.min(wait ?? 0, 20), ...more);
                    }""")
                shown = 10
                while shown < len(events) and cutter.made < 100:
                    # Events come as long as there is somebody to cut: each cut falls into the middle of some.
                    shown = min(len(events), shown + 10)
                    server.show(shown)
                    page.wait_for_timeout(5)
                server.show(len(events))
                page.wait_for_function("n => openclawCanvas.head() === n", arg=len(events))
                check(cutter.made == 100, f"{cutter.made} connections were cut (seed {seed})")
                said = page.evaluate("openclawCanvas.checksum()")
                check(said == checksum(events), f"the page's log is not the journal's (seed {seed})")
                check(page.evaluate("openclawCanvas.reconnects()") >= 100, "the page hardly noticed")
        finally:
            cutter.stop()


@test
def silence_is_noticed(stage):
    with stage.server(through=100) as server, stage.page(server) as page:
        server.is_silent = True
        page.wait_for_function("() => openclawCanvas.reconnects() >= 1", timeout=40_000)
        server.is_silent = False
        server.show(120)
        page.wait_for_function("() => openclawCanvas.head() === 120", timeout=40_000)


@test
def a_hidden_tab_lets_its_socket_go_and_comes_back(stage):
    with stage.server(through=100) as server, stage.page(server) as page:
        page.clock.install()
        page.evaluate("""() => {
            Object.defineProperty(document, 'hidden', { configurable: true, get: () => window.isHidden ?? false });
            window.isHidden = true;
            document.dispatchEvent(new Event('visibilitychange'));
        }""")
        page.clock.fast_forward(61_000)
        for _ in range(200):
            if not server.open:
                break
            page.wait_for_timeout(50)
        check(not server.open, "the socket of a hidden tab is kept")
        server.show(130)
        page.evaluate(
            "() => { window.isHidden = false; document.dispatchEvent(new Event('visibilitychange')); }"
        )
        page.clock.run_for(500)
        page.wait_for_function("() => openclawCanvas.head() === 130")
        check(server.connections == 2, f"{server.connections} connections")


@test
def a_wrong_token_is_said_and_not_tried_again(stage):
    with stage.server(through=50) as server, stage.page(server, through=0) as page:
        page.goto("about:blank")
        page.goto(server.address().replace(TOKEN, "wrong"))
        page.get_by_text("No access").first.wait_for()
        before = server.connections
        page.wait_for_timeout(1500)
        check(server.connections == before, "a refused token was tried again")
        page.goto("about:blank")
        page.goto(server.address().split("#")[0])
        page.get_by_text("this address has no token").wait_for()


def hostile():
    """Everything an agent could write into a session to get at who watches it."""
    rtl = "\u202egnp.exe\u202c safe"
    marks = [
        "<img src=x onerror=window.pwned=1>",
        "<script>window.pwned=1</script>",
        "javascript:window.pwned=1",
        "\x1b]0;title\x07\x1b[2J\x1b]52;c;ZXZpbA==\x07red",
        rtl,
        "__proto__",
        "constructor",
        "\u0000\u0008\u001b[31m",
        "{{7*7}}",
        "x" * 200_000,
    ]
    rows = [
        (
            1_795_656_591_000,
            "session.started",
            {
                "configuration": {
                    "session": "hostile-session-xxxx",
                    "task": marks[0] + rtl,
                    "repository": "/r",
                    "model": "m",
                    "base_commit": "1" * 40,
                    "base_tree": "2" * 40,
                }
            },
        )
    ]
    at = 1_795_656_592_000
    rows.append(
        (
            at,
            "plan.accepted",
            {
                "by": marks[0],
                "plan": {
                    "summary": marks[1],
                    "tasks": [
                        {
                            "id": mark[:32] or "x",
                            "title": mark,
                            "description": mark,
                            "depends_on": ["__proto__", mark[:32]],
                            "write_set": [mark[:200]],
                            "acceptance": [mark[:200]],
                        }
                        for mark in marks
                    ],
                },
            },
        )
    )
    for mark in marks:
        name = mark[:64]
        rows += [
            (at, "agent.requested", {"agent": name, "role": mark[:64], "generation": 1}),
            (at, "agent.ready", {"agent": name, "generation": 1, "instance": mark[:64]}),
            (
                at,
                "task.assigned",
                {"task": mark[:32], "agent": name, "attempt": 1, "generation": 1, "kind": mark[:20]},
            ),
            (at, "task.progressed", {"task": mark[:32], "agent": name, "message": mark}),
            (at, "message.sent", {"from": name, "to": mark[:64], "text": mark}),
            (
                at,
                "comment.made",
                {
                    "agent": name,
                    "comment": {"file": mark[:200], "line": 3, "body": mark, "severity": mark[:40]},
                },
            ),
            (
                at,
                "tests.reported",
                {
                    "agent": name,
                    "tree": mark[:40],
                    "command": mark[:200],
                    "exit_code": 1,
                    "output": f"TAP version 13\nnot ok 1 - {mark}\n1..1\n",
                },
            ),
            (at, "artifact.stored", {"agent": name, "name": mark[:100], "path": mark[:200]}),
            (at, "overlap.forecast", {"task": mark[:32], "other": mark[:32], "files": [mark[:200]]}),
            (at, "sandbox.denied", {"agent": name, "task": mark[:32], "denials": [mark[:500]]}),
            (
                at,
                "model.settled",
                {
                    "agent": name,
                    "task": mark[:32],
                    "model": mark[:80],
                    "microusd": 10,
                    "input": 1,
                    "output": 1,
                },
            ),
            (at, "unknown.__proto__", {"__proto__": {"polluted": True}, "agent": name}),
        ]
    return chain("hostile-session-xxxx", rows)


@test
def hostile_content_stays_text(stage):
    from stage import VIEWS

    with stage.server(hostile()) as server:
        patch = (
            "diff --git a/<b>x b/<b>x\n--- a/<b>x\n+++ b/<b>x\n@@ -1 +1 @@\n-<img src=x onerror=window.pwned=1>\n+\u202e"
            + "y" * 100_000
            + "\n"
        )
        server.documents["diff"] = {"tree": "2" * 40, "patch": patch, "truncated": False}
        with stage.page(server) as page:
            server.print(
                "__proto__",
                [
                    "\x1b[31mred\x1b]0;owned\x07\x1b[2J\x1b[H",
                    "z" * 1_000_000,
                    "\u202eevil",
                    "<b>bold</b>",
                    "\x1b]8;;javascript:alert(1)\x07link\x1b]8;;\x07",
                ],
            )
            for view in VIEWS:
                page.evaluate("view => { location.hash = 'view=' + view }", view)
                page.locator("main h2, main .empty-title").first.wait_for()
                check(
                    page.locator("main [role=alert]").count() == 0,
                    f"{view} cannot be drawn: {page.locator('main').inner_text()[:300]}",
                )
                page.wait_for_timeout(150)
                shoot(page, f"hostile-{view}")
                check(page.evaluate("window.pwned === undefined"), f"something ran in {view}")
                check(page.evaluate("({}).polluted === undefined"), f"the prototype is polluted in {view}")
                wrong = page.evaluate("""() => {
                    const text = document.body.innerText;
                    return { signs: /[\\u202a-\\u202e\\u2066-\\u2069\\u0000-\\u0008\\u001b]/.test(text),
                             images: document.querySelectorAll('main img, main script, main iframe, main b').length,
                             links: [...document.querySelectorAll('a[href]')].filter(a => !/^(https?:|#)/.test(a.getAttribute('href'))).length,
                             title: document.title, wide: document.documentElement.scrollWidth > innerWidth };
                }""")
                check(not wrong["signs"], f"a control character is in the text of {view}")
                check(wrong["images"] == 0 and wrong["links"] == 0, f"markup came through in {view}: {wrong}")
                check("owned" not in wrong["title"], "output set the title")
                check(not wrong["wide"], f"{view} is pushed wide")
            page.evaluate("location.hash = 'view=dashboard&agent=__proto__'")
            page.locator(".log-row", has_text="red").wait_for()
            check(
                page.evaluate("document.querySelector('.log-lines').innerText.length") < 60_000,
                "a megabyte in one line is in the page",
            )
            check(page.evaluate("window.pwned === undefined"), "something ran in the logs")
            check(page.title().find("owned") < 0, "output set the title")


@test
def memory_is_bounded_under_a_flood_of_output(stage):
    with stage.server(demo_events(), through=150) as server, stage.page(
        server, view="dashboard&agent=coder-2"
    ) as page:
        for _ in range(20):
            server.print("coder-2", ["x" * 1500] * 400)
        page.wait_for_function("() => openclawCanvas.logBytes() > 1000000")
        page.wait_for_timeout(500)
        check(
            page.evaluate("openclawCanvas.logBytes()") <= 3 << 20,
            "the log of one agent grew beyond its bound",
        )
        check(page.locator(".log-row").count() < 120, "rows that nobody sees are in the page")
        page.get_by_text("older lines are not kept here").wait_for()
