// RFC 6455 without extensions, as a state machine: bytes and wishes in, messages and bytes out.

/// A whole message.
public enum WebSocketMessage: Sendable, Hashable {
    case text(String)
    case binary([UInt8])
}

/// What the driver does next, in order.
public enum WebSocketAction: Sendable, Hashable {
    case deliver(WebSocketMessage)
    /// The answer to a ping of ours.
    case pong([UInt8])
    case send([UInt8])
    /// Nothing more will be read or sent: close the connection once everything before this is written.
    case close(code: UInt16, reason: String)
}

/// One end of a WebSocket after its handshake. A value: no I/O, no clock.
public struct WebSocketProtocol: Sendable {
    public enum Role: Sendable, Hashable {
        case client, server
    }

    /// Close codes of RFC 6455, section 7.4.1.
    public enum CloseCode {
        public static let normal: UInt16 = 1000
        public static let goingAway: UInt16 = 1001
        public static let protocolError: UInt16 = 1002
        /// Never on the wire: the close frame had no code.
        public static let none: UInt16 = 1005
        /// Never on the wire: the connection ended without a close frame.
        public static let abnormal: UInt16 = 1006
        public static let invalidData: UInt16 = 1007
        public static let tooBig: UInt16 = 1009
        public static let internalError: UInt16 = 1011
    }

    enum Opcode: UInt8 {
        case continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10
        var isControl: Bool { rawValue >= 8 }
    }

    struct Header {
        var opcode: Opcode
        var isFinal: Bool
        var mask: [UInt8]?
        var length: Int
    }

    private struct Failure: Error {
        let code: UInt16
        let reason: String
    }

    private let role: Role
    private let messageLimit: Int
    private let nextMask: @Sendable () -> UInt32
    private var buffer: [UInt8] = []
    private var header: Header?
    /// How much of the current frame's payload was taken already.
    private var taken = 0
    private var control: [UInt8] = []
    private var message: [UInt8] = []
    private var messageOpcode: Opcode?
    private var validator = UTF8Validator()
    private var hasSentClose = false
    private var isDone = false

    /// - Parameters:
    ///   - messageLimit: The largest message that is put together, in bytes.
    ///   - nextMask: Gives the masking keys of a client, which must be unpredictable outside of tests.
    public init(
        role: Role, messageLimit: Int = 16 << 20,
        nextMask: @escaping @Sendable () -> UInt32 = { UInt32.random(in: 0...UInt32.max) }
    ) {
        self.role = role
        self.messageLimit = messageLimit
        self.nextMask = nextMask
    }

    /// True once the connection is to be closed.
    public var isClosed: Bool { isDone }

    // MARK: Sending

    /// The frame of a message.
    public mutating func send(_ message: WebSocketMessage) -> [UInt8] {
        switch message {
        case .text(let text): frame(.text, Array(text.utf8))
        case .binary(let bytes): frame(.binary, bytes)
        }
    }

    /// At most 125 bytes go along.
    public mutating func ping(_ payload: [UInt8] = []) -> [UInt8] { frame(.ping, Array(payload.prefix(125))) }

    /// Begins to close; empty when that was done already. What the peer still sends is delivered.
    public mutating func close(code: UInt16 = CloseCode.normal, reason: String = "") -> [UInt8] {
        guard !hasSentClose else { return [] }
        hasSentClose = true
        var text = reason
        while text.utf8.count > 123 { text.removeLast() }
        return frame(.close, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(text.utf8))
    }

