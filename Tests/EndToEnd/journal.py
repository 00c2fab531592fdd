"""A session that has become long, without having to live through it: events are put into the journal of a coordinator
that does not run, chained as the coordinator chains them."""

import hashlib
import json
import sqlite3

#: What a busy session says most, one after the other.
KINDS = [
    ("task.progressed", lambda n, who: {"agent": who, "message": f"step {n} of the work", "task": "t1"}),
    ("task.progressed", lambda n, who: {"agent": who, "message": f"looks at file {n % 977}", "task": "t1"}),
    ("model.settled", lambda n, who: {
        "agent": who, "input": n % 9000, "microusd": n % 700, "model": "long", "output": n % 400,
        "task": "t1"}),
    ("task.progressed", lambda n, who: {"agent": who, "message": f"runs test {n % 313}", "task": "t1"}),
    ("message.sent", lambda n, who: {"from": who, "text": f"about {n}", "to": "all"}),
]


def link(before, session, seq, at, kind, data):
    """The hash of an event behind the one with the hash `before`."""
    return hashlib.sha256(f"{before}\n{session}\n{seq}\n{at}\n{kind}\n{data}".encode()).hexdigest()


def chained(session, before, events):
    """Rows of the journal for events (seq, at, type, data), behind the one with the hash `before`."""
    for seq, at, kind, data in events:
        before = link(before, session, seq, at, kind, data)
        yield session, seq, at, kind, data, before


def grow(home, session, length):
    """Appends events until the session has so many; returns the last hash."""
    home.run("coordinator", "stop", "--all")
    database = sqlite3.connect(home.path / "aegis/openclaw/journal.db")
    seq, at, before = database.execute(
        "SELECT seq, at, hash FROM events WHERE session = ? ORDER BY seq DESC LIMIT 1", (session,)).fetchone()
    agents = [json.loads(data)["agent"] for (data,) in database.execute(
        "SELECT data FROM events WHERE session = ? AND type = 'agent.requested'", (session,))]

    def added():
        for number in range(seq + 1, length + 1):
            kind, make = KINDS[number % len(KINDS)]
            data = json.dumps(make(number, agents[number % len(agents)]), sort_keys=True, separators=(",", ":"))
            yield number, at + number - seq, kind, data

    with database:
        database.executemany(
            "INSERT INTO events(session, seq, at, type, data, hash) VALUES(?, ?, ?, ?, ?, ?)", chained(session, before, added()))
    before, = database.execute("SELECT hash FROM events WHERE session = ? ORDER BY seq DESC LIMIT 1", (session,)).fetchone()
    database.close()
    return before
