"""A coordinator's canvas server in small: it speaks the event channel as docs/PROTOCOLS.md has it, with
faults on demand.

The app is tested against the real coordinator too; this one can also be slow, silent, hostile, or cut at
any byte.
"""

import asyncio
import base64
import hashlib
import json
import pathlib
import re
import struct
import threading
import time

TOKEN = "test-token-0123456789"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
}


def policy(page):
    """As the coordinator has it: what the page itself carries is allowed by its hash."""
    styles = re.findall(rb"<style>(.*?)</style>", page, re.S)
    hashes = [base64.b64encode(hashlib.sha256(style).digest()).decode() for style in styles]
    allowed = "".join(f" 'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'{allowed}; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def chain(session, rows):
    """Events with their hashes, as the journal makes them; rows are (at, type, data)."""
    events, before = [], ""
    for number, (at, kind, data) in enumerate(rows, 1):
        text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        before = hashlib.sha256(f"{before}\n{session}\n{number}\n{at}\n{kind}\n{text}".encode()).hexdigest()
        events.append(
            {"seq": number, "session": session, "at": at, "type": kind, "data": data, "hash": before}
        )
    return events


def checksum(events):
    """What `openclawCanvas.checksum()` must say of these."""
    running = ""
    for event in events:
        running = hashlib.sha256(f"{running}\n{event['seq']}:{event['hash']}".encode()).hexdigest()
    return running


def snapshot(events):
    """In small what the coordinator makes: the newest progress of each task, and everything else."""
    kept, known = [], {}
    for event in reversed(events):
        if event["type"] == "task.progressed":
            key = (event["data"]["agent"], event["data"]["task"])
            known[key] = known.get(key, 0) + 1
            if known[key] > 50:
                continue
        kept.append(event)
    last = events[-1]
    spend = {"points": [], "total": 0, "at": 0}
    return {"k": "snap", "seq": last["seq"], "at": last["at"], "hash": last["hash"], "spend": spend, "e": kept[::-1]}


class StandIn:
    """Runs in a thread of its own; the methods may be called from any."""

    def __init__(self, files, events=(), session=None):
        self.files = pathlib.Path(files)
        self.events = list(events)
        self.session = session or (self.events[0]["session"] if self.events else "session-test")
        self.visible = len(self.events)
        self.documents = {}
        self.commands = []
        self.answer = (200, {"ok": True})
        self.heartbeat = 5.0
        self.is_silent = False
        self.batch_bytes = 64 << 10
        self.connections = 0
        self.followed = []
        self.open = set()
        self.logs = {}
        self.requests = []
        self.loop = asyncio.new_event_loop()
        self.wakers = set()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(10)

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)

        async def start():
            self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        self.loop.run_until_complete(start())
        self.loop.run_forever()

    def address(self, port=None, view=""):
        return f"http://127.0.0.1:{port or self.port}/session/{self.session}/canvas/#token={TOKEN}{view}"

    def _wake(self):
        for woken in self.wakers:
            woken.set()

    def _call(self, coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(20)

    def append(self, events):
        """New events for everybody who looks."""

        async def run():
            self.events.extend(events)
            self.visible = len(self.events)
            self._wake()

        self._call(run())

    def show(self, through):
        """Lets the events up to here happen."""

        async def run():
            self.visible = through
            self._wake()

        self._call(run())

    def print(self, agent, lines, stream="stdout"):
        async def run():
            known = self.logs.setdefault(agent, [])
            for line in lines:
                known.append(
                    {
                        "seq": len(known) + 1,
                        "at": int(time.time() * 1000),
                        "stream": stream,
                        "source": "tool",
                        "line": line,
                    }
                )
            self._wake()

        self._call(run())

    def cut(self):
        """Ends every stream without a word."""

        async def run():
            for writer in list(self.open):
                writer.transport.abort()

        self._call(run())

    def stop(self):
        async def run():
            self.server.close()
            for writer in list(self.open):
                writer.transport.abort()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        self._call(run())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    # HTTP

    async def _serve(self, reader, writer):
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {
                name.strip().lower(): value.strip()
                for name, _, value in (line.partition(":") for line in head[1:] if line)
            }
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            self.requests.append(f"{method} {path}")
            base = f"/session/{self.session}/canvas/"
            rest = path[len(base) :].split("?")[0] if path.startswith(base) else None
            if rest == "stream" and headers.get("upgrade", "").lower() == "websocket":
                return await self._stream(reader, writer, headers)
            writer.write(self._answer(method, rest, headers, body, path))
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    def _answer(self, method, rest, headers, body, path):
        if rest == "commands" and method == "POST":
            if headers.get("authorization") != f"Bearer {TOKEN}":
                return self._json(401, {"error": {"code": "unauthorized", "message": "no token"}})
            command = json.loads(body)
            known = [one for one in self.commands if one["id"] == command["id"]]
            if not known:
                self.commands.append(command)
            return self._json(*self.answer)
        if rest is not None and rest.startswith("api/"):
            if headers.get("authorization") != f"Bearer {TOKEN}":
                return self._json(401, {"error": {"code": "unauthorized", "message": "no token"}})
            if rest == "api/events":
                after = int(path.split("after=")[1])
                return self._json(200, {"k": "ev", "e": self.events[after : after + 1024]})
            if rest == "api/snapshot":
                return self._json(200, snapshot(self.events[: int(path.split("at=")[1])]))
            document = self.documents.get(rest[4:])
            return (
                self._json(200, document)
                if document is not None
                else self._json(404, {"error": {"message": "there is none"}})
            )
        if rest is not None and method == "GET":
            file = self.files / (rest or "index.html")
            if file.parent == self.files and file.suffix in TYPES and file.is_file():
                return self._response(200, TYPES[file.suffix], file.read_bytes())
        return self._response(404, "text/plain", b"no such file")

    def _json(self, status, value):
        return self._response(status, "application/json", json.dumps(value).encode())

    @staticmethod
    def _response(status, kind, body):
        lines = [
            f"HTTP/1.1 {status} Status",
            f"Content-Type: {kind}",
            f"Content-Length: {len(body)}",
            f"Content-Security-Policy: {policy(body)}",
            "X-Content-Type-Options: nosniff",
            "Referrer-Policy: no-referrer",
            "Cache-Control: no-cache",
            "Connection: close",
            "",
            "",
        ]
        return "\r\n".join(lines).encode() + body

    # The stream

    async def _stream(self, reader, writer, headers):
        accept = base64.b64encode(
            hashlib.sha1(
                (headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()
            ).digest()
        )
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + accept
            + b"\r\n\r\n"
        )
        self.connections += 1
        self.open.add(writer)
        first = json.loads(await self._message(reader))
        if first.get("token") != TOKEN:
            await self._send(
                writer, {"k": "bye", "code": "unauthorized", "message": "the token is not of this session"}
            )
            return
        followed = {}
        await self._send(writer, {"k": "hello", "session": self.session, "head": self.visible, "base": 1})
        listening = asyncio.ensure_future(self._listen(reader, followed))
        try:
            await self._tell(writer, first.get("after", 0), followed, listening)
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def _listen(self, reader, followed):
        while True:
            message = json.loads(await self._message(reader))
            if message.get("k") != "logs":
                continue
            if message["on"]:
                followed[message["agent"]] = message.get("after", 0)
                self.followed.append(message["agent"])
            else:
                followed.pop(message["agent"], None)
            self._wake()

    async def _tell(self, writer, cursor, followed, listening):
        beat = time.monotonic() + self.heartbeat
        woken = asyncio.Event()
        self.wakers.add(woken)
        try:
            await self._tell_all(writer, cursor, followed, listening, beat, woken)
        finally:
            self.wakers.discard(woken)

    async def _tell_all(self, writer, cursor, followed, listening, beat, woken):
        while not listening.done():
            while cursor < self.visible and not self.is_silent:
                batch, size = [], 0
                while cursor < self.visible and size < self.batch_bytes:
                    batch.append(self.events[cursor])
                    size += len(json.dumps(self.events[cursor]["data"])) + 150
                    cursor += 1
                await self._send(writer, {"k": "ev", "e": batch})
            for agent, after in list(followed.items()):
                lines = self.logs.get(agent, [])[after:]
                if lines:
                    followed[agent] = lines[-1]["seq"]
                    await self._send(
                        writer, {"k": "log", "agent": agent, "instance": f"i-{agent}", "l": lines}
                    )
            if time.monotonic() >= beat and not self.is_silent:
                beat = time.monotonic() + self.heartbeat
                await self._send(writer, {"k": "hb", "head": self.visible, "at": int(time.time() * 1000)})
            try:
                await asyncio.wait_for(woken.wait(), max(0.01, min(0.25, beat - time.monotonic())))
            except asyncio.TimeoutError:
                pass
            woken.clear()

    @staticmethod
    async def _send(writer, value):
        body = json.dumps(value, ensure_ascii=False).encode()
        size = (
            struct.pack("!B", len(body))
            if len(body) < 126
            else (
                struct.pack("!BH", 126, len(body))
                if len(body) < 65536
                else struct.pack("!BQ", 127, len(body))
            )
        )
        writer.write(b"\x81" + size + body)
        await writer.drain()

    @staticmethod
    async def _message(reader):
        """One unfragmented text message; anything else ends the stream."""
        while True:
            first, second = await reader.readexactly(2)
            size = second & 127
            if size == 126:
                size = struct.unpack("!H", await reader.readexactly(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", await reader.readexactly(8))[0]
            mask = await reader.readexactly(4)
            body = bytes(byte ^ mask[index % 4] for index, byte in enumerate(await reader.readexactly(size)))
            if first & 15 == 1:
                return body.decode()
            if first & 15 == 8:
                raise ConnectionError("closed")


class Cutter:
    """A relay that ends each connection after a random number of bytes, until it is told to let everything pass."""

    def __init__(self, target, random, most, cuts):
        self.target, self.random, self.most, self.left = target, random, most, cuts
        self.made = 0
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._run, args=(ready,), daemon=True)
        self.thread.start()
        ready.wait(10)

    def _run(self, ready):
        asyncio.set_event_loop(self.loop)

        async def start():
            self.server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
            self.port = self.server.sockets[0].getsockname()[1]
            ready.set()

        self.loop.run_until_complete(start())
        self.loop.run_forever()

    async def _relay(self, reader, writer):
        try:
            there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
            head = await reader.readuntil(b"\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            # Nobody is there at the moment, or the browser thought better of it.
            writer.close()
            return
        # The server wants to be asked by its own name, and each request has a connection of its own here.
        head = head.replace(f"127.0.0.1:{self.port}".encode(), f"127.0.0.1:{self.target}".encode())
        there_writer.write(head.replace(b"Connection: keep-alive", b"Connection: close"))
        is_stream = b"upgrade: websocket" in head.lower()
        budget = None
        if is_stream and self.left > 0:
            self.left -= 1
            budget = [self.random.randrange(1, self.most)]

        async def pump(source, sink, budget):
            try:
                while data := await source.read(4096):
                    if budget is not None:
                        data = data[: budget[0]]
                        budget[0] -= len(data)
                    sink.write(data)
                    await sink.drain()
                    if budget is not None and budget[0] <= 0:
                        self.made += 1
                        writer.transport.abort()
                        there_writer.transport.abort()
                        return
            except (ConnectionError, OSError):
                pass
            finally:
                sink.close()

        try:
            await asyncio.gather(
                pump(reader, there_writer, None), pump(there_reader, writer, budget), return_exceptions=True)
        except asyncio.CancelledError:
            # The relay ends; asyncio would report a handler that was cancelled as one that failed.
            return
        finally:
            if budget is not None and budget[0] > 0:
                # It ended otherwise, so another one is cut in its place.
                self.left += 1

    def stop(self):
        async def run():
            self.server.close()
            others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(run(), self.loop).result(20)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)
