import Kit

/// What the bytes of a file are, as far as a diff does not say it.
struct TextFacts: Sendable, Hashable {
    var nulls = 0
    var lineFeeds = 0
    /// Line feeds after a carriage return, and carriage returns without one.
    var crlf = 0
    var bareReturns = 0
    /// Characters that hide, reorder or steer, with how often each is there.
    var hidden: [UInt32: Int] = [:]
    /// Of the first of them.
    var hiddenLine = 0
    var isUTF8 = true
    /// As git decides it: a NUL among the first bytes.
    var isBinary = false

    /// How far git looks for a NUL (xdiff-interface.c, FIRST_FEW_BYTES).
    private static let binaryBytes = 8000

    /// What a byte may be part of: 0 nothing of interest, 1 counted at once, 2 needs a decoder.
    private static let classes: [UInt8] = (0...255).map { byte in
        switch byte {
        case 0x00, 0x0A, 0x0D: 1
        case 0x09: 0
        // A form feed is a page break of old sources.
        case 0x0C: 0
        case 0x01..<0x20, 0x7F...0xFF: 2
        default: 0
        }
    }

    init(_ bytes: ArraySlice<UInt8>) {
        var needsDecoder = false
        var previous: UInt8 = 0
        let classes = Self.classes
        for byte in bytes {
            switch classes[Int(byte)] {
            case 1:
                if byte == 0x0A {
                    lineFeeds += 1
                    if previous == 0x0D { crlf += 1 }
                } else if byte == 0x0D {
                    bareReturns += 1
                } else {
                    nulls += 1
                }
            case 2: needsDecoder = true
            default: break
            }
            previous = byte
        }
        bareReturns -= crlf
        if nulls > 0 { isBinary = bytes.prefix(Self.binaryBytes).contains(0) }
        if needsDecoder, !isBinary { decode(bytes) }
    }

    private mutating func decode(_ bytes: ArraySlice<UInt8>) {
        let text: String
        if let valid = String(validating: bytes, as: UTF8.self) {
            text = valid
        } else {
            isUTF8 = false
            text = String(decoding: bytes, as: UTF8.self)
        }
        var previous: Unicode.Scalar?
        var (line, isFirst) = (1, true)
        for scalar in text.unicodeScalars {
            if scalar == "\n" { line += 1 }
            // A mark of the byte order at the start of a file is none inside it.
            let isMark = isFirst && scalar.value == 0xFEFF
            let isReturn = scalar == "\r" || scalar == "\u{C}"
            if !isMark, !isReturn,
                ShownText.hides(scalar, after: previous) || ShownText.isControl(scalar)
            {
                if hidden.isEmpty { hiddenLine = line }
                hidden[scalar.value, default: 0] += 1
            }
            (previous, isFirst) = (scalar, false)
        }
    }

    /// Of those characters, what an earlier version had less of; in words.
    func hiddenWords(since old: TextFacts?) -> String? {
        let more = hidden.filter { $0.value > old?.hidden[$0.key] ?? 0 }.keys.sorted()
        guard !more.isEmpty else { return nil }
        let marks = more.prefix(6).compactMap { Unicode.Scalar($0).map(ShownText.mark) }
        return marks.joined(separator: " ") + (more.count > 6 ? " and \(more.count - 6) other" : "")
    }
}
