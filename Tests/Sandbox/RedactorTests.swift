// Secrets in the forms in which programs print them.
import Kit
import TestSupport
import Testing

@Suite struct RedactorTests {
    private let secret = "s3cr3t+/token=with?odd&chars"
    private var redactor: Redactor { Redactor(["TOKEN": secret]) }

    private static let letters = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// Written apart from the code under test: three bytes to four letters.
    private func base64(_ text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var value = 0
            for index in 0..<3 {
                value = value << 8 | (start + index < bytes.count ? Int(bytes[start + index]) : 0)
            }
            for letter in 0..<4 {
                result.append(letter <= group.count ? Self.letters[value >> (18 - 6 * letter) & 63] : 0x3D)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    @Test func `the value itself is named instead of shown, every time`() {
        #expect(redactor.redact("a \(secret) b \(secret)") == "a [redacted TOKEN] b [redacted TOKEN]")
        #expect(redactor.redact("nothing here") == "nothing here")
    }

    @Test(arguments: 0..<6) func `base64 is found at every alignment, in both alphabets`(offset: Int) {
        let text = base64(String(repeating: "x", count: offset) + secret + "tail")
        let urlSafe = String(text.map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 })
        for encoded in [text, urlSafe] {
            let result = redactor.redact(encoded)
            #expect(result.contains("[redacted TOKEN]"), "\(encoded) became \(result)")
            // What is left of the value are at most the letters that it shares with its neighbours.
            let rest = result.split(separator: "[redacted TOKEN]").joined()
            #expect(rest.utf8.count < encoded.utf8.count - secret.utf8.count)
        }
    }

    @Test func `percent encoding, hexadecimal and JSON are found`() {
        let hex = secret.utf8.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        let percent = "s3cr3t%2B%2Ftoken%3Dwith%3Fodd%26chars"
        for text in [hex, hex.uppercased(), percent, percent.replacing("%2B", with: "%2b").lowercased()] {
            #expect(redactor.redact("<\(text)>") == "<[redacted TOKEN]>")
        }
        let quoted = Redactor(["KEY": "line\nbreak\"quote"])
        #expect(quoted.redact(#"{"a":"line\nbreak\"quote"}"#) == #"{"a":"[redacted KEY]"}"#)
    }

    @Test func `a short value is left alone, because it occurs by chance`() {
        #expect(Redactor(["PIN": "1234567"]).isEmpty)
        #expect(Redactor(["PIN": "1234567"]).redact("1234567") == "1234567")
    }

    @Test func `of two secrets the longer one wins where both begin`() {
        let both = Redactor(["A": "prefix-prefix", "B": "prefix-prefix-and-more"])
        #expect(both.redact("prefix-prefix-and-more, prefix-prefix") == "[redacted B], [redacted A]")
    }

    @Test func `every text of a result is looked at`() throws {
        let result: JSON = ["content": .string(secret), "list": [.string("x"), .string(secret)], "n": 1]
        let shown = redactor.redact(result)
        #expect(
            !shown.text.contains(secret) && shown["list"]?.arrayValue?.count == 2 && shown["n"]?.intValue == 1
        )
    }

    @Test func `a value is found wherever it stands in random bytes`() {
        let seed: UInt64 = 7
        var random = SeededRandom(seed: seed)
        let value = Array(secret.utf8)
        for round in 0..<500 {
            var bytes = (0..<random.below(200)).map { _ in UInt8(random.below(256)) }
            bytes.insert(contentsOf: value, at: random.below(bytes.count + 1))
            let result = redactor.redact(bytes) ?? bytes
            let holds = result.indices.contains { result[$0...].starts(with: value) }
            #expect(!holds, "seed \(seed), round \(round)")
        }
    }

    // MARK: In pieces

    private func stream(_ pieces: [[UInt8]], _ redactor: Redactor) -> String {
        var stream = StreamRedactor()
        let shown = pieces.flatMap { stream.receive($0, redactor) } + stream.finish(redactor)
        return String(decoding: shown, as: UTF8.self)
    }

    @Test func `a secret that is written in two pieces is found wherever it is cut`() {
        let text = Array("before \(secret) \(base64(secret)) after".utf8)
        let whole = redactor.redact(String(decoding: text, as: UTF8.self))
        for cut in 0...text.count {
            #expect(stream([Array(text[..<cut]), Array(text[cut...])], redactor) == whole, "cut at \(cut)")
        }
        #expect(stream(text.map { [$0] }, redactor) == whole)
    }

    @Test func `only what may begin a secret waits`() {
        var stream = StreamRedactor()
        #expect(stream.receive(Array("hello\n> ".utf8), redactor) == Array("hello\n> ".utf8))
        #expect(stream.receive(Array("x s3cr3".utf8), redactor) == Array("x ".utf8))
        #expect(stream.receive(Array("!".utf8), redactor) == Array("s3cr3!".utf8))
        #expect(stream.receive(Array("s3c".utf8), redactor).isEmpty)
        #expect(stream.finish(redactor) == Array("s3c".utf8))
    }

    @Test func `a secret of several lines is found whole, and line by line`() {
        let key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0\nBAQEFAASCBKcwggSjAgEA\n-----END KEY-----"
        let redactor = Redactor(["KEY": key])
        #expect(
            stream(key.split(separator: "\n").map { Array("\($0)\n".utf8) }, redactor) == "[redacted KEY]\n")
        #expect(redactor.redact("2: BAQEFAASCBKcwggSjAgEA") == "2: [redacted KEY]")
    }

    @Test func `a longer secret that goes on is not given away by a shorter one`() {
        let both = Redactor(["A": "prefix-prefix", "B": "prefix-prefix-and-more"])
        #expect(stream([Array("prefix-prefix".utf8), Array("-and-more".utf8)], both) == "[redacted B]")
        #expect(
            stream([Array("prefix-prefix".utf8), Array("-and-less".utf8)], both) == "[redacted A]-and-less")
    }

    @Test func `fuzz: pieces show what the whole shows`() {
        let seed: UInt64 = 11
        var random = SeededRandom(seed: seed)
        let secrets = Redactor(["A": "aabaabaab", "B": "abaabaabaabb", "C": "bbbbbbbbbba"])
        for round in 0..<2000 {
            let text = (0..<random.below(80)).map { _ in UInt8(0x61 + random.below(2)) }
            var pieces: [[UInt8]] = []
            var rest = text[...]
            while !rest.isEmpty {
                let count = 1 + random.below(rest.count)
                pieces.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            let whole = String(decoding: secrets.redact(text) ?? text, as: UTF8.self)
            #expect(stream(pieces, secrets) == whole, "seed \(seed), round \(round)")
        }
    }
}
