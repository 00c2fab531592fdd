"""Approve from anywhere: signed notifications out, signed decisions in, both bound to the tree."""

import hashlib
import hmac
import http.server
import json
import pathlib
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from home import ROOT, Home, check, kill, wait_for
from registry import test

SECRET = "a secret of the tests"


def sign(body, at=None, secret=SECRET):
    at = int(time.time() * 1000) if at is None else at
    mac = hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={mac}"


class Bot(http.server.ThreadingHTTPServer):
    """A chat bot that is away at first; with a certificate it speaks TLS."""

    def __init__(self, failures, certificate=None):
        self.failures, self.heard, self.unsigned = failures, [], 0
        super().__init__(("127.0.0.1", 0), Bot.Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            given = self.headers["X-OpenClaw-Signature"] or "t=0,"
            at = int(given.split(",")[0].removeprefix("t="))
            if not hmac.compare_digest(given, sign(body, at)):
                self.server.unsigned += 1
            if self.server.failures > 0:
                self.server.failures -= 1
                self.send_response(503)
            else:
                self.server.heard.append(json.loads(body))
                self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    def about(self, kind):
        return [note for note in self.heard if note["type"] == kind]


def post(url, value, signature=None):
    body = json.dumps(value).encode()
    request = urllib.request.Request(url, data=body, method="POST")
    request.add_header("X-OpenClaw-Signature", sign(body) if signature is None else signature)
    # As it comes through a tunnel.
    request.add_header("Host", "bot.example")
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


@test
def a_bot_is_told_what_waits_and_its_signed_decision_counts_once():
    bot = Bot(failures=2)
    url = f"http://127.0.0.1:{bot.server_port}/hook"
    with Home(OPENCLAW_WEBHOOK_URL=url, OPENCLAW_WEBHOOK_SECRET=SECRET) as home:
        repository = home.repository("examples/calculator/repository")
        model = f"script:{ROOT}/examples/calculator/one-coder.yaml"
        session = home.run(
            "run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", model, "--detach").stdout.strip()
        note = wait_for(lambda: next(iter(bot.about("approval.requested")), None), "the notification", 150)
        check(bot.failures == 0 and bot.unsigned == 0, f"{bot.failures} failures left, {bot.unsigned} without a right signature")
        port = home.json("session", session, "--canvas")[0]["port"]
        target = f"http://127.0.0.1:{port}{note['decide']['path']}"
        decision = {"id": str(uuid.uuid4()), "type": "approve", "by": "Jo on the phone", "basedOn": note["decide"]["basedOn"]}
        body = json.dumps(decision).encode()
        for wrong in ["", "t=1,v1=00", sign(body, secret="another secret...."), sign(body, at=int(time.time() * 1000) - 600_000),
                      sign(b"{}")]:
            check(post(target, decision, wrong)[0] == 401, f"a decision signed {wrong!r} was taken")
        stale = dict(decision, basedOn={**decision["basedOn"], "digest": "0" * 40})
        status, answer = post(target, stale)
        check(status == 409 and answer["error"]["code"] == "stale_tree", f"{status} {answer}")
        check(post(target, decision)[0] == 200, "the decision was refused")
        kill(home.json("coordinator", "status")[0]["pid"])
        home.run("coordinator", "start")
        check(post(target, decision)[0] == 200, "the same decision again")
        wait_for(lambda: bot.about("session.completed"), "the news of the end", 150)
        events = home.events(session)
        granted = [event for event in events if event["type"] == "approval.granted"]
        check(len(granted) == 1 and "Jo on the phone" in granted[0]["data"]["by"], str(granted))
        # At least once, with the same id; and on record when it arrived.
        wait_for(lambda: sum(e["type"] == "webhook.delivered" for e in home.events(session)) >= 2, "the record of both")
        check(len({note["id"] for note in bot.about("approval.requested")}) == 1, "one fact has two ids")
    bot.shutdown()


def authority(folder, name):
    """An authority of one's own, and a certificate of it for this machine: their files."""
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}-ca.key", "-out", f"{name}-ca.pem",
            "-subj", f"/CN={name}", "-days", "2")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", "/CN=localhost")
    (folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{name}-ca.pem", "-CAkey", f"{name}-ca.key", "-CAcreateserial",
            "-out", f"{name}.pem", "-days", "2", "-extfile", "names")
    (folder / f"{name}-all.pem").write_text((folder / f"{name}.pem").read_text() + (folder / f"{name}.key").read_text())
    return folder / f"{name}-ca.pem", folder / f"{name}-all.pem"


@test
def a_webhook_over_https_is_told_only_when_its_certificate_holds():
    with tempfile.TemporaryDirectory() as directory:
        folder = pathlib.Path(directory)
        trusted, ours = authority(folder, "ours")
        _, foreign = authority(folder, "foreign")
        bot, stranger = Bot(0, ours), Bot(0, foreign)
        with Home(OPENCLAW_WEBHOOK_URL=f"https://localhost:{bot.server_port}/hook", OPENCLAW_WEBHOOK_SECRET=SECRET,
                  SSL_CERT_FILE=str(trusted)) as home:
            home.run("config", "set", "notify.webhook", f"https://localhost:{stranger.server_port}/hook")
            repository = home.repository("examples/calculator/repository")
            model = f"script:{ROOT}/examples/calculator/one-coder.yaml"
            home.run("run", "Fix subtraction", "--repo", str(repository), "--agents", "1", "--model", model, "--yes")
            note = wait_for(lambda: next(iter(bot.about("session.completed")), None), "the notification", 60)
            check(bot.unsigned == 0 and note["session"], str(note))
            log = home.path / "aegis/openclaw/coordinator.log"
            wait_for(lambda: "notify.webhook" in log.read_text() and "certificate" in log.read_text().lower(), "the refusal", 30)
            check(stranger.heard == [], "who has no right certificate was told")
        bot.shutdown()
        stranger.shutdown()
