"""A loopback server of the Messages API that enforces limits as the real one does, with a minute as short as a test
needs: 429 with Retry-After beyond them, and headers that tell how much is left."""

import datetime
import http.server
import json
import re
import threading
import time


class Bucket:
    """Refills all the time; the caller holds the lock."""

    def __init__(self, limit, minute):
        self.limit, self.rate = limit, limit / minute
        self.level, self.at = float(limit), time.monotonic()

    def refill(self):
        now = time.monotonic()
        self.level = min(self.limit, self.level + (now - self.at) * self.rate)
        self.at = now

    def missing_seconds(self, amount):
        self.refill()
        return max(0.0, (min(amount, self.limit) - self.level) / self.rate)


class LimitedProvider:
    """A context. `respond(body, task, turn)` gives the blocks of an answer. `log` holds (time, task, status, tokens)."""

    def __init__(self, respond, requests=60, tokens=40_000, minute=60.0):
        self.log, self.lock, self.begin = [], threading.Lock(), time.monotonic()
        self.requests, self.tokens = Bucket(requests, minute), Bucket(tokens, minute)
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_POST(self):
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(raw)
                task, turn = conversation(body)
                tokens = len(raw) // 4
                status, wait, headers = provider.admit(task, tokens)
                try:
                    if status == 429:
                        self.refuse(wait, headers)
                    else:
                        self.stream(respond(body, task, turn), body, headers, tokens)
                except BrokenPipeError:
                    # Who asked was killed, as some tests do.
                    self.close_connection = True

            def refuse(self, wait, headers):
                data = json.dumps({"type": "error", "error": {
                    "type": "rate_limit_error", "message": "the limit of this test is exceeded"}}).encode()
                self.send_response(429)
                self.send_header("retry-after", f"{wait:.3f}")
                self.finish_head(headers, "application/json")
                self.wfile.write(data)
                self.close_connection = True

            def finish_head(self, headers, kind):
                self.send_header("Content-Type", kind)
                self.send_header("Connection", "close")
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def stream(self, blocks, body, headers, tokens):
                self.send_response(200)
                self.finish_head(headers, "text/event-stream")
                self.event("message_start", message={
                    "id": f"msg_{time.monotonic_ns()}", "type": "message", "role": "assistant", "content": [],
                    "model": body["model"], "stop_reason": None, "stop_sequence": None,
                    "usage": {"input_tokens": tokens, "output_tokens": 1}})
                for index, block in enumerate(blocks):
                    if block["type"] == "text":
                        start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
                    else:
                        start = {**block, "input": {}}
                        delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
                    self.event("content_block_start", index=index, content_block=start)
                    self.event("content_block_delta", index=index, delta=delta)
                    self.event("content_block_stop", index=index)
                reason = "tool_use" if any(block["type"] == "tool_use" for block in blocks) else "end_turn"
                self.event("message_delta", delta={"stop_reason": reason, "stop_sequence": None},
                           usage={"output_tokens": 60})
                self.event("message_stop")
                self.close_connection = True

            def event(self, name, **data):
                self.wfile.write(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode())
                self.wfile.flush()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def admit(self, task, tokens):
        with self.lock:
            wait = max(self.requests.missing_seconds(1), self.tokens.missing_seconds(tokens))
            status = 429 if wait > 0 else 200
            if status == 200:
                self.requests.level -= 1
                self.tokens.level -= tokens
            self.log.append((time.monotonic() - self.begin, task, status, tokens))
            headers = {}
            for name, bucket in (("requests", self.requests), ("input-tokens", self.tokens)):
                full = datetime.timedelta(seconds=(bucket.limit - bucket.level) / bucket.rate)
                reset = datetime.datetime.now(datetime.timezone.utc) + full
                headers[f"anthropic-ratelimit-{name}-limit"] = str(bucket.limit)
                headers[f"anthropic-ratelimit-{name}-remaining"] = str(max(0, int(bucket.level)))
                headers[f"anthropic-ratelimit-{name}-reset"] = reset.isoformat(timespec="milliseconds").replace(
                    "+00:00", "Z")
            return status, wait, headers

    def graph(self, step=0.5):
        """Requests over time, a line a step: served, refused, and which tasks they were of."""
        lines = []
        end = max((at for at, *_ in self.log), default=0)
        for index in range(int(end / step) + 1):
            part = [entry for entry in self.log if index * step <= entry[0] < (index + 1) * step]
            served = [entry for entry in part if entry[2] == 200]
            tasks = " ".join(sorted({task for _, task, *_ in served}))
            lines.append(f"{index * step:6.1f} s {'#' * len(served)}{'!' * (len(part) - len(served))}"
                         f"  {sum(entry[3] for entry in served)} tokens  {tasks}")
        return "\n".join(lines)

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def conversation(body):
    """The task that a request is about, and how many answers it has had."""
    def text(content):
        if isinstance(content, str):
            return content
        return " ".join(block.get("text", "") for block in content if isinstance(block, dict))

    first = text(body["messages"][0]["content"])
    found = re.search(r"Task (\S+) \(", first)
    return found.group(1) if found else "?", sum(m["role"] == "assistant" for m in body["messages"])


def call(name, **input):
    call.count += 1
    return {"type": "tool_use", "id": f"toolu_{call.count}_{time.monotonic_ns()}", "name": name, "input": input}


call.count = 0
