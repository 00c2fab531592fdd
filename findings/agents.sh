#!/usr/bin/env bash
# Codex CLI 0.163.0 (PyPI openai-codex-cli-bin): `codex exec --dangerously-bypass-approvals-and-sandbox` runs commands without its
# sandbox and without asking, but still refuses every `rm -f`, with a text that names no setting:
#   exec_command failed: … rejected: rm -f style commands are not permitted. Use a safer approach
# `rm` without -f runs. A rule `prefix_rule(pattern = ["rm"], decision = "allow")` in CODEX_HOME/rules did not change that.
# Seen on Debian 12, x86-64. Exits 0 while it is so, 1 when it is not so any more, 69 when it cannot be tried.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv" && "$place/venv/bin/pip" install --quiet openai-codex-cli-bin==0.163.0 || exit 69
codex=$(echo "$place"/venv/lib/python3*/site-packages/codex_cli_bin/bin/codex)
"$codex" --version
mkdir "$place/home" "$place/work"
cat >"$place/try.py" <<'PYTHON'
import http.server, json, os, subprocess, sys, threading

codex, place, command = sys.argv[1:]
outputs = []


class Handler(http.server.BaseHTTPRequestHandler):
    """A model that has one command run, then ends."""

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        outputs.extend(str(item["output"]) for item in body["input"] if item.get("type") == "function_call_output")
        if outputs:
            item = {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "done", "annotations": []}]}
        else:
            item = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "exec_command",
                    "arguments": json.dumps({"cmd": command}), "status": "completed"}
        events = [
            ("response.created", {"response": {"id": "resp_1"}}),
            ("response.output_item.done", {"output_index": 0, "item": item}),
            ("response.completed", {"response": {"id": "resp_1", "output": [item], "usage": {
                "input_tokens": 1, "output_tokens": 1, "total_tokens": 2}}}),
        ]
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for name, data in events:
            self.wfile.write(f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode())


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
settings = {
    "model_provider": '"mine"', "model_providers.mine.name": '"mine"', "model_providers.mine.wire_api": '"responses"',
    "model_providers.mine.base_url": f'"http://127.0.0.1:{server.server_address[1]}/v1"', "web_search": '"disabled"'}
done = subprocess.run(
    [codex, "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", "test",
     *[word for name, value in settings.items() for word in ("-c", f"{name}={value}")], "Go on"],
    cwd=f"{place}/work", env={**os.environ, "HOME": f"{place}/home", "CODEX_HOME": f"{place}/home"},
    stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
print(f"{command}: {outputs or done.stderr[-2000:]}")
PYTHON
forced=$("$place/venv/bin/python" "$place/try.py" "$codex" "$place" "rm -f nothing.txt; echo ran")
plain=$("$place/venv/bin/python" "$place/try.py" "$codex" "$place" "touch a; rm a; echo ran")
printf '%s\n%s\n' "$forced" "$plain"
[[ $forced == *"rm -f style commands are not permitted"* && $plain == *"ran\\n"* ]]
