// One language server for several agents: asked over the session's network, run in the guest of one of them.
import Glibc
import Kit
import Synchronization
import System
import Wire

/// The `lsp` tool's way to a server that peers use too. Where there is none, or it does not answer, the
/// task's own sandbox has one.
final class SharedLanguages: Sendable {
    /// Whose guest answers, for a while.
    private struct Lease {
        var agent: String
        var place: PeerPlace
        var until: Int64
    }

    private struct State {
        var leases: [String: Lease] = [:]
        /// Languages that have no host any more.
        var own: Set<String> = []
        var asking = 0
    }

    private let state = Mutex(State())
    /// The servers of this guest, in a sandbox that writes nothing; they outlive tasks.
    private let desk = Mutex<ToolSession?>(nil)

    /// The question that a shared server may answer.
    private static let shared: Set<String> = ["definition", "references", "hover", "symbols", "diagnostics"]

    // MARK: Asking

    /// - Returns: Nil when the question is one for the own sandbox.
    func ask(_ input: JSON, session: Session) -> JSON? {
        guard let action = input["action"]?.stringValue, Self.shared.contains(action),
            let path = input["file_path"]?.stringValue, let language = Language.of(path),
            Self.isShared(language, session), Self.root(of: session.document, session) != nil,
            !state.withLock({ $0.own.contains(language.id) })
        else { return nil }
        var instead: String?
        for _ in 0..<2 {
            guard let lease = lease(language.id, instead: instead, session) else { return nil }
            if lease.agent == session.agentID {
                return try? answer(input, for: session.agentID, session)
            }
            if let answer = send(input, language.id, lease, session) { return answer }
            _ = state.withLock { $0.leases.removeValue(forKey: language.id) }
            instead = lease.agent
        }
        return nil
    }

    private func lease(_ language: String, instead: String?, _ session: Session) -> Lease? {
        let now = Clock.wallMilliseconds()
        if let known = state.withLock({ $0.leases[language] }), known.until > now { return known }
        var question: JSON = ["language": .string(language)]
        if let instead { question["instead"] = .string(instead) }
        let given = try? session.courier?.post("/coordinator/language", question, .milliseconds(10_000))
        guard let answer = given, answer.isSuccess else {
            // The coordinator has said no, and will again.
            if given?.status == 409 { _ = state.withLock { $0.own.insert(language) } }
            return nil
        }
        guard let agent = answer.body["agent"]?.stringValue, let place = PeerPlace(answer.body) else {
            return nil
        }
        let made = Lease(agent: agent, place: place, until: now + Limits.languageLeaseMilliseconds)
        state.withLock { $0.leases[language] = made }
        return made
    }

    private func send(_ input: JSON, _ language: String, _ lease: Lease, _ session: Session) -> JSON? {
        var request = HTTPRequest("POST", Self.path + language, json: input)
        lease.place.sign(&request)
        let response = try? HTTPClient.send(
            request, to: .tcp(session.address(of: lease.place.host), lease.place.port),
            timeoutMilliseconds: Limits.languageMilliseconds, maxBodyBytes: Limits.languageAnswerBytes)
        guard let response, response.isSuccess, let json = try? response.json(),
            let text = json["content"]?.stringValue
        else {
            session.mailbox.log("the \(language) server of \(lease.agent) did not answer")
            return nil
        }
        // Nothing but these two is taken over from a peer.
        return ["content": .string(text), "is_error": JSON(json["is_error"]?.boolValue ?? false)]
    }

    /// Whether the server that this guest has for it may answer for peers.
    private static func isShared(_ language: Language, _ session: Session) -> Bool {
        let environment = (session.document["sandbox"]?["environment"]?.objectValue ?? [:])
            .compactMapValues(\.stringValue)
        let server = language.server(environment: environment) { name in
            Environment.lookUp(name, path: environment["PATH"]).map(Files.exists) ?? false
        }
        return server?.keepsFoldersApart ?? false
    }

    // MARK: Answering

    static let path = "/language/"

    /// A peer's question, with the coordinator's leave. Whose files it is about, the leave says.
    func answer(_ request: HTTPRequest, session: Session) -> HTTPResponse {
        let language = String(request.path.dropFirst(Self.path.count))
        guard let token = session.token, let shown = request.bearerToken,
            let grant = PeerGrant.check(
                shown, owner: token, use: .language(language), now: Clock.wallMilliseconds())
        else {
            return .error(401, code: "unauthorized", message: "this needs the coordinator's leave")
        }
        guard request.method == "POST", request.body.count <= Limits.languageQuestionBytes,
            let input = try? request.json(), let path = input["file_path"]?.stringValue,
            Language.of(path)?.id == language, AgentCalls.isName(grant.peer)
        else { return .error(400, code: "bad_request", message: "this is no question to \(language)") }
        let hasRoom = state.withLock { state in
            guard state.asking < Limits.languageQuestions else { return false }
            state.asking += 1
            return true
        }
        guard hasRoom else { return .error(503, code: "busy", message: "too many questions at once") }
        defer { state.withLock { $0.asking -= 1 } }
        do throws(HarnessError) {
            return HTTPResponse(status: 200, json: try answer(input, for: grant.peer, session))
        } catch {
            return .error(500, code: "failed", message: error.description)
        }
    }

    private func answer(_ input: JSON, for agent: String, _ session: Session) throws(HarnessError) -> JSON {
        let own = Self.root(of: session.document, session) ?? ""
        let root = agent == session.agentID ? own : "\(session.guest.workspace)/agents/\(agent)"
        let tools = try desk.withLock { (desk) throws(HarnessError) -> ToolSession in
            if let desk, !desk.isOver { return desk }
            desk?.close()
            let made = try ToolSession(
                task: "", policy: Self.policy(session), session: session, service: "languages")
            desk = made
            return made
        }
        return try tools.call(
            "ask", ["root": .string(root), "question": input], time: Limits.languageMilliseconds)
    }

    func close() {
        desk.withLock { desk in
            desk?.close()
            desk = nil
        }
    }

    /// Where this agent's files are on the volume; nil when a peer does not see them as its tools do.
    private static func root(of document: JSON, _ session: Session) -> String? {
        let workspace = session.guest.workspace
        let workdir = document["sandbox"]?["workdir"]?.stringValue
        return workdir == "\(workspace)/agents/\(session.agentID)" && document["clone"]?.boolValue == true
            ? workdir : nil
    }

    /// The role's own sandbox with everything on the volume to be read, nothing to be written, no network.
    private static func policy(_ session: Session) -> JSON {
        let workspace = session.guest.workspace
        var policy = session.document["sandbox"] ?? [:]
        policy["views"] = [
            ["source": .string(workspace), "target": .string(workspace), "mode": "ro"]
        ]
        policy["protected"] = []
        policy["workdir"] = .string(workspace)
        policy["network"] = "none"
        return policy
    }
}
