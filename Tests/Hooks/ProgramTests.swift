import Kit
import System
import Testing

@testable import Hooks

/// The programs themselves, as the platform starts them.
@Suite struct ProgramTests {
    // A hook stops reading an input that is too large.
    init() { Signals.ignoreSIGPIPE() }

    private func program(_ hook: Hook) throws -> String {
        let folder = Files.parent(of: try Environment.executablePath())
        let folders = [folder] + Environment.arguments().map { Files.parent(of: $0) }
        let path = folders.map { "\($0)/\(hook.rawValue)" }.first { Files.isExecutable($0) }
        return try #require(path, "\(hook.rawValue) is built with the tests")
    }

    private func run(_ command: [String], _ input: [UInt8]) throws -> Spawn.Outcome {
        try Spawn.run(
            Spawn.Command(
                command, environment: [:], workingDirectory: "/", stdin: .bytes(input),
                timeoutMilliseconds: 20_000))
    }

    @Test func `exit codes are those of the contract`() throws {
        let render = try program(.renderEnv)
        let good = try run([render], renderInput().serialized())
        #expect(good.status == .exited(0))
        #expect(good.stderr == [])
        #expect(good.stdout == answer(.renderEnv, renderInput()).stdout)
        let rejected = try run(
            [render], renderInput().with("secrets", "SESSION_TOKEN", value: nil).serialized())
        #expect(rejected.status == .exited(1))
        #expect(try JSON.parse(rejected.stdout)["errors"]?[0]?["path"] == "/secrets/SESSION_TOKEN")
        let malformed = try run([render], Array("{".utf8))
        #expect(malformed.status == .exited(64))
        #expect(!malformed.stderr.isEmpty)
        let large = try run([render], [UInt8](repeating: 0x20, count: 4 << 20))
        #expect(large.status == .exited(64))
        let argument = try run([render, "--help"], [])
        #expect(argument.status == .exited(64))
        #expect(argument.stderrText.contains("usage: render_env"))
        for outcome in [good, rejected, malformed, large, argument] {
            for secret in [realKey, gitToken, sessionToken] {
                #expect(!outcome.stdoutText.contains(secret) && !outcome.stderrText.contains(secret))
            }
        }
    }

    @Test func `an answer that nobody can read is an internal error`() throws {
        let full = try Files.open("/dev/full", 1)
        let outcome = try Spawn.run(
            Spawn.Command(
                [try program(.validateConfig)], environment: [:], stdin: .bytes(configInput().serialized()),
                stdout: .descriptor(full.raw)))
        #expect(outcome.status == .exited(70))
    }

    @Test func `an installed hook knows its kit's limits and roles`() throws {
        let kit = try Files.temporaryDirectory(prefix: "kit")
        defer { try? Files.removeTree(kit) }
        try Files.makeDirectories("\(kit)/hooks")
        try Files.makeDirectories("\(kit)/roles")
        try Files.write("\(kit)/roles/auditor.yaml", [])
        let hook = "\(kit)/hooks/validate_config"
        try #require(try run(["/bin/cp", try program(.validateConfig), hook], []).status.isSuccess)
        let manifest =
            "name: x\nversion: 1.0.0\ndescription: d\nimage: {base: b}\nresources: {memory: 256mb, cpu: 4}\n"
        try Files.write("\(kit)/aegis-kit.yaml", Array(manifest.utf8))
        let input = configInput().with("app_config", "agent", "role", value: "auditor")
            .with("app_config", "resources", value: ["mem_mb": 256, "cpu_millis": 4000])
        #expect(try run([hook], input.serialized()).status == .exited(0))
        let over = try run([hook], input.with("app_config", "resources", "mem_mb", value: 257).serialized())
        #expect(over.status == .exited(1))
        // A manifest that cannot be read allows nothing.
        try Files.write("\(kit)/aegis-kit.yaml", Array("name: [".utf8))
        let broken = try run([hook], input.serialized())
        #expect(broken.status == .exited(64))
        #expect(broken.stderrText.contains("/manifest"))
    }
}