    private func frame(_ opcode: Opcode, _ payload: [UInt8]) -> [UInt8] {
        let masked: UInt8 = role == .client ? 0x80 : 0
        var output: [UInt8] = [0x80 | opcode.rawValue]
        output.reserveCapacity(payload.count + 14)
        switch payload.count {
        case ...125: output.append(masked | UInt8(payload.count))
        case ...0xFFFF: output += [masked | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default:
            output.append(masked | 127)
            for shift in stride(from: 56, through: 0, by: -8) {
                output.append(UInt8(payload.count >> shift & 0xFF))
            }
        }
        guard role == .client else { return output + payload }
        let key = nextMask()
        let mask = [24, 16, 8, 0].map { UInt8(key >> UInt32($0) & 0xFF) }
        output += mask
        for (index, byte) in payload.enumerated() { output.append(byte ^ mask[index & 3]) }
        return output
    }

    // MARK: Receiving

    /// Takes bytes and says what to do. After `.close` everything is ignored.
    public mutating func receive(_ bytes: [UInt8]) -> [WebSocketAction] {
        guard !isDone else { return [] }
        buffer += bytes
        var actions: [WebSocketAction] = []
        do throws(Failure) {
            while !isDone, try step(&actions) {}
        } catch {
            fail(error, &actions)
        }
        return actions
    }

    /// The connection ended.
    public mutating func receiveEnd() -> [WebSocketAction] {
        guard !isDone else { return [] }
        isDone = true
        return [.close(code: CloseCode.abnormal, reason: "the connection ended without a close frame")]
    }

    private mutating func fail(_ failure: Failure, _ actions: inout [WebSocketAction]) {
        let bytes = close(code: failure.code, reason: failure.reason)
        if !bytes.isEmpty { actions.append(.send(bytes)) }
        actions.append(.close(code: failure.code, reason: failure.reason))
        isDone = true
        buffer = []
    }

    /// False when more bytes are needed.
    private mutating func step(_ actions: inout [WebSocketAction]) throws(Failure) -> Bool {
        guard let current = header else { return try readHeader() }
        let count = min(current.length - taken, buffer.count)
        if count == 0, taken < current.length { return false }
        var piece = Array(buffer[..<count])
        buffer.removeFirst(count)
        if let mask = current.mask {
            for index in piece.indices { piece[index] ^= mask[(taken + index) & 3] }
        }
        taken += count
        if current.opcode.isControl { control += piece } else { try extend(piece) }
        if taken == current.length {
            header = nil
            try endFrame(current, &actions)
        }
        return true
    }

    private mutating func readHeader() throws(Failure) -> Bool {
        guard buffer.count >= 2 else { return false }
        guard buffer[0] & 0x70 == 0 else { throw violation("reserved bits are set") }
        guard let opcode = Opcode(rawValue: buffer[0] & 0x0F) else { throw violation("an unknown opcode") }
        let isFinal = buffer[0] & 0x80 != 0
        let isMasked = buffer[1] & 0x80 != 0
        guard isMasked == (role == .server) else {
            throw violation(isMasked ? "a masked frame from a server" : "an unmasked frame from a client")
        }
        let short = Int(buffer[1] & 0x7F)
        let extra = short == 126 ? 2 : short == 127 ? 8 : 0
        guard !opcode.isControl || (isFinal && extra == 0) else {
            throw violation("a control frame that is long or in pieces")
        }
        let size = 2 + extra + (isMasked ? 4 : 0)
        guard buffer.count >= size else { return false }
        var length = UInt64(short)
        if extra > 0 { length = buffer[2..<(2 + extra)].reduce(0) { $0 << 8 | UInt64($1) } }
        guard extra == 0 || length > (extra == 2 ? 125 : 0xFFFF) else {
            throw violation("a length that is not minimal")
        }
        guard opcode.isControl || length <= UInt64(messageLimit - message.count) else {
            throw Failure(code: CloseCode.tooBig, reason: "a message is larger than \(messageLimit) bytes")
        }
        try check(opcode)
        let mask = isMasked ? Array(buffer[(size - 4)..<size]) : nil
        header = Header(opcode: opcode, isFinal: isFinal, mask: mask, length: Int(length))
        buffer.removeFirst(size)
        (taken, control) = (0, [])
        return true
    }

    private mutating func check(_ opcode: Opcode) throws(Failure) {
        switch opcode {
        case .continuation:
            guard messageOpcode != nil else { throw violation("a continuation without a message") }
        case .text, .binary:
            guard messageOpcode == nil else { throw violation("a new message inside of another") }
            (messageOpcode, message, validator) = (opcode, [], UTF8Validator())
        case .close, .ping, .pong: break
        }
    }

    private mutating func extend(_ piece: [UInt8]) throws(Failure) {
        if messageOpcode == .text, !validator.accept(piece) {
            throw Failure(code: CloseCode.invalidData, reason: "not UTF-8")
        }
        message += piece
    }

    private mutating func endFrame(_ frame: Header, _ actions: inout [WebSocketAction]) throws(Failure) {
        switch frame.opcode {
        case .continuation, .text, .binary:
            guard frame.isFinal else { return }
            if messageOpcode == .text {
                guard validator.isComplete else {
                    throw Failure(code: CloseCode.invalidData, reason: "not UTF-8")
                }
                actions.append(.deliver(.text(String(decoding: message, as: UTF8.self))))
            } else {
                actions.append(.deliver(.binary(message)))
            }
            (messageOpcode, message) = (nil, [])
        case .ping: if !hasSentClose { actions.append(.send(self.frame(.pong, control))) }
        case .pong: actions.append(.pong(control))
        case .close: try receiveClose(&actions)
        }
    }

    private mutating func receiveClose(_ actions: inout [WebSocketAction]) throws(Failure) {
        guard control.count != 1 else { throw violation("a close frame of one byte") }
        var code = CloseCode.none
        var reason = ""
        if control.count >= 2 {
            code = UInt16(control[0]) << 8 | UInt16(control[1])
            guard WebSocketProtocol.isAllowed(code) else { throw violation("the close code \(code)") }
            guard let text = String(validating: control[2...], as: UTF8.self) else {
                throw Failure(code: CloseCode.invalidData, reason: "a close reason that is not UTF-8")
            }
            reason = text
        }
        if !hasSentClose {
            hasSentClose = true
            actions.append(.send(frame(.close, Array(control.prefix(2)))))
        }
        actions.append(.close(code: code, reason: reason))
        isDone = true
    }

    /// What may stand in a close frame (section 7.4): defined codes, and those for libraries and
    /// applications.
    private static func isAllowed(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }

    private func violation(_ reason: String) -> Failure {
        Failure(code: CloseCode.protocolError, reason: reason)
    }
}
