"""Stand-ins for Gitea's and GitLab's REST APIs, as strict as github_server.py: routes, methods, fields and their types are
those of the published descriptions (Gitea's swagger 1.22, GitLab's documentation of API v4)."""

import re

from github_server import GitHub


class Gitea(GitHub):
    FIELDS = {
        ("POST", "pulls"): ({"title": str, "head": str, "base": str}, {"body": str, "assignees": list, "labels": list}),
        ("PATCH", "pull"): ({}, {"title": str, "body": str, "base": str, "state": str}),
        ("POST", "merge"): ({"Do": str}, {"head_commit_id": str, "MergeMessageField": str, "MergeTitleField": str}),
        ("POST", "labels"): ({"labels": list}, {}),
        ("POST", "reviewers"): ({}, {"reviewers": list, "team_reviewers": list}),
    }
    ROUTES = [
        (r"/repos/acme/widgets/pulls", "pulls"), (r"/repos/acme/widgets/pulls/(\d+)", "pull"),
        (r"/repos/acme/widgets/pulls/(\d+)/merge", "merge"),
        (r"/repos/acme/widgets/pulls/(\d+)/requested_reviewers", "reviewers"),
        (r"/repos/acme/widgets/issues/(\d+)/labels", "labels"), (r"/repos/acme/widgets/issues/(\d+)", "issue"),
        (r"/repos/acme/widgets/issues/(\d+)/comments", "comments"),
        (r"/repos/acme/widgets/commits/([0-9a-f]{40})/status", "status"),
    ]
    QUERIES = {"state": r"open|closed|all", "sort": r"oldest|recentupdate|leastupdate", "limit": r"\d+", "page": r"\d+"}

    def admit(self, handler, path):
        if handler.headers.get("Authorization") != f"token {self.token}":
            return 401, {"message": "user does not exist [uid: 0, name: ]", "url": "x"}
        return None

    def shown(self, pull):
        shown = super().shown(pull)
        shown["merged"] = pull["merged_at"] is not None
        # Drafts are a matter of the title.
        shown["draft"] = pull["title"].startswith(("WIP:", "[WIP]"))
        return shown

    def get_pulls(self, _, body, query):
        for name, value in query.items():
            if not re.fullmatch(self.QUERIES.get(name, "$"), value):
                return self.problem(f"pulls takes no {name}={value}", 422)
        # There is no asking for a branch: pages, the newest first.
        size, page = int(query.get("limit", 30)), int(query.get("page", 1))
        found = list(reversed(self.pulls))[size * (page - 1):size * page]
        return 200, [self.shown(p) for p in found]

    def post_pulls(self, _, body, query):
        if any(p["branch"] == body["head"] and p["state"] == "open" for p in self.pulls):
            return 409, {"message": "pull request already exists for these targets", "url": "x"}
        return super().post_pulls(_, body, query)

    def patch_pull(self, number, body, query):
        status, shown = super().patch_pull(number, body, query)
        return (201 if status == 200 else status), shown

    def post_merge(self, number, body, query):
        pull = self.find(number)
        if pull["title"].startswith("WIP:"):
            return 405, {"message": "Work in progress PRs cannot be merged", "url": "x"}
        if body["Do"] not in ("merge", "rebase", "squash"):
            return self.problem(f"merge takes no {body['Do']}", 422)
        if body.get("head_commit_id") != self.branch(pull["branch"]):
            return 409, {"message": "head out of date", "url": "x"}
        pull.update(state="closed", merged_at="2026-01-01T00:00:00Z")
        return 200, None

    def get_status(self, sha, body, query):
        found = self.checks(sha)
        states = [("queued", "pending")] if found is None else [(n, "success" if green else "failure") for n, green in found]
        return 200, {"state": "pending", "sha": sha, "statuses": [
            {"context": name, "status": state, "description": f"{name} says {state}"} for name, state in states]}


