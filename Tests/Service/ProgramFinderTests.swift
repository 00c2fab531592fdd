// Where agent programs are found, and what of a home no guest is ever shown.
import Kit
import System
import Testing

@testable import Service

@Suite struct ProgramFinderTests {
    /// A person's home in a directory of its own.
    final class Person {
        let root: String
        var home: String { "\(root)/home" }

        init() throws { root = try Files.realPath(try Files.temporaryDirectory(prefix: "programs")) }
        deinit { try? Files.removeTree(root) }

        func write(_ path: String, _ text: String = "\u{7F}ELF", mode: UInt32 = 0o755) throws -> String {
            let whole = "\(root)/\(path)"
            try Files.makeDirectories(Files.parent(of: whole))
            try Files.write(whole, Array(text.utf8))
            try Files.chmod(whole, mode)
            return whole
        }

        func link(_ target: String, at path: String) throws {
            try Files.makeDirectories(Files.parent(of: "\(root)/\(path)"))
            try Files.symlink(target, at: "\(root)/\(path)")
        }

        func find(path: [String] = [], bundled: [String] = []) throws -> FoundProgram {
            var program = AgentProgram(name: "it")
            (program.find, program.bundled, program.install) = (["it"], bundled, "pip install it")
            let places = ProgramPlaces(path: path, home: home)
            return try ProgramFinder(
                places, home: Home(aegis: "\(home)/.aegis", path: "\(home)/.aegis/openclaw")
            )
            .find(program)
        }
    }

    @Test func `an installer's link leads to the one file that is shown`() throws {
        let person = try Person()
        let file = try person.write("home/.local/share/it/versions/2.1")
        try person.link(file, at: "home/.local/bin/it")
        #expect(try person.find() == FoundProgram(path: file, shown: [file]))
    }

