"""A loopback server that speaks Anthropic's Messages API, streaming, as a stand-in for the provider.

It is a tiny model with a mind of its own, not a recording: it fixes the file that it is told about by reading it
through a tool call and writing it through another one.
"""

import http.server
import json
import threading


class Provider:
    """A context: the server runs; `requests` holds what it was asked, `headers` with what."""

    def __init__(self, respond, failures=0, tokens=(100, 50)):
        self.requests, self.headers, self.failures = [], [], failures
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                provider.requests.append(body)
                provider.headers.append(dict(self.headers))
                if provider.failures > 0:
                    provider.failures -= 1
                    self.answer_error(529, "overloaded_error")
                    return
                self.stream(respond(body), body)

            def answer_error(self, status, kind):
                data = json.dumps({"type": "error", "error": {"type": kind, "message": "try later"}}).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("retry-after", "0")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def stream(self, blocks, body):
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                usage = {"input_tokens": tokens[0], "output_tokens": 1}
                self.event("message_start", {"message": {
                    "id": f"msg_{len(provider.requests)}", "type": "message", "role": "assistant", "content": [],
                    "model": body["model"], "stop_reason": None, "stop_sequence": None, "usage": usage}})
                for index, block in enumerate(blocks):
                    if block["type"] == "text":
                        start, delta = {"type": "text", "text": ""}, {"type": "text_delta", "text": block["text"]}
                        deltas = [delta]
                    else:
                        start = {**block, "input": {}}
                        text = json.dumps(block["input"])
                        middle = len(text) // 2
                        deltas = [{"type": "input_json_delta", "partial_json": part}
                                  for part in (text[:middle], text[middle:])]
                    self.event("content_block_start", {"index": index, "content_block": start})
                    for delta in deltas:
                        self.event("content_block_delta", {"index": index, "delta": delta})
                    self.event("content_block_stop", {"index": index})
                wants_tool = any(block["type"] == "tool_use" for block in blocks)
                reason = "tool_use" if wants_tool else "end_turn"
                self.event("message_delta", {
                    "delta": {"stop_reason": reason, "stop_sequence": None},
                    # No provider bills more than was allowed.
                    "usage": {"output_tokens": min(tokens[1], body["max_tokens"])}})
                self.event("message_stop", {})
                self.wfile.write(b"0\r\n\r\n")

            def event(self, name, data):
                text = f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
                self.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
                self.wfile.flush()

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
