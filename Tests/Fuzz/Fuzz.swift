// What libFuzzer calls: one function, and FUZZ_TARGET says which parser gets the bytes. Built by
// scripts/fuzz only.
import Glibc
import Kit
import System
import Wire

/// A parser of outside bytes, and what must hold of whatever it accepts.
private enum Target: String {
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
    /// Text on its way out of a guest.
    case redactor

    static let chosen = Target(rawValue: Environment.get("FUZZ_TARGET") ?? "") ?? .policy
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafeRawPointer, _ count: Int) -> CInt {
    let bytes = Array(UnsafeRawBufferPointer(start: start, count: count))
    switch Target.chosen {
    case .policy: policy(bytes)
    case .role: role(bytes)
    case .proxy: proxy(bytes)
    case .path: Tree.shared.open(bytes)
    case .lines: lines(bytes)
    case .redactor: redact(bytes)
    }
    return 0
}

private func policy(_ bytes: [UInt8]) {
    guard let json = try? JSON.parse(bytes), let policy = try? SandboxPolicy.parse(json) else { return }
    precondition((try? SandboxPolicy.parse(policy.json)) == policy, "a policy is another one when read again")
    precondition(policy.uid != 0 && policy.gid != 0, "a tool is root")
    precondition(!policy.views.contains { $0.target.contains("/../") || $0.target == "/" }, "a view climbs")
    _ = policy.explanation
}

private func role(_ bytes: [UInt8]) {
    guard let text = String(validating: bytes, as: UTF8.self),
        let role = try? Role.parse(text, source: "fuzz.yaml")
    else { return }
    let policy = GuestDocument.policy(of: role, agent: "a-1")
    precondition((try? SandboxPolicy.parse(policy.json)) == policy, "a role's policy is none")
    precondition(
        policy.protected.allSatisfy { $0.hasPrefix("/workspace/agents/a-1/") }, "a fence is elsewhere")
}

private func proxy(_ bytes: [UInt8]) {
    var head = ProxyRequestHead()
    let whole = head.add(bytes)
    var pieces = ProxyRequestHead()
    var last = ProxyRequestHead.Step.more
    for (index, byte) in bytes.enumerated() {
        last = pieces.add([byte])
        if case .head(var request) = last, case .head(let wanted) = whole {
            request.rest += bytes[(index + 1)...]
            precondition(request == wanted, "pieces make another request")
        }
        if last != .more { break }
    }
    guard case .head(let request) = whole else { return }
    var next = ProxyRequestHead()
    guard case .head(let again) = next.add(request.bytes(token: "t")) else {
        preconditionFailure("what was taken is refused when passed on")
    }
    precondition(
        again.target == request.target && again.token == "t" && again.headers.count == request.headers.count)
}

private func lines(_ bytes: [UInt8]) {
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
    precondition(all == nil || some == nil || all == some, "pieces make other lines")
    for line in all ?? [] {
        guard let json = try? JSON.parse(line), let message = try? JSONRPCMessage(json) else { continue }
        precondition(
            (try? JSONRPCMessage(message.json)) == message, "a message is another one when read again")
    }
}

private let redactor = Redactor(["TOKEN": "abcdefgh", "KEY": "\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}\u{8}"])

private func redact(_ bytes: [UInt8]) {
    let result = redactor.redact(bytes) ?? bytes
    for value in ["abcdefgh", "YWJjZGVmZ2"] {
        let needle = Array(value.utf8)
        for start in result.indices.dropLast(max(0, needle.count - 1)) {
            precondition(!result[start...].starts(with: needle), "a secret is still there")
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

    func open(_ bytes: [UInt8]) {
        let text = String(decoding: bytes.prefix(512), as: UTF8.self)
        for path in [root + "/" + text, text] {
            guard let file = try? beneath.open(path, 0x20_0000),
                let real = try? Files.readLink("/proc/self/fd/\(file.raw)")
            else { continue }
            precondition(real == root || real.hasPrefix(root + "/"), "\(path) led to \(real)")
        }
    }
}
