"""A stand-in for GitHub's REST API on loopback. It is stricter than GitHub: an unknown field, a missing header or
a wrong type is an error, so that a request which passes here has the form that GitHub's published description
(version 2022-11-28) gives. Faults are asked for by request: {"POST /repos/acme/widgets/pulls": ["500", "hang"]}."""

import http.server
import json
import re
import subprocess
import threading
import time
import urllib.parse


class GitHub:
    # By method and route: the fields that must be there, and those that may.
    FIELDS = {
        ("POST", "pulls"): ({"title": str, "head": str, "base": str}, {"body": str, "draft": bool, "maintainer_can_modify": bool}),
        ("PATCH", "pull"): ({}, {"title": str, "body": str, "base": str, "state": str, "maintainer_can_modify": bool}),
        ("PUT", "merge"): ({}, {"sha": str, "merge_method": str, "commit_title": str, "commit_message": str}),
        ("POST", "labels"): ({"labels": list}, {}),
        ("POST", "reviewers"): ({}, {"reviewers": list, "team_reviewers": list}),
        ("POST", "graphql"): ({"query": str}, {"variables": dict, "operationName": str}),
    }
    def __init__(self, bare, token="ghs_secret"):
        self.bare, self.token = bare, token
        self.pulls, self.requests, self.problems = [], [], []
        self.faults, self.issues = {}, {}
        # Of a commit: None while nothing is known, else pairs of a name and whether it is green.
        self.checks = lambda commit: []
        self.lock = threading.Lock()
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def answer(self):
                server.answer(self)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # Requests

    def answer(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        raw = handler.rfile.read(length)
        path, _, query = handler.path.partition("?")
        query = {k: v[0] for k, v in urllib.parse.parse_qs(query).items()}
        key = f"{handler.command} {path}"
        with self.lock:
            self.requests.append(key)
            fault = (self.faults.get(key) or [None])[0]
            if fault:
                self.faults[key].pop(0)
        if fault and fault not in ("hang", "cut"):
            return self.fail(handler, fault)
        status, body = self.judge(handler, path, query, raw)
        if fault == "cut":
            # The effect is there, its answer is not.
            handler.close_connection = True
            return
        if fault == "hang":
            time.sleep(3)
            handler.close_connection = True
            return
        self.send(handler, status, body)

    def send(self, handler, status, body, headers=()):
        data = b"" if body is None else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json; charset=utf-8")
        handler.send_header("Content-Length", str(len(data)))
        for name, value in headers:
            handler.send_header(name, value)
        try:
            handler.end_headers()
            handler.wfile.write(data)
        except ConnectionError:
            pass  # whoever asked was killed by the test

    def fail(self, handler, fault):
        if fault == "secondary":
            body = {"message": "You have exceeded a secondary rate limit. Please wait a few minutes.", "documentation_url": "x"}
            return self.send(handler, 403, body, [("Retry-After", "1")])
        messages = {"401": "Bad credentials", "403": "Resource not accessible by personal access token", "409": "Conflict"}
        body = {"message": messages.get(fault, "Server Error"), "documentation_url": "x"}
        self.send(handler, int(fault), body)

    def problem(self, text, status=400):
        with self.lock:
            self.problems.append(text)
        return status, {"message": text}

    def judge(self, handler, path, query, raw):
        refusal = self.admit(handler, path)
        if refusal:
            return refusal
        body = {}
        if handler.command != "GET":
            try:
                body = json.loads(raw)
            except ValueError:
                return self.problem(f"{path}: the body is no JSON")
        route, number = self.route(path)
        if route is None:
            return self.problem(f"there is no {handler.command} {path}", 404)
        if handler.command != "GET":
            known = self.FIELDS.get((handler.command, route))
            if known is None:
                return self.problem(f"{path} takes no {handler.command}", 404)
            required, optional = known
            for field, value in body.items():
                kind = required.get(field) or optional.get(field)
                if kind is None or not isinstance(value, kind):
                    return self.problem(f"{handler.command} {path}: field {field} is {value!r}", 422)
            for field in required:
                if field not in body:
                    return self.problem(f"{handler.command} {path}: field {field} is missing", 422)
        with self.lock:
            return getattr(self, f"{handler.command.lower()}_{route}")(number, body, query)

    def admit(self, handler, path):
        """What is wrong with the headers; None when nothing is."""
        if handler.headers.get("Authorization") != f"Bearer {self.token}":
            return 401, {"message": "Bad credentials"}
        if not handler.headers.get("User-Agent"):
            return self.problem("no User-Agent", 403)
        if path != "/graphql" and handler.headers.get("X-GitHub-Api-Version") != "2022-11-28":
            return self.problem(f"{path}: no X-GitHub-Api-Version")
        if "application/vnd.github+json" not in handler.headers.get("Accept", ""):
            return self.problem(f"{path}: no Accept of GitHub's type", 415)
        return None

    ROUTES = [
        (r"/repos/acme/widgets/pulls", "pulls"), (r"/repos/acme/widgets/pulls/(\d+)", "pull"),
        (r"/repos/acme/widgets/pulls/(\d+)/merge", "merge"), (r"/graphql", "graphql"),
        (r"/repos/acme/widgets/pulls/(\d+)/requested_reviewers", "reviewers"),
        (r"/repos/acme/widgets/issues/(\d+)/labels", "labels"), (r"/repos/acme/widgets/issues/(\d+)", "issue"),
        (r"/repos/acme/widgets/issues/(\d+)/comments", "comments"),
        (r"/repos/acme/widgets/commits/([0-9a-f]{40})/check-runs", "runs"),
        (r"/repos/acme/widgets/commits/([0-9a-f]{40})/status", "status"),
    ]

    def route(self, path):
        for pattern, name in self.ROUTES:
            match = re.fullmatch(pattern, path)
            if match:
                return name, match.group(1) if match.groups() else None
        return None, None

    # What GitHub does

    def branch(self, name):
        done = subprocess.run(
            ["git", "--git-dir", str(self.bare), "rev-parse", "--verify", "--quiet", f"refs/heads/{name}"],
            capture_output=True, text=True)
        return done.stdout.strip() or None

    def shown(self, pull):
        head = self.branch(pull["branch"]) or pull["sha"]
        return {
            "number": pull["number"], "node_id": f"PR_{pull['number']}", "html_url": f"https://github.test/acme/widgets/pull/{pull['number']}",
            "state": pull["state"], "draft": pull["draft"], "title": pull["title"], "body": pull["body"],
            "merged_at": pull["merged_at"], "head": {"ref": pull["branch"], "sha": head, "label": f"acme:{pull['branch']}"},
            "base": {"ref": pull["base"]},
        }

    def get_pulls(self, _, body, query):
        owner, _, branch = query.get("head", "").partition(":")
        if owner != "acme" or not branch:
            return 200, [self.shown(p) for p in self.pulls]
        return 200, [self.shown(p) for p in reversed(self.pulls) if p["branch"] == branch]

    def post_pulls(self, _, body, query):
        branch = body["head"].removeprefix("acme:")
        if not self.branch(branch):
            return 422, {"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "head", "code": "invalid"}]}
        if any(p["branch"] == branch and p["state"] == "open" for p in self.pulls):
            return 422, {"message": "Validation Failed", "errors": [{"message": f"A pull request already exists for acme:{branch}."}]}
        pull = {
            "number": len(self.pulls) + 41, "branch": branch, "sha": self.branch(branch), "base": body["base"], "title": body["title"],
            "body": body.get("body", ""), "draft": body.get("draft", False), "state": "open", "merged_at": None,
            "labels": [], "reviewers": [], "teams": [],
        }
        self.pulls.append(pull)
        return 201, self.shown(pull)

    def find(self, number):
        return next((p for p in self.pulls if p["number"] == int(number)), None)

    def patch_pull(self, number, body, query):
        pull = self.find(number)
        if pull is None:
            return 404, {"message": "Not Found"}
        pull.update({k: v for k, v in body.items() if k in ("title", "body", "base", "state")})
        return 200, self.shown(pull)

    def put_merge(self, number, body, query):
        pull = self.find(number)
        if pull["draft"]:
            return 405, {"message": "Pull Request is still a draft"}
        if body.get("sha") != self.branch(pull["branch"]):
            return 409, {"message": "Head branch was modified. Review and try the merge again."}
        pull.update(state="closed", merged_at="2026-01-01T00:00:00Z")
        return 200, {"sha": body["sha"], "merged": True, "message": "Pull Request successfully merged"}

    def post_labels(self, number, body, query):
        pull = self.find(number)
        pull["labels"] = sorted(set(pull["labels"]) | set(body["labels"]))
        return 200, [{"name": name} for name in pull["labels"]]

    def post_reviewers(self, number, body, query):
        pull = self.find(number)
        pull["reviewers"] = sorted(set(pull["reviewers"]) | set(body.get("reviewers", [])))
        pull["teams"] = sorted(set(pull["teams"]) | set(body.get("team_reviewers", [])))
        return 201, self.shown(pull)

    def post_graphql(self, _, body, query):
        if "markPullRequestReadyForReview" not in body["query"]:
            return 200, {"errors": [{"message": "unknown mutation"}]}
        pull = self.find(body["variables"]["id"].removeprefix("PR_"))
        pull["draft"] = False
        return 200, {"data": {"markPullRequestReadyForReview": {"pullRequest": {"isDraft": False}}}}

    def get_runs(self, sha, body, query):
        found = self.checks(sha)
        if found is None:
            return 200, {"total_count": 1, "check_runs": [{"name": "queued", "status": "queued", "conclusion": None}]}
        runs = [
            {"name": name, "status": "completed", "conclusion": "success" if green else "failure",
             "output": {"title": name, "summary": f"{name} says {'yes' if green else 'no'}"}}
            for name, green in found]
        return 200, {"total_count": len(runs), "check_runs": runs}

    def get_status(self, sha, body, query):
        return 200, {"state": "pending", "statuses": [], "sha": sha}

    def get_issue(self, number, body, query):
        issue = self.issues.get(int(number))
        return (200, {"number": int(number), **issue["issue"]}) if issue else (404, {"message": "Not Found"})

    def get_comments(self, number, body, query):
        return 200, self.issues[int(number)]["comments"]
