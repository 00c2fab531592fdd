// The three forms of time that providers and price lists use. The kernel's clock is Unix time; everything
// here is arithmetic on it.

/// Days and dates in UTC.
enum CivilTime {
    /// Days since 1970-01-01 of a date in the proleptic Gregorian calendar (Howard Hinnant's
    /// days_from_civil).
    static func days(year: Int, month: Int, day: Int) -> Int {
        let y = month <= 2 ? year - 1 : year
        let era = (y >= 0 ? y : y - 399) / 400
        let yearOfEra = y - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    /// `YYYY-MM-DD` of a Unix time.
    static func day(milliseconds: Int64) -> String {
        var days = Int(milliseconds / 86_400_000)
        if milliseconds < 0, milliseconds % 86_400_000 != 0 { days -= 1 }
        let z = days + 719_468
        let era = (z >= 0 ? z : z - 146_096) / 146_097
        let dayOfEra = z - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shifted + 2) / 5 + 1
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = "\(number)"
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }

    /// True for `YYYY-MM-DD`.
    static func isDay(_ text: String) -> Bool {
        guard let milliseconds = rfc3339("\(text)T00:00:00Z") else { return false }
        return day(milliseconds: milliseconds) == text
    }

    /// Unix time in milliseconds of `2026-11-02T10:15:00Z`, with fractions and offsets (RFC 3339).
    static func rfc3339(_ text: String) -> Int64? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes[4] == 0x2D, bytes[7] == 0x2D, bytes[13] == 0x3A, bytes[16] == 0x3A,
            bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"),
            let year = number(bytes[0..<4]), let month = number(bytes[5..<7]),
            let day = number(bytes[8..<10]),
            let hour = number(bytes[11..<13]), let minute = number(bytes[14..<16]),
            let second = number(bytes[17..<19]), (1...12).contains(month), (1...31).contains(day), hour < 24,
            minute < 60, second <= 60
        else { return nil }
        var rest = bytes[19...]
        var fraction = 0
        if rest.first == UInt8(ascii: ".") {
            let digits = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
            guard !digits.isEmpty else { return nil }
            fraction = number((Array(digits.prefix(3)) + [0x30, 0x30]).prefix(3)) ?? 0
            rest = rest[digits.endIndex...]
        }
        guard let offset = offset(rest) else { return nil }
        let seconds =
            days(year: year, month: month, day: day) * 86_400 + hour * 3600 + (minute - offset) * 60 + second
        return Int64(seconds) * 1000 + Int64(fraction)
    }

    /// In minutes.
    private static func offset(_ bytes: ArraySlice<UInt8>) -> Int? {
        if bytes.elementsEqual([UInt8(ascii: "Z")]) || bytes.elementsEqual([UInt8(ascii: "z")]) { return 0 }
        guard bytes.count == 6, let sign = bytes.first, sign == 0x2B || sign == 0x2D,
            bytes[bytes.startIndex + 3] == 0x3A,
            let hours = number(bytes[(bytes.startIndex + 1)..<(bytes.startIndex + 3)]),
            let minutes = number(bytes[(bytes.startIndex + 4)...])
        else { return nil }
        return (hours * 60 + minutes) * (sign == 0x2D ? -1 : 1)
    }

    /// Unix time in milliseconds of `Wed, 21 Oct 2026 07:28:00 GMT` (RFC 9110, section 5.6.7).
    static func httpDate(_ text: String) -> Int64? {
        let words = text.split(separator: " ")
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        guard words.count == 6, words[5] == "GMT", let day = number(Array(words[1].utf8)[...]),
            let month = months.firstIndex(of: String(words[2])), let year = number(Array(words[3].utf8)[...]),
            (1...31).contains(day)
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { number(Array($0.utf8)[...]) }
        guard clock.count == 3, clock[0] < 24, clock[1] < 60, clock[2] <= 60 else { return nil }
        let seconds = clock[0] * 3600 + clock[1] * 60 + clock[2]
        return Int64(days(year: year, month: month + 1, day: day) * 86_400 + seconds) * 1000
    }

    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count <= 4, digits.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }
}
