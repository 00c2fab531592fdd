import Glibc
import Kit
import Synchronization
import System
import TestSupport
import Testing
import Wire

@testable import Harness

/// Two agents of a session with a volume, the owner's server behind a line that can be cut.
private final class Peers {
    let volume: String
    let owner: ArtifactStore
    let receiver: ArtifactStore
    let token = "coder-1." + String(repeating: "5a", count: 32)
    let port: UInt16
    private let server: HTTPServer
    private let listener: SharedDescriptor

    init() throws {
        Signals.ignoreSIGPIPE()
        volume = try Files.temporaryDirectory(prefix: "artifacts")
        owner = ArtifactStore(directory: "\(volume)/artifacts/coder-1")
        receiver = ArtifactStore(directory: "\(volume)/artifacts/coder-2")
        listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        port = try Sockets.localPort(listener.raw)
        let artifacts = ArtifactServer(store: owner) { [token] in token }
        server = try HTTPServer(listener: listener, name: "face") { try artifacts.answer($0, $1) }
        server.start()
    }

    deinit {
        server.stop()
        try? Files.removeTree(volume)
    }

    func put(_ name: String, _ bytes: [UInt8]) throws -> Artifact {
        let path = "\(volume)/source"
        try Files.write(path, bytes)
        let file = try Files.open(path)
        let (size, digest) = try owner.put(name, from: file.raw)
        return Artifact(owner: "coder-1", name: name, size: size, digest: digest)
    }

    func grant(_ digest: String) -> String {
        PeerGrant.make(
            owner: token, peer: "coder-2", use: .artifact(digest), until: Clock.wallMilliseconds() + 60_000)
            ?? ""
    }

    func offer(_ artifact: Artifact, port: UInt16? = nil) -> ArtifactReceiver.Offer? {
        ArtifactReceiver.Offer(
            [
                "size": JSON(artifact.size), "sha256": .string(artifact.digest), "host": "127.0.0.1",
                "port": JSON(Int(port ?? self.port)), "grant": .string(grant(artifact.digest)),
            ], owner: artifact.owner, name: artifact.name)
    }

    func get(_ offers: [ArtifactReceiver.Offer?]) throws -> ArtifactReceiver.Receipt {
        var rest = offers.compactMap { $0 }
        let receiver = ArtifactReceiver(
            store: receiver, volume: volume,
            offer: { () throws(HarnessError) in
                guard let next = rest.first else { throw HarnessError("ask", "nothing is offered") }
                if rest.count > 1 { rest.removeFirst() }
                return next
            }, resolve: { $0 }, isStopping: { false }, onProgress: {})
        return try receiver.run()
    }

    func ask(
        _ method: String, _ path: String, grant: String?, range: String? = nil
    ) throws -> HTTPResponse {
        var request = HTTPRequest(method, path)
        if let grant { request.headers["Authorization"] = Authorization.bearer(grant) }
        if let range { request.headers["Range"] = range }
        return try HTTPClient.send(request, to: .tcp("127.0.0.1", port))
    }

    var leftovers: [String] { (try? Files.list("\(volume)/artifacts/coder-2/.part")) ?? [] }
}

/// A line that lets so many bytes of each answer through and then breaks.
private final class CutLine: Sendable {
    let port: UInt16
    private let listener: SharedDescriptor
    let connections = Mutex(0)

    init(to target: UInt16, after limit: Int) throws {
        let listener = SharedDescriptor(try Sockets.listenTCP("127.0.0.1", port: 0))
        self.listener = listener
        port = try Sockets.localPort(listener.raw)
        Worker.start("cut") { [self] in
            while let client = try? Sockets.accept(listener.raw).shared() {
                connections.withLock { $0 += 1 }
                guard let server = try? Sockets.connectTCP("127.0.0.1", port: target).shared() else { return }
                Worker.start("up") {
                    while let bytes = try? IO.read(client.raw), !bytes.isEmpty,
                        (try? IO.writeAll(server.raw, bytes)) != nil
                    {}
                }
                var left = limit
                while left > 0, let bytes = try? IO.read(server.raw, min(left, 65536)), !bytes.isEmpty {
                    left -= bytes.count
                    if (try? IO.writeAll(client.raw, bytes)) == nil { break }
                }
                IO.shutdown(client.raw)
                IO.shutdown(server.raw)
            }
        }
    }

    deinit { IO.shutdown(listener.raw) }
}

@Suite struct ArtifactTests {
    private func bytes(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var random = SeededRandom(seed: seed)
        return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    }

