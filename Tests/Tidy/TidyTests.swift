import System
import Testing

/// The package, found from this file.
private let root = Files.parent(of: Files.parent(of: Files.parent(of: "\(#filePath)")))

/// Every file below a folder of the package, as a path from its root.
private func files(_ folder: String, _ suffixes: [String]) throws -> [String] {
    guard Files.isDirectory("\(root)/\(folder)") else { return [] }
    var found: [String] = []
    for name in try Files.list("\(root)/\(folder)").sorted()
    where !name.hasPrefix(".") && name != "node_modules" {
        let path = "\(folder)/\(name)"
        if try Files.status("\(root)/\(path)", followLinks: false).isDirectory {
            found += try files(path, suffixes)
        } else if suffixes.contains(where: { name.hasSuffix($0) }) {
            found.append(path)
        }
    }
    return found
}

@Suite struct TidyTests {
    @Test func `every Swift file keeps the rules of the house`() throws {
        let sources = try files("Sources", [".swift"]) + files("Tests", [".swift"])
        #expect(sources.count > 20)
        for path in sources {
            for problem in TidyRules.check(swift: path, try Files.readText("\(root)/\(path)")) {
                Issue.record("\(problem)")
            }
        }
    }

    @Test func `scripts and the kit give reasons for what is open`() throws {
        for path in try files("scripts", [""]) + files("kit", [".yaml", ".md"]) {
            guard let text = try? Files.readText("\(root)/\(path)") else { continue }
            for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
                for problem in TidyRules.checkWords(line) { Issue.record("\(path):\(index + 1): \(problem)") }
            }
        }
    }

    @Test func `documents name only files that exist`() throws {
        let pages = try Files.list(root).filter { $0.hasSuffix(".md") } + files("docs", [".md"])
        for page in pages {
            for path in TidyRules.paths(inDocument: try Files.readText("\(root)/\(page)"))
            where !Files.exists("\(root)/\(path)") {
                Issue.record("\(page) names \(path), which does not exist")
            }
        }
    }
}

/// The checker must find what it is there to find.
@Suite struct TidyCanaryTests {
    @Test(arguments: [
        ("Sources/Kit/A.swift", "import Wire", "Kit must not import Wire"),
        ("Sources/Kit/JSON/A.swift", "public import System", "Kit must not import System"),
        ("Sources/Guest/Agent/A.swift", "@testable import Core", "Agent must not import Core"),
        ("Sources/Guest/Harness/Core/A.swift", "import struct Core.State", "Harness must not import Core"),
        ("Sources/Coordinator/Core/A.swift", "import Journal", "Core must not import Journal"),
        ("Sources/Coordinator/Service/A.swift", "import Harness", "Service must not import Harness"),
        ("Sources/Commands/openclaw/Main.swift", "import Agent", "openclaw must not import Agent"),
        ("Sources/System/A.swift", "import FoundationEssentials", "Foundation is not linked"),
        ("Tests/Kit/A.swift", "import Foundation", "Foundation is not linked"),
        ("Sources/Kit/A.swift", "    fatal" + "Error(\"x\")", "ends the process"),
        ("Sources/Kit/A.swift", "let x = try" + "! f()", "ends the process"),
        ("Sources/Kit/A.swift", "// TO" + "DO later", "without a reason"),
        ("Tests/Kit/A.swift", "// FIX" + "ME", "without a reason"),
        ("Sources/Kit/A.swift", String(repeating: "x", count: 111), "111 columns"),
        ("Sources/Kit/A.swift", String(repeating: "\n", count: 401), "401 lines"),
    ])
    func `a planted violation is found`(path: String, text: String, problem: String) {
        let problems = TidyRules.check(swift: path, text)
        #expect(problems.count == 1)
        #expect(problems.first?.contains(problem) == true)
    }

    @Test(arguments: [
        ("Sources/Wire/A.swift", "import Kit\npublic import System\nimport Glibc\nimport Synchronization"),
        ("Sources/Coordinator/Service/A.swift", "import Core\nimport Platform"),
        ("Sources/Guest/Sandbox/A.swift", "import CSeccomp"),
        ("Sources/Kit/A.swift", "// we import Wire nowhere; try" + "! is banned"),
        ("Sources/Kit/A.swift", "// TO" + "DO: the kernel has no such call before 6.12"),
        ("Tests/Kit/A.swift", "let x = try" + "! f()"),
        ("Sources/Kit/A.swift", String(repeating: "x", count: 110) + String(repeating: "\n", count: 400)),
    ])
    func `what is allowed passes`(path: String, text: String) {
        #expect(TidyRules.check(swift: path, text) == [])
    }

    @Test func `guests and the coordinator never meet`() {
        let guests: Set = ["Sandbox", "Harness", "Agent"]
        let coordinator: Set = ["Core", "Journal", "Gateway", "Delivery", "Service"]
        for (module, allowed) in TidyRules.allowedImports {
            if guests.contains(module) { #expect(allowed.isDisjoint(with: coordinator)) }
            if coordinator.contains(module) { #expect(allowed.isDisjoint(with: guests)) }
        }
    }

    @Test func `paths are found in a document`() {
        let text =
            "See `Sources/Kit/Kit.swift:12`, `docs/*.md`, `kit/roles/`, `Sources` and `other/x`; Tests/Kit."
        #expect(TidyRules.paths(inDocument: text) == ["Sources/Kit/Kit.swift", "docs", "kit/roles/"])
    }
}
