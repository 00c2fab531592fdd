#!/usr/bin/env bash
# Language servers made of jedi answer columns in code points, where the protocol says UTF-16 code units.
#
# jedi-language-server 0.47.0 and python-lsp-server 1.15.0 (PyPI), seen 2026-12-01 on Debian 12 with Python 3.11.
# The first announces the positionEncoding utf-16 and the second none, which means the same (LSP 3.17, "Position").
# Asked for the references of `fn` in
#     def fn(x): return x
#     a = '<six characters outside of the basic plane>', fn(1)
# both say that the call stands at character 14 of its line (code points); in UTF-16 it is 20.
# basedpyright 1.40.2, asked the same in the same run, says 20. An editor that believes the first two marks, or
# renames, six places to the left.
#
# Output seen:
#     jedi-language-server: announces utf-16, the call is at 14
#     pylsp: announces None, the call is at 14
#     basedpyright-langserver: announces None, the call is at 20
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jedi-language-server==0.47.0 python-lsp-server==1.15.0 basedpyright==1.40.2
cat > "$folder/ask.py" <<'PY'
import json
import os
import subprocess
import sys
import tempfile


def ask(*command):
    folder = tempfile.mkdtemp()
    path = folder + "/m.py"
    text = "def fn(x): return x\na = '" + "\U0001F600" * 6 + "', fn(1)\n"
    with open(path, "w") as file:
        file.write(text)
    server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def send(**message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        server.stdin.flush()

    def call(number, method, params):
        send(id=number, method=method, params=params)
        while True:
            length = 0
            while (line := server.stdout.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            message = json.loads(server.stdout.read(length))
            if message.get("id") == number and "method" not in message:
                return message["result"]
            if "id" in message and "method" in message:
                items = message.get("params", {}).get("items")
                send(id=message["id"], result=None if items is None else [None] * len(items))

    uri = "file://" + path
    root = "file://" + folder
    started = call(1, "initialize", {
        "processId": None, "rootUri": root, "capabilities": {}, "workspaceFolders": [{"uri": root, "name": "x"}]})
    send(method="initialized", params={})
    send(method="textDocument/didOpen", params={
        "textDocument": {"uri": uri, "languageId": "python", "version": 1, "text": text}})
    places = call(2, "textDocument/references", {
        "textDocument": {"uri": uri}, "position": {"line": 0, "character": 4},
        "context": {"includeDeclaration": True}})
    server.kill()
    server.wait()
    found = [place["range"]["start"]["character"] for place in places if place["range"]["start"]["line"] == 1]
    name = os.path.basename(command[0])
    print(f"{name}: announces {started['capabilities'].get('positionEncoding')}, the call is at {found[0]}")
    return found


binaries = sys.argv[1]
same = ask(binaries + "/jedi-language-server") == [14]
same = ask(binaries + "/pylsp") == [14] and same
same = ask(binaries + "/basedpyright-langserver", "--stdio") == [20] and same
print("as described" if same else "the behaviour has changed")
sys.exit(0 if same else 1)
PY
python3 "$folder/ask.py" "$folder/venv/bin"
