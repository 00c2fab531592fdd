import Glibc
import Synchronization
import System

/// One network namespace with a bridge: its guests reach each other and the coordinator's sockets, and
/// nothing else.
final class NetworkGroup: Sendable {
    private struct State {
        var listeners: [UInt16: SharedDescriptor] = [:]
        /// Host part of the next address; 10.77.0.1 is the coordinator.
        var next: UInt16 = 2
        var members: [String: (address: IPv4, names: [String])] = [:]
    }

    let id: String
    private let namespace: SharedDescriptor
    private let state = Mutex(State())

    static let coordinator = IPv4(10, 77, 0, 1)
    static let prefix: UInt8 = 16
    private static let bridge = "br0"

    /// Makes the namespace and its bridge.
    init(_ id: String) throws(PlatformError) {
        self.id = id
        let result = Mutex<Result<SharedDescriptor, SystemError>?>(nil)
        // A namespace is a thread's; this thread makes it, and the descriptor keeps it.
        Worker.start("network") {
            let made: Result<SharedDescriptor, SystemError>
            do throws(SystemError) {
                try Namespaces.unshare(.net)
                let namespace = SharedDescriptor(try Namespaces.open(.net))
                let link = try Netlink()
                try link.linkUp("lo")
                try link.createBridge(Self.bridge)
                try link.addAddress(Self.bridge, Self.coordinator, prefix: Self.prefix)
                try link.linkUp(Self.bridge)
                made = .success(namespace)
            } catch {
                made = .failure(error)
            }
            result.withLock { $0 = made }
        }.join()
        do throws(SystemError) {
            guard let made = result.withLock({ $0 }) else { throw SystemError(call: "unshare", code: EIO) }
            namespace = try made.get()
        } catch {
            throw PlatformError("network", "make the network of \(id): \(error)")
        }
    }

    /// Runs a body in the group's network.
    private func inside<Value: Sendable>(
        _ what: String, _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) throws(PlatformError) -> Value {
        try Self.inside(namespace, "\(what) in \(id)", body)
    }

    /// Runs a body in a network, on a thread of its own.
    private static func inside<Value: Sendable>(
        _ namespace: SharedDescriptor, _ what: String,
        _ body: @escaping @Sendable () throws(SystemError) -> Value
    ) throws(PlatformError) -> Value {
        let result = Mutex<Result<Value, SystemError>?>(nil)
        Worker.start("network") {
            let outcome: Result<Value, SystemError>
            do throws(SystemError) {
                try Namespaces.setNamespace(namespace.raw, .net)
                outcome = .success(try body())
            } catch {
                outcome = .failure(error)
            }
            result.withLock { $0 = outcome }
        }.join()
        do throws(SystemError) {
            guard let outcome = result.withLock({ $0 }) else { throw SystemError(call: "setns", code: EIO) }
            return try outcome.get()
        } catch {
            throw PlatformError("network", "\(what): \(error)")
        }
    }

    /// The listening socket of a port; made once, then kept.
    func listener(port: UInt16) throws(PlatformError) -> SharedDescriptor {
        if let kept = state.withLock({ $0.listeners[port] }) { return kept }
        let made = try inside("listen on port \(port)") { () throws(SystemError) in
            SharedDescriptor(try Sockets.listenTCP("\(Self.coordinator)", port: port))
        }
        return state.withLock { state in
            if let kept = state.listeners[port] { return kept }
            state.listeners[port] = made
            return made
        }
    }

    /// A connection to a member by name, or to an address.
    func connect(host: String, port: UInt16) throws(PlatformError) -> SharedDescriptor {
        guard let address = member(host)?.address ?? IPv4(host) else {
            throw PlatformError("not_found", "there is no \(host) in the group \(id)")
        }
        return try inside("connect to \(host):\(port)") { () throws(SystemError) in
            SharedDescriptor(try Sockets.connectTCP("\(address)", port: port, timeoutMilliseconds: 5000))
        }
    }

    /// The instance that has this name.
    func member(_ name: String) -> (instance: String, address: IPv4)? {
        state.withLock { state in
            state.members.first { $0.value.names.contains(name) }.map { ($0.key, $0.value.address) }
        }
    }

    /// Gives a guest an address, and its network namespace an eth0 on the bridge that works: the first word
    /// that the guest says is heard, and answered.
    /// - Parameter isMachine: The namespace is the jail of a virtual machine; there eth0 becomes a port of
    ///   the bridge that has the machine's tap.
    func join(
        _ instance: String, names: [String], namespace guest: SharedDescriptor, isMachine: Bool
    ) throws(PlatformError) -> IPv4 {
        let number = state.withLock { state in
            defer { state.next += 1 }
            return state.next
        }
        let address = IPv4(10, 77, UInt8(number >> 8), UInt8(number & 0xFF))
        let link = "g" + instance.dropFirst(2)
        try inside("attach \(instance)") { () throws(SystemError) in
            let netlink = try Netlink()
            try netlink.createVeth(link, peer: "eth0", peerNamespace: guest.raw)
            try netlink.setMaster(link, bridge: Self.bridge)
            try netlink.linkUp(link)
        }
        try Self.inside(guest, "plug \(instance) in") { () throws(SystemError) in
            let netlink = try Netlink()
            if isMachine { try netlink.setMaster("eth0", bridge: Self.bridge) }
            try netlink.linkUp("eth0")
            for link in isMachine ? ["eth0", Self.bridge] : ["eth0"] { try netlink.waitUntilCarrying(link) }
        }
        try inside("wait for \(instance)") { () throws(SystemError) in
            let netlink = try Netlink()
            for link in [link, Self.bridge] { try netlink.waitUntilCarrying(link) }
        }
        state.withLock { $0.members[instance] = (address, names) }
        return address
    }

    func leave(_ instance: String) { state.withLock { _ = $0.members.removeValue(forKey: instance) } }

    var isEmpty: Bool { state.withLock { $0.members.isEmpty } }

    /// Everybody's names, for /etc/hosts.
    var hosts: [(address: String, name: String)] {
        state.withLock { state in
            [("\(Self.coordinator)", "openclaw-coordinator")]
                + state.members.values.flatMap { member in member.names.map { ("\(member.address)", $0) } }
        }
    }
}
