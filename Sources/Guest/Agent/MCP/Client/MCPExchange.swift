import Kit
import Wire

/// Which of our requests are open at a server, and what came of them. A value: no I/O, no clock.
struct MCPExchange {
    /// What one message asks its receiver to do.
    struct Reaction {
        /// To be sent to the server.
        var answers: [JSON] = []
        /// How far a call is, in words of the server.
        var progress: [String] = []
    }

    private var nextID: Int64 = 1
    private var waiting: Set<Int64> = []
    private var answers: [Int64: Result<JSON, JSONRPCError>] = [:]
    private var strays = 0
    /// How often the server said that its list of tools is another one.
    private(set) var listChanges = 0
    /// Reports of progress for each open request.
    private(set) var reports: [Int64: Int] = [:]
    /// Why the server is not worth listening to any longer.
    private(set) var failure: String?

    /// A request of ours; its number is also the token of its progress.
    mutating func request(_ method: String, _ params: JSON) -> (id: Int64, message: JSON) {
        defer { nextID += 1 }
        waiting.insert(nextID)
        var params = params
        params["_meta"] = ["progressToken": JSON(nextID)]
        return (nextID, JSONRPCMessage.request(id: .number(nextID), method: method, params: params).json)
    }

    /// The answer to a request, once.
    mutating func take(_ id: Int64) -> Result<JSON, JSONRPCError>? {
        guard let answer = answers.removeValue(forKey: id) else { return nil }
        forget(id)
        return answer
    }

    /// True while it has no answer and somebody waits for one.
    func isOpen(_ id: Int64) -> Bool { waiting.contains(id) && answers[id] == nil }

    /// Nobody waits for it any longer; an answer that comes late counts as a stray.
    mutating func forget(_ id: Int64) {
        waiting.remove(id)
        answers[id] = nil
        reports[id] = nil
    }

    /// An answer that somebody else brings: the transport, when the server's own will not come.
    mutating func settle(_ id: Int64, _ error: JSONRPCError) {
        if waiting.contains(id), answers[id] == nil { answers[id] = .failure(error) }
    }

    /// Bytes that are no message.
    mutating func stray(_ what: String) {
        strays += 1
        if strays > MCPLimits.strayMessages, failure == nil {
            failure =
                "it sent more than \(MCPLimits.strayMessages) messages that nobody asked for, at last "
                + "\(what); a program's own words belong on its standard error"
        }
    }

    mutating func receive(_ json: JSON) -> Reaction {
        var reaction = Reaction()
        if let batch = json.arrayValue {
            guard batch.count <= MCPLimits.batch else {
                stray("a batch of \(batch.count)")
                return reaction
            }
            for message in batch { receive(message, &reaction) }
        } else {
            receive(json, &reaction)
        }
        return reaction
    }

    private mutating func receive(_ json: JSON, _ reaction: inout Reaction) {
        let message: JSONRPCMessage
        do throws(JSONRPCError) {
            message = try JSONRPCMessage(json)
        } catch {
            return stray("one that is none: \(error.message)")
        }
        switch message {
        case .request(let id, "ping", _):
            reaction.answers.append(JSONRPCMessage.response(id: id, result: [:]).json)
        case .request(let id, let method, _):
            // It wants to ask our model, our person, our files: none of these was offered.
            stray("a request for \(method.prefix(80))")
            reaction.answers.append(
                JSONRPCMessage.failure(id: id, .methodNotFound(String(method.prefix(80)))).json)
        case .notification("notifications/tools/list_changed", _): listChanges += 1
        case .notification("notifications/progress", let params): report(params, &reaction)
        // Logs, and what later versions may add.
        case .notification: break
        case .response(let id, let result): settle(id, .success(result))
        case .failure(let id?, let error): settle(id, .failure(error))
        case .failure(nil, let error): stray("an error without an id: \(error.message.prefix(200))")
        }
    }

    private mutating func settle(_ id: JSONRPCMessage.ID, _ answer: Result<JSON, JSONRPCError>) {
        guard case .number(let number) = id, waiting.contains(number), answers[number] == nil else {
            return stray("an answer to a request that is not open")
        }
        answers[number] = answer
        strays = 0
    }

    private mutating func report(_ params: JSON, _ reaction: inout Reaction) {
        guard let id = params["progressToken"]?.int64Value, waiting.contains(id) else {
            return stray("progress of a request that is not open")
        }
        reports[id, default: 0] += 1
        var words =
            params["message"]?.stringValue.map { String($0.prefix(MCPLimits.briefCharacters)) } ?? ""
        if let done = params["progress"]?.doubleValue {
            let total = params["total"]?.doubleValue.map { " of \(Self.short($0))" } ?? ""
            words = "\(Self.short(done))\(total)" + (words.isEmpty ? "" : " \(words)")
        }
        if !words.isEmpty { reaction.progress.append(words) }
    }

    private static func short(_ number: Double) -> String {
        Int64(exactly: number).map { "\($0)" } ?? "\(number)"
    }
}
