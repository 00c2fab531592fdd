"""A stand-in for the host's end of the control channel: it plays what the real platform's hosts do, byte by byte."""

import json
import os
import select
import socket
import time

LINE_LIMIT = 1 << 20


class Failure(Exception):
    """What a case says when it fails."""


def check(condition, message):
    if not condition:
        raise Failure(str(message))


class Host:
    """One connection. Every wait has a deadline; every line that comes is kept, as one JSON object and as its bytes."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.setblocking(False)
        self.pending = b""
        self.lines = []
        self.longest = 0
        self.closed = False
        self.number = 0

    def send(self, data):
        """Bytes, as they are; the guest may be slow to take them."""
        data = memoryview(data)
        deadline = time.monotonic() + 60
        while data:
            check(time.monotonic() < deadline, "the guest does not read")
            try:
                data = data[self.connection.send(data):]
            except BlockingIOError:
                select.select([self.connection], [self.connection], [], 1)
                self.read(0)

    def request(self, method, params=None, number=None, **more):
        """Sends a request and returns its id."""
        if number is None:
            self.number += 1
            number = self.number
        self.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params, **more}).encode() + b"\n")
        return number

    def read(self, seconds):
        """Takes what comes within this time; false when nothing did."""
        ready, _, _ = select.select([self.connection], [], [], seconds)
        if not ready:
            return False
        try:
            data = self.connection.recv(1 << 16)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            data = b""
        if not data:
            self.closed = True
            return False
        *whole, self.pending = (self.pending + data).split(b"\n")
        for line in whole:
            self.longest = max(self.longest, len(line))
            self.lines.append(json.loads(line))
        return True

    def wait(self, condition, what, seconds=60):
        """The first line, old or new, for which the condition holds; it is taken out."""
        deadline = time.monotonic() + seconds
        seen = 0
        while True:
            for index in range(seen, len(self.lines)):
                if condition(self.lines[index]):
                    return self.lines.pop(index)
            seen = len(self.lines)
            check(not self.closed, f"the guest closed the channel while waiting for {what}")
            check(time.monotonic() < deadline, f"waited {seconds} s in vain for {what}; heard {self.lines[-5:]}")
            self.read(0.5)

    def next(self, seconds=60):
        """The very next line."""
        return self.wait(lambda line: True, "a line", seconds)

    def answer(self, number, seconds=60):
        return self.wait(lambda line: line.get("id") == number and "method" not in line, f"the answer to {number}", seconds)

    def call(self, method, params=None, seconds=60):
        """A request's result."""
        message = self.answer(self.request(method, params), seconds)
        check("result" in message, f"{method}: {message}")
        return message["result"]

    def note(self, method, seconds=60, **fields):
        """A notification with these parameters."""
        def fits(line):
            params = line.get("params") or {}
            return line.get("method") == method and "id" not in line and all(params.get(k) == v for k, v in fields.items())

        return self.wait(fits, f"{method} {fields}", seconds)["params"]

    def execute(self, script, seconds=120, **more):
        """Runs a shell script as `exec`; its end and its lines."""
        self.number += 1
        name = f"exec-{self.number}"
        self.call("exec", {"command": ["/bin/sh", "-c", script], "exec_id": name, **more}, seconds)
        done = self.note("execDone", seconds, exec_id=name)
        mine = [line for line in self.lines if line.get("method") == "log" and line["params"].get("exec_id") == name]
        self.lines = [line for line in self.lines if line not in mine] if mine else self.lines
        return done, "\n".join(line["params"]["line"] for line in mine)

    def settle(self):
        """Forgets what was heard; the answer to a request comes behind all that was on its way."""
        self.call("health")
        self.lines = []

    def wait_closed(self, seconds=30):
        deadline = time.monotonic() + seconds
        while not self.closed:
            check(time.monotonic() < deadline, "the guest did not close the channel")
            self.read(0.5)
