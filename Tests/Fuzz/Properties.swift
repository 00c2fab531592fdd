// What must hold of every byte that comes from outside, one property a parser. libFuzzer looks for bytes that
// break one (scripts/fuzz, Program.swift); the tests try seeded ones (SeededTests.swift).
import Glibc
import Kit
import System
import Wire

@testable import Harness
@testable import Sandbox

/// A parser of outside bytes, and what must hold of whatever it accepts.
enum FuzzTarget: String, CaseIterable {
    /// Policies, which decide what holds a tool.
    case policy
    /// Roles, from which policies are made.
    case role
    /// The head of a request to the egress proxy.
    case proxy
    /// Paths of file tools, below a directory full of links.
    case path
    /// The lines between host, harness and agent.
    case lines
    /// What a host may ask a harness for, in both generations of the control protocol.
    case control
    /// From the host's `exec` to the sandbox: its words, its policy, and what it reports.
    case exec
    /// Text on its way out of a guest, whole and in pieces.
    case redactor
    /// The file of compiled filters.
    case filters
    /// Words of models and strangers: calls in them, and subjects made of them.
    case words
    /// What an agent leaves in a tree, as delivery and gates read it.
    case change
    // Answers of providers and forges, with their status and headers.
    case messages, chat, responses, github, gitlab, gitea

    /// - Throws: What is wrong with the parser, not with the bytes.
    func check(_ bytes: [UInt8]) throws(Broken) {
        switch self {
        case .policy: try checkPolicy(bytes)
        case .role: try checkRole(bytes)
        case .proxy: try checkProxy(bytes)
        case .path: try Tree.shared.open(bytes)
        case .lines: try checkLines(bytes)
        case .control: try checkControl(bytes)
        case .exec: try checkExec(bytes)
        case .redactor: try checkRedactor(bytes)
        case .filters: try checkFilters(bytes)
        case .words: try checkWords(bytes)
        case .change: try checkChange(bytes)
        case .messages, .chat, .responses: try ProviderCheck(bytes).run(self)
        case .github, .gitlab, .gitea: try checkForge(bytes, self)
        }
    }
}

extension FuzzTarget {
    /// Bytes that a provider or a forge sends.
    var isAnswer: Bool { [.messages, .chat, .responses, .github, .gitlab, .gitea].contains(self) }
}

/// A property that does not hold.
struct Broken: Error, CustomStringConvertible {
    let description: String
}

func require(_ holds: Bool, _ sentence: @autoclosure () -> String) throws(Broken) {
    if !holds { throw Broken(description: sentence()) }
}

private func checkPolicy(_ bytes: [UInt8]) throws(Broken) {
    guard let json = try? JSON.parse(bytes), let policy = try? SandboxPolicy.parse(json) else { return }
    try require((try? SandboxPolicy.parse(policy.json)) == policy, "a policy is another one when read again")
    try require(policy.uid != 0 && policy.gid != 0, "a tool is root")
    try require(
        !policy.views.contains { $0.target.contains("/../") || $0.target == "/" }, "a view climbs")
    _ = policy.explanation
}

private func checkRole(_ bytes: [UInt8]) throws(Broken) {
    guard let text = String(validating: bytes, as: UTF8.self),
        let role = try? Role.parse(text, source: "fuzz.yaml")
    else { return }
    let policy = GuestDocument.policy(of: role, agent: "a-1")
    try require((try? SandboxPolicy.parse(policy.json)) == policy, "a role's policy is none")
    try require(!policy.egress.contains(Role.registries), "a word became a host")
    try require(
        policy.protected.allSatisfy { $0.hasPrefix("/workspace/agents/a-1/") }, "a fence is elsewhere")
}

private func checkProxy(_ bytes: [UInt8]) throws(Broken) {
    var head = ProxyRequestHead()
    let whole = head.add(bytes)
    var pieces = ProxyRequestHead()
    for (index, byte) in bytes.enumerated() {
        let step = pieces.add([byte])
        if case .head(var request) = step, case .head(let wanted) = whole {
            request.rest += bytes[(index + 1)...]
            try require(request == wanted, "pieces make another request")
        }
        if step != .more { break }
    }
    guard case .head(let request) = whole else { return }
    var next = ProxyRequestHead()
    guard case .head(let again) = next.add(request.bytes(token: "t")) else {
        throw Broken(description: "what was taken is refused when passed on")
    }
    try require(
        again.target == request.target && again.token == "t"
            && again.headers.count == request.headers.count, "what is passed on says something else")
}

private func checkLines(_ bytes: [UInt8]) throws(Broken) {
    var whole = JSONLines(limit: 4096)
    var pieces = JSONLines(limit: 4096)
    let all = try? whole.lines(bytes)
    var some: [[UInt8]]? = []
    for byte in bytes {
        guard let more = try? pieces.lines([byte]) else {
            some = nil
            break
        }
        some? += more
    }
    try require(all == nil || some == nil || all == some, "pieces make other lines")
    for line in all ?? [] {
        guard let json = try? JSON.parse(line), let message = try? JSONRPCMessage(json) else { continue }
        try require(
            (try? JSONRPCMessage(message.json)) == message, "a message is another one when read again")
    }
}

