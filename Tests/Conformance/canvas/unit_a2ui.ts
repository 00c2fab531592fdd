// A2UI as the specification of v0.9 has it: pointers, templates, functions, messages, trees; and what must
// not work.
import assert from "node:assert/strict";
import test from "node:test";

import { ExpressionError, parseTemplate } from "../../../canvas/src/a2ui/expression";
import { LocalWrites } from "../../../canvas/src/a2ui/local";
import { absolute, PointerError, read, write } from "../../../canvas/src/a2ui/pointer";
import { resolve } from "../../../canvas/src/a2ui/resolve";
import { applyMessage, limits, type Surface } from "../../../canvas/src/a2ui/surface";
import { failedChecks, FunctionError, invoke, textOf, valueOf } from "../../../canvas/src/a2ui/values";
import type { Json } from "../../../canvas/src/core/json";

const event = { seq: 7, at: 1000 };
const scope = (data: Json, path = "") => ({ data, path });

function surfaceOf(components: Json[], data?: Json): Surface {
    let all = applyMessage(
        new Map(),
        { version: "v0.9", createSurface: { surfaceId: "s", catalogId: "c" } },
        "coder-1",
        event,
    );
    all = applyMessage(
        all,
        { version: "v0.9", updateComponents: { surfaceId: "s", components } },
        "coder-1",
        event,
    );
    if (data !== undefined) {
        all = applyMessage(
            all,
            { version: "v0.9", updateDataModel: { surfaceId: "s", value: data } },
            "coder-1",
            event,
        );
    }
    return all.get("coder-1/s")!;
}

test("pointers are RFC 6901, relative to the item of a template", () => {
    const data = { "a/b": { "c~d": 1 }, items: ["x", "y"], "": 2 };
    assert.equal(read(data, "/a~1b/c~0d"), 1);
    assert.equal(read(data, "/items/1"), "y");
    assert.equal(read(data, "/items/01"), undefined);
    assert.equal(read(data, "/"), data);
    assert.equal(absolute("name", "/items/0"), "/items/0/name");
    assert.equal(absolute("/name", "/items/0"), "/name");
});

test("writing makes what is missing, keeps places of a list, and leaves the old value as it was", () => {
    const before = { a: [1, 2, 3] };
    assert.deepEqual(write(before, "/a/1", "b"), { a: [1, "b", 3] });
    assert.deepEqual(write({}, "/a/b/0/c", true), { a: { b: [{ c: true }] } });
    assert.deepEqual(write(before, "/a/0", undefined), { a: [null, 2, 3] });
    assert.deepEqual(write({ a: 1, b: 2 }, "/a", undefined), { b: 2 });
    assert.deepEqual(before, { a: [1, 2, 3] });
});

test("no path reaches a prototype", () => {
    for (const path of ["/__proto__/x", "/a/constructor/prototype/x", "/prototype"]) {
        assert.throws(() => write({}, path, 1), PointerError, path);
        assert.equal(read({}, path), undefined);
    }
    assert.throws(() => write({}, "/a/99999999", 1), PointerError);
    assert.throws(() => write({}, "/a".repeat(100), 1), PointerError);
    assert.equal(({} as { x?: number }).x, undefined);
});

