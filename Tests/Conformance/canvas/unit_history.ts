// Snapshots and what lies before the log: opening a long session, going back in it, and not growing with it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { ChainCheck, checkPast } from "../../../canvas/src/core/audit";
import { readEvent, type SessionEvent } from "../../../canvas/src/core/event";
import { fold } from "../../../canvas/src/core/fold";
import { History } from "../../../canvas/src/core/history";
import type { Json } from "../../../canvas/src/core/json";
import { partLength } from "../../../canvas/src/core/log";
import { emptyModel, type Model } from "../../../canvas/src/core/model";
import { modelOf, readSnapshot } from "../../../canvas/src/core/snapshot";
import { holding, Store } from "../../../canvas/src/core/store";
import { slice, type Tail } from "../../../canvas/src/core/tape";

const lines = (name: string): Json[] =>
    readFileSync(`${process.env.LONG}/${name}`, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const log: SessionEvent[] = lines("log.jsonl").map((json) => readEvent(json)!);
const documents = new Map<number, Json>(
    lines("snapshots.jsonl").map((json) => [(json as { seq: number }).seq, json]),
);

/** A coordinator that answers what a page asks of the past, and counts how often. */
function coordinator() {
    const asked: string[] = [];
    const history = new History((what) => {
        asked.push(what);
        const [name, value] = what.split(/\?[a-z]+=/);
        const seq = Number(value);
        if (name === "events") return Promise.resolve({ k: "ev", e: log.slice(seq, seq + partLength) } as never);
        const document = documents.get(seq);
        return document ? Promise.resolve(document) : Promise.reject(new Error(`no snapshot of ${seq}`));
    });
    return { history, asked };
}

function plain(model: Model): { [key: string]: unknown } {
    return JSON.parse(JSON.stringify(model, (_, value) => {
        if (value instanceof Map) return Object.fromEntries(value);
        if (value && value.tape) return value.tape.items.slice(0, value.length);
        return value;
    }));
}

/** What people read one by one is cut to the newest; everything else must be the same. */
const cut = ["activity", "ticks", "messages", "notes", "denials", "spend", "surfaceProblems"] as const;

function same(found: Model, expected: Model, where: string): void {
    const [left, right] = [plain(found), plain(expected)];
    for (const name of cut) {
        const known = new Set(slice(expected[name] as Tail<unknown>).map((one) => JSON.stringify(one)));
        for (const one of slice(found[name] as Tail<unknown>)) {
            assert.ok(known.has(JSON.stringify(one)), `${where}: ${name} has ${JSON.stringify(one)}`);
        }
        delete left[name];
        delete right[name];
    }
    // A surface that was drawn by several events is drawn by two in a snapshot.
    assert.deepEqual(left, right, where);
}

test("folding the coordinator's snapshot gives what folding the whole log gives, at every place", () => {
    let model = emptyModel();
    let compared = 0;
    for (const event of log) {
        model = fold(model, event);
        const document = documents.get(event.seq);
        if (!document) continue;
        const snapshot = readSnapshot(document)!;
        assert.equal(snapshot.hash, event.hash);
        same(modelOf(snapshot), model, `event ${event.seq}`);
        compared += 1;
    }
    assert.ok(compared > 200, `only ${compared} were compared`);
    const last = readSnapshot(documents.get(log.length)!)!;
    assert.ok(last.events.length < 3500, `${last.events.length} of ${log.length} events were kept`);
    assert.ok(slice(modelOf(last).spend).length < 600);
});

test("a page that begins with a snapshot goes on from it, and to any moment before it", async () => {
    const store = Object.assign(new Store(), { changed: () => undefined });
    const { history, asked } = coordinator();
    store.history = history;
    store.restart(readSnapshot(documents.get(4002)!));
    assert.equal(store.log.first, 4003);
    assert.equal(store.first, 1);
    assert.equal(store.receive(log.slice(4002)), true);
    const whole = log.reduce(fold, emptyModel());
    same(store.live, whole, "the end");
    for (const seq of [5000, 97 * 30, 2500, 149, 1]) {
        store.scrub(seq);
        await settled(store);
        assert.equal(store.shown.seq, seq, store.pastTrouble);
        same(store.shown, log.slice(0, seq).reduce(fold, emptyModel()), `event ${seq}`);
        assert.deepEqual(store.log.exact(seq), log[seq - 1]);
    }
    // The next events are here by now, so one step costs no request.
    store.scrub(2500);
    const before = asked.length;
    store.scrub(2501);
    assert.equal(store.shown.seq, 2501);
    assert.equal(asked.length, before);
    store.scrub(null);
    assert.equal(store.shown, store.live);
});

test("who drags the scrubber through the past asks for few moments and gets the last one", async () => {
    const store = Object.assign(new Store(), { changed: () => undefined });
    const { history, asked } = coordinator();
    store.history = history;
    store.restart(readSnapshot(documents.get(4002)!));
    for (let place = 97; place < 3000; place += 97) store.scrub(place);
    await settled(store);
    assert.equal(store.shown.seq, 97 * 30);
    assert.ok(asked.filter((what) => what.startsWith("snapshot")).length <= 3, asked.join(" "));
});

test("a moment that cannot be fetched is said, and the next try works", async () => {
    const store = Object.assign(new Store(), { changed: () => undefined });
    store.history = coordinator().history;
    store.restart(readSnapshot(documents.get(4002)!));
    store.scrub(3333);
    await settled(store);
    assert.match(store.pastTrouble, /no snapshot of 3333/);
    assert.equal(store.shown.seq, 4002);
    store.scrub(97);
    await settled(store);
    assert.equal(store.pastTrouble, "");
    assert.equal(store.shown.seq, 97);
});

test("a page that stays open lets go of old events and still shows the same", async () => {
    const known = { ...holding };
    Object.assign(holding, { most: 3000, least: 1000 });
    try {
        const store = Object.assign(new Store(), { changed: () => undefined });
        store.history = coordinator().history;
        store.receive(log.slice(0, 3001));
        await until(() => store.log.first > 1);
        // Parts are let go whole.
        assert.equal(store.log.first, partLength + 1);
        assert.equal(store.log.baseHash, log[partLength - 1]!.hash);
        store.receive(log.slice(3001));
        same(store.live, log.reduce(fold, emptyModel()), "the end");
        assert.ok(slice(store.live.activity).length < 5000);
        const check = new ChainCheck();
        while (check.advance(store.log, 500));
        assert.deepEqual(check.state, {
            sound: log.length - partLength,
            from: partLength + 1,
            broken: 0,
            isBlind: false,
        });
        store.scrub(2500);
        await settled(store);
        same(store.shown, log.slice(0, 2500).reduce(fold, emptyModel()), "event 2500");
    } finally {
        Object.assign(holding, known);
    }
});

test("the events before a snapshot are checked on demand, and a change of one is found", async () => {
    const { history } = coordinator();
    assert.equal(await checkPast(history, 4002, log[4001]!.hash, () => undefined), 0);
    assert.equal(await checkPast(history, 4002, log[4000]!.hash, () => undefined), 4002);
    const forged = new History((what) => {
        const seq = Number(what.split("=")[1]);
        const part = log.slice(seq, seq + partLength);
        return Promise.resolve({
            e: part.map((one) => (one.seq === 1500 ? { ...one, at: one.at + 1 } : one)),
        } as never);
    });
    assert.equal(await checkPast(forged, 4002, log[4001]!.hash, () => undefined), 1500);
});

test("a snapshot that is not one is refused", () => {
    const good = documents.get(97) as { [key: string]: Json };
    const events = good["e"] as Json[];
    for (
        const bad of [
            null,
            {},
            { ...good, seq: -1 },
            { ...good, seq: 5 },
            { ...good, e: [events[1]!, events[0]!] },
            { ...good, e: [{ seq: 1 }] },
        ]
    ) assert.equal(readSnapshot(bad as Json), null);
});

async function settled(store: Store): Promise<void> {
    await until(() => store.pastTrouble !== "fetching");
}

async function until(condition: () => boolean): Promise<void> {
    for (let round = 0; round < 5000; round += 1) {
        if (condition()) return;
        await new Promise((resolve) => setTimeout(resolve, 1));
    }
    throw new Error("waited in vain");
}
