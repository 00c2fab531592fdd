// Reading a policy: from outside, so strictly.

extension SandboxPolicy {
    /// More than any role has; a policy is read before anything confines its reader.
    static let longestList = 256
    static let longestText = 4096

    /// Reads a policy, strictly.
    public static func parse(_ json: JSON) throws(JSONCodingError) -> SandboxPolicy {
        try refuseUnknown(json, Set(CodingKeys.allCases.map(\.rawValue)), at: "")
        if let limits = json["limits"] {
            try refuseUnknown(limits, Set(Limits.CodingKeys.allCases.map(\.rawValue)), at: "/limits")
        }
        let policy = try JSONCoding.decode(SandboxPolicy.self, from: json)
        try policy.checkPaths()
        try policy.checkNumbers()
        try policy.checkNetwork()
        return policy
    }

    private func checkPaths() throws(JSONCodingError) {
        let lists = [
            ("views", views.count), ("system", system.count), ("hidden", hidden.count),
            ("protected", protected.count), ("require", require.count), ("egress", egress.count),
            ("environment", environment.count),
        ]
        for (name, count) in lists where count > Self.longestList {
            throw JSONCodingError(
                pointer: "/\(name)", reason: "has \(count) entries; \(Self.longestList) is the limit")
        }
        let paths = views.flatMap { [$0.source, $0.target] } + system + hidden + protected
        for path in paths + [workdir] where !Self.isPlain(path) {
            throw JSONCodingError(pointer: "", reason: "\(path) is no absolute path without . and ..")
        }
        for view in views where view.target == "/" {
            throw JSONCodingError(pointer: "/views", reason: "a view cannot be the whole root")
        }
        for (name, value) in environment {
            guard !name.isEmpty, !name.utf8.contains(0x3D), !(name + value).utf8.contains(0) else {
                throw JSONCodingError(pointer: "/environment", reason: "\(name) is no name of a variable")
            }
        }
    }

    private func checkNumbers() throws(JSONCodingError) {
        for number in [
            tmpMB, timeoutMilliseconds, graceMilliseconds, outputHeadBytes, outputTailBytes,
            limits.processes, limits.openFiles, limits.fileMB, limits.cpuSeconds, limits.addressSpaceMB,
            limits.memoryMB, limits.cpuPercent,
        ] where !(0...(1 << 40)).contains(number) {
            throw JSONCodingError(pointer: "", reason: "\(number): limits are between 0 and 2^40")
        }
        guard uid != 0, gid != 0 else {
            throw JSONCodingError(pointer: "/uid", reason: "a tool is never root")
        }
    }

    private func checkNetwork() throws(JSONCodingError) {
        guard network == .proxy else { return }
        let parts = proxy.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, UInt16(parts[1]) != nil else {
            throw JSONCodingError(pointer: "/proxy", reason: "\(proxy) is no HOST:PORT")
        }
        guard proxyToken.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw JSONCodingError(pointer: "/proxy_token", reason: "is not printable ASCII")
        }
    }

    private static func refuseUnknown(_ json: JSON, _ known: Set<String>, at pointer: String)
        throws(JSONCodingError)
    {
        for key in (json.objectValue ?? [:]).keys.sorted() where !known.contains(key) {
            throw JSONCodingError(pointer: "\(pointer)/\(key)", reason: "is not a field of a policy")
        }
    }

    private static func isPlain(_ path: String) -> Bool {
        path.hasPrefix("/") && !path.utf8.contains(0) && path.utf8.count <= longestText
            && !path.split(separator: "/").contains { $0 == ".." || $0 == "." }
    }

    public var json: JSON { (try? JSONCoding.encode(self)) ?? .null }
}
