import Kit

/// GitHub and GitHub Enterprise Server, REST API version 2022-11-28.
struct GitHubForge: Forge {
    let place: ForgePlace
    var client: ForgeClient

    init(_ place: ForgePlace, token: String?) {
        self.place = place
        client = ForgeClient(
            api: place.api, authorization: token.map { ("Authorization", "Bearer \($0)") },
            accept: "application/vnd.github+json", headers: [("X-GitHub-Api-Version", "2022-11-28")])
    }

    private var repository: String { "/repos/\(place.path)" }

    func find(branch: String) throws(ForgeError) -> ForgePull? {
        let head = ForgeText.encoded("\(place.owner):\(branch)")
        let found = try client.send(
            "GET", "\(repository)/pulls?head=\(head)&state=all&per_page=100&direction=desc")
        guard let items = found.arrayValue else {
            throw ForgeError(.strange, "GET \(repository)/pulls: the answer is no list")
        }
        let pulls = try items.map { (json) throws(ForgeError) in try read(json) }
        return pulls.first { $0.state == .open } ?? pulls.first
    }

    func open(_ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        let body: JSON = [
            "title": .string(wish.title), "head": .string(wish.branch), "base": .string(wish.base),
            "body": .string(wish.text), "draft": JSON(wish.isDraft), "maintainer_can_modify": true,
        ]
        return try read(try client.send("POST", "\(repository)/pulls", body, isRepeatable: false))
    }

    func update(_ pull: ForgePull, _ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        let body: JSON = [
            "title": .string(wish.title), "body": .string(wish.text), "base": .string(wish.base),
        ]
        var updated = try read(try client.send("PATCH", "\(repository)/pulls/\(pull.number)", body))
        // REST cannot change this; the other API can.
        if updated.isDraft, !wish.isDraft {
            let mutation =
                "mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) "
                + "{ pullRequest { isDraft } } }"
            let answer = try client.send(
                "POST", graphQL, ["query": .string(mutation), "variables": ["id": .string(updated.node)]])
            guard
                answer["data"]?["markPullRequestReadyForReview"]?["pullRequest"]?["isDraft"] == false
            else {
                throw ForgeError(
                    .forbidden, "mark \(updated.url) as ready: \(String(answer.text.prefix(300)))")
            }
            updated.isDraft = false
        }
        return updated
    }

    /// Enterprise has both APIs below `/api`.
    private var graphQL: String {
        place.api.hasSuffix("/api/v3") ? "\(place.api.dropLast(3))/graphql" : "\(place.api)/graphql"
    }

    func decorate(_ pull: ForgePull, labels: [String], reviewers: [String]) throws(ForgeError) {
        if !labels.isEmpty {
            try client.send("POST", "\(repository)/issues/\(pull.number)/labels", ["labels": JSON(labels)])
        }
        guard !reviewers.isEmpty else { return }
        try client.send(
            "POST", "\(repository)/pulls/\(pull.number)/requested_reviewers", ForgeText.reviewers(reviewers))
    }

    func merge(_ pull: ForgePull, commit: String) throws(ForgeError) {
        let answer = try client.send(
            "PUT", "\(repository)/pulls/\(pull.number)/merge",
            ["sha": .string(commit), "merge_method": "merge"], isRepeatable: false)
        guard answer["merged"] == true else {
            throw ForgeError(
                .conflict, "merge \(pull.url): \(answer["message"]?.stringValue ?? "it was not merged")")
        }
    }

    func checks(of commit: String) throws(ForgeError) -> ForgeChecks {
        let path = "\(repository)/commits/\(commit)"
        let runs = try client.pages("\(path)/check-runs?filter=latest&per_page=100") { $0["check_runs"] }
        let statuses = try client.pages("\(path)/status?per_page=100") { $0["statuses"] }
        var checks = ForgeChecks(isComplete: runs.isComplete && statuses.isComplete)
        for run in runs.items {
            let words = run["output"]?["summary"]?.stringValue ?? run["output"]?["title"]?.stringValue ?? ""
            let state = run["status"]?.stringValue ?? ""
            checks.add(
                run["name"]?.stringValue ?? "",
                state == "completed" ? run["conclusion"]?.stringValue ?? "" : state, words)
        }
        for one in statuses.items {
            checks.add(
                one["context"]?.stringValue ?? "", one["state"]?.stringValue ?? "",
                one["description"]?.stringValue ?? "")
        }
        return checks
    }

    func issue(_ number: Int) throws(ForgeError) -> ForgeIssue {
        let issue = try client.send("GET", "\(repository)/issues/\(number)")
        guard let title = issue["title"]?.stringValue else {
            throw ForgeError(.strange, "issue \(number) of \(place.path) has no title")
        }
        let found = try client.pages("\(repository)/issues/\(number)/comments?per_page=100") { $0 }
        let known = found.items.filter {
            ["OWNER", "MEMBER", "COLLABORATOR"].contains($0["author_association"]?.stringValue ?? "")
        }
        return ForgeIssue(
            title: title, text: issue["body"]?.stringValue ?? "",
            comments: known.map(ForgeText.comment), leftOut: found.items.count - known.count)
    }

    private func read(_ json: JSON) throws(ForgeError) -> ForgePull {
        guard let number = json["number"]?.intValue, let url = json["html_url"]?.stringValue,
            let commit = json["head"]?["sha"]?.stringValue, let state = json["state"]?.stringValue
        else {
            throw ForgeError(
                .strange, "a pull request of \(place.path) lacks number, html_url, state or head.sha")
        }
        let isMerged = json["merged_at"]?.stringValue != nil || json["merged"] == true
        return ForgePull(
            number: number, url: url, state: isMerged ? .merged : state == "open" ? .open : .closed,
            isDraft: json["draft"]?.boolValue ?? false, commit: commit,
            node: json["node_id"]?.stringValue ?? "")
    }
}

/// Texts for and of forges.
enum ForgeText {
    /// For a query or a path segment (RFC 3986).
    static func encoded(_ text: String) -> String {
        text.utf8.reduce(into: "") { output, byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-._~".utf8.contains(byte)
            let digits = Array("0123456789ABCDEF")
            output +=
                isPlain ? String(UnicodeScalar(byte)) : "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
        }
    }

    /// GitHub and Gitea: `org/team` is a team, everybody else a person.
    static func reviewers(_ names: [String]) -> JSON {
        let teams = names.map { $0.split(separator: "/") }.filter { $0.count == 2 }.map { String($0[1]) }
        return [
            "reviewers": JSON(names.filter { !$0.contains("/") }), "team_reviewers": JSON(teams),
        ]
    }

    /// GitHub's and Gitea's.
    static func comment(_ json: JSON) -> String {
        "\(json["user"]?["login"]?.stringValue ?? "somebody"): \(json["body"]?.stringValue ?? "")"
    }

    static func check(_ name: String, _ conclusion: String, _ words: String) -> String {
        "\(name.prefix(200)): \(conclusion)" + (words.isEmpty ? "" : "\n\(words.prefix(2000))")
    }
}
