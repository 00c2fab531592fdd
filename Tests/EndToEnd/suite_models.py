"""Models of servers that people run themselves: their dialects, their limits, their keys."""

import http.server
import json
import threading

from home import Home, check, git
from registry import test
from sessions import CALCULATOR

WINDOW = 16384


class ChatServer:
    """Chat completions as vLLM gives them when it does not know how its model writes calls: as text."""

    def __init__(self, respond, key=None):
        self.requests = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                pass

            def do_GET(self):
                self.answer(404, {"error": {"message": "not here"}})

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if not self.path.endswith("/chat/completions"):
                    return self.do_GET()
                server.requests.append(body)
                if key and self.headers.get("Authorization") != f"Bearer {key}":
                    return self.answer(401, {"error": {"message": "Unauthorized"}})
                prompt = len(json.dumps(body["messages"])) // 4
                asked = body.get("max_tokens", 16)
                if prompt + asked > WINDOW:
                    return self.answer(400, {"error": {"message": (
                        f"This model's maximum context length is {WINDOW} tokens. However, you requested "
                        f"{prompt + asked} tokens ({prompt} in the messages, {asked} in the completion).")}})
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                text = respond(body)
                for piece in [text[:7], text[7:]]:
                    self.chunk(choices=[{"index": 0, "delta": {"content": piece}}])
                self.chunk(choices=[{"index": 0, "delta": {}, "finish_reason": "stop"}])
                self.chunk(choices=[], usage={"prompt_tokens": prompt, "completion_tokens": 5})
                self.wfile.write(b"data: [DONE]\n\n")

            def chunk(self, **data):
                self.wfile.write(f"data: {json.dumps({'id': 'c', 'model': 'q', **data})}\n\n".encode())

            def answer(self, status, data):
                data = json.dumps(data).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def written(name, **arguments):
    return json.dumps({"name": name, "arguments": arguments})


def coder(body):
    """Qwen 2.5 Coder's way for the first call, Hermes' for the others."""
    if "add_numbers" in json.dumps(body.get("tools", [])):
        return "It is 42." if body["messages"][-1]["role"] == "tool" else written("add_numbers", a=19, b=23)
    if sum(message["role"] == "assistant" for message in body["messages"]) == 0:
        return f"I write it.\n```json\n{written('write', file_path='note.txt', content='hello')}\n```"
    return f"<tool_call>\n{written('complete_task', summary='written')}\n</tool_call>"


@test
def a_local_server_that_hands_calls_on_as_text_does_a_task():
    with ChatServer(coder) as server, Home() as home:
        repository = home.repository(CALCULATOR)
        model = f"openai:q@{server.url}"
        # A proxy of the person's is not for what runs on this machine.
        home.run("run", "Write note.txt", "--repo", str(repository), "--agents", "1", "--model", model, "--yes",
                 "--merge", "--test", "true", http_proxy="http://127.0.0.1:9")
        session = home.json("sessions")[0]
        check(session["state"] == "completed", f"the session ended as {session['state']}")
        check(git(repository, "show", "HEAD:note.txt").strip() == "hello", "the file was not written")
        failed = [e for e in home.events(session["id"]) if e["type"] in ("task.failed", "model.refused")]
        check(not failed, f"it took more than one attempt: {failed}")
        # The window was learnt from the first refusal, and kept to.
        asked = [body["max_tokens"] for body in server.requests]
        check(asked[0] + 1 > WINDOW // 2 and all(most < WINDOW for most in asked[1:]), f"asked for {asked}")
        tried = home.run("models", "check", model, "--json", check=False)
        report = json.loads(tried.stdout)
        found = {finding["name"]: finding["good"] for finding in report["findings"]}
        check(tried.returncode == 0 and report["usable"], tried.stdout)
        check(found["calls tools"] and found["goes on after a result"] and not found["sees pictures"], str(found))
        check(report["calls"] <= 10, f"{report['calls']} calls were made")


@test
def a_key_that_is_refused_ends_the_session_with_4_after_one_attempt():
    with ChatServer(coder, key="sk-right") as server, Home() as home:
        repository = home.repository(CALCULATOR)
        words = ["run", "Write note.txt", "--repo", str(repository), "--agents", "1", "--yes", "--test", "true"]
        model = f"openai:q@{server.url}"
        # The key goes to no server that the environment does not name.
        done = home.run(*words, "--model", model, check=False, OPENAI_API_KEY="sk-right")
        check(done.returncode == 4, f"it ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        check(len(server.requests) == 1, f"{len(server.requests)} requests were made")
        check(f"OPENAI_BASE_URL={server.url}" in done.stdout + done.stderr, "the line that sends the key is missing")
        checked = home.run("models", "check", model, check=False)
        check(checked.returncode == 4, f"models check ended with {checked.returncode}:\n{checked.stdout}")
    with ChatServer(coder, key="sk-right") as server, Home(OPENAI_API_KEY="sk-right") as home:
        model = f"openai:q@{server.url}"
        repository = home.repository(CALCULATOR)
        home.run("run", "Write note.txt", "--repo", str(repository), "--agents", "1", "--yes", "--test", "true",
                 "--model", model, OPENAI_BASE_URL=server.url)
