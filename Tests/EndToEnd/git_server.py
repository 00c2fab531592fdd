"""Repositories over HTTP as git itself serves them (git http-backend), for those who know the name and the password."""

import base64
import http.server
import os
import pathlib
import subprocess
import threading


class GitServer:
    """A context on loopback; `attempts` holds what each request had to say for itself: None or NAME:SECRET."""

    def __init__(self, root, user, secret):
        self.root, self.user, self.secret = pathlib.Path(root), user, secret
        self.attempts = []
        backend = subprocess.run(["git", "--exec-path"], check=True, capture_output=True, text=True).stdout.strip()
        owner = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *arguments):
                pass

            def do_GET(self):
                body = self.body()
                header = self.headers.get("Authorization")
                said = base64.b64decode(header.removeprefix("Basic ")).decode() if header else None
                owner.attempts.append(said)
                if said != f"{owner.user}:{owner.secret}":
                    self.send_response(401)
                    self.send_header("WWW-Authenticate", 'Basic realm="git"')
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.serve(body)

            do_POST = do_GET

            def body(self):
                if self.headers.get("Transfer-Encoding") == "chunked":
                    whole = b""
                    while size := int(self.rfile.readline().split(b";")[0], 16):
                        whole += self.rfile.read(size)
                        self.rfile.readline()
                    self.rfile.readline()
                    return whole
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))

            def serve(self, body):
                path, _, query = self.path.partition("?")
                environment = {
                    "PATH": os.environ["PATH"], "GIT_PROJECT_ROOT": str(owner.root), "GIT_HTTP_EXPORT_ALL": "1",
                    "PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": self.command, "REMOTE_USER": owner.user,
                    "REMOTE_ADDR": "127.0.0.1", "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                    "CONTENT_LENGTH": str(len(body)), "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                    "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol") or "", "GIT_CONFIG_GLOBAL": "/dev/null",
                    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory",
                    "GIT_CONFIG_VALUE_0": "*",
                }
                done = subprocess.run([f"{backend}/git-http-backend"], input=body, capture_output=True, env=environment)
                head, _, content = done.stdout.partition(b"\r\n\r\n")
                lines = [line.partition(": ") for line in head.decode().split("\r\n")]
                status = next((value for name, _, value in lines if name == "Status"), "200 OK")
                self.send_response(int(status.split()[0]))
                for name, _, value in lines:
                    if name not in ("Status", "Content-Length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
