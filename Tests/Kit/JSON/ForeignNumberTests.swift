import Kit
import Testing

@Suite struct ForeignNumberTests {
    private static let extremes: [JSON] = [
        JSON(Int64.min), JSON(Int64.min + 1), JSON(Int64.max), JSON(Int64.max - 1),
        JSON(Int64(UInt32.max) + 1),
        JSON(-1), JSON(0), JSON(1), .double(1e308), .double(-1e308), .double(9_223_372_036_854_775_808),
        .double(.infinity), .double(-.infinity), .double(.nan), .double(0.5), .double(-0.0), .null, "9", [],
        [:],
        true,
    ]

    @Test(arguments: [0...0, 0...100, -5...5, Int.min...Int.max, 0...ForeignNumber.most])
    func `any value is a number of the range, or none`(_ range: ClosedRange<Int>) {
        for value in Self.extremes {
            if let number = value.clamped(to: range) { #expect(range.contains(number), "\(value)") }
        }
    }

    @Test func `a number that is too large counts as the largest, one that is negative as the smallest`() {
        #expect(JSON(Int64.max).count == ForeignNumber.most)
        #expect(JSON.double(1e30).count == ForeignNumber.most)
        #expect(JSON(Int64.min).count == 0)
        #expect(JSON(7).count == 7 && JSON.double(7).count == 7)
        #expect(JSON.double(0.5).count == nil && JSON.double(.nan).count == nil && JSON("7").count == nil)
    }

    @Test func `digits of any number are a number of the range, and what is no digits is none`() {
        #expect(ForeignNumber.decimal("0042", in: 0...100) == 42)
        #expect(ForeignNumber.decimal(String(repeating: "9", count: 400), in: 0...100) == 100)
        #expect(ForeignNumber.decimal(String(repeating: "0", count: 400), in: 0...100) == 0)
        #expect(ForeignNumber.decimal("9223372036854775808", in: 0...Int.max) == Int.max)
        for text in ["", "-1", "+1", "1.0", "1e3", " 1", "١", "0x1"] {
            #expect(ForeignNumber.decimal(text, in: 0...100) == nil, "\(text)")
        }
    }

    @Test func `results of arithmetic are numbers of the range`() {
        for number in [1e308, -1e308, .infinity, -.infinity, .nan, 1e19, -1e19, 3.7] {
            #expect((1...10).contains(Int(number, clampedTo: 1...10)), "\(number)")
            _ = Int(number, clampedTo: Int.min...Int.max)
        }
    }

    @Test func `sums end before the type does, and so do their differences`() {
        var sum: Int64 = 0
        for _ in 0..<10 { sum.addClamped(.max) }
        #expect(sum == .max / 4 && 0 - sum - sum < 0)
    }
}
