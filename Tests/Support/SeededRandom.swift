// What every test target shares.

/// SplitMix64: the same seed gives the same walk on every machine.
public struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number from 0 to one less than the bound.
    public mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// One to four edits: a byte changed, removed, doubled or inserted, or a run of bytes copied elsewhere.
    public mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(4) where !bytes.isEmpty {
            let index = below(bytes.count)
            switch below(5) {
            case 0: bytes[index] = UInt8(below(256))
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(bytes[index], at: index)
            case 3: bytes.insert(bytes[below(bytes.count)], at: index)
            default:
                let run = Array(bytes[index..<min(bytes.count, index + 40)])
                bytes.insert(contentsOf: run, at: below(bytes.count))
            }
        }
        return bytes
    }

    /// The extremes of every type of number, and what is none.
    public static let extremes = [
        "-9223372036854775808", "9223372036854775807", "-9223372036854775809", "9223372036854775808",
        "18446744073709551615", "18446744073709551616", "-2147483648", "2147483647", "4294967295",
        "4294967296",
        "65535", "65536", "-32768", "255", "256", "-128", "-1", "0", "-0", "0.5", "-0.5", "1e308", "-1e308",
        "1e-308",
        "1e19", "99999999999999999999999999999999999999", "null", "true", "\"9\"", "[]", "{}",
    ]

    /// Replaces one to four of the runs of digits in a text by an extreme.
    public mutating func mutateNumbers(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0...below(4) {
            var runs: [Range<Int>] = []
            var start: Int?
            for index in 0...bytes.count {
                let isDigit = index < bytes.count && (0x30...0x39).contains(bytes[index])
                if isDigit, start == nil { start = index }
                if !isDigit, let begin = start {
                    runs.append(begin..<index)
                    start = nil
                }
            }
            guard !runs.isEmpty else { return bytes }
            bytes.replaceSubrange(
                runs[below(runs.count)], with: Self.extremes[below(Self.extremes.count)].utf8)
        }
        return bytes
    }
}
