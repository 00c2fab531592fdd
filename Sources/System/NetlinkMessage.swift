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
        func number<Number: FixedWidthInteger>(_ offset: Int, _: Number.Type) -> Number? {
            guard offset + MemoryLayout<Number>.size <= datagram.count else { return nil }
            return datagram.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: Number.self) }
        }
        var offset = 0
        while let length = number(offset, UInt32.self), length >= UInt32(headerBytes) {
            let isError = number(offset + 4, UInt16.self) == 2  // NLMSG_ERROR
            if isError, number(offset + 8, UInt32.self) == sequence,
                let code = number(offset + 16, Int32.self)
            {
                return -code
            }
            offset += (Int(length) + 3) & ~3
        }
        return nil
    }
}
