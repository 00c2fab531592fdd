import Kit

/// Gitea and Forgejo, API version 1.
struct GiteaForge: Forge {
    let place: ForgePlace
    var client: ForgeClient

    init(_ place: ForgePlace, token: String?) {
        self.place = place
        client = ForgeClient(
            api: place.api, authorization: token.map { ("Authorization", "token \($0)") })
    }

    private var repository: String { "/repos/\(place.path)" }
    /// A title that starts like this is what a draft is here.
    private static let draftPrefix = "WIP: "

    func find(branch: String) throws(ForgeError) -> ForgePull? {
        // It cannot be asked for by branch, so pages are read until it is there.
        var last: ForgePull?
        for page in 1...20 {
            let found = try client.send(
                "GET", "\(repository)/pulls?state=all&sort=recentupdate&limit=50&page=\(page)")
            let items = found.arrayValue ?? []
            for item in items where item["head"]?["ref"]?.stringValue == branch {
                let pull = try read(item)
                if pull.state == .open { return pull }
                last = last ?? pull
            }
            if items.count < 50 { break }
        }
        return last
    }

    private func title(_ wish: ForgeWish) -> String { (wish.isDraft ? Self.draftPrefix : "") + wish.title }

    func open(_ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        let body: JSON = [
            "title": .string(title(wish)), "head": .string(wish.branch), "base": .string(wish.base),
            "body": .string(wish.text),
        ]
        return try read(try client.send("POST", "\(repository)/pulls", body, isRepeatable: false))
    }

    func update(_ pull: ForgePull, _ wish: ForgeWish) throws(ForgeError) -> ForgePull {
        let body: JSON = ["title": .string(title(wish)), "body": .string(wish.text)]
        return try read(try client.send("PATCH", "\(repository)/pulls/\(pull.number)", body))
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
        try client.send(
            "POST", "\(repository)/pulls/\(pull.number)/merge",
            ["Do": "merge", "head_commit_id": .string(commit)], isRepeatable: false)
    }

    func checks(of commit: String) throws(ForgeError) -> ForgeChecks {
        let found = try client.pages("\(repository)/commits/\(commit)/status?limit=50", size: 50) {
            $0["statuses"]
        }
        var checks = ForgeChecks(isComplete: found.isComplete)
        for one in found.items {
            checks.add(
                one["context"]?.stringValue ?? "", one["status"]?.stringValue ?? "",
                one["description"]?.stringValue ?? "")
        }
        return checks
    }

    func issue(_ number: Int) throws(ForgeError) -> ForgeIssue {
        let issue = try client.send("GET", "\(repository)/issues/\(number)")
        // All of them come at once.
        let comments = try client.send("GET", "\(repository)/issues/\(number)/comments")
        return ForgeIssue(
            title: issue["title"]?.stringValue ?? "", text: issue["body"]?.stringValue ?? "",
            comments: (comments.arrayValue ?? []).map(ForgeText.comment))
    }

    private func read(_ json: JSON) throws(ForgeError) -> ForgePull {
        guard let number = json["number"]?.intValue, let url = json["html_url"]?.stringValue,
            let state = json["state"]?.stringValue
        else {
            throw ForgeError(.strange, "a pull request of \(place.path) lacks number, html_url or state")
        }
        return ForgePull(
            number: number, url: url,
            state: json["merged"] == true ? .merged : state == "open" ? .open : .closed,
            isDraft: json["draft"]?.boolValue
                ?? (json["title"]?.stringValue ?? "").hasPrefix(Self.draftPrefix),
            commit: json["head"]?["sha"]?.stringValue ?? "")
    }
}
