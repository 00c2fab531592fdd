// Links, addresses and routes of a network namespace.
import CSystem
import Glibc

/// A conversation with the kernel about the network namespace of the thread that opened it. Linux:
/// rtnetlink(7)
///
/// The socket stays in that namespace, whichever the caller enters later.
public final class Netlink: Sendable {
    private let socket: SharedDescriptor
    private let sequence = Condition<UInt32>(1)

    /// How long the kernel may take to answer; it answers at once or something is wrong.
    private static let answerMilliseconds = 10_000

    public init() throws(SystemError) {
        socket = SharedDescriptor(adopting: try check("socket(AF_NETLINK)") { cs_netlink_socket() })
    }

    private enum Request {
        static let newLink: UInt16 = 16
        static let deleteLink: UInt16 = 17
        static let getLink: UInt16 = 18
        static let newAddress: UInt16 = 20
        static let newRoute: UInt16 = 24
        /// NLM_F_REQUEST.
        static let question: UInt16 = 0x1
        /// NLM_F_REQUEST | NLM_F_ACK, and NLM_F_CREATE | NLM_F_EXCL.
        static let change: UInt16 = 0x5
        static let create: UInt16 = 0x605
    }

    private func send(
        _ operation: String, _ operand: String, type: UInt16, flags: UInt16 = Request.change,
        _ body: (inout NetlinkMessage) -> Void
    ) throws(SystemError) {
        _ = try ask(operation, operand, type: type, flags: flags, body) { answer, sequence in
            NetlinkMessage.acknowledgement(of: sequence, in: answer) == 0 ? true : nil
        }
    }

    /// - Parameter find: What is looked for in a datagram of the kernel's; nil when it is not there.
    private func ask<Found>(
        _ operation: String, _ operand: String, type: UInt16, flags: UInt16,
        _ body: (inout NetlinkMessage) -> Void, find: ([UInt8], UInt32) -> Found?
    ) throws(SystemError) -> Found {
        // One request at a time: the lock keeps question and answer together.
        try sequence.withLock { sequence throws(SystemError) in
            sequence &+= 1
            var message = NetlinkMessage(type: type, flags: flags, sequence: sequence)
            body(&message)
            try Sockets.send(socket.raw, message.finished())
            while true {
                guard
                    let answer = try IO.readWithTimeout(
                        socket.raw, 32768, timeoutMilliseconds: Self.answerMilliseconds)
                else { throw SystemError(call: operation, operand: operand, code: ETIMEDOUT) }
                if let found = find(answer, sequence) { return found }
                guard let code = NetlinkMessage.acknowledgement(of: sequence, in: answer) else { continue }
                throw SystemError(call: operation, operand: operand, code: code)
            }
        }
    }

    /// The number of a link in the namespace of the calling thread. Linux: if_nametoindex(3)
    public static func index(of name: String) throws(SystemError) -> Int32 {
        let index = if_nametoindex(name)
        if index == 0 { throw SystemError(call: "if_nametoindex", operand: name, code: cs_errno()) }
        return Int32(index)
    }

    private func index(_ name: String) throws(SystemError) -> Int32 { try Self.index(of: name) }

    /// Brings a link up.
    public func linkUp(_ name: String) throws(SystemError) {
        let link = try index(name)
        try send("link up", name, type: Request.newLink) { $0.link(index: link, flags: 1, change: 1) }
    }

    /// Brings a link down; a link that is up cannot be renamed.
    public func linkDown(_ name: String) throws(SystemError) {
        let link = try index(name)
        try send("link down", name, type: Request.newLink) { $0.link(index: link, flags: 0, change: 1) }
    }

    /// Gives a link an address in a network of `prefix` bits.
    public func addAddress(_ name: String, _ address: IPv4, prefix: UInt8) throws(SystemError) {
        let link = try index(name)
        try send(
            "address add", "\(name) \(address)/\(prefix)", type: Request.newAddress, flags: Request.create
        ) {
            $0.append(UInt8(AF_INET))
            $0.append(prefix)
            $0.append(UInt16(0))
            $0.append(link)
            $0.attribute(2, address.bytes)  // IFA_LOCAL
            $0.attribute(1, address.bytes)  // IFA_ADDRESS
        }
    }

