"""Asks the product's `lsp` tool, over the socket that the harness uses, about small projects that change under the
servers' feet: by a shell, which tells no server anything."""
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile

AGENT = sys.argv[1]
EXTRA = sys.argv[2] if len(sys.argv) > 2 else None
PATH = "/usr/local/bin:/usr/bin:/bin"
SWIFT = os.path.dirname(os.path.realpath(shutil.which("swift"))) if shutil.which("swift") else None


class Tools:
    """One `openclaw-agent tool serve` in a folder of its own."""

    def __init__(self, choice, path):
        self.folder = tempfile.mkdtemp(prefix="languages-")
        ours, theirs = socket.socketpair()
        ours.settimeout(180)
        environment = {"PATH": path, "HOME": self.folder, "LANG": "C.UTF-8"}
        if choice:
            environment["OPENCLAW_LANGUAGE_SERVERS"] = choice
        self.child = subprocess.Popen([AGENT, "tool", "serve"], stdin=theirs, cwd=self.folder, env=environment,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        theirs.close()
        self.socket, self.reader, self.number = ours, ours.makefile("rb"), 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # makefile() holds the socket too.
        self.reader.close()
        self.socket.close()
        try:
            self.child.wait(10)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)

    def read(self, name):
        with open(os.path.join(self.folder, name)) as file:
            return file.read()

    def lsp(self, action, file=None, **more):
        self.number += 1
        question = {"action": action, **({"file_path": file} if file else {}), **more}
        call = {"jsonrpc": "2.0", "id": self.number, "method": "call",
                "params": {"name": "lsp", "input": question}}
        self.socket.sendall(json.dumps(call).encode() + b"\n")
        while True:
            line = self.reader.readline()
            assert line, "the tool server ended"
            answer = json.loads(line)
            if answer.get("id") == self.number:
                assert "result" in answer, answer
                return answer["result"]["content"]


def is_fine(words):
    """Nothing is said to be wrong, and nothing is said not to be known."""
    return "error" not in words and ("nothing wrong" in words or "compiles it" in words)


def c(tools):
    tools.write("sum.h", "int sum(int a, int b);\n")
    tools.write("sum.c", '#include "sum.h"\nint sum(int a, int b) { return a + b; }\n')
    tools.write("main.c", '#include "sum.h"\nint main(void) {\n    return sum(1, 2);\n}\n')
    assert is_fine(tools.lsp("diagnostics", "main.c"))
    tools.lsp("diagnostics", "sum.c")
    tools.write("sum.c", '// Adds two numbers.\n#include "sum.h"\nint sum(int a, int b) { return a + b; }\n')
    said = tools.lsp("rename", "main.c", line=3, symbol="sum", new_name="total")
    assert said.startswith("Renamed in "), said
    assert tools.read("sum.c") == '// Adds two numbers.\n#include "sum.h"\nint total(int a, int b) { return a + b; }\n'
    tools.write("sum.h", "int total(int a, int b, int c);\n")
    assert "oo few arguments" in (said := tools.lsp("diagnostics", "main.c")), said
    tools.write("sum.h", "int total(int a, int b);   \n")
    assert is_fine(said := tools.lsp("diagnostics", "main.c")), said


def python(tools, knows_modules):
    tools.write("calc.py", "def twice(x: int) -> int:\n    return 2 * x\n")
    tools.write("main.py", "from calc import twice\n\nnote = '\U0001F600\U0001F600', twice(3)\n")
    assert is_fine(said := tools.lsp("diagnostics", "main.py")), said
    said = tools.lsp("definition", "main.py", line=3, symbol="twice")
    assert said.startswith("calc.py:1:5: def twice(x: int)"), said
    said = tools.lsp("references", "calc.py", line=1, symbol="twice")
    # Columns are characters: the server's own unit is nobody's business.
    assert "main.py:3:14: note" in said, said
    tools.write("calc.py", "\n\ndef thrice(x: int) -> int:\n    return 3 * x\n")
    said = tools.lsp("diagnostics", "main.py")
    assert ("twice" in said and "error" in said) or not knows_modules, said
    tools.write("calc.py", "\n\ndef twice(x: int) -> int:\n    return 3 * x\n")
    assert is_fine(said := tools.lsp("diagnostics", "main.py")), said
    said = tools.lsp("definition", "main.py", line=3, symbol="twice")
    assert said.startswith("calc.py:3:5: "), said
    tools.write("main.py", "def f(:\n")
    assert not is_fine(said := tools.lsp("diagnostics", "main.py")), said


def swift(tools):
    tools.write("Package.swift", '// swift-tools-version: 5.9\nimport PackageDescription\n'
                'let package = Package(name: "P", targets: [.target(name: "P", path: ".")])\n')
    tools.write("a.swift", "func size() -> Int { 1 }\n")
    tools.write("b.swift", "let number = size()\n")
    assert is_fine(said := tools.lsp("diagnostics", "b.swift")), said
    tools.write("a.swift", "func length() -> Int { 1 }\n")
    assert "size" in (said := tools.lsp("diagnostics", "b.swift")), said
    tools.write("a.swift", "func size() -> Int { 2 }\n")
    assert is_fine(said := tools.lsp("diagnostics", "b.swift")), said


# Name, what chooses it, where it is, the scenario, what else that is told.
CASES = [("clangd of Debian", None, PATH, c, []), ("pylsp of Debian", "python=pylsp", PATH, python, [False])]
if SWIFT:
    CASES.append(("sourcekit-lsp", None, f"{SWIFT}:{PATH}", swift, []))
if EXTRA:
    CASES += [
        ("clangd 22.1.1", None, f"{EXTRA}:{PATH}", c, []),
        ("pylsp 1.15.0 with pyflakes", "python=pylsp", f"{EXTRA}:{PATH}", python, [False]),
        ("basedpyright 1.40.2", "python=basedpyright-langserver --stdio", f"{EXTRA}:{PATH}", python, [True]),
        ("ty 0.0.108", "python=ty server", f"{EXTRA}:{PATH}", python, [True]),
        ("pyrefly 1.5.0", "python=pyrefly lsp", f"{EXTRA}:{PATH}", python, [True]),
        ("jedi-language-server 0.47.0", "python=jedi-language-server", f"{EXTRA}:{PATH}", python, [False]),
    ]

failed = 0
for name, choice, path, scenario, more in CASES:
    try:
        with Tools(choice, path) as tools:
            scenario(tools, *more)
        print(f"languages: {name}: green", flush=True)
    except Exception as error:  # noqa: BLE001: every server is tried
        failed += 1
        print(f"languages: {name}: RED: {type(error).__name__}: {error}", flush=True)
print(f"languages: {len(CASES) - failed} passed, {failed} failed")
sys.exit(1 if failed else 0)
