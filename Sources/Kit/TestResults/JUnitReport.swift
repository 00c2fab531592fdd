/// Reports in the XML form that JUnit began and everybody writes. Test cases are counted, not the sums that
/// the suites claim.
enum JUnitReport {
    /// Files, and bytes of one, that are read.
    static let reportLimit = 500
    static let byteLimit = 8 << 20

    static func read(_ reports: [String]) -> TestResults? {
        var results = TestResults(format: "junit")
        for report in reports.prefix(reportLimit) where report.utf8.count <= byteLimit {
            read(report, into: &results)
        }
        return results.isEmpty ? nil : results
    }

    private enum Fate { case passed, failed, skipped }

    private static func read(_ report: String, into results: inout TestResults) {
        var scanner = XMLScanner(report)
        var testCase: (name: String, place: String?)?
        var fate = Fate.passed
        var message = ""
        // A document that is cut or broken counts as far as it goes.
        while let token = scanner.next() {
            switch token {
            case .open(let tag, let attributes, let isEmpty):
                switch tag {
                case "testcase":
                    let name = [attributes["classname"], attributes["name"]].compactMap { $0 }
                        .filter { !$0.isEmpty }.joined(separator: ".")
                    let place = attributes["file"].map { file in
                        file + (attributes["line"].map { ":\($0)" } ?? "")
                    }
                    testCase = (name.isEmpty ? "(no name)" : name, place)
                    (fate, message) = (.passed, "")
                    if isEmpty {
                        results.passed += 1
                        testCase = nil
                    }
                case "failure",
                    "error" where testCase != nil:
                    fate = .failed
                    message = attributes["message"] ?? ""
                case "skipped" where testCase != nil && fate == .passed: fate = .skipped
                default: break
                }
            case .close("testcase"):
                guard let ended = testCase else { continue }
                switch fate {
                case .passed: results.passed += 1
                case .skipped: results.skipped += 1
                case .failed:
                    results.failed += 1
                    results.note(.init(name: ended.name, message: message, place: ended.place))
                }
                testCase = nil
            case .text(let text):
                if fate == .failed, testCase != nil, message.isEmpty {
                    message = String(text.drop { $0 == "\n" || $0 == " " }.prefix { $0 != "\n" })
                }
            case .close: break
            }
        }
    }
}

/// The tags and texts of an XML document, one after the other. No document type is read, so no entity can
/// grow.
struct XMLScanner {
    enum Token: Equatable {
        case open(String, [String: String], isEmpty: Bool)
        case close(String)
        case text(String)
    }

    private let bytes: [UInt8]
    private var index = 0

    private static let attributeLimit = 100

    init(_ text: String) { bytes = Array(text.utf8) }

    /// Nil at the end, and where what follows is no XML.
    mutating func next() -> Token? {
        while index < bytes.count {
            guard bytes[index] == 0x3C else { return text() }
            if skips("<!--", to: "-->") || skips("<?", to: "?>") { continue }
            if begins("<![CDATA[") {
                let start = index + 9
                guard let end = find("]]>", from: start) else { return nil }
                index = end + 3
                return .text(String(decoding: bytes[start..<end], as: UTF8.self))
            }
            if skips("<!", to: ">") { continue }
            return tag()
        }
        return nil
    }

    private mutating func text() -> Token {
        let start = index
        while index < bytes.count, bytes[index] != 0x3C { index += 1 }
        return .text(Markup.decoded(bytes[start..<index]))
    }

    private mutating func tag() -> Token? {
        index += 1
        let isClosing = index < bytes.count && bytes[index] == 0x2F
        if isClosing { index += 1 }
        guard let name = name() else { return nil }
        var attributes: [String: String] = [:]
        while index < bytes.count {
            skipBlanks()
            guard index < bytes.count else { return nil }
            switch bytes[index] {
            case 0x3E:
                index += 1
                return isClosing ? .close(name) : .open(name, attributes, isEmpty: false)
            case 0x2F:
                index += 1
                guard index < bytes.count, bytes[index] == 0x3E else { return nil }
                index += 1
                return .open(name, attributes, isEmpty: true)
            default:
                guard attributes.count < Self.attributeLimit, let (key, value) = attribute() else {
                    return nil
                }
                attributes[key] = value
            }
        }
        return nil
    }

    private mutating func attribute() -> (String, String)? {
        guard let key = name() else { return nil }
        skipBlanks()
        guard index < bytes.count, bytes[index] == 0x3D else { return nil }
        index += 1
        skipBlanks()
        guard index < bytes.count, bytes[index] == 0x22 || bytes[index] == 0x27 else { return nil }
        let quote = bytes[index]
        let start = index + 1
        guard let end = bytes[start...].firstIndex(of: quote) else { return nil }
        index = end + 1
        return (key, Markup.decoded(bytes[start..<end]))
    }

    private mutating func name() -> String? {
        let start = index
        while index < bytes.count, !" \t\r\n/>=<\"'".utf8.contains(bytes[index]) { index += 1 }
        return start == index ? nil : String(decoding: bytes[start..<index], as: UTF8.self)
    }

    private mutating func skipBlanks() {
        while index < bytes.count, [0x20, 0x09, 0x0D, 0x0A].contains(bytes[index]) { index += 1 }
    }

    private func begins(_ text: String) -> Bool { bytes[index...].starts(with: text.utf8) }

    private func find(_ text: String, from start: Int) -> Int? {
        let wanted = Array(text.utf8)
        var place = start
        while place + wanted.count <= bytes.count {
            if bytes[place] == wanted[0], bytes[place..<(place + wanted.count)].elementsEqual(wanted) {
                return place
            }
            place += 1
        }
        return nil
    }

    /// True when something was skipped; without its end, everything is.
    private mutating func skips(_ start: String, to end: String) -> Bool {
        guard begins(start) else { return false }
        index = find(end, from: index + start.utf8.count).map { $0 + end.utf8.count } ?? bytes.count
        return true
    }
}

/// What stands for a character in XML and HTML.
public enum Markup {
    /// The five entities and numbers; whatever else looks like one stays as it is.
    public static func decoded(_ bytes: ArraySlice<UInt8>) -> String {
        guard bytes.contains(0x26) else { return String(decoding: bytes, as: UTF8.self) }
        var text = ""
        var rest = Substring(decoding: bytes, as: UTF8.self)
        while let start = rest.firstIndex(of: "&") {
            text += rest[..<start]
            let tail = rest[rest.index(after: start)...].prefix(12)
            guard let end = tail.firstIndex(of: ";"), let character = entity(tail[..<end]) else {
                text += "&"
                rest = rest[rest.index(after: start)...]
                continue
            }
            text.unicodeScalars.append(character)
            rest = rest[rest.index(after: end)...]
        }
        return text + rest
    }

    private static func entity(_ name: Substring) -> Unicode.Scalar? {
        switch name {
        case "lt": "<"
        case "gt": ">"
        case "amp": "&"
        case "quot": "\""
        case "apos": "'"
        default:
            if name.hasPrefix("#x") {
                UInt32(name.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
            } else if name.hasPrefix("#") {
                UInt32(name.dropFirst()).flatMap(Unicode.Scalar.init)
            } else {
                nil
            }
        }
    }
}
