import Testing

@testable import System

/// What the kernel says of a link. That the first word of a guest is heard is shown by whole sessions.
@Suite struct NetlinkTests {
    /// struct nlmsghdr and ifinfomsg, then IFLA_OPERSTATE and, for a port, IFLA_LINKINFO.
    private func reply(state: UInt8, port: UInt8? = nil) -> [UInt8] {
        var message = NetlinkMessage(type: 16, flags: 0, sequence: 7)
        message.link(index: 3)
        message.attribute(3, "g0001")
        message.attribute(16, [state])
        if let port {
            message.nest(18) {
                $0.attribute(1, "veth")
                $0.attribute(4, "bridge")
                $0.nest(5) { $0.attribute(1, [port]) }
            }
        }
        return message.finished()
    }

    @Test func `a link carries when it is up, and a port of a bridge when it also forwards`() {
        #expect(NetlinkMessage.isCarrying(reply(state: 6)))
        #expect(NetlinkMessage.isCarrying(reply(state: 6, port: 3)))
        for state: UInt8 in [0, 1, 2, 3, 5] {
            #expect(!NetlinkMessage.isCarrying(reply(state: state, port: 3)))
        }
        for port: UInt8 in [0, 1, 2, 4] { #expect(!NetlinkMessage.isCarrying(reply(state: 6, port: port))) }
    }

    @Test func `a reply is known by its type and its question`() {
        let reply = reply(state: 6)
        #expect(NetlinkMessage.isReply(reply, type: 16, to: 7))
        #expect(!NetlinkMessage.isReply(reply, type: 16, to: 8))
        #expect(!NetlinkMessage.isReply(reply, type: 2, to: 7))
        #expect(NetlinkMessage.acknowledgement(of: 7, in: reply) == nil)
    }

    @Test func `a reply that is cut anywhere, or whose lengths lie, is read without harm`() {
        let whole = reply(state: 6, port: 3)
        for count in 0..<whole.count {
            _ = NetlinkMessage.isCarrying(Array(whole[..<count]))
            _ = NetlinkMessage.isReply(Array(whole[..<count]), type: 16, to: 7)
        }
        for offset in NetlinkMessage.headerBytes..<whole.count {
            for value: UInt8 in [0, 1, 3, 0x7F, 0xFF] {
                var broken = whole
                broken[offset] = value
                _ = NetlinkMessage.isCarrying(broken)
                _ = NetlinkMessage.acknowledgement(of: 7, in: broken)
            }
        }
    }
}
