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
