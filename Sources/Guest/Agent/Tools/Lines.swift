extension StringProtocol {
    /// The lines as bytes have them: CR LF is one character for Swift, but its LF ends a line.
    var lineList: [Substring] {
        Substring(self).utf8.split(separator: 0x0A, omittingEmptySubsequences: false).map { Substring($0) }
    }
}
