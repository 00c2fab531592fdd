// The app's core, without a browser: bundled by esbuild, run by node --test. The names of the tests are
// claims.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import test from "node:test";
import { ChainCheck, hashOf } from "../../../canvas/src/core/audit";
import { criticalPath, layersOf, layout } from "../../../canvas/src/core/dag";
import { readEvent } from "../../../canvas/src/core/event";
import { stepsOf } from "../../../canvas/src/core/flow";
import { fold } from "../../../canvas/src/core/fold";
import { canonical } from "../../../canvas/src/core/json";
import { EventLog } from "../../../canvas/src/core/log";
import { AgentLog, lineLimit } from "../../../canvas/src/core/logbook";
import { emptyModel } from "../../../canvas/src/core/model";
import { sha256 } from "../../../canvas/src/core/sha256";
import { Store } from "../../../canvas/src/core/store";
import "./unit_a2ui";
import "./unit_history";
import "./unit_text";

const fixture = readFileSync(`${process.env.FIXTURES}/demo.jsonl`, "utf8").trim().split("\n").map((line) =>
    readEvent(JSON.parse(line))!
);

/** Numbers that are the same in each run. */
function seeded(seed: number): () => number {
    return () => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return seed / 2 ** 32;
    };
}

test("the fixture is a whole session that was delivered", () => {
    const model = fixture.reduce(fold, emptyModel());
    assert.equal(model.phase, "completed");
    assert.equal(model.session, "fix-token-validation-99c3");
    assert.deepEqual(model.merged.slice().sort(), ["t1", "t2"]);
    assert.equal(model.tasks.get("t2")!.attempt, 3);
    assert.equal(model.verdict!.value, "approve");
    assert.equal(model.testsPassed, true);
    assert.equal(model.delivery!.isMerged, true);
    assert.equal(model.effects.open, 0);
    assert.equal(model.runs.every((run) => run.state !== "running"), true);
});

test("folding to any moment from any other gives what folding from the beginning gives", () => {
    const plain = (model: ReturnType<typeof emptyModel>): unknown =>
        JSON.parse(JSON.stringify(model, (_, value) => {
            if (value instanceof Map) return [...value];
            if (value && value.tape) return value.tape.items.slice(0, value.length);
            return value;
        }));
    const store = Object.assign(new Store(), { changed: () => undefined });
    store.receive(fixture);
    const random = seeded(7);
    for (let round = 0; round < 60; round += 1) {
        const seq = 1 + Math.floor(random() * fixture.length);
        store.scrub(seq);
        const expected = fixture.slice(0, seq).reduce(fold, emptyModel());
        assert.deepEqual(plain(store.shown), plain(expected), `event ${seq}`);
    }
});

test("an event is applied once, in order, and a gap is noticed", () => {
    const store = Object.assign(new Store(), { changed: () => undefined });
    assert.equal(store.receive(fixture.slice(0, 5)), true);
    assert.equal(store.receive(fixture.slice(2, 8)), true);
    assert.equal(store.receive(fixture.slice(9, 12)), false);
    assert.equal(store.log.head, 8);
    assert.equal(store.receive(fixture.slice(8)), true);
    assert.equal(store.log.head, fixture.length);
});

test("sealed parts of the log give back what was put in", () => {
    const log = new EventLog();
    const amount = 5000;
    for (let seq = 1; seq <= amount; seq += 1) {
        assert.equal(
            log.append({
                seq,
                session: "s",
                at: seq * 2,
                type: "a.b",
                data: { n: seq, "ü": "ö" },
                hash: `h${seq}`,
                count: 1,
            }),
            "applied",
        );
    }
    for (const seq of [1, 1023, 1024, 1025, 2048, 4999, 5000]) {
        assert.deepEqual(log.get(seq)!.data, { n: seq, "ü": "ö" });
    }
    assert.equal(log.get(0), null);
    assert.equal(log.get(amount + 1), null);
    assert.deepEqual([...log.range(1022, 1026)].map((event) => event.seq), [1023, 1024, 1025, 1026]);
});

test("SHA-256 is node's, at every length around its blocks", () => {
    for (let length = 0; length < 200; length += 1) {
        const text = "aé".repeat(length).slice(0, length);
        assert.equal(sha256(text), createHash("sha256").update(text).digest("hex"), `length ${length}`);
    }
});

test("the chain of hashes of the fixture is whole, and every change of it is found", () => {
    const log = new EventLog();
    fixture.forEach((event) => log.append(event));
    const check = new ChainCheck();
    while (check.advance(log, 50));
    assert.deepEqual(check.state, { sound: fixture.length, from: 1, broken: 0, isBlind: false });
    const random = seeded(3);
    for (let round = 0; round < 20; round += 1) {
        const place = Math.floor(random() * fixture.length);
        const forged = new EventLog();
        fixture.forEach((event, index) =>
            forged.append(index === place ? { ...event, at: event.at + 1 } : event)
        );
        const found = new ChainCheck();
        while (found.advance(forged, 50));
        assert.equal(found.state.broken, place + 1);
    }
    assert.equal(hashOf(fixture[0]!, ""), fixture[0]!.hash);
});

