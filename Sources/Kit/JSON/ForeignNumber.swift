// The one door for numbers that others wrote: providers, forges, guests, models, files of a repository. What
// is counted with goes through here, so that no arithmetic with it can trap: a coordinator that ends takes
// all its sessions along.

/// Numbers of strangers, brought to the nearest place of a range.
public enum ForeignNumber {
    /// The most that anything is counted as: above everything real, and so small that four million of them,
    /// or one times a rate in millionths, are still a number.
    public static let most = 1 << 40

    /// A whole number in decimal digits, as headers have it.
    /// - Returns: The nearest place of the range, for any number of digits; nil for what is no digits.
    public static func decimal(_ text: some StringProtocol, in range: ClosedRange<Int>) -> Int? {
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        // More digits than fit are a large number, or zeros.
        let digits = text.utf8.drop { $0 == 0x30 }
        // More digits than fit are a large number.
        let number = digits.isEmpty ? 0 : Int(String(decoding: Array(digits), as: UTF8.self)) ?? .max
        return min(max(number, range.lowerBound), range.upperBound)
    }
}

extension JSON {
    /// A number at the nearest place of a range; nil for what is no whole number.
    public func clamped(to range: ClosedRange<Int>) -> Int? {
        switch self {
        case .integer(let number): min(max(Int(clamping: number), range.lowerBound), range.upperBound)
        // Beyond 64 bits every number is a double; up there all of them are whole.
        case .double(let number) where number.rounded() == number:
            Int(number, clampedTo: range)
        default: nil
        }
    }

    /// How many there are of something, as somebody else says.
    public var count: Int? { clamped(to: 0...ForeignNumber.most) }
}

extension Int {
    /// What arithmetic with foreign numbers came to, at the nearest place of a range; no number at all is its
    /// lower end.
    public init(_ number: Double, clampedTo range: ClosedRange<Int>) {
        guard number > Double(range.lowerBound) else {
            self = range.lowerBound
            return
        }
        self = number >= Double(range.upperBound) ? range.upperBound : Int(number)
    }
}

extension FixedWidthInteger {
    /// The sum, up to a quarter of what the type holds: so the difference of sums is a number, too.
    public func addingClamped(_ other: Self) -> Self {
        let (sum, isOver) = addingReportingOverflow(other)
        return Swift.min(isOver ? (other < 0 ? Self.min : Self.max) : sum, Self.max / 4)
    }

    /// Adds, up to a quarter of what the type holds.
    public mutating func addClamped(_ other: Self) { self = addingClamped(other) }
}