    /// Sends all that has no better route to `gateway`.
    public func addDefaultRoute(via gateway: IPv4) throws(SystemError) {
        try send("route add default", "\(gateway)", type: Request.newRoute, flags: Request.create) {
            // struct rtmsg: family, both prefixes, tos, table main, protocol boot, scope universe, type
            // unicast, flags
            for byte in [UInt8(AF_INET), 0, 0, 0, 254, 3, 0, 1] { $0.append(byte) }
            $0.append(UInt32(0))
            $0.attribute(5, gateway.bytes)  // RTA_GATEWAY
        }
    }

    /// Locally administered. Each of our bridges is in a network namespace of its own, so all may have the
    /// same.
    public static let stableHardwareAddress: [UInt8] = [0x02, 0x00, 0x0A, 0x4D, 0x00, 0x01]

    /// Makes a bridge with a hardware address of its own.
    ///
    /// Without one a bridge takes the lowest of its ports', and so another whenever a port comes or goes:
    /// what its neighbours remember is then wrong for half a minute. Linux: bridge(8)
    public func createBridge(_ name: String, hardwareAddress: [UInt8] = stableHardwareAddress)
        throws(SystemError)
    {
        try send("bridge add", name, type: Request.newLink, flags: Request.create) {
            $0.link()
            $0.attribute(3, name)  // IFLA_IFNAME
            $0.attribute(1, hardwareAddress)  // IFLA_ADDRESS
            $0.nest(18) { $0.attribute(1, "bridge") }  // IFLA_LINKINFO, IFLA_INFO_KIND
        }
    }

    /// Makes a pair of links; the peer is made in another namespace when one is given, so that its name
    /// need be free only there.
    public func createVeth(_ name: String, peer: String, peerNamespace: Int32? = nil) throws(SystemError) {
        try send("veth add", "\(name) \(peer)", type: Request.newLink, flags: Request.create) {
            $0.link()
            $0.attribute(3, name)
            $0.nest(18) {
                $0.attribute(1, "veth")
                $0.nest(2) {  // IFLA_INFO_DATA
                    $0.nest(1) {  // VETH_INFO_PEER
                        $0.link()
                        $0.attribute(3, peer)
                        if let peerNamespace { $0.attribute(28, UInt32(peerNamespace)) }  // IFLA_NET_NS_FD
                    }
                }
            }
        }
    }

    /// Makes a link a port of a bridge.
    public func setMaster(_ name: String, bridge: String) throws(SystemError) {
        let (link, master) = (try index(name), try index(bridge))
        try send("link set master", "\(name) \(bridge)", type: Request.newLink) {
            $0.link(index: link)
            $0.attribute(10, UInt32(master))  // IFLA_MASTER
        }
    }

    /// Waits until a link carries frames; a port of a bridge, until it passes them on.
    ///
    /// A link that was brought up does neither yet: the kernel sees its carrier in work of its own, some
    /// milliseconds later. A frame that comes before is lost, and is sent again only after a second.
    /// - Throws: ETIMEDOUT when it does not so long.
    public func waitUntilCarrying(_ name: String, milliseconds: Int = 3000) throws(SystemError) {
        let link = try index(name)
        let end = Clock.monotonicNanoseconds() + Int64(milliseconds) * 1_000_000
        while true {
            let isCarrying = try ask("link get", name, type: Request.getLink, flags: Request.question) {
                $0.link(index: link)
            } find: { answer, sequence in
                NetlinkMessage.isReply(answer, type: Request.newLink, to: sequence)
                    ? NetlinkMessage.isCarrying(answer) : nil
            }
            if isCarrying { return }
            guard Clock.monotonicNanoseconds() < end else {
                throw SystemError(call: "wait for the link", operand: name, code: ETIMEDOUT)
            }
            usleep(200)
        }
    }

    /// Moves a link to another network namespace.
    public func moveToNamespace(_ name: String, _ fd: Int32) throws(SystemError) {
        let link = try index(name)
        try send("link set netns", name, type: Request.newLink) {
            $0.link(index: link)
            $0.attribute(28, UInt32(fd))
        }
    }

    /// Removes a link; the peer of a veth goes with it.
    public func deleteLink(_ name: String) throws(SystemError) {
        let link = try index(name)
        try send("link delete", name, type: Request.deleteLink) { $0.link(index: link) }
    }

    /// Renames a link that is down.
    public func rename(_ name: String, to newName: String) throws(SystemError) {
        let link = try index(name)
        try send("link rename", "\(name) \(newName)", type: Request.newLink) {
            $0.link(index: link)
            $0.attribute(3, newName)
        }
    }
}
