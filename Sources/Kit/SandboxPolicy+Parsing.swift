// Reading a policy: from outside, so strictly.

extension SandboxPolicy {
    /// More than any role has; a policy is read before anything confines its reader.
    static let longestList = 256
    static let longestText = 4096

    /// Reads a policy, strictly: by hand and not by Codable, whose look-ups in a static program take longer
    /// than making the sandbox's namespaces does.
    public static func parse(_ json: JSON) throws(JSONCodingError) -> SandboxPolicy {
        var reader = try FieldReader(json, at: "")
        var policy = SandboxPolicy()
        try policy.readPlaces(&reader)
        try reader.take("uid", &policy.uid)
        try reader.take("gid", &policy.gid)
        try reader.take("network", &policy.network)
        try reader.take("proxy", &policy.proxy)
        try reader.take("proxy_token", &policy.proxyToken)
        try reader.take("models", &policy.models)
        try reader.take("egress", &policy.egress)
        try reader.take("environment", &policy.environment)
        try reader.take("seccomp", &policy.seccomp)
        try reader.take("landlock", &policy.landlock)
        try reader.take("require", &policy.require)
        try reader.take("tmp_mb", &policy.tmpMB)
        try reader.take("timeout_ms", &policy.timeoutMilliseconds)
        try reader.take("grace_ms", &policy.graceMilliseconds)
        try reader.take("output_head_bytes", &policy.outputHeadBytes)
        try reader.take("output_tail_bytes", &policy.outputTailBytes)
        if let limits = reader.member("limits") { policy.limits = try Limits(limits) }
        try reader.finish("a policy")
        try policy.checkPaths()
        try policy.checkNumbers()
        try policy.checkNetwork()
        return policy
    }

    private mutating func readPlaces(_ reader: inout FieldReader) throws(JSONCodingError) {
        try reader.take("system", &system)
        try reader.take("hidden", &hidden)
        try reader.take("protected", &protected)
        try reader.take("workdir", &workdir)
        guard let list = reader.member("views") else { return }
        guard case .array(let elements) = list else { throw FieldReader.wrong("/views", "a list", list) }
        views = []
        for (index, element) in elements.enumerated() {
            var view = View(source: "", target: "", mode: .readOnly)
            var fields = try FieldReader(element, at: "/views/\(index)")
            for name in ["source", "target", "mode"] { try fields.demand(name) }
            try fields.take("source", &view.source)
            try fields.take("target", &view.target)
            try fields.take("mode", &view.mode)
            try fields.finish("a view")
            views.append(view)
        }
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
        let relays =
            (network == .proxy ? [("proxy", proxy)] : []) + (models.isEmpty ? [] : [("models", models)])
        for (field, place) in relays {
            let parts = place.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, UInt16(parts[1]) != nil,
                place.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else { throw JSONCodingError(pointer: "/\(field)", reason: "\(place) is no HOST:PORT") }
        }
        guard proxyToken.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw JSONCodingError(pointer: "/proxy_token", reason: "is not printable ASCII")
        }
    }

    private static func isPlain(_ path: String) -> Bool {
        let bytes = path.utf8
        return bytes.first == 0x2F && bytes.count <= longestText && !bytes.contains(0)
            && !bytes.split(separator: 0x2F).contains {
                $0.elementsEqual(".".utf8) || $0.elementsEqual("..".utf8)
            }
    }

    public var json: JSON {
        [
            "system": JSON(system), "hidden": JSON(hidden), "protected": JSON(protected),
            "workdir": .string(workdir), "uid": JSON(Int(uid)), "gid": JSON(Int(gid)),
            "views": .array(
                views.map {
                    [
                        "source": .string($0.source), "target": .string($0.target),
                        "mode": .string($0.mode.rawValue),
                    ]
                }),
            "network": .string(network.rawValue), "proxy": .string(proxy), "proxy_token": .string(proxyToken),
            "models": .string(models),
            "egress": JSON(egress), "environment": .object(environment.mapValues { .string($0) }),
            "seccomp": .string(seccomp.rawValue), "landlock": JSON(landlock), "require": JSON(require),
            "tmp_mb": JSON(tmpMB), "timeout_ms": JSON(timeoutMilliseconds),
            "grace_ms": JSON(graceMilliseconds), "output_head_bytes": JSON(outputHeadBytes),
            "output_tail_bytes": JSON(outputTailBytes), "limits": limits.json,
        ]
    }
}

extension SandboxPolicy.Limits {
    fileprivate init(_ json: JSON) throws(JSONCodingError) {
        self.init()
        var reader = try FieldReader(json, at: "/limits")
        try reader.take("processes", &processes)
        try reader.take("cpu_seconds", &cpuSeconds)
        try reader.take("address_space_mb", &addressSpaceMB)
        try reader.take("open_files", &openFiles)
        try reader.take("file_mb", &fileMB)
        try reader.take("memory_mb", &memoryMB)
        try reader.take("cpu_percent", &cpuPercent)
        try reader.finish("a policy")
    }

    fileprivate var json: JSON {
        [
            "processes": JSON(processes), "cpu_seconds": JSON(cpuSeconds),
            "address_space_mb": JSON(addressSpaceMB), "open_files": JSON(openFiles),
            "file_mb": JSON(fileMB), "memory_mb": JSON(memoryMB), "cpu_percent": JSON(cpuPercent),
        ]
    }
}
