"""Drives a browser over the canvas of a running session: canvas_browser.py URL HOME. Its own program, in .venv."""

import json
import os
import re
import signal
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

from home import OPENCLAW

PATIENCE = 120_000


def fail(message):
    print(message)
    sys.exit(1)


def openclaw(*arguments):
    done = subprocess.run([str(OPENCLAW), *arguments, "--json"], capture_output=True, text=True, timeout=120)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main(url):
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=flags
        )
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.set_default_timeout(PATIENCE)
        complaints = []
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                complaints.append(message.text) if "Content Security Policy" in message.text else None
            ),
        )
        page.goto(url)
        if "token=" in page.url:
            fail(f"the token is still in the address: {page.url}")
        page.locator(".agent-row", has_text="coder-1").wait_for()
        # The coordinator dies while the page looks; the page comes back by itself and has lost nothing.
        os.kill(openclaw("coordinator", "status")[0]["pid"], signal.SIGKILL)
        subprocess.run([str(OPENCLAW), "coordinator", "start"], capture_output=True, timeout=120)
        page.wait_for_function("() => openclawCanvas.reconnects() >= 1")
        page.locator(".log-row").first.wait_for()
        page.locator(".gate").wait_for()
        page.keyboard.press("8")
        page.get_by_text("Whole", exact=True).wait_for()
        page.get_by_role("button", name="Ask the journal").click()
        page.get_by_text(re.compile("as they were written")).wait_for()
        page.keyboard.press("3")
        page.locator(".file-change").first.wait_for()
        thread = page.get_by_role("article", name=re.compile("signature"))
        thread.get_by_role("button", name="Answer").click()
        page.get_by_label("Your answer").fill("Well spotted.")
        page.keyboard.press("Control+Enter")
        # What is still in the field would match as well, and the next key would go there.
        page.get_by_label("Your answer").wait_for(state="detached")
        thread.get_by_text("Well spotted.").wait_for()
        page.keyboard.press("a")
        page.get_by_role("dialog", name="Approve and merge").wait_for()
        page.keyboard.press("Enter")
        page.locator(".head-status", has_text="Completed").wait_for()
        if complaints:
            fail("the page complained: " + "\n".join(complaints[:5]))
        # Everything that the journal has, and nothing else: the same hashes in the same places.
        session = page.locator("h1").inner_text()
        # The end of a session has a few events more, so both are asked until they agree.
        deadline = time.monotonic() + 60
        while True:
            sound = openclaw("session", session, "--verify")[0]
            head = page.evaluate("() => openclawCanvas.head()")
            if sound.get("ok") and sound.get("sound") == head:
                break
            if time.monotonic() > deadline:
                fail(f"the page applied {head} events, the journal has {sound}")
            page.wait_for_timeout(200)
        page.keyboard.press("8")
        page.get_by_text(f"{head} checked", exact=False).first.wait_for()
        page.get_by_text("Whole", exact=True).wait_for()
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1])