test("templates parse into text, paths, literals and calls", () => {
    const cases: [string, unknown[]][] = [
        ["plain", [["literal", "plain"]]],
        ["", [["literal", ""]]],
        ["${a}", [["path", "a"]]],
        ["v ${/a/b} w", [["literal", "v "], ["path", "/a/b"], ["literal", " w"]]],
        ["${a-b.c_d}", [["path", "a-b.c_d"]]],
        ["${x}${y}", [["path", "x"], ["path", "y"]]],
        ["${'a b'}", [["literal", "a b"]]],
        ['${"q"}', [["literal", "q"]]],
        ["${'a\\nb'}", [["literal", "a\nb"]]],
        ["${'it\\'s'}", [["literal", "it's"]]],
        ["${42}", [["literal", 42]]],
        ["${1.5}", [["literal", 1.5]]],
        ["${007}", [["literal", 7]]],
        ["${true}", [["literal", true]]],
        ["${truely}", [["path", "truely"]]],
        ["${  /a  }", [["path", "/a"]]],
        ["${${'in'}}", [["literal", "in"]]],
        ["\\${x} ${y}", [["literal", "${x} "], ["path", "y"]]],
    ];
    for (const [source, expected] of cases) {
        const parts = parseTemplate(source).map((
            part,
        ) => (part.kind === "path"
            ? ["path", part.path]
            : part.kind === "literal"
            ? ["literal", part.value]
            : part)
        );
        assert.deepEqual(parts, expected, source);
    }
    const [call] = parseTemplate("${f(a: 1, b: g(c: /d), e: 'x')}");
    assert.deepEqual(call, {
        kind: "call",
        name: "f",
        args: [["a", { kind: "literal", value: 1 }], ["b", {
            kind: "call",
            name: "g",
            args: [["c", { kind: "path", path: "/d" }]],
        }], ["e", { kind: "literal", value: "x" }]],
    });
    for (
        const bad of ["a ${b", "${f(a: 1, b: 2}", "${f(a 1)}", "${true false}", "${1.2.3}", "${}", "${'open}"]
    ) {
        assert.throws(() => parseTemplate(bad), ExpressionError, bad);
    }
});

test("any text at all is a template or an error, in bounded time", () => {
    let seed = 9;
    const random = (below: number): number => {
        seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
        return seed % below;
    };
    const signs = ["${", "}", "(", ")", ":", ",", "'", '"', "\\", "a", "1", ".", "/", " ", "true", "-"];
    for (let round = 0; round < 5000; round += 1) {
        const source = Array.from({ length: random(24) }, () => signs[random(signs.length)]).join("");
        try {
            parseTemplate(source);
        } catch (error) {
            assert.ok(error instanceof ExpressionError, String(error));
        }
    }
    const started = performance.now();
    for (const unit of ["${", "${a(b:", "${'", "${a}", "\\"]) {
        try {
            parseTemplate(unit.repeat(19_000 / unit.length));
        } catch { /* Refused. */ }
    }
    assert.ok(performance.now() - started < 3000);
});

const call = (name: string, args: { [name: string]: Json }): Json | undefined =>
    invoke(name, (key) => args[key], scope({}));

test("the fourteen functions say what the catalog says", () => {
    const cases: [string, { [name: string]: Json }, Json][] = [
        ["required", { value: "a" }, true],
        ["required", { value: "" }, false],
        ["required", { value: null }, false],
        ["required", { value: [] }, false],
        ["required", { value: [0] }, true],
        ["required", { value: {} }, true],
        ["required", { value: 0 }, true],
        ["regex", { value: "12", pattern: "^[0-9]+$" }, true],
        ["regex", { value: "ab", pattern: "^[0-9]+$" }, false],
        ["length", { value: "hello", min: 3, max: 10 }, true],
        ["length", { value: "hi", min: 3 }, false],
        ["length", { value: ["a", "b"], min: 2 }, true],
        ["numeric", { value: "42.5", min: 0, max: 100 }, true],
        ["numeric", { value: -5, min: 0 }, false],
        ["numeric", { value: "no" }, false],
        ["email", { value: "a@b.example" }, true],
        ["email", { value: "a@b.c" }, false],
        ["email", { value: "nobody" }, false],
        ["formatNumber", { value: 1234.5, decimals: 2 }, "1,234.50"],
        ["formatNumber", { value: 1234, grouping: false }, "1234"],
        ["formatCurrency", { value: 1234.5, currency: "USD", decimals: 2 }, "$1,234.50"],
        ["formatCurrency", { value: -3, currency: "EUR" }, "-€3.00"],
        [
            "formatDate",
            { value: "2026-01-16T14:30:05Z", format: "yyyy-MM-dd HH:mm:ss" },
            "2026-01-16 14:30:05",
        ],
        ["formatDate", { value: "2026-01-16T14:30:00Z", format: "EEEE, d MMMM" }, "Friday, 16 January"],
        ["formatDate", { value: "2026-01-16T14:30:00Z", format: "h:mm a" }, "2:30 PM"],
        ["formatDate", { value: "2026-01-16", format: "MMM dd, ''yy" }, "Jan 16, '26"],
        ["formatDate", { value: "never", format: "yyyy" }, ""],
        ["pluralize", { value: 1, one: "1 item", other: "items" }, "1 item"],
        ["pluralize", { value: 5, one: "1 item", other: "items" }, "items"],
        ["pluralize", { value: 0, zero: "", other: "some" }, ""],
        ["pluralize", { value: 2, two: "a pair", other: "some" }, "a pair"],
        ["and", { values: [true, 1, "x"] }, true],
        ["and", { values: [1, ""] }, false],
        ["or", { values: [0, "yes"] }, true],
        ["or", { values: [false, null] }, false],
        ["not", { value: "" }, true],
        ["not", { value: { valid: false } }, false],
    ];
    for (const [name, args, expected] of cases) {
        assert.deepEqual(call(name, args), expected, `${name} ${JSON.stringify(args)}`);
    }
    assert.equal(
        valueOf(
            { call: "formatString", args: { value: "${/a} and ${formatNumber(value: /n)}" } },
            scope({ a: "x", n: 1000 }),
        ),
        "x and 1,000",
    );
    for (const name of ["openUrl", "constructor", "__proto__", "eval", ""]) {
        assert.throws(() => call(name, { url: "javascript:1" }), FunctionError, name);
    }
    assert.throws(() => call("and", { values: [true] }), FunctionError);
});

