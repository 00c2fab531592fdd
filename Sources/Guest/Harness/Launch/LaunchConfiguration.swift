// What the platform tells the launcher on its standard input.
import Kit
import System

/// A namespace guest, as the platform wants it.
struct LaunchConfiguration: Sendable, Hashable {
    /// A host path that the guest sees too.
    struct Bind: Sendable, Hashable {
        var source: String
        var target: String
        var isReadOnly: Bool
    }

    /// Sizes of the guest's memory file systems, in MiB.
    struct Sizes: Sendable, Hashable {
        var tmp = 1024
        var run = 64
        var home = 512
        var shm = 256
    }

    var hostName: String
    /// An empty directory; the guest's root is mounted on it, in the guest's mount namespace only.
    var root: String
    /// A shared mount with a directory `workspace`; what is mounted there later shows up in the guest.
    var share: String?
    /// The directory of the control group that the guest is born in; nil leaves it where the launcher is.
    var group: String?
    /// The kit's guest binaries.
    var binaries: String
    var users: [Namespaces.IDRange]
    var groups: [Namespaces.IDRange]
    var denySetGroups: Bool
    var sizes = Sizes()
    var binds: [Bind] = []
    var environment: [String: String] = [:]
    /// A virtual machine in the guest's place; nil makes the guest of the namespaces themselves.
    var machine: MachinePlan?
    /// The same as it came, for the process that starts it.
    var machineText = ""

    /// Reads the document; every mistake names its place.
    init(_ json: JSON) throws(HarnessError) {
        func text(_ name: String) throws(HarnessError) -> String {
            guard let text = json[name]?.stringValue, !text.isEmpty else {
                throw Self.invalid("/\(name)", "a text")
            }
            return text
        }
        func path(_ name: String) throws(HarnessError) -> String {
            let path = try text(name)
            guard path.hasPrefix("/") else { throw Self.invalid("/\(name)", "an absolute path") }
            return path
        }
        hostName = try text("hostname")
        root = try path("root")
        share = json["share"]?.stringValue == nil ? nil : try path("share")
        group = json["cgroup"]?.stringValue == nil ? nil : try path("cgroup")
        binaries = try path("binaries")
        users = try Self.ranges(json, "uid_map")
        groups = try Self.ranges(json, "gid_map")
        denySetGroups = json["deny_setgroups"]?.boolValue ?? false
        if let sizes = json["tmpfs_mb"] {
            self.sizes.tmp = sizes["tmp"]?.intValue ?? self.sizes.tmp
            self.sizes.run = sizes["run"]?.intValue ?? self.sizes.run
            self.sizes.home = sizes["home"]?.intValue ?? self.sizes.home
            self.sizes.shm = sizes["shm"]?.intValue ?? self.sizes.shm
        }
        for (index, bind) in (json["binds"]?.arrayValue ?? []).enumerated() {
            guard let source = bind["source"]?.stringValue, let target = bind["target"]?.stringValue,
                source.hasPrefix("/"), target.hasPrefix("/"), !target.split(separator: "/").contains("..")
            else { throw Self.invalid("/binds/\(index)", "{source, target, read_only} with absolute paths") }
            binds.append(
                Bind(source: source, target: target, isReadOnly: bind["read_only"]?.boolValue ?? true))
        }
        for (name, value) in json["environment"]?.objectValue ?? [:] { environment[name] = value.stringValue }
        if let machine = json["machine"], !machine.isNull {
            self.machine = try MachinePlan(machine)
            machineText = machine.text
            if let group = self.machine?.deviceGroup {
                groups.append(.init(inside: MachinePlan.deviceGroupInside, outside: group, count: 1))
            }
        }
    }

    private static func invalid(_ pointer: String, _ wanted: String) -> HarnessError {
        HarnessError(
            "read the launch configuration", "\(pointer) is not \(wanted)", hint: "see docs/PROTOCOLS.md")
    }

    private static func ranges(_ json: JSON, _ name: String) throws(HarnessError) -> [Namespaces.IDRange] {
        let list = json[name]?.arrayValue ?? []
        var ranges: [Namespaces.IDRange] = []
        for entry in list {
            guard let numbers = entry.arrayValue?.compactMap({ $0.intValue.flatMap { UInt32(exactly: $0) } }),
                numbers.count == 3
            else { throw invalid("/\(name)", "a list of [inside, outside, count]") }
            ranges.append(.init(inside: numbers[0], outside: numbers[1], count: numbers[2]))
        }
        guard !ranges.isEmpty else { throw invalid("/\(name)", "a list of [inside, outside, count]") }
        return ranges
    }

    /// What an id of the guest is outside; nil when it has none.
    static func outside(_ id: UInt32, _ ranges: [Namespaces.IDRange]) -> UInt32? {
        ranges.first { $0.inside <= id && id - $0.inside < $0.count }.map { $0.outside + (id - $0.inside) }
    }

    /// The options that make a memory file system belong to a guest's user; to its root when there is no
    /// such user.
    func owner(_ id: UInt32) -> String {
        let user = Self.outside(id, users) ?? Self.outside(0, users) ?? 0
        let group = Self.outside(id, groups) ?? Self.outside(0, groups) ?? 0
        return "uid=\(user),gid=\(group)"
    }
}
