/// Marks text of strangers as such. What stands inside cannot end the fence: its own mark is broken up.
enum Fence {
    private static let mark = "untrusted-text"

    /// - Parameter source: Where the text comes from: a file, an address.
    static func wrap(_ text: String, source: String) -> String {
        let name = String(source.prefix(500).filter { $0 != "\"" && $0 != "<" && $0 != ">" && $0 != "\n" })
        return "<\(mark) source=\"\(name)\">\n\(broken(text))\n</\(mark)>"
    }

    /// The text without anything that looks like the fence, however it is written.
    private static func broken(_ text: String) -> String {
        let mark = Array(Self.mark.utf8)
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.first {
            let piece = rest.prefix(mark.count)
            if piece.count == mark.count, zip(piece, mark).allSatisfy({ ($0 | 0x20) == ($1 | 0x20) }) {
                bytes += Array("untrusted text".utf8)
                rest = rest.dropFirst(mark.count)
            } else {
                bytes.append(byte)
                rest = rest.dropFirst()
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
