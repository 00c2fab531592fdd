import Kit
import TestSupport

extension SeededRandom {
    mutating func json(depth: Int) -> JSON {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &self) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &self))
        case 2: return .integer(Int64(truncatingIfNeeded: next()))
        case 3:
            let number = Double(bitPattern: next())
            return .double(number.isFinite ? number : 0.1)
        case 4, 5: return .string(text())
        case 6: return .array((0..<Int.random(in: 0..<4, using: &self)).map { _ in json(depth: depth - 1) })
        default:
            var value: JSON = [:]
            for _ in 0..<Int.random(in: 0..<4, using: &self) { value[text()] = json(depth: depth - 1) }
            return value
        }
    }

    mutating func text() -> String {
        let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\n", "\u{1}", "é", "😀", "\u{2028}", "/", "\u{7F}"]
        var text = ""
        for _ in 0..<Int.random(in: 0..<8, using: &self) {
            text.unicodeScalars.append(scalars[Int.random(in: 0..<scalars.count, using: &self)])
        }
        return text
    }
}
