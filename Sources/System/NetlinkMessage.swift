// Messages of rtnetlink: a header, a fixed part, and attributes of type, length and value. Linux: netlink(7)

/// One request, built up in bytes. Numbers are in the byte order of the machine.
struct NetlinkMessage {
    /// Header: length, type, flags, sequence, port.
    static let headerBytes = 16

    private(set) var bytes: [UInt8] = []

    init(type: UInt16, flags: UInt16, sequence: UInt32) {
        append(UInt32(0))
        append(type)
        append(flags)
        append(sequence)
        append(UInt32(0))
    }

    mutating func append<Number: FixedWidthInteger>(_ number: Number) {
        withUnsafeBytes(of: number) { bytes += $0 }
    }

    /// struct ifinfomsg
    mutating func link(index: Int32 = 0, flags: UInt32 = 0, change: UInt32 = 0) {
        append(UInt8(0))
        append(UInt8(0))
        append(UInt16(0))
        append(index)
        append(flags)
        append(change)
    }

    mutating func attribute(_ type: UInt16, _ value: [UInt8]) {
        append(UInt16(4 + value.count))
        append(type)
        bytes += value
        pad()
    }

    mutating func attribute(_ type: UInt16, _ value: UInt32) {
        attribute(type, withUnsafeBytes(of: value) { Array($0) })
    }

    /// A zero-terminated string.
    mutating func attribute(_ type: UInt16, _ text: String) { attribute(type, Array(text.utf8) + [0]) }

    /// An attribute that holds what `body` appends.
    mutating func nest(_ type: UInt16, _ body: (inout NetlinkMessage) -> Void) {
        let start = bytes.count
        append(UInt16(0))
        append(type)
        body(&self)
        patch(UInt16(bytes.count - start), at: start)
    }

    private mutating func pad() {
        while bytes.count % 4 != 0 { bytes.append(0) }
    }

    private mutating func patch<Number: FixedWidthInteger>(_ number: Number, at offset: Int) {
        withUnsafeBytes(of: number) { bytes.replaceSubrange(offset..<offset + $0.count, with: $0) }
    }

    /// The finished message, its length filled in.
    func finished() -> [UInt8] {
        var copy = self
        copy.patch(UInt32(bytes.count), at: 0)
        return copy.bytes
    }

    /// The error code of the acknowledgement of `sequence` in a datagram: 0 for success, nil when it is not
    /// there.
    static func acknowledgement(of sequence: UInt32, in datagram: [UInt8]) -> Int32? {
        var offset = 0
        while let length: UInt32 = number(datagram, offset), length >= UInt32(headerBytes) {
            let (type, of): (UInt16?, UInt32?) = (number(datagram, offset + 4), number(datagram, offset + 8))
            if type == 2, of == sequence, let code: Int32 = number(datagram, offset + 16) {  // NLMSG_ERROR
                return -code
            }
            offset += (Int(length) + 3) & ~3
        }
        return nil
    }

    /// Whether a datagram begins with a message of a type that answers `sequence`.
    static func isReply(_ datagram: [UInt8], type: UInt16, to sequence: UInt32) -> Bool {
        let (its, of): (UInt16?, UInt32?) = (number(datagram, 4), number(datagram, 8))
        return its == type && of == sequence
    }

    /// Whether the link that a reply describes is up in the sense of RFC 2863, and forwards if it is a port.
    static func isCarrying(_ reply: [UInt8]) -> Bool {
        let start = headerBytes + 16  // struct ifinfomsg
        let state = attribute([16], in: reply, from: start)?.first  // IFLA_OPERSTATE: IF_OPER_UP
        // IFLA_LINKINFO, IFLA_INFO_SLAVE_DATA, IFLA_BRPORT_STATE: BR_STATE_FORWARDING
        let port = attribute([18, 5, 1], in: reply, from: start)?.first
        return state == 6 && (port ?? 3) == 3
    }

    /// The value of an attribute, by its type and those of the attributes that it is in, outermost first.
    static func attribute(_ path: [UInt16], in bytes: [UInt8], from start: Int) -> [UInt8]? {
        guard let wanted = path.first else { return Array(bytes.dropFirst(start)) }
        var offset = start
        while let length: UInt16 = number(bytes, offset), let type: UInt16 = number(bytes, offset + 2),
            length >= 4, offset + Int(length) <= bytes.count
        {
            // The upper two bits say only that others are in it, and in which order its bytes stand.
            if type & 0x3FFF == wanted {
                return attribute(
                    Array(path.dropFirst()), in: Array(bytes[offset..<offset + Int(length)]), from: 4)
            }
            offset += (Int(length) + 3) & ~3
        }
        return nil
    }

    private static func number<Number: FixedWidthInteger>(_ bytes: [UInt8], _ offset: Int) -> Number? {
        guard offset + MemoryLayout<Number>.size <= bytes.count else { return nil }
        return bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
    }
}
