import Kit
import Testing

@Suite struct PeerGrantTests {
    private let secret = String(repeating: "5a", count: 32)
    private let digest = String(repeating: "ab", count: 32)
    private let now: Int64 = 1_700_000_000_000

    private func token(_ agent: String, _ secret: String? = nil) throws -> String {
        try #require(AgentToken.derive(sessionToken: secret ?? self.secret, agent: agent, generation: 1))
    }

    private func grant(_ use: PeerGrant.Use, until: Int64? = nil) throws -> String {
        try #require(
            PeerGrant.make(owner: token("coder-1"), peer: "coder-2", use: use, until: until ?? now + 1000))
    }

    @Test func `a grant is good for its peer, its use, its owner and its time, and for nothing else`() throws
    {
        let text = try grant(.artifact(digest))
        let owner = try token("coder-1")
        #expect(PeerGrant.check(text, owner: owner, use: .artifact(digest), now: now)?.peer == "coder-2")
        #expect(
            PeerGrant.check(text, owner: owner, use: .artifact(String(digest.reversed())), now: now) == nil)
        #expect(PeerGrant.check(text, owner: owner, use: .health, now: now) == nil)
        #expect(PeerGrant.check(text, owner: owner, use: .language(digest), now: now) == nil)
        #expect(PeerGrant.check(text, owner: owner, use: .artifact(digest), now: now + 1000) == nil)
        #expect(PeerGrant.check(text, owner: try token("coder-2"), use: .artifact(digest), now: now) == nil)
        // Another session has another secret.
        let other = try token("coder-1", String(repeating: "5b", count: 32))
        #expect(PeerGrant.check(text, owner: other, use: .artifact(digest), now: now) == nil)
    }

    @Test func `no part of a grant can be changed, and the owner's token is no grant`() throws {
        let text = try grant(.health)
        let owner = try token("coder-1")
        for index in text.indices {
            var changed = text
            changed.replaceSubrange(index...index, with: text[index] == "1" ? "2" : "1")
            #expect(PeerGrant.check(changed, owner: owner, use: .health, now: now) == nil, "\(changed)")
        }
        for wrong in [
            "", "grant", "grant...", owner, text + ".", "." + text, String(repeating: "g", count: 1000),
        ] {
            #expect(PeerGrant.check(wrong, owner: owner, use: .health, now: now) == nil)
        }
        #expect(!text.contains(owner.split(separator: ".")[1]))
    }

    @Test func `a grant for longer than grants live is none`() throws {
        let far = try grant(.health, until: now + 3 * PeerGrant.lifeMilliseconds)
        #expect(PeerGrant.check(far, owner: try token("coder-1"), use: .health, now: now) == nil)
        #expect(PeerGrant.make(owner: "coder-1.xyz", peer: "coder-2", use: .health, until: now) == nil)
    }

    @Test(arguments: [
        "", ".", "..", ".hidden", "a/b", "a b", "ä", "received", "a\n", String(repeating: "a", count: 129),
    ])
    func `what is no plain name is no artifact's name`(name: String) {
        #expect(!Artifact.isName(name))
    }

    @Test func `plain names are names, and a digest has its form`() {
        for name in ["a", "build.tar.gz", "A_b-1", "a..b"] { #expect(Artifact.isName(name)) }
        #expect(Artifact.isDigest(digest) && !Artifact.isDigest(digest.uppercased()))
        #expect(!Artifact.isDigest("../" + digest.dropFirst(3)) && !Artifact.isDigest(digest + "0"))
    }
}