test("canonical JSON sorts by code points and keeps a member called __proto__", () => {
    assert.equal(
        canonical(JSON.parse('{"b":1,"a":[{"d":null,"c":"é"}],"__proto__":true}')),
        '{"__proto__":true,"a":[{"c":"é","d":null}],"b":1}',
    );
    assert.equal(canonical({ "\u{1F600}": 1, "\uFFFD": 2 }), '{"\uFFFD":2,"\u{1F600}":1}');
});

test("names like __proto__ are names, and change no prototype", () => {
    const names = ["__proto__", "constructor", "prototype", "hasOwnProperty", "toString"];
    let model = emptyModel();
    let seq = 0;
    for (const agent of names) {
        for (
            const [type, data] of [
                ["agent.requested", { agent, role: agent, generation: 1 }],
                ["task.ready", { task: agent, kind: agent, title: agent, agent }],
                ["task.assigned", { task: agent, agent, attempt: 1, generation: 1, kind: "implement" }],
            ] as const
        ) model = fold(model, { seq: ++seq, session: "s", at: seq, type, data, hash: "" });
    }
    assert.equal(model.agents.size, names.length);
    assert.equal(({} as { role?: string }).role, undefined);
});

test("an event of any shape leaves the model whole", () => {
    const random = seeded(11);
    const types = [...new Set(fixture.map((event) => event.type)), "canvas.changed", "x.y", ""];
    const odd = (): unknown =>
        [
            null,
            -1,
            1e308,
            "",
            "x",
            [],
            {},
            [null],
            { tasks: "no" },
            { tasks: [null, 1, { id: 5 }] },
            true,
        ][Math.floor(random() * 11)];
    let model = emptyModel();
    for (let seq = 1; seq <= 4000; seq += 1) {
        const sample = fixture[Math.floor(random() * fixture.length)]!.data;
        const data: { [key: string]: unknown } = { ...sample };
        for (const key of [...Object.keys(data), "agent", "task", "messages", "comment"]) {
            if (random() < 0.4) data[key] = odd();
        }
        model = fold(model, {
            seq,
            session: "s",
            at: seq,
            type: types[Math.floor(random() * types.length)]!,
            data: data as never,
            hash: "",
        });
    }
    assert.ok(stepsOf(model, 1).length >= 0);
});

test("layers, lanes and the critical path are right for random graphs", () => {
    const random = seeded(5);
    for (let round = 0; round < 200; round += 1) {
        const amount = 1 + Math.floor(random() * 40);
        const nodes = Array.from({ length: amount }, (_, index) => ({
            id: `n${index}`,
            dependsOn: Array.from(
                { length: Math.floor(random() * 3) },
                () => `n${Math.floor(random() * Math.max(1, index))}`,
            ).filter((id) => id !== `n${index}`),
        }));
        const layers = layersOf(nodes);
        for (const node of nodes) {
            for (const other of node.dependsOn) assert.ok(layers.get(node.id)! > layers.get(other)!);
        }
        const drawn = layout(nodes, { width: 100, height: 40, gapX: 40, gapY: 10 });
        const boxes = [...drawn.nodes.values()];
        assert.equal(boxes.length, amount);
        for (const a of boxes) {
            for (const b of boxes) {
                if (a !== b && a.layer === b.layer) assert.ok(Math.abs(a.y - b.y) >= 40, "nodes overlap");
            }
        }
        const path = criticalPath(nodes, () => 1);
        assert.equal(path.length, Math.max(...layers.values()) + 1);
        path.slice(1).forEach((id, index) =>
            assert.ok(nodes.find((node) => node.id === id)!.dependsOn.includes(path[index]!))
        );
    }
    // A plan with a cycle never gets here, but the drawing must not hang on one.
    assert.equal(
        layout([{ id: "a", dependsOn: ["b"] }, { id: "b", dependsOn: ["a"] }], {
            width: 1,
            height: 1,
            gapX: 1,
            gapY: 1,
        }).nodes.size,
        2,
    );
});

test("a log of output stays within its bytes and knows what it dropped", () => {
    const log = new AgentLog();
    for (let seq = 1; seq <= 3000; seq += 1) {
        log.push({ seq, at: 0, stream: "stdout", source: "", line: "y".repeat(2000), cut: 0 });
    }
    assert.ok(log.size <= 2 << 20);
    assert.equal(log.dropped + log.length, 3000);
    assert.equal(log.push({ seq: 3000, at: 0, stream: "", source: "", line: "again", cut: 0 }), false);
    log.push({ seq: 3001, at: 0, stream: "", source: "", line: "z".repeat(1_000_000), cut: 0 });
    assert.equal(log.at(log.length - 1)!.line.length, lineLimit);
    log.enter("one");
    log.enter("two");
    assert.equal(
        log.push({ seq: 1, at: 0, stream: "", source: "", line: "of the next guest", cut: 0 }),
        true,
    );
});