class GitLab(GitHub):
    FIELDS = {
        ("POST", "pulls"): ({"title": str, "source_branch": str, "target_branch": str}, {"description": str, "labels": str}),
        ("PUT", "pull"): ({}, {"title": str, "description": str, "target_branch": str, "add_labels": str, "reviewer_ids": list}),
        ("PUT", "merge"): ({}, {"sha": str, "squash": bool}),
    }
    # A repository of this machine has its directories before it.
    PROJECT = r"/projects/[^/]*acme%2Fwidgets"
    ROUTES = [
        (PROJECT + r"/merge_requests", "pulls"), (PROJECT + r"/merge_requests/(\d+)", "pull"),
        (PROJECT + r"/merge_requests/(\d+)/merge", "merge"), (PROJECT + r"/issues/(\d+)", "issue"),
        (PROJECT + r"/issues/(\d+)/notes", "comments"),
        (PROJECT + r"/repository/commits/([0-9a-f]{40})/statuses", "status"), (r"/users", "users"),
    ]
    USERS = {"ann": 7, "bob": 9}

    def admit(self, handler, path):
        if handler.headers.get("PRIVATE-TOKEN") != self.token:
            return 401, {"message": "401 Unauthorized"}
        return None

    def shown(self, pull):
        state = "merged" if pull["merged_at"] else {"open": "opened"}.get(pull["state"], pull["state"])
        return {
            "id": pull["number"] + 1000, "iid": pull["number"], "state": state, "title": pull["title"],
            "web_url": f"https://gitlab.test/acme/widgets/-/merge_requests/{pull['number']}",
            "draft": pull["title"].startswith("Draft:"), "sha": self.branch(pull["branch"]) or pull["sha"],
            "source_branch": pull["branch"], "target_branch": pull["base"], "description": pull["body"],
        }

    def get_pulls(self, _, body, query):
        unknown = set(query) - {"source_branch", "order_by", "per_page", "state", "page", "sort"}
        if unknown:
            return self.problem(f"merge_requests takes no {unknown}")
        return 200, [self.shown(p) for p in reversed(self.pulls) if p["branch"] == query.get("source_branch", p["branch"])]

    def post_pulls(self, _, body, query):
        branch = body["source_branch"]
        if any(p["branch"] == branch and p["state"] == "open" for p in self.pulls):
            return 409, {"message": [f"Another open merge request already exists for this source branch: !{len(self.pulls)}"]}
        return super().post_pulls(
            _, {"title": body["title"], "head": branch, "base": body["target_branch"], "body": body.get("description", "")}, query)

    def put_pull(self, number, body, query):
        pull = self.find(number)
        if pull is None:
            return 404, {"message": "404 Not found"}
        names = {"title": "title", "description": "body", "target_branch": "base"}
        pull.update({names[k]: v for k, v in body.items() if k in names})
        pull["labels"] = sorted(set(pull["labels"]) | set(filter(None, body.get("add_labels", "").split(","))))
        if "reviewer_ids" in body:
            pull["reviewers"] = sorted(n for n, number in self.USERS.items() if number in body["reviewer_ids"])
        return 200, self.shown(pull)

    def put_merge(self, number, body, query):
        pull = self.find(number)
        if pull["title"].startswith("Draft:"):
            return 405, {"message": "405 Method Not Allowed"}
        if body.get("sha") != self.branch(pull["branch"]):
            return 409, {"message": "SHA does not match HEAD of source branch"}
        pull.update(state="closed", merged_at="2026-01-01T00:00:00Z")
        return 200, self.shown(pull)

    def get_users(self, _, body, query):
        number = self.USERS.get(query.get("username"))
        return 200, [] if number is None else [{"id": number, "username": query["username"]}]

    def get_status(self, sha, body, query):
        found = self.checks(sha)
        states = [("queued", "pending")] if found is None else [(n, "success" if green else "failed") for n, green in found]
        return 200, [
            {"name": name, "status": state, "description": f"{name} says {state}", "allow_failure": False} for name, state in states]
