import Kit
import System

/// The kit's hooks, called as docs/PROTOCOLS.md says.
struct KitHooks: Sendable {
    let kit: String

    private static let milliseconds = 2000
    private static let inputBytes = 1 << 20

    /// Calls a hook; its refusal is an error with its own words.
    private func call(_ name: String, _ input: JSON) throws(PlatformError) -> JSON {
        let path = "\(kit)/hooks/\(name)"
        let bytes = input.serialized()
        guard bytes.count <= Self.inputBytes else {
            throw PlatformError("rejected_by_hook", "the input of \(name) is longer than 1 MiB")
        }
        let outcome: Spawn.Outcome
        do throws(SystemError) {
            outcome = try Spawn.run(
                Spawn.Command(
                    [path], environment: [:], workingDirectory: "/", stdin: .bytes(bytes),
                    stdout: .capture(limit: 1 << 20), stderr: .capture(limit: 1 << 16),
                    timeoutMilliseconds: Self.milliseconds, graceMilliseconds: 100))
        } catch {
            throw PlatformError(
                "hook_failed", "run the hook \(path): \(error)", hint: "install the kit again")
        }
        let answer = (try? JSON.parse(outcome.stdout)) ?? .null
        if outcome.status.isSuccess, answer["ok"]?.boolValue == true { return answer }
        let errors = (answer["errors"]?.arrayValue ?? []).map {
            "\($0["path"]?.stringValue ?? "") \($0["message"]?.stringValue ?? $0.text)"
        }
        let why = outcome.timedOut ? "no answer within \(Self.milliseconds) ms" : outcome.stderrText
        throw PlatformError(
            "rejected_by_hook", "\(name) refuses: \(errors.isEmpty ? why : errors.joined(separator: "; "))")
    }

    /// Checks what an app wants to be.
    func validate(_ request: InstanceRequest) throws(PlatformError) {
        guard let agent = request.app.agentID, let role = request.app.role else { return }
        _ = try call(
            "validate_config",
            [
                "api": "aegis.kit/v1", "hook": "validate_config",
                "roles": JSON(request.app.pluginRoles ?? []),
                "app_config": [
                    "agent": ["id": .string(agent), "role": .string(role)], "config": request.app.config,
                ],
            ])
    }

    /// The environment of an app's program; the platform never looks into it.
    func environment(_ request: InstanceRequest, secrets: [String: String]) throws(PlatformError) -> [String:
        String]
    {
        guard let agent = request.app.agentID, let role = request.app.role else { return request.environment }
        let answer = try call(
            "render_env",
            [
                "api": "aegis.kit/v1", "hook": "render_env",
                "app": [
                    "id": .string(request.app.id), "session_id": .string(request.app.sessionID),
                    "agent_id": .string(agent), "role": .string(role),
                    "coordinator_url": .string(request.app.coordinatorURL), "peers": request.app.peers,
                    "config": request.app.config,
                ],
                "secrets": .object(secrets.mapValues { .string($0) }),
            ])
        var environment = request.environment
        for (name, value) in answer["env"]?.objectValue ?? [:] { environment[name] = value.stringValue }
        return environment
    }
}