test("patterns that could take for ever are refused instead of run", () => {
    const started = performance.now();
    for (
        const pattern of [
            "(a+)+$",
            "(a|a)*$",
            "(a|aa)+$",
            "([a-z]+)*$",
            "^(\\w+\\s?)*$",
            "(.*)\\1",
            "a*a*a*a*a*a*b",
            "((a+))+",
            "(a{1,9}){1,9}$",
            "x".repeat(300),
            "(",
        ]
    ) {
        assert.throws(() => call("regex", { value: `${"a".repeat(490)}!`, pattern }), FunctionError, pattern);
    }
    assert.equal(call("regex", { value: "AB-12", pattern: "^[A-Z]{2}-\\d+$" }), true);
    assert.ok(performance.now() - started < 1000);
});

test("calls nest to a depth of five and no deeper", () => {
    const nested = (
        depth: number,
    ): Json => (depth === 0 ? true : { call: "not", args: { value: nested(depth - 1) } });
    assert.equal(valueOf(nested(4), scope({})), true);
    assert.throws(() => valueOf(nested(6), scope({})), FunctionError);
    assert.match(textOf(nested(6), scope({})), /nested deeper/);
});

test("values become text, and what cannot be evaluated says so in its place", () => {
    assert.equal(textOf({ path: "/missing" }, scope({})), "");
    assert.equal(textOf({ path: "/o" }, scope({ o: { a: 1 } })), '{"a":1}');
    assert.equal(textOf({ path: "name" }, scope({ items: [{ name: "n" }] }, "/items/0")), "n");
    assert.match(textOf({ call: "nothing", args: {} }, scope({})), /no function/);
    assert.deepEqual(
        failedChecks({
            checks: [
                { condition: { call: "required", args: { value: { path: "/a" } } }, message: "Needed" },
                {
                    condition: { call: "regex", args: { value: "a", pattern: "(a+)+" } },
                    message: "Bad pattern",
                },
                { condition: true, message: "Fine" },
            ],
        }, scope({})),
        ["Needed", "Bad pattern"],
    );
});

