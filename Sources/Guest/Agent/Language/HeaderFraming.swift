import Kit

/// The base protocol of language servers: a header with Content-Length, an empty line, that many bytes of
/// JSON. A value: no I/O.
struct HeaderFraming {
    /// What is wrong with the stream; nothing more can be read from it.
    enum Problem: Error, Equatable { case noLength, headerTooLong, bodyTooLong, notJSON }

    private let bodyLimit: Int
    private var buffer: [UInt8] = []
    private var needed: Int?

    static let headerLimit = 4096

    /// - Parameter bodyLimit: Bytes of one message.
    init(bodyLimit: Int = 32 << 20) { self.bodyLimit = bodyLimit }

    mutating func receive(_ bytes: some Collection<UInt8>) throws(Problem) -> [JSON] {
        buffer += bytes
        var messages: [JSON] = []
        while true {
            if needed == nil {
                guard let end = Self.endOfHeader(buffer) else {
                    guard buffer.count <= Self.headerLimit else { throw .headerTooLong }
                    return messages
                }
                needed = try length(String(decoding: buffer[..<end], as: UTF8.self))
                buffer.removeFirst(end + 4)
            }
            guard let count = needed, buffer.count >= count else { return messages }
            guard let json = try? JSON.parse(Array(buffer[..<count])), json.objectValue != nil else {
                throw .notJSON
            }
            messages.append(json)
            buffer.removeFirst(count)
            needed = nil
        }
    }

    private static func endOfHeader(_ bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...min(bytes.count - 4, headerLimit)).first { index in
            bytes[index] == 0x0D && bytes[index + 1] == 0x0A && bytes[index + 2] == 0x0D
                && bytes[index + 3] == 0x0A
        }
    }

    private func length(_ header: String) throws(Problem) -> Int {
        for line in header.split(separator: "\r\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, parts[0].lowercased() == "content-length" else { continue }
            let digits = parts[1].drop { $0 == " " }
            guard let count = Int(digits), count >= 0 else { throw .noLength }
            guard count <= bodyLimit else { throw .bodyTooLong }
            return count
        }
        throw .noLength
    }

    static func frame(_ json: JSON) -> [UInt8] {
        let body = json.serialized()
        return Array("Content-Length: \(body.count)\r\n\r\n".utf8) + body
    }
}
