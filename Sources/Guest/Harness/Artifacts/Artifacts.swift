// What an agent asks about files for its peers.
import Glibc
import Kit
import System
import Wire

/// `artifact.put|get|list` of the agent's socket, and the `artifact` tool.
struct Artifacts: Sendable {
    let session: Session

    private var calls: AgentCalls { AgentCalls(session: session) }

    /// The tool.
    func act(_ input: JSON) throws(HarnessError) -> JSON {
        let text: String
        switch input["action"]?.stringValue {
        case "put":
            let put = try self.put(input)
            text =
                "\(put["name"]?.stringValue ?? "") is there for your peers: "
                + "\(put["size"]?.int64Value ?? 0) bytes, SHA-256 \(put["sha256"]?.stringValue ?? "")."
        case "get":
            let got = try fetch(input)
            text =
                "It is at \(got.path): \(got.artifact.size) bytes, SHA-256 \(got.artifact.digest). "
                + "It cannot be changed there; copy it to where you need it."
        case "list":
            let all = try calls.get("artifacts")["artifacts"]?.arrayValue ?? []
            let lines = all.map {
                "\($0["agent"]?.stringValue ?? ""): \($0["name"]?.stringValue ?? ""), "
                    + "\($0["size"]?.int64Value ?? 0) bytes"
            }
            text = lines.isEmpty ? "[no artifacts]" : lines.joined(separator: "\n")
        default: return Tools.problem("`action` is put, get or list.")
        }
        return ["content": .string(text), "is_error": false]
    }

    /// Puts a file of the tools' view (`path`), or a text (`content`), under a name.
    func put(_ params: JSON) throws(HarnessError) -> JSON {
        let path = params["path"]?.stringValue
        let name = params["name"]?.stringValue ?? path.map { Files.name(of: $0) } ?? ""
        guard Artifact.isName(name) else { throw ArtifactStore.badName("put an artifact") }
        let file: SharedDescriptor
        if let path {
            file = try session.toolSession(session.currentTaskID).open(path)
        } else if let content = params["content"]?.stringValue {
            file = try SandboxFiles.file(Array(content.utf8), guest: session.guest)
        } else {
            throw HarnessError("put \(name)", "`path`, a file, is required (or `content`, a text)")
        }
        let (size, digest) = try session.artifacts.put(name, from: file.raw)
        do throws(HarnessError) {
            _ = try calls.post(
                "artifacts", ["name": .string(name), "size": JSON(size), "sha256": .string(digest)])
        } catch {
            session.artifacts.withdraw(name)
            throw error
        }
        let place = "\(session.guest.workspace)/\(Artifact.path(owner: session.agentID, name: name))"
        return [
            "name": .string(name), "path": .string(place), "size": JSON(size), "sha256": .string(digest),
        ]
    }

    /// Has a file of a peer; its text comes along when it is a short one.
    func get(_ params: JSON) throws(HarnessError) -> JSON {
        let got = try fetch(params)
        var answer: JSON = [
            "path": .string(got.path), "size": JSON(got.artifact.size),
            "sha256": .string(got.artifact.digest),
        ]
        if got.artifact.size <= Limits.artifactTextBytes,
            let bytes = try? Files.read(got.path, limit: Limits.artifactTextBytes),
            let text = String(validating: bytes, as: UTF8.self)
        {
            answer["content"] = .string(text)
        }
        return answer
    }

    private func fetch(_ params: JSON) throws(HarnessError) -> ArtifactReceiver.Receipt {
        let owner = try AgentCalls.word(params, "agent", default: session.agentID)
        let name = params["name"]?.stringValue ?? ""
        guard Artifact.isName(name) else { throw ArtifactStore.badName("get an artifact") }
        let (calls, session, start) = (calls, session, Supervisor.now)
        let question: JSON = ["agent": .string(owner), "name": .string(name)]
        func offer() throws(HarnessError) -> ArtifactReceiver.Offer {
            let answer = try calls.post("artifacts/grant", question)
            guard let offer = ArtifactReceiver.Offer(answer, owner: owner, name: name) else {
                throw HarnessError("get \(owner)/\(name)", "the coordinator's answer is not understood")
            }
            return offer
        }
        if owner == session.agentID {
            let artifact = try offer().artifact
            let path = "\(session.guest.workspace)/\(Artifact.path(owner: owner, name: name))"
            return .init(artifact: artifact, path: path, cuts: 0, isDirect: true)
        }
        let receiver = ArtifactReceiver(
            store: session.artifacts, volume: session.guest.workspace, offer: offer,
            resolve: { session.address(of: $0) }, isStopping: { session.isStopping },
            onProgress: { session.progress() })
        do throws(HarnessError) {
            let receipt = try receiver.run()
            _ = try calls.post(
                "artifacts/received",
                [
                    "agent": .string(owner), "name": .string(name), "size": JSON(receipt.artifact.size),
                    "sha256": .string(receipt.artifact.digest), "cuts": JSON(receipt.cuts),
                    "direct": JSON(receipt.isDirect), "milliseconds": JSON(Supervisor.now - start),
                ])
            return receipt
        } catch {
            // The reason is for the journal too; the agent has it either way.
            _ = try? calls.post(
                "artifacts/refused",
                ["agent": .string(owner), "name": .string(name), "reason": .string(error.description)])
            throw error
        }
    }
}
