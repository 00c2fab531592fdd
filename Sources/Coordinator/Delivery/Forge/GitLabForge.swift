import Kit

/// GitLab, API version 4, where a pull request is a merge request.
struct GitLabForge: Forge {
    let place: ForgePlace
    var client: ForgeClient

    init(_ place: ForgePlace, token: String?) {
        self.place = place
        client = ForgeClient(api: place.api, authorization: token.map { ("PRIVATE-TOKEN", $0) })
    }

    private var project: String { "/projects/\(ForgeText.encoded(place.path))" }
    private static let draftPrefix = "Draft: "

    func find(branch: String) throws(ForgeError) -> ForgePull? {
        let found = try client.send(
            "GET",
            "\(project)/merge_requests?source_branch=\(ForgeText.encoded(branch))"
                + "&order_by=created_at&per_page=100"
        )
        let pulls = try (found.arrayValue ?? []).map { (json) throws(ForgeError) in try read(json) }
        return pulls.first { $0.state == .open } ?? pulls.first
    }

    private func title(_ wish: ForgeWish) -> String { (wish.isDraft ? Self.draftPrefix : "") + wish.title }

    func open(_ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        let body: JSON = [
            "title": .string(title(wish)), "source_branch": .string(wish.branch),
            "target_branch": .string(wish.base), "description": .string(wish.text),
        ]
        return try read(try client.send("POST", "\(project)/merge_requests", body, isRepeatable: false))
    }

    func update(_ pull: ForgePull, _ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        let body: JSON = [
            "title": .string(title(wish)), "description": .string(wish.text),
            "target_branch": .string(wish.base),
        ]
        return try read(try client.send("PUT", "\(project)/merge_requests/\(pull.number)", body))
    }

    func decorate(_ pull: ForgePull, labels: [String], reviewers: [String]) throws(ForgeError) {
        var body: JSON = [:]
        if !labels.isEmpty { body["add_labels"] = .string(labels.joined(separator: ",")) }
        var ids: [JSON] = []
        for name in reviewers {
            let found = try client.send("GET", "/users?username=\(ForgeText.encoded(name))")
            guard let id = found.arrayValue?.first?["id"] else {
                throw ForgeError(.invalid, "GitLab has no user \(name) to review \(pull.url)")
            }
            ids.append(id)
        }
        if !ids.isEmpty { body["reviewer_ids"] = .array(ids) }
        guard body != [:] else { return }
        try client.send("PUT", "\(project)/merge_requests/\(pull.number)", body)
    }

    func merge(_ pull: ForgePull, commit: String) throws(ForgeError) {
        let answer = try client.send(
            "PUT", "\(project)/merge_requests/\(pull.number)/merge", ["sha": .string(commit)],
            isRepeatable: false)
        guard answer["state"]?.stringValue == "merged" else {
            throw ForgeError(
                .conflict, "merge \(pull.url): it is \(answer["state"]?.stringValue ?? "not merged")")
        }
    }

    func checks(of commit: String) throws(ForgeError) -> ForgeChecks {
        let found = try client.pages("\(project)/repository/commits/\(commit)/statuses?per_page=100") { $0 }
        var checks = ForgeChecks(isComplete: found.isComplete)
        for one in found.items {
            let state = one["status"]?.stringValue ?? ""
            let mayFail = one["allow_failure"] == true && ["failed", "canceled"].contains(state)
            checks.add(
                one["name"]?.stringValue ?? "", mayFail ? "skipped" : state,
                one["description"]?.stringValue ?? "")
        }
        return checks
    }

    func issue(_ number: Int) throws(ForgeError) -> ForgeIssue {
        let issue = try client.send("GET", "\(project)/issues/\(number)")
        let notes = try client.pages("\(project)/issues/\(number)/notes?sort=asc&per_page=100") { $0 }
        return ForgeIssue(
            title: issue["title"]?.stringValue ?? "", text: issue["description"]?.stringValue ?? "",
            comments: notes.items.filter { $0["system"] != true }.map {
                "\($0["author"]?["username"]?.stringValue ?? "somebody"): \($0["body"]?.stringValue ?? "")"
            })
    }

    private func read(_ json: JSON) throws(ForgeError) -> ForgePull {
        guard let number = json["iid"]?.intValue, let url = json["web_url"]?.stringValue,
            let state = json["state"]?.stringValue
        else {
            throw ForgeError(.strange, "a merge request of \(place.path) lacks iid, web_url or state")
        }
        return ForgePull(
            number: number, url: url,
            state: state == "merged" ? .merged : state == "opened" ? .open : .closed,
            isDraft: json["draft"]?.boolValue ?? false, commit: json["sha"]?.stringValue ?? "")
    }
}