test("messages of the protocol are applied whole or not at all", () => {
    const create: Json = {
        version: "v0.9",
        createSurface: {
            surfaceId: "s",
            catalogId: "c",
            theme: { primaryColor: "#00BFFF", agentDisplayName: "The Boss" },
        },
    };
    const one = applyMessage(new Map(), create, "coder-1", event);
    assert.equal(one.get("coder-1/s")!.primaryColor, "#00BFFF");
    assert.equal(one.get("coder-1/s")!.agent, "coder-1");
    const bad: Json[] = [
        create,
        { version: "v0.8", createSurface: { surfaceId: "x", catalogId: "c" } },
        { createSurface: { surfaceId: "x", catalogId: "c" } },
        { version: "v0.9" },
        {
            version: "v0.9",
            createSurface: { surfaceId: "x", catalogId: "c" },
            deleteSurface: { surfaceId: "x" },
        },
        {
            version: "v0.9",
            updateComponents: { surfaceId: "nowhere", components: [{ id: "root", component: "Text" }] },
        },
        { version: "v0.9", updateComponents: { surfaceId: "s", components: [] } },
        { version: "v0.9", updateComponents: { surfaceId: "s", components: [{ id: "a" }] } },
        { version: "v0.9", updateDataModel: { surfaceId: "s", path: "/__proto__/x", value: 1 } },
        { version: "v0.9", other: { surfaceId: "s" } },
        null,
        3,
    ];
    for (const message of bad) {
        assert.throws(() => applyMessage(one, message, "coder-1", event), Error, JSON.stringify(message));
    }
    assert.equal(one.get("coder-1/s")!.components.size, 0);
    // An agent cannot touch a surface of another one: the same name is another surface.
    assert.throws(
        () => applyMessage(one, { version: "v0.9", deleteSurface: { surfaceId: "s" } }, "coder-2", event),
        /not found/,
    );
    assert.equal(
        applyMessage(one, { version: "v0.9", deleteSurface: { surfaceId: "s" } }, "coder-1", event).size,
        0,
    );
});

test("a tree is drawn from the list, with templates, and without cycles", () => {
    const tree = resolve(
        surfaceOf([
            { id: "root", component: "Column", children: ["title", "list", "later"] },
            { id: "title", component: "Text", text: "T" },
            { id: "list", component: "List", children: { componentId: "row", path: "/items" } },
            { id: "row", component: "Text", text: { path: "name" } },
        ], { items: [{ name: "a" }, { name: "b" }] }),
        { items: [{ name: "a" }, { name: "b" }] },
    )!;
    assert.deepEqual(tree.children.map((child) => [child.type, child.problem]), [["Text", null], [
        "List",
        null,
    ], ["", "missing"]]);
    assert.deepEqual(
        tree.children[1]!.children.map((child) => textOf(child.component["text"], child.scope)),
        ["a", "b"],
    );
    assert.equal(resolve(surfaceOf([{ id: "a", component: "Text", text: "" }]), {}), null);
    const cycle = resolve(
        surfaceOf([{ id: "root", component: "Card", child: "a" }, {
            id: "a",
            component: "Card",
            child: "root",
        }]),
        {},
    )!;
    assert.equal(cycle.children[0]!.children[0]!.problem, "cycle");
});

test("a tree of any shape stays within its bounds", () => {
    const wide = surfaceOf([
        { id: "root", component: "Column", children: { componentId: "row", path: "/a" } },
        { id: "row", component: "Column", children: { componentId: "cell", path: "/a" } },
        { id: "cell", component: "Text", text: "x" },
    ]);
    const started = performance.now();
    let amount = 0;
    const countAll = (branch: { children: readonly unknown[] }): void => {
        amount += 1;
        (branch.children as typeof branch[]).forEach(countAll);
    };
    const data = { a: Array.from({ length: 9000 }, () => 1) };
    countAll(resolve(wide, data)!);
    assert.ok(amount <= limits.nodes + 100, `${amount} nodes`);
    const deep = surfaceOf([
        { id: "root", component: "Card", child: "c0" },
        ...Array.from(
            { length: 300 },
            (_, index) => ({ id: `c${index}`, component: "Card", child: `c${index + 1}` }),
        ),
    ]);
    amount = 0;
    countAll(resolve(deep, {})!);
    assert.ok(amount <= limits.depth + 2, `${amount} deep`);
    assert.ok(performance.now() - started < 2000);
});

test("what a person entered stays until the agent sends another value for it", () => {
    const local = new LocalWrites();
    local.write({ name: "a", other: 1 }, "/name", "mine");
    assert.deepEqual(local.over({ name: "a", other: 2 }), { name: "mine", other: 2 });
    assert.deepEqual(local.over({ name: "theirs", other: 2 }), { name: "theirs", other: 2 });
    assert.deepEqual(local.over({ name: "a", other: 2 }), { name: "a", other: 2 });
});