private func checkControl(_ bytes: [UInt8]) throws(Broken) {
    guard let message = try? ControlRequest.message(bytes) else { return }
    let (method, params): (String, JSON)
    switch message {
    case .request(_, let name, let values): (method, params) = (name, values)
    case .notification(let name, let values): (method, params) = (name, values)
    default: return
    }
    guard let request = try? ControlRequest(method: method, params: params) else { return }
    switch request {
    case .run(let program), .exec(_, let program, _, _), .runTask(let program, _),
        .startServer(let program, _):
        try require(!program.command.isEmpty && program.command[0] != "", "a program without a name")
    case .setHosts(let hosts):
        // They become lines of a file that every program reads.
        try require(
            hosts.allSatisfy { host in
                (host.address + host.name).utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x23 }
            }, "a host breaks out of its line")
    default: break
    }
}

private func checkExec(_ bytes: [UInt8]) throws(Broken) {
    let words = bytes.split(separator: 0, omittingEmptySubsequences: false)
        .map { String(decoding: $0, as: UTF8.self) }
    if let line = try? CommandLineOptions(words) {
        try require(!line.command.isEmpty && line.reportDescriptor >= 0, "a call without a command")
        try require(line.options.without.isSubset(of: CallOptions.layers), "a layer that is none")
    }
    guard let json = try? JSON.parse(bytes) else { return }
    for tool in ["bash", "run_tests", "read", "job", "anything"] {
        let time = ToolTime.of(tool)
        try require((1...time.longest).contains(time.asked(json)), "a time out of bounds")
    }
    if let denial = FileRefusal.denial(json) {
        let object = denial["object"]?.stringValue ?? ""
        try require(
            !object.isEmpty && object.utf8.count <= 3 * FileRefusal.pathBytes, "a denial without bound")
        try require(object.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F }, "a denial with controls")
    }
    // A report as the harness adds it up, whatever stands in it.
    var pending = PendingDenials()
    for _ in 0..<3 { _ = pending.add(json["denials"]?.arrayValue ?? [], task: nil) }
    try require(pending.take().count <= PendingDenials.limit + 1, "denials without bound")
}

private let redactor = Redactor([
    "TOKEN": "abcdefgh", "KEY": "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}", "LONG": "abcdefghabcdefgh",
])

private func checkRedactor(_ bytes: [UInt8]) throws(Broken) {
    let result = redactor.redact(bytes) ?? bytes
    for value in ["abcdefgh", "YWJjZGVmZ2"] {
        let needle = Array(value.utf8)
        try require(
            !result.indices.contains { result[$0...].starts(with: needle) }, "a secret is still there")
    }
    // Cut at every place that the first bytes choose.
    var stream = StreamRedactor()
    var rest = bytes[...]
    var shown: [UInt8] = []
    var turn = 0
    while !rest.isEmpty {
        let count = 1 + Int(bytes[turn % bytes.count] % 13)
        shown += stream.receive(Array(rest.prefix(count)), redactor)
        rest = rest.dropFirst(count)
        turn += 1
    }
    shown += stream.finish(redactor)
    try require(shown == result, "pieces show what the whole does not")
}

private func checkFilters(_ bytes: [UInt8]) throws(Broken) {
    for kind in SandboxPolicy.Filter.allCases {
        guard let programs = FilterStore.read(bytes, kind) else { continue }
        for program in [programs.watched, programs.plain] {
            try require(
                !program.isEmpty && program.count % 8 == 0 && program.count <= FilterStore.longestProgram,
                "a program that is none")
        }
    }
}

/// A directory with links that lead everywhere, made once.
private final class Tree: Sendable {
    static let shared = Tree()
    private let root: String
    private let beneath: Beneath

    private init() {
        let base = (try? Files.realPath((try? Files.temporaryDirectory(prefix: "fuzz")) ?? "/tmp")) ?? "/tmp"
        root = "\(base)/root"
        try? Files.makeDirectories("\(root)/a/b")
        try? Files.makeDirectories("\(base)/outside")
        for (name, target) in [
            ("u", ".."), ("o", "../outside"), ("i", "a"), ("r", "/"), ("l", "l"), ("a/t", "../u"),
        ] {
            try? Files.symlink(target, at: "\(root)/\(name)")
        }
        beneath = Beneath(roots: [root])
    }

    func open(_ bytes: [UInt8]) throws(Broken) {
        let text = String(decoding: bytes.prefix(512), as: UTF8.self)
        for path in [root + "/" + text, text] {
            guard let file = try? beneath.open(path, 0x20_0000),
                let real = try? Files.readLink("/proc/self/fd/\(file.raw)")
            else { continue }
            try require(real == root || real.hasPrefix(root + "/"), "\(path) led to \(real)")
        }
    }
}