    @Test func `a file comes whole although every connection is cut, and each goes on where the last ended`()
        throws
    {
        let peers = try Peers()
        let content = bytes(3_000_017)
        let artifact = try peers.put("build.tar", content)
        let line = try CutLine(to: peers.port, after: 700_000)
        let receipt = try peers.get([peers.offer(artifact, port: line.port)])
        #expect(receipt.isDirect && receipt.cuts >= 4)
        #expect(receipt.path == "\(peers.volume)/artifacts/coder-2/received/coder-1/build.tar")
        #expect(try Files.read(receipt.path) == content)
        // Had one of them begun anew, it would have taken more.
        #expect(line.connections.withLock { $0 } == receipt.cuts + 1)
        #expect(peers.leftovers.isEmpty)
    }

    @Test func `what an earlier try left is used when it is right, and found out when it is not`() throws {
        let peers = try Peers()
        let content = bytes(100_000)
        let artifact = try peers.put("a", content)
        let folder = "\(peers.volume)/artifacts/coder-2/.part"
        try Files.makeDirectories(folder)
        try Files.write("\(folder)/\(artifact.digest)", Array(content.prefix(60_000)))
        #expect(try Files.read(peers.get([peers.offer(artifact)]).path) == content)
        try Files.removeTree("\(peers.volume)/artifacts/coder-2")
        try Files.makeDirectories(folder)
        try Files.write("\(folder)/\(artifact.digest)", bytes(60_000, seed: 2))
        #expect(throws: HarnessError.self) { try peers.get([peers.offer(artifact)]) }
        // It is gone, so the next try is a fresh one.
        #expect(try Files.read(peers.get([peers.offer(artifact)]).path) == content)
        try Files.remove("\(peers.volume)/artifacts/coder-2/received/coder-1/a")
        try Files.write("\(folder)/\(artifact.digest)", bytes(200_000))
        #expect(try Files.read(peers.get([peers.offer(artifact)]).path) == content)
    }

