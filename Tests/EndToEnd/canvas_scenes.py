"""Drives a browser over the canvas of a real session, for tests that want more of it than to follow one:
canvas_scenes.py SCENE URL [JSON]. Its own program, in .venv; what it finds is a line of JSON."""

import http.server
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
import urllib.request
import uuid

from playwright.sync_api import sync_playwright

from home import OPENCLAW, ROOT, Failure, check

sys.path.insert(0, str(ROOT / "Tests/Conformance/canvas"))

PATIENCE = 120_000
SHOTS = os.environ.get("CANVAS_SHOTS")


def openclaw(*arguments):
    done = subprocess.run([str(OPENCLAW), *arguments, "--json"], capture_output=True, text=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def kill_coordinator():
    """As a power cut would end it; the next command would start it again, and so do we."""
    os.kill(openclaw("coordinator", "status")[0]["pid"], signal.SIGKILL)
    subprocess.run([str(OPENCLAW), "coordinator", "start"], capture_output=True, timeout=120, check=True)


class Scene:
    """A browser with one page, and the address taken apart."""

    def __init__(self, browser, url, options):
        self.browser, self.url, self.options = browser, url, options
        parts = urllib.parse.urlsplit(url)
        self.port, self.path = parts.port, parts.path
        self.token = parts.fragment.removeprefix("token=")
        self.session = parts.path.split("/")[2]
        self.page = browser.new_page(viewport={"width": 1280, "height": 800})
        self.page.set_default_timeout(PATIENCE)
        self.complaints = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def command(self, kind, **fields):
        """As another page of the same person would send it."""
        body = json.dumps({"id": str(uuid.uuid4()), "type": kind, **fields}).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{self.path}commands", data=body, method="POST")
        request.add_header("Authorization", f"Bearer {self.token}")
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def journal(self):
        return [line for line in openclaw("session", self.session, "--logs") if "seq" in line]

    def shoot(self, name):
        if SHOTS:
            pathlib.Path(SHOTS).mkdir(parents=True, exist_ok=True)
            for width in (390, 1920):
                for theme in ("light", "dark"):
                    self.page.set_viewport_size({"width": width, "height": 844 if width < 500 else 1080})
                    self.page.emulate_media(color_scheme=theme)
                    self.page.wait_for_timeout(200)
                    self.page.screenshot(path=f"{SHOTS}/{name}-{width}-{theme}.png")
            self.page.set_viewport_size({"width": 1280, "height": 800})


# The scenes


def cuts(scene):
    """The connection is cut at random bytes, and the coordinator killed, while a session goes on."""
    from standin import Cutter, checksum

    options, page = scene.options, scene.page
    source = random.Random(options["seed"])
    cutter = Cutter(scene.port, source, 5000, options["cuts"])
    page.goto(scene.url.replace(f":{scene.port}/", f":{cutter.port}/"))
    # Nobody waits for a backoff here: this is about what is lost, not about how long it takes.
    page.evaluate("""() => {
        const real = window.setTimeout;
        window.setTimeout = (work, wait, ...more) => real(work, Math.min(wait ?? 0, 20), ...more);
    }""")
    kills, said = 0, 0
    deadline = time.monotonic() + 240
    while cutter.made < options["cuts"] or kills < options["kills"]:
        check(time.monotonic() < deadline, f"{cutter.made} cuts and {kills} kills in 240 s; the page is "
              + page.evaluate("openclawCanvas.link()"))
        if kills < options["kills"] and cutter.made * options["kills"] >= kills * options["cuts"]:
            kill_coordinator()
            kills += 1
        # Each cut falls into the middle of events, because there are always some.
        try:
            scene.command("message", to="all", text=f"{said} " + "x" * source.randrange(1500))
            said += 1
        except OSError:
            pass
        page.wait_for_timeout(20)
    # From here on it may stay; the page has what the journal has, and nothing else.
    wanted = scene.journal()
    page.wait_for_function("n => openclawCanvas.head() >= n", arg=len(wanted))
    deadline = time.monotonic() + 60
    while True:
        wanted = scene.journal()
        head, sum_ = page.evaluate("() => [openclawCanvas.head(), openclawCanvas.checksum()]")
        if head == len(wanted) and sum_ == checksum(wanted):
            break
        check(time.monotonic() < deadline, f"the page has {head} of {len(wanted)} events, or others than the journal")
        page.wait_for_timeout(200)
    reconnects = page.evaluate("openclawCanvas.reconnects()")
    cutter.stop()
    return {"cuts": cutter.made, "kills": kills, "events": head, "reconnects": reconnects}


def draw(scene):
    """A person answers what an agent drew."""
    page = scene.page
    page.goto(scene.url + "&view=drawn")
    box = page.get_by_role("region", name="Drawn by coder-1").first
    box.get_by_text("Which of 2 ways?").wait_for()
    scene.shoot("drawn")
    box.get_by_label("Name").fill("Ada")
    box.get_by_role("button", name="Send").click()
    page.get_by_text(re.compile("Sent .chosen. to coder-1")).wait_for()
    return {}


def edit(scene):
    """Each message that waits is a question of its own; one is passed on in other words."""
    page = scene.page
    page.goto(scene.url)
    page.locator(".questions li").nth(scene.options["count"] - 1).wait_for()
    asked = page.locator(".questions li")
    check(asked.count() == scene.options["count"], f"{asked.count()} questions: {asked.all_inner_texts()}")
    asked.filter(has_text=scene.options["id"]).get_by_role("button", name="Answer").click()
    dialog = page.get_by_role("dialog", name="The coordinator asks you")
    box = dialog.get_by_label(re.compile("yours to change"))
    found = box.input_value()
    box.fill(scene.options["words"])
    scene.shoot("edit-message")
    dialog.get_by_role("button", name="Yes").click()
    page.get_by_text(f"You said yes to {scene.options['id']}").wait_for()
    asked.filter(has_text=scene.options["id"]).wait_for(state="detached")
    return {"found": found}


def answer(scene):
    """A question is answered by keyboard alone."""
    page = scene.page
    page.goto(scene.url)
    page.locator(".questions").wait_for()
    scene.shoot("question")
    page.keyboard.press("y")
    page.get_by_role("dialog", name="The coordinator asks you").wait_for()
    scene.shoot("question-dialog")
    page.keyboard.press("Enter")
    page.get_by_text("You said yes to").wait_for()
    page.locator(".questions").wait_for(state="detached")
    return {}


def attack(scene):
    """A page of a stranger that somehow knows the token, and a name that was made to point here."""
    target = f"http://127.0.0.1:{scene.port}"
    script = """async ([target, path, token]) => {
        const found = {};
        const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
        const body = JSON.stringify({ id: crypto.randomUUID?.() ?? '12345678-1234', type: 'cancel' });
        const ask = async (name, where, options) => {
            try {
                const answer = await fetch(target + path + where, options);
                found[name] = answer.type === 'opaque' ? 'opaque' : `answered ${answer.status}`;
            } catch { found[name] = 'refused'; }
        };
        await ask('read', 'api/summary', { headers });
        await ask('read blind', 'api/summary', { mode: 'no-cors' });
        await ask('command', 'commands', { method: 'POST', headers, body });
        await ask('blind command', 'commands', { method: 'POST', body, mode: 'no-cors', headers: { 'Content-Type': 'text/plain' } });
        found.stream = await new Promise((done) => {
            const socket = new WebSocket(target.replace('http', 'ws') + path + 'stream');
            socket.onopen = () => { socket.send(JSON.stringify({ token, after: 0 })); };
            socket.onmessage = (message) => done(`heard ${message.data.slice(0, 40)}`);
            socket.onclose = () => done('refused');
        });
        const frame = document.createElement('iframe');
        frame.src = target + path;
        document.body.append(frame);
        await new Promise((done) => { frame.onload = done; setTimeout(done, 3000); });
        try { found.frame = frame.contentDocument?.body?.innerText ? 'read' : 'empty'; } catch { found.frame = 'closed'; }
        const form = document.createElement('form');
        form.method = 'post'; form.enctype = 'text/plain'; form.target = 'nowhere';
        form.action = target + path + 'commands';
        const field = document.createElement('input');
        field.name = body.slice(0, -1) + ',"x":"'; field.value = '"}';
        form.append(field); document.body.append(form); form.submit();
        await new Promise((done) => setTimeout(done, 1000));
        return found;
    }"""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><body>evil</body>")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {}
    # Another port of this machine, which a browser calls the same site, and a name of the stranger's own.
    for name, origin in (("port", f"http://127.0.0.1:{server.server_port}"), ("name", f"http://evil.example:{server.server_port}")):
        scene.page.goto(origin)
        found[name] = scene.page.evaluate(script, [target, scene.path, scene.token])
    server.shutdown()
    # The name now points at the canvas itself: the browser calls all of it one origin.
    rebound = scene.page.goto(f"http://evil.example:{scene.port}{scene.path}")
    found["rebound page"] = rebound.status
    found["rebound"] = scene.page.evaluate(
        script, [f"http://evil.example:{scene.port}", scene.path, scene.token])
    return found


def long(scene):
    """A session of very many events: opened, gone back in, and checked from its first event."""
    page, length = scene.page, scene.options["length"]
    started = time.monotonic()
    page.goto(scene.url)
    page.wait_for_function("n => Number(document.querySelector('[data-seq]')?.dataset.seq) >= n", arg=length)
    opened = time.monotonic() - started
    check(page.evaluate("openclawCanvas.first()") > 1, "all of the log came")
    scene.shoot("long-dashboard")
    back = []
    for seq in scene.options["moments"]:
        started = time.monotonic()
        page.evaluate(
            """seq => { const slider = document.querySelector('input[type=range]');
                Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(slider, seq);
                slider.dispatchEvent(new Event('input', { bubbles: true })); }""", seq)
        page.wait_for_function("n => openclawCanvas.shown() === n", arg=seq)
        back.append(time.monotonic() - started)
        page.locator(".activity-row").first.wait_for()
    scene.shoot("long-past")
    page.keyboard.press("8")
    page.locator(".event-row", has_text=re.compile(f"^{scene.options['moments'][-1]}")).first.wait_for()
    page.keyboard.press("l")
    page.get_by_text(re.compile("Whole from event|Not checked here yet")).wait_for()
    result = {"opened": opened, "back": back, "head": page.evaluate("openclawCanvas.head()")}
    if scene.options.get("check", True):
        page.get_by_role("button", name="Check from the first").click()
        page.get_by_text(re.compile("are whole")).wait_for()
        scene.shoot("long-audit")
    return result


def short(scene):
    """A session that comes event by event."""
    started = time.monotonic()
    scene.page.goto(scene.url)
    scene.page.wait_for_function(
        "n => Number(document.querySelector('[data-seq]')?.dataset.seq) >= n", arg=scene.options["length"])
    return {"opened": time.monotonic() - started}


def main(name, url, options="{}"):
    scenes = {one.__name__: one for one in (cuts, draw, answer, edit, attack, long, short)}
    with sync_playwright() as playwright:
        flags = ["--host-resolver-rules=MAP evil.example 127.0.0.1"] + (["--no-sandbox"] if os.geteuid() == 0 else [])
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=flags)
        scene = Scene(browser, url, json.loads(options))
        try:
            found = scenes[name](scene)
            check(name == "attack" or not scene.complaints, "the page complained: " + "\n".join(scene.complaints[:5]))
        except Failure as error:
            print(f"{name}: {error}", file=sys.stderr)
            return 1
        browser.close()
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
