import Kit

/// What agents have drawn, as few messages: of each surface its creation, its components as they are now, and
/// the changes of its data that nothing later replaced.
struct SnapshotDrawings: Sendable {
    static let type = "canvas.changed"

    fileprivate struct Moment: Sendable {
        var seq: Int64
        var at: Int64
    }

    fileprivate struct Surface: Sendable {
        var agent: String
        var created: Moment
        var updated: Moment
        var creation: JSON
        /// Ids in the order in which they came.
        var order: [String] = []
        var components: [String: JSON] = [:]
        var data: [(path: String, message: JSON)] = []
    }

    private var surfaces: [String: Surface] = [:]
    /// The last time that an agent drew at all.
    private var drew: [String: Moment] = [:]
    private var session: JSON = ""

    /// Takes a `canvas.changed`. Its messages were checked before they were written.
    mutating func take(_ event: JSON) {
        guard let seq = event["seq"]?.int64Value, let at = event["at"]?.int64Value else { return }
        let moment = Moment(seq: seq, at: at)
        let agent = event["data"]?["agent"]?.stringValue ?? ""
        session = event["session"] ?? session
        drew[agent] = moment
        for message in event["data"]?["messages"]?.arrayValue ?? [] {
            let kind = message.objectValue?.keys.first { $0 != "version" } ?? ""
            guard let body = message[kind], let name = body["surfaceId"]?.stringValue else { continue }
            if kind == "createSurface" {
                surfaces[name] = Surface(
                    agent: agent, created: moment, updated: moment, creation: message)
                continue
            }
            // Out of the dictionary while it is changed, so that nothing is copied.
            guard var surface = surfaces.removeValue(forKey: name), kind != "deleteSurface" else { continue }
            surface.updated = moment
            switch kind {
            case "updateComponents": surface.take(components: body["components"]?.arrayValue ?? [])
            case "updateDataModel": surface.take(data: message, at: body["path"]?.stringValue ?? "/")
            default: break
            }
            surfaces[name] = surface
        }
    }

    /// By their numbers.
    var events: [Int64: JSON] {
        var messages: [Int64: [JSON]] = [:]
        var facts: [Int64: (agent: String, at: Int64)] = [:]
        for (agent, moment) in drew {
            (messages[moment.seq], facts[moment.seq]) = ([], (agent, moment.at))
        }
        // Creations first: a surface may have been made and filled by the same event.
        for name in surfaces.keys.sorted() {
            guard let surface = surfaces[name] else { continue }
            facts[surface.created.seq] = (surface.agent, surface.created.at)
            messages[surface.created.seq, default: []].append(surface.creation)
        }
        for name in surfaces.keys.sorted() {
            guard let surface = surfaces[name] else { continue }
            facts[surface.updated.seq] = (surface.agent, surface.updated.at)
            messages[surface.updated.seq, default: []] += surface.content(name)
        }
        var events: [Int64: JSON] = [:]
        for (seq, fact) in facts {
            events[seq] = [
                "seq": JSON(seq), "session": session, "at": JSON(fact.at), "type": .string(Self.type),
                "hash": "", "count": 2,
                "data": ["agent": .string(fact.agent), "messages": .array(messages[seq] ?? [])],
            ]
        }
        return events
    }
}

extension SnapshotDrawings.Surface {
    fileprivate mutating func take(components list: [JSON]) {
        for component in list {
            guard let id = component["id"]?.stringValue else { continue }
            if components.updateValue(component, forKey: id) == nil { order.append(id) }
        }
    }

    /// A change replaces those at its own path and below it.
    fileprivate mutating func take(data message: JSON, at path: String) {
        let below = path.hasSuffix("/") ? path : path + "/"
        let place = data.firstIndex { $0.path == path }
        if let place { data[place].message = message }
        data.removeAll { $0.path != path && $0.path.hasPrefix(below) }
        if place == nil { data.append((path, message)) }
    }

    fileprivate func content(_ name: String) -> [JSON] {
        let list = order.compactMap { components[$0] }
        guard !list.isEmpty else { return data.map(\.message) }
        let body: JSON = ["surfaceId": .string(name), "components": .array(list)]
        return [["version": "v0.9", "updateComponents": body]] + data.map(\.message)
    }
}