    @Test func `a file with another digest than was announced does not get its name`() throws {
        let peers = try Peers()
        let artifact = try peers.put("a.bin", bytes(50_000))
        try Files.write(
            "\(peers.volume)/artifacts/coder-1/.sha256/\(artifact.digest)", bytes(50_000, seed: 9))
        #expect {
            try peers.get([peers.offer(artifact)])
        } throws: { error in
            "\(error)".contains("is not what was announced")
        }
        #expect(!Files.exists("\(peers.volume)/artifacts/coder-2/received/coder-1/a.bin"))
        #expect(peers.leftovers.isEmpty)
    }

    @Test func `without a leave for this very file nobody gets a byte, or learns what is there`() throws {
        let peers = try Peers()
        let artifact = try peers.put("secret", bytes(10))
        let other = try peers.put("other", bytes(11))
        let path = "/artifacts/\(artifact.digest)"
        let wrong = [nil, "", "x", peers.token, peers.grant(other.digest)]
        for grant in wrong {
            let answer = try peers.ask("GET", path, grant: grant)
            #expect(answer.status == 401)
            let absent = try peers.ask("GET", "/artifacts/\(String(repeating: "0", count: 64))", grant: grant)
            #expect(absent.body == answer.body && absent.status == 401)
        }
        #expect(try peers.ask("GET", path, grant: peers.grant(artifact.digest)).body == bytes(10))
        for name in ["../coder-1/secret", "..", "", "%2e%2e/secret", ".part/x"] {
            #expect(
                try [400, 401, 404].contains(
                    peers.ask("GET", "/artifacts/\(name)", grant: peers.grant(name)).status))
        }
        #expect(try peers.ask("DELETE", path, grant: peers.grant(artifact.digest)).status == 405)
    }

    @Test func `parts are answered with their place, and what lies behind the end is refused`() throws {
        let peers = try Peers()
        let content = bytes(1000)
        let artifact = try peers.put("a", content)
        let (path, grant) = ("/artifacts/\(artifact.digest)", peers.grant(artifact.digest))
        let part = try peers.ask("GET", path, grant: grant, range: "bytes=990-")
        #expect(part.status == 206 && part.body == Array(content[990...]))
        #expect(part.headers["Content-Range"] == "bytes 990-999/1000")
        let middle = try peers.ask("GET", path, grant: grant, range: "bytes=10-19")
        #expect(middle.body == Array(content[10...19]) && middle.headers["ETag"] == "\"\(artifact.digest)\"")
        let behind = try peers.ask("GET", path, grant: grant, range: "bytes=1000-")
        #expect(behind.status == 416 && behind.headers["Content-Range"] == "bytes */1000")
        let many = try peers.ask("GET", path, grant: grant, range: "bytes=0-0,5-6")
        #expect(many.status == 200 && many.body == content)
        let head = try peers.ask("HEAD", path, grant: grant)
        #expect(head.status == 200 && head.body.isEmpty && head.headers["Content-Length"] == "1000")
        let empty = try peers.put("empty", [])
        let answer = try peers.ask("GET", "/artifacts/\(empty.digest)", grant: peers.grant(empty.digest))
        #expect(answer.status == 200 && answer.body.isEmpty)
        #expect(try Files.read(peers.get([peers.offer(empty)]).path).isEmpty)
    }

    @Test func `an owner that is away is no loss, because what it put is on the volume`() throws {
        let peers = try Peers()
        let content = bytes(200_000)
        let artifact = try peers.put("a", content)
        // Nobody listens on port 1.
        let receipt = try peers.get([peers.offer(artifact, port: 1)])
        #expect(!receipt.isDirect)
        #expect(try Files.read(receipt.path) == content)
    }

    @Test func `a file that was put anew meanwhile is fetched as it is now`() throws {
        let peers = try Peers()
        let old = try peers.put("a", bytes(1000))
        let new = try peers.put("a", bytes(2000, seed: 3))
        // The old content has no name any more, so it is gone.
        #expect(try Files.list("\(peers.volume)/artifacts/coder-1/.sha256") == [new.digest])
        let receipt = try peers.get([peers.offer(old), peers.offer(new)])
        #expect(receipt.artifact == new && receipt.isDirect)
        #expect(try Files.read(receipt.path) == bytes(2000, seed: 3))
    }

    @Test func `the disk is bounded: what can be had again goes first, what is one's own stays`() throws {
        let folder = try Files.temporaryDirectory(prefix: "artifacts")
        defer { try? Files.removeTree(folder) }
        let store = ArtifactStore(directory: folder, diskLimit: 1000)
        func put(_ name: String, _ count: Int, _ seed: UInt64) throws {
            try Files.write("\(folder)/source", bytes(count, seed: seed))
            let file = try Files.open("\(folder)/source")
            _ = try store.put(name, from: file.raw)
        }
        try Files.makeDirectories("\(folder)/received/coder-9")
        try Files.write("\(folder)/received/coder-9/old", bytes(500))
        try put("one", 600, 1)
        #expect(!Files.exists("\(folder)/received/coder-9/old"))
        #expect(throws: HarnessError.self) { try put("two", 600, 2) }
        try put("three", 300, 3)
        #expect(
            Files.exists("\(folder)/one") && Files.exists("\(folder)/three") && !Files.exists("\(folder)/two")
        )
        #expect(try Files.list("\(folder)/.part").isEmpty)
    }

    @Test func `only a regular file is put, and only under a plain name`() throws {
        let peers = try Peers()
        try #require(mkfifo("\(peers.volume)/pipe", 0o600) == 0)
        for path in [peers.volume, "\(peers.volume)/pipe"] {
            let file = try Files.open(path, O_RDONLY | O_NONBLOCK)
            #expect(throws: HarnessError.self) { try peers.owner.put("a", from: file.raw) }
        }
        for name in ["../a", ".sha256", "received", "a/b", ""] {
            #expect(throws: HarnessError.self) { try peers.put(name, [1]) }
        }
        // A link that somebody laid where content is expected is not followed.
        let digest = String(repeating: "a", count: 64)
        try Files.makeDirectories("\(peers.volume)/artifacts/coder-1/.sha256")
        try Files.symlink("/etc/passwd", at: "\(peers.volume)/artifacts/coder-1/.sha256/\(digest)")
        #expect(try peers.ask("GET", "/artifacts/\(digest)", grant: peers.grant(digest)).status == 404)
    }

    @Test func `a transfer ends, whatever the peer does`() {
        var random = SeededRandom(seed: 11)
        for _ in 0..<2000 {
            let size = Int64(random.below(50))
            var transfer = ArtifactTransfer(size: size, offset: 0)
            var (step, offset, steps) = (transfer.first, Int64(0), 0)
            while step != .verify, step != .volume {
                steps += 1
                if step == .renew {
                    step = .ask(from: offset, afterMilliseconds: 0)
                    continue
                }
                let outcomes: [ArtifactTransfer.Outcome] = [
                    .ended, .cut, .refused(401), .refused(404), .refused(503), .refused(500),
                ]
                if random.below(3) == 0 { offset = min(size, offset + Int64(random.below(5))) }
                step = transfer.next(outcomes[random.below(6)], offset: offset)
            }
            #expect(steps <= (Int(size) + 1) * (Limits.artifactTries + Limits.artifactRenewals))
        }
    }
}
