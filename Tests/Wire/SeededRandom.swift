/// SplitMix64: the same seed gives the same walk on every machine.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// One to four edits: a byte changed, removed, doubled or inserted.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &self)
            switch Int.random(in: 0..<4, using: &self) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &self)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(bytes[index], at: index)
            default: bytes.insert(bytes[Int.random(in: 0..<bytes.count, using: &self)], at: index)
            }
        }
        return bytes
    }

}

/// Feeds a parser its input whole and cut at every place, and expects the same outcome each time.
///
/// - Parameter parse: Takes pieces and returns a description of everything that came out, error included.
func outcomesOfSplits(_ bytes: [UInt8], _ parse: ([[UInt8]]) -> String) -> Set<String> {
    var outcomes: Set<String> = [parse([bytes]), parse(bytes.map { [$0] })]
    for cut in 1..<max(bytes.count, 2) where cut < bytes.count {
        outcomes.insert(parse([Array(bytes[..<cut]), Array(bytes[cut...])]))
    }
    return outcomes
}