    @Test func `of a pipx or uv program its environment and its Python are shown`() throws {
        for place in ["home/.local/share/pipx/venvs/it", "home/.local/share/uv/tools/it"] {
            let person = try Person()
            let python = try person.write("home/.local/share/uv/python/cpython-3.12/bin/python3.12")
            try person.link(python, at: "\(place)/bin/python")
            _ = try person.write("\(place)/pyvenv.cfg", "home = x", mode: 0o644)
            let script = try person.write(
                "\(place)/bin/it", "#!\(person.root)/\(place)/bin/python\nimport it\n")
            let found = try person.find()
            #expect(found.path == script)
            #expect(
                found.shown.sorted()
                    == ["\(person.root)/\(place)", "\(person.home)/.local/share/uv/python/cpython-3.12"]
                    .sorted())
        }
    }

    @Test func `of npm's programs the package is shown, and nvm's node with it`() throws {
        let person = try Person()
        let node = "home/.nvm/versions/node/v22.1.0"
        _ = try person.write("\(node)/bin/node")
        let script = try person.write(
            "home/.npm-global/lib/node_modules/@x/it/cli.js", "#!/usr/bin/env node\n")
        try person.link("../lib/node_modules/@x/it/cli.js", at: "home/.npm-global/bin/it")
        let found = try person.find()
        #expect(found.path == script)
        #expect(found.shown.contains("\(person.home)/.npm-global/lib/node_modules/@x/it"))
        // The machine may have a node of its own, which counts after the person's PATH only.
        let inPath = try person.find(path: ["\(person.root)/\(node)/bin"])
        #expect(inPath.paths == ["\(person.root)/\(node)/bin"])
        #expect(inPath.shown.contains("\(person.root)/\(node)"))
    }

    @Test func `a program that a Python package brings along is found in it`() throws {
        let person = try Person()
        let file = try person.write("venv/lib/python3.12/site-packages/it_sdk/_bundled/it")
        let found = try person.find(path: ["\(person.root)/venv/bin"], bundled: ["it_sdk/_bundled/it"])
        #expect(found.path == file)
        #expect(found.shown == ["\(person.root)/venv/lib/python3.12/site-packages/it_sdk"])
    }

    @Test func `a program of one user's pip gets its packages named, because a guest has another home`()
        throws
    {
        let person = try Person()
        let site = "\(person.home)/.local/lib/python3.11/site-packages"
        _ = try person.write("home/.local/lib/python3.11/site-packages/it.py", "", mode: 0o644)
        let script = try person.write("home/.local/bin/it", "#!/usr/bin/python3\n")
        let found = try person.find()
        #expect(found.shown.sorted() == [script, site].sorted())
        #expect(found.environment == ["PYTHONPATH": site])
    }

    @Test func `what the machine has is seen by every guest anyway`() throws {
        let person = try Person()
        try person.link("/usr/bin/env", at: "home/.local/bin/it")
        #expect(try person.find() == FoundProgram(path: try Files.realPath("/usr/bin/env")))
    }

    @Test(arguments: [
        // A home as a whole, a place of logins, the product's own home.
        ("home/it", "#!HOME/bin/python\n", "home/bin/python"), ("home/.codex/bin/it", "", ""),
        ("home/.claude/it", "", ""), ("home/.config/it/it", "", ""), ("home/.ssh/it", "", ""),
        ("home/.aegis/openclaw/it", "", ""), ("home/.cache/it", "", ""),
    ]) func `where logins are, nothing is shown`(path: String, text: String, interpreter: String) throws {
        let person = try Person()
        if !interpreter.isEmpty { _ = try person.write(interpreter) }
        let script = text.replacing("HOME", with: person.home)
        _ = try person.write(path, script.isEmpty ? "\u{7F}ELF" : script)
        #expect {
            try person.find(path: [Files.parent(of: "\(person.root)/\(path)")])
        } throws: { error in
            "\(error)".contains("where logins are kept")
        }
    }

    @Test(arguments: [".credentials.json", "auth.json", ".env", ".netrc", ".npmrc"])
    func `a directory that holds a login is not shown`(name: String) throws {
        let person = try Person()
        _ = try person.write("venv/lib/python3.12/site-packages/it_sdk/it")
        _ = try person.write("venv/lib/python3.12/site-packages/it_sdk/\(name)", "token", mode: 0o644)
        #expect {
            try person.find(path: ["\(person.root)/venv/bin"], bundled: ["it_sdk/it"])
        } throws: { error in
            "\(error)".contains("\(name) in it looks like a login")
        }
    }

    @Test func `the program's own installer below a place of logins is an exception, and only that`() throws {
        let person = try Person()
        let package = "home/.claude/local/node_modules/@x/it"
        let file = try person.write("\(package)/it")
        try person.link("../@x/it/it", at: "home/.claude/local/node_modules/.bin/it")
        #expect(try person.find() == FoundProgram(path: file, shown: ["\(person.root)/\(package)"]))
    }

    @Test func `who has none is told where it was looked for and how it is installed`() throws {
        let person = try Person()
        #expect {
            try person.find()
        } throws: { error in
            "\(error)".contains("there is no it in PATH, ~/.local/bin, pipx")
                && "\(error)".contains("install it: pip install it")
        }
        _ = try person.write("home/.local/bin/it", mode: 0o750)
        #expect {
            try person.find()
        } throws: { error in
            "\(error)".contains("cannot be read by others") && "\(error)".contains("chmod -R o+rX")
        }
    }

    @Test func `a command that guests do not see is said with where it is here`() throws {
        let person = try Person()
        let file = try person.write("home/.local/bin/it")
        let finder = ProgramFinder(
            ProgramPlaces(path: [], home: person.home),
            home: Home(aegis: "\(person.home)/.aegis", path: "\(person.home)/.aegis/openclaw"))
        let kit = "\(person.root)/kit"
        #expect(
            finder.missing(["it", "-p"], kit: kit)?.message == "guests have no it: they do not see \(file)")
        #expect(finder.missing(["it"], kit: kit)?.hint.contains("openclaw help agents") == true)
        #expect(finder.missing(["nowhere-at-all"], kit: kit)?.message == "guests have no nowhere-at-all")
        #expect(finder.missing(["sh"], kit: kit) == nil && finder.missing(["/x/it"], kit: kit) == nil)
        _ = try person.write("kit/guest/it")
        #expect(finder.missing(["it"], kit: kit) == nil)
    }

    @Test func `a session keeps who plays what, and openclaw is our own agent`() throws {
        let home = try RolesTests.home()
        defer { try? Files.removeTree(Files.parent(of: home.path)) }
        try Files.makeDirectories(home.session("s"))
        var programs = try SessionPrograms(body: ["program": "claude", "programs": ["reviewer": "openclaw"]])
        programs.places = ProgramPlaces(path: ["/x"], home: "/h", virtualEnvironment: "/v")
        try programs.save(home: home, session: "s")
        let kept = SessionPrograms(home: home, session: "s")
        #expect(kept.places == programs.places)
        func role(_ text: String) throws -> Role { try Role.parse("prompt: x\n" + text, source: "x") }
        #expect(kept.name(for: try role("name: coder\nworkspace: clone")) == "claude")
        #expect(kept.name(for: try role("name: reviewer\nworkspace: read-only")) == nil)
        #expect(kept.name(for: try role("name: docs\nworkspace: clone\nagent: codex")) == "codex")
        #expect(kept.name(for: try role("name: own\nworkspace: clone\ncommand: [x]")) == nil)
        #expect(kept.name(for: try role("name: browser\nworkspace: none")) == nil)
        #expect(SessionPrograms.modelName("anthropic:claude-opus-5-5?effort=high") == "claude-opus-5-5")
        #expect(SessionPrograms.modelName("openai:qwen@http://x:1/v1") == "qwen")
        #expect(SessionPrograms.modelName("claude-opus-5-5?fallback=claude-opus-5") == "claude-opus-5-5")
        #expect(SessionPrograms.modelName("anthropic") == "default")
        #expect(SessionPrograms.modelName("script:/a/b.yaml") == "default")
    }
}
