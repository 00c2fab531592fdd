// The receiver's side: asking, going on after a cut, and believing nothing but the digest.
import Glibc
import Kit
import System
import Wire

/// Fetches one file of a peer.
struct ArtifactReceiver {
    /// What the coordinator says about it.
    struct Offer {
        var artifact: Artifact
        var place: PeerPlace

        init?(_ json: JSON, owner: String, name: String) {
            guard let size = json["size"]?.int64Value, (0...Artifact.sizeLimit).contains(size),
                let digest = json["sha256"]?.stringValue, Artifact.isDigest(digest),
                let place = PeerPlace(json)
            else { return nil }
            artifact = Artifact(owner: owner, name: name, size: size, digest: digest)
            self.place = place
        }
    }

    /// How it went.
    struct Receipt {
        var artifact: Artifact
        var path: String
        var cuts: Int
        /// From the owner's guest, and not from the volume.
        var isDirect: Bool
    }

    let store: ArtifactStore
    let volume: String
    /// Asks the coordinator.
    let offer: () throws(HarnessError) -> Offer
    /// The address of a host of the session.
    let resolve: (String) -> String
    let isStopping: () -> Bool
    /// Called with every piece.
    let onProgress: () -> Void

    /// What became of one content of the name.
    private enum End {
        case received(Receipt)
        /// The name stands for other content now.
        case changed(Offer)
    }

    func run() throws(HarnessError) -> Receipt {
        var current = try offer()
        for _ in 0...Limits.artifactRenewals {
            switch try fetch(current) {
            case .received(let receipt): return receipt
            case .changed(let next): current = next
            }
        }
        throw HarnessError("get \(current.artifact.id)", "it is replaced faster than it can be fetched")
    }

    private func fetch(_ first: Offer) throws(HarnessError) -> End {
        var current = first
        let artifact = first.artifact
        if let path = store.received(artifact) {
            return .received(Receipt(artifact: artifact, path: path, cuts: 0, isDirect: true))
        }
        var part = try store.part(of: artifact)
        defer { store.release(artifact) }
        var transfer = ArtifactTransfer(size: artifact.size, offset: part.offset)
        var isDirect = true
        var step = transfer.first
        while true {
            if isStopping() { throw HarnessError("get \(artifact.id)", "the guest is shutting down") }
            switch step {
            case .ask(_, let pause):
                if pause > 0 { usleep(UInt32(pause) * 1000) }
                step = transfer.next(try ask(current, &part), offset: part.offset)
            case .renew:
                let next = try offer()
                guard next.artifact == artifact else { return .changed(next) }
                current = next
                step = .ask(from: part.offset, afterMilliseconds: 0)
            case .volume:
                isDirect = false
                try readVolume(artifact, &part)
                step = .verify
            case .verify:
                let path = try store.commit(part, artifact)
                return .received(
                    Receipt(artifact: artifact, path: path, cuts: transfer.cuts, isDirect: isDirect))
            }
        }
    }

    /// One request for everything that is missing.
    private func ask(_ offer: Offer, _ part: inout ArtifactStore.Part) throws(HarnessError)
        -> ArtifactTransfer.Outcome
    {
        let artifact = offer.artifact
        var request = HTTPRequest("GET", ArtifactServer.path + artifact.digest)
        offer.place.sign(&request)
        if part.offset > 0 { request.headers["Range"] = "bytes=\(part.offset)-" }
        let begin = part.offset
        var growing = part
        var failure: SystemError?
        var outcome: ArtifactTransfer.Outcome
        do throws(HTTPError) {
            let response = try HTTPClient.send(
                request, to: .tcp(resolve(offer.place.host), offer.place.port),
                timeoutMilliseconds: Limits.artifactSilenceMilliseconds,
                idleMilliseconds: Limits.artifactSilenceMilliseconds, maxBodyBytes: 64 << 10
            ) { bytes in
                onProgress()
                guard growing.offset + Int64(bytes.count) <= artifact.size, !isStopping() else {
                    return false
                }
                do throws(SystemError) { try growing.append(bytes) } catch {
                    failure = error
                    return false
                }
                return true
            }
            outcome = response.isSuccess ? .ended : .refused(response.status)
            // The whole again, instead of what was asked for: none of it belongs where it went.
            let range = ByteRange.parse(contentRange: response.headers["Content-Range"])
            if begin > 0, response.isSuccess, range?.range.first != begin || range?.size != artifact.size {
                outcome = .refused(500)
                growing = try anew(artifact, part)
            }
        } catch {
            outcome = .cut
        }
        part = growing
        if let failure { throw HarnessError("get \(artifact.id)", failure) }
        return outcome
    }

    /// Begins again with nothing.
    private func anew(_ artifact: Artifact, _ part: ArtifactStore.Part) throws(HTTPError)
        -> ArtifactStore.Part
    {
        guard ftruncate(part.file.raw, 0) == 0 else {
            throw HTTPError(.misuse, "beginning \(artifact.id) again failed")
        }
        return ArtifactStore.Part(file: part.file, path: part.path, offset: 0, digest: SHA256Stream())
    }

    /// The owner's guest is gone, asleep or too busy: what it put is on the volume.
    private func readVolume(_ artifact: Artifact, _ part: inout ArtifactStore.Part) throws(HarnessError) {
        let path = "\(volume)/\(Artifact.path(owner: artifact.owner, digest: artifact.digest))"
        var growing = part
        try attempt("get \(artifact.id) from the volume", hint: "ask \(artifact.owner) to put it again") {
            () throws(SystemError) in
            let (file, _) = try ArtifactStore.open(path)
            while growing.offset < artifact.size {
                let wanted = min(Int64(ArtifactStore.pieceBytes), artifact.size - growing.offset)
                let piece = try IO.read(file.raw, at: growing.offset, Int(wanted))
                if piece.isEmpty { break }
                onProgress()
                try growing.append(piece)
            }
        }
        part = growing
    }
}
