import Kit
import Testing

@Suite struct DigestTests {
    private let abc = Array("abc".utf8)

    // The vectors of FIPS 180-4, RFC 7693 (with 32 bytes, from the reference program) and RFC 4231 case 2.
    @Test func `the published vectors hold`() {
        #expect(
            Digest.sha256Hex(abc) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(Digest.sha256Hex([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(
            Hex.encode(Digest.blake2b(abc))
                == "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319")
        #expect(
            Hex.encode(Digest.hmacSHA256(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
    }

    @Test func `a stream of pieces has the digest of the whole`() {
        let bytes = (0..<1000).map { UInt8($0 & 255) }
        for cut in stride(from: 0, through: 1000, by: 37) {
            var stream = SHA256Stream()
            stream.update(Array(bytes[..<cut]))
            _ = stream.digest()
            stream.update(Array(bytes[cut...]))
            #expect(stream.hexDigest() == Digest.sha256Hex(bytes))
        }
    }

    @Test func `a key changes a keyed digest`() {
        let key = [UInt8](repeating: 1, count: 32)
        #expect(Digest.blake2b(abc, key: key) != Digest.blake2b(abc))
        #expect(Digest.constantTimeEqual(Digest.blake2b(abc, key: key), Digest.blake2b(abc, key: key)))
        #expect(!Digest.constantTimeEqual("abc", "abd"))
        #expect(!Digest.constantTimeEqual("abc", "ab"))
        #expect(Digest.randomBytes(32) != Digest.randomBytes(32))
    }

    // RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
        ("foobar", "Zm9vYmFy"),
    ])
    func `Base64 follows its vectors`(plain: String, coded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == coded)
        #expect(Base64.decode(coded) == Array(plain.utf8))
        let bare = String(coded.prefix { $0 != "=" })
        #expect(Base64.encode(Array(plain.utf8), alphabet: .url) == bare)
        #expect(Base64.decode(bare, alphabet: .url) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v=", "=", "====", "Zm 9", "Z-_=", "Zg==Zg=="])
    func `Base64 that no encoder writes is refused`(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test func `all bytes pass through hexadecimal and Base64`() {
        let all = (0...255).map { UInt8($0) }
        #expect(Hex.decode(Hex.encode(all)) == all)
        #expect(Hex.decode("AbC0") == [0xAB, 0xC0])
        #expect(Hex.decode("abc") == nil)
        #expect(Hex.decode("0g") == nil)
        #expect(Base64.decode(Base64.encode(all)) == all)
        #expect(Base64.encode([0xFB, 0xFF], alphabet: .url) == "-_8")
    }
}
