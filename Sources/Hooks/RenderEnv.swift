import Kit

/// The hook that makes an agent's environment. It withholds what an agent must not have: the provider's key
/// (unless the app was set to call the provider itself), the Git credential, and the session's own secret.
enum RenderEnv {
    /// Where the coordinator's egress proxy listens inside a group.
    static let proxyPort = 3128

    static func answer(_ fields: InputFields, _ problems: Problems) -> JSON? {
        var fields = fields
        let app = fields.object("app", isRequired: true).flatMap { AgentApp($0) }
        let secrets = fields.object("secrets", isRequired: true)?.stringMembers(Names.isVariable) ?? [:]
        fields.finish(alsoKnown: ["api", "hook"])
        // Without a readable app there is nothing to judge the secrets by.
        guard let app, !problems.hasMalformed else { return nil }
        guard let token = token(app, secrets, problems) else { return nil }
        var environment = [
            "SESSION_ID": app.session, "AGENT_ID": app.agent, "AGENT_ROLE": app.role,
            "COORDINATOR_URL": app.coordinatorURL, "PEER_AGENTS": app.peers.text, "SESSION_TOKEN": token,
        ]
        var passed: Set<String> = []
        if app.isDirect {
            guard let key = secrets["ANTHROPIC_API_KEY"], !key.isEmpty else {
                problems.rejected(
                    "/secrets/ANTHROPIC_API_KEY", "missing",
                    "is missing; config.llm is \"direct\", so the agent needs it")
                return nil
            }
            environment["ANTHROPIC_BASE_URL"] = "https://api.anthropic.com"
            environment["ANTHROPIC_API_KEY"] = key
            passed.insert("ANTHROPIC_API_KEY")
        } else {
            environment["ANTHROPIC_BASE_URL"] = "\(app.coordinatorURL)/anthropic"
            environment["ANTHROPIC_API_KEY"] = token
            environment["OPENAI_BASE_URL"] = "\(app.coordinatorURL)/openai/v1"
            environment["OPENAI_API_KEY"] = token
        }
        // A variable can say who is calling in this form only.
        let proxy = "http://\(app.agent):\(token)@\(app.coordinatorHost):\(proxyPort)"
        let direct = "localhost,127.0.0.1,::1,\(app.coordinatorHost),.session.local"
        for (name, value) in [("HTTPS_PROXY", proxy), ("HTTP_PROXY", proxy), ("NO_PROXY", direct)] {
            environment[name] = value
            // curl reads http_proxy in small letters only.
            environment[name.lowercased()] = value
        }
        return [
            "ok": true, "env": .object(environment.mapValues { .string($0) }),
            "withheld": JSON(secrets.keys.filter { !passed.contains($0) }.sorted()),
        ]
    }

    private static func token(_ app: AgentApp, _ secrets: [String: String], _ problems: Problems) -> String? {
        guard let secret = secrets["SESSION_TOKEN"] else {
            problems.rejected(
                "/secrets/SESSION_TOKEN", "missing", "is missing; the agent's token is made from it")
            return nil
        }
        guard
            let token = AgentToken.derive(
                sessionToken: secret, agent: app.agent, generation: app.generation)
        else {
            problems.rejected("/secrets/SESSION_TOKEN", "bad_value", "expected 64 hexadecimal digits")
            return nil
        }
        return token
    }
}

/// The app of one agent.
private struct AgentApp {
    let session: String
    let agent: String
    /// Which of the agent's guests it is.
    let generation: Int
    let role: String
    /// Without a slash at the end.
    let coordinatorURL: String
    let coordinatorHost: String
    /// As the agent gets them: all but itself.
    let peers: JSON
    let isDirect: Bool

    init?(_ fields: InputFields) {
        var fields = fields
        let id = fields.string("id", isRequired: true)
        let label = "1 to 63 lower-case letters, digits and hyphens, a letter first"
        let session = fields.string("session_id", isRequired: true, label, Names.isLabel)
        let agent = fields.string("agent_id", isRequired: true, label, Names.isLabel)
        let role = fields.string("role", isRequired: true, label, Names.isLabel)
        let url = fields.string(
            "coordinator_url", isRequired: true, "http://host:port without user or query", Names.isPlainURL)
        var peers: [JSON] = []
        for fields in fields.objects("peers") {
            var fields = fields
            let id = fields.string("agent_id", isRequired: true, label, Names.isLabel)
            let role = fields.string("role", isRequired: true, label, Names.isLabel)
            let url = fields.string("url", "http://host:port without user or query", Names.isPlainURL)
            fields.finish()
            guard let id, let role, id != agent else { continue }
            peers.append([
                "agent_id": .string(id), "role": .string(role), "url": url.map { .string($0) } ?? .null,
            ])
        }
        // The rest of the configuration belongs to others; validate_config judges it.
        var config = fields.object("config")
        let llm = config?.string("llm", "\"gateway\" or \"direct\"") { ["gateway", "direct"].contains($0) }
        fields.finish()
        generation = AgentToken.generation(ofApp: id ?? "")
        guard let session, let agent, let role, var url, let host = Names.host(ofURL: url) else { return nil }
        while url.hasSuffix("/") { url.removeLast() }
        (self.session, self.agent, self.role, self.coordinatorURL) = (session, agent, role, url)
        (self.coordinatorHost, self.peers, self.isDirect) = (host, .array(peers), llm == "direct")
    }
}