test("questions, batches, flaky gates, edited plans and pull requests are in the model", () => {
    let model = emptyModel();
    let seq = 0;
    const happen = (type: string, data: { [key: string]: unknown }): void => {
        model = fold(model, {
            seq: ++seq,
            session: "s",
            at: seq * 1000,
            type,
            data: data as never,
            hash: "",
        });
    };
    const task = (id: string) => ({
        id,
        title: id,
        depends_on: [],
        write_set: [],
        acceptance: [],
        role: "coder",
    });
    happen("session.queued", {
        configuration: { session: "s", task: "x", base_commit: "b", base_tree: "t" },
    });
    assert.equal(model.phase, "queued");
    happen("session.started", {
        configuration: { session: "s", task: "x", base_commit: "b", base_tree: "t" },
    });
    assert.equal(model.phase, "planning");
    happen("plan.accepted", { by: "architect-1", plan: { summary: "", tasks: [task("t1"), task("t2")] } });
    happen("task.assigned", { task: "t1", attempt: 1, agent: "coder-1", generation: 1, kind: "implement" });
    happen("plan.edited", { by: "user", plan: { summary: "new", tasks: [task("t1"), task("t3")] } });
    assert.deepEqual(model.order, ["t1", "t3"]);
    assert.equal(model.tasks.get("t1")!.state, "working");
    assert.equal(model.tasks.has("t2"), false);
    happen("permission.requested", {
        permission: { id: "plan/1", kind: "plan", summary: "Is the plan right?" },
    });
    happen("permission.requested", { permission: { id: "plan/2", kind: "plan", summary: "And now?" } });
    assert.deepEqual(model.questions.map((question) => question.id), ["plan/2"]);
    happen("permission.granted", { id: "plan/2", by: "user" });
    assert.deepEqual(model.questions, []);
    happen("merge.batched", { tasks: ["t1", "t3"] });
    happen("gate.started", { task: "t1", tree: "x", command: "make test" });
    happen("gate.retried", { task: "t1", tree: "x", command: "make test", exit_code: 2 });
    happen("gate.started", { task: "t1", tree: "x", command: "make test" });
    happen("gate.passed", { task: "t1", tree: "x", command: "make test", milliseconds: 5 });
    happen("gate.flaked", { task: "t1", tree: "x", command: "make test" });
    assert.deepEqual(model.runs.map((run) => [run.state, run.exitCode, run.isFlaky]), [
        ["failed", 2, true],
        ["passed", null, true],
    ]);
    happen("changes.requested", {
        tree: "x",
        by: "ada",
        comments: [{ file: "a", line: 3, body: "b", severity: "blocking" }],
    });
    assert.equal(model.comments.length, 1);
    happen("pull.opened", { url: "https://forge.example/1", number: 1, commit: "c", is_draft: true });
    happen("checks.reported", { commit: "c", is_green: false, summary: "1 red" });
    assert.deepEqual(model.pull, {
        url: "https://forge.example/1",
        number: 1,
        isDraft: true,
        checks: { isGreen: false, summary: "1 red" },
    });
    happen("budget.raised", { microusd: 7, by: "user" });
    assert.equal(model.configuration!.budget, 7);
    happen("plan.withdrawn", { by: "user", reason: "no" });
    assert.deepEqual([model.order, model.phase, model.tasks.size], [[], "planning", 0]);
});

test("a guest that sleeps is shown as that, and an event about an older one changes nothing", () => {
    let model = emptyModel();
    let seq = 0;
    const happen = (type: string, data: { [key: string]: unknown }): string | undefined => {
        model = fold(model, { seq: ++seq, session: "s", at: seq, type, data: data as never, hash: "" });
        return model.agents.get("coder-1")?.status;
    };
    happen("agent.requested", { agent: "coder-1", role: "coder", generation: 2 });
    assert.equal(happen("agent.ready", { agent: "coder-1", generation: 2, instance: "i-1" }), "ready");
    assert.equal(happen("agent.paused", { agent: "coder-1", generation: 1, reason: "" }), "ready");
    assert.equal(happen("agent.paused", { agent: "coder-1", generation: 2, reason: "waits" }), "paused");
    assert.equal(model.agents.get("coder-1")?.step, "Sleeping until it is needed");
    assert.equal(happen("agent.resumed", { agent: "coder-1", generation: 2, milliseconds: 5 }), "ready");
    assert.equal(model.agents.get("coder-1")?.step, "Waiting for work");
});
