// What the app makes of text: terminals, patches, test runs, links.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { bare, legible, spans } from "../../../canvas/src/core/ansi";
import { paired, parsePatch, pieces } from "../../../canvas/src/core/diff";
import { readEvent } from "../../../canvas/src/core/event";
import { harmless, oneLine, safeLink } from "../../../canvas/src/core/text";
import { casesOf, totals } from "../../../canvas/src/core/testTree";
import { newLines, reanchor } from "../../../canvas/src/core/threads";

const fixture = readFileSync(`${process.env.FIXTURES}/demo.jsonl`, "utf8").trim().split("\n").map((line) =>
    readEvent(JSON.parse(line))!
);
const patch: string = JSON.parse(readFileSync(`${process.env.FIXTURES}/diff.json`, "utf8")).patch;

test("SGR gives styles, and no other sequence leaves a trace", () => {
    const [red, plain] = spans("\u001b[1;31mred\u001b[0m plain");
    assert.deepEqual([red!.text, red!.style.color, red!.style.isBold], ["red", 1, true]);
    assert.deepEqual([plain!.text, plain!.style.color], [" plain", null]);
    assert.equal(spans("\u001b[38;5;208mx")[0]!.style.color, "#ff8700");
    assert.equal(spans("\u001b[38;2;1;2;300mx")[0]!.style.color, "#0102ff");
    assert.equal(spans("\u001b[97mx")[0]!.style.color, 15);
    assert.equal(
        bare("\u001b]0;title\u0007a\u001b[2Jb\u001b[?25lc\u001bPq\u001b\\d\u001b]8;;javascript:x\u0007e"),
        "abcde",
    );
    assert.equal(bare("a\u202eb\u0000c\tt"), "a␣b·c    t");
});

test("reading terminal output takes time in its length, whatever it is", () => {
    const started = performance.now();
    for (
        const unit of ["\u001b[", "\u001b]", "\u001b", "\u001b[1;", "\u001bP", "\u001b[38;5;", "m\u001b[31m"]
    ) bare(unit.repeat(200_000 / unit.length));
    for (const unit of ["\u001b[", "\u001b]", "\u001b[31mx"]) spans(unit.repeat(100_000 / unit.length));
    assert.ok(performance.now() - started < 5000);
});

test("colours of agents are made legible on both grounds", () => {
    const light = (hex: string): number =>
        [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255)
            .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
            .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index]!, 0);
    for (const color of ["#000000", "#ffffff", "#0000ff", "#ffff00", "#808080", "#123456", "#ff8700"]) {
        assert.ok(
            (light(legible(color, true)) + 0.05) / (light("#16191c") + 0.05) >= 4.5,
            `${color} on dark`,
        );
        assert.ok(
            (light("#fdfdfc") + 0.05) / (light(legible(color, false)) + 0.05) >= 4.5,
            `${color} on light`,
        );
    }
});

test("text is bounded, on one line, and without direction marks", () => {
    assert.equal(oneLine(" a\n\n b\u202e c "), "a b␣ c");
    assert.equal(harmless("x".repeat(10_000), 100).length, 101);
    assert.equal(harmless("a\u001b[31mb\u0007"), "ab·");
});

test("only web addresses become links", () => {
    assert.equal(safeLink("https://example.org/a?b#c"), "https://example.org/a?b#c");
    for (
        const bad of [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "java\nscript:alert(1)",
            " https://a",
            "data:text/html,x",
            "//evil",
            "file:///etc",
            "vbscript:x",
            "https://user:pw@bank.example",
            "blob:x",
            "",
            "\u0001javascript:x",
            "https:\u00a0//x",
        ]
    ) assert.equal(safeLink(bad), null, bad);
});

test("the patch of the fixture is read whole", () => {
    const files = parsePatch(patch);
    const statistics = JSON.parse(readFileSync(`${process.env.FIXTURES}/diff.json`, "utf8")).statistics;
    assert.deepEqual(
        files.map((file) => [file.path, file.added, file.removed]),
        statistics.files.map((
            file: { path: string; added: number; removed: number },
        ) => [file.path, file.added, file.removed]),
    );
});

test("a patch of every kind of change is read, and any cut of it is survived", () => {
    const source = [
        'diff --git "a/sp\\303\\244t.txt" "b/sp\\303\\244t.txt"',
        "new file mode 100644",
        "--- /dev/null",
        '+++ "b/sp\\303\\244t.txt"',
        "@@ -0,0 +1,2 @@",
        "+one",
        "+-- two",
        "diff --git a/old name b/new name",
        "similarity index 90%",
        "rename from old name",
        "rename to new name",
        "@@ -1,3 +1,3 @@ func x()",
        " same",
        "-gone",
        "+come",
        " ",
        "diff --git a/x.png b/x.png",
        "Binary files a/x.png and b/x.png differ",
        "diff --git a/gone b/gone",
        "deleted file mode 100644",
        "--- a/gone",
        "+++ /dev/null",
        "@@ -1 +0,0 @@",
        "--- not a header",
        "\\ No newline at end of file",
        "",
    ].join("\n");
    const files = parsePatch(source);
    assert.deepEqual(files.map((file) => [file.path, file.kind, file.added, file.removed]), [
        ["spät.txt", "added", 2, 0],
        ["new name", "renamed", 1, 1],
        ["x.png", "binary", 0, 0],
        ["gone", "deleted", 0, 1],
    ]);
    assert.equal(files[0]!.hunks[0]!.lines[1]!.text, "-- two");
    assert.equal(files[3]!.hunks[0]!.lines[0]!.text, "-- not a header");
    for (let cut = 0; cut < source.length; cut += 1) parsePatch(source.slice(0, cut));
});

test("side by side pairs what was replaced, and words tell what differs", () => {
    const hunk = parsePatch(
        "diff --git a/f b/f\n@@ -1,3 +1,2 @@\n-let a = 1\n-let b = 2\n+let a = 3\n same\n",
    )[0]!.hunks[0]!;
    const pairs = paired(hunk.lines);
    assert.deepEqual(pairs.map((pair) => [pair.left?.text, pair.right?.text]), [["let a = 1", "let a = 3"], [
        "let b = 2",
        undefined,
    ], ["same", "same"]]);
    assert.deepEqual(
        pieces("let a = 1", "let a = 3").after.filter((piece) => piece.isChanged).map((piece) => piece.text),
        ["3"],
    );
});

test("a remark finds its line again after the code moved", () => {
    const before = new Map([[1, "a"], [2, "b"], [3, "target"], [4, "c"], [9, "target"]]);
    const after = new Map([[1, "new"], [2, "a"], [3, "b"], [4, "target"], [5, "c"], [20, "target"]]);
    assert.equal(reanchor(before, after, 3), 4);
    assert.equal(reanchor(before, new Map([[1, "other"]]), 3), null);
    assert.equal(newLines(parsePatch(patch)[0]!).size > 0, true);
});

test("TAP with subtests, pytest, cargo, go and Swift Testing give trees", () => {
    const tap = casesOf(
        "TAP version 13\n# Subtest: a\n    # Subtest: b\n    ok 1 - b\n      ---\n      duration_ms: 2.5\n      ...\n    not ok 2 - c # TODO later\n    1..2\nok 1 - a\nnot ok 2 - d\n  ---\n  error: 'x'\n  ...\n1..2\n",
    );
    assert.deepEqual(tap.map((one) => [one.name, one.state, one.children.length]), [["a", "passed", 2], [
        "d",
        "failed",
        0,
    ]]);
    assert.equal(tap[0]!.children[0]!.milliseconds, 2.5);
    assert.match(tap[1]!.detail, /error/);
    assert.deepEqual(
        totals(casesOf("tests/a.py::test_x PASSED [ 50%]\ntests/a.py::test_y FAILED [100%]\n")),
        { passed: 1, failed: 1, skipped: 0 },
    );
    assert.deepEqual(
        totals(
            casesOf(
                'test a::b ... ok\ntest a::c ... ignored\n--- FAIL: TestX (0.00s)\n✔ Test "z" passed after 0.001 seconds.\n',
            ),
        ),
        { passed: 2, failed: 1, skipped: 1 },
    );
    const report = fixture.find((event) => event.type === "tests.reported")!;
    assert.deepEqual(totals(casesOf(String(report.data["output"]))), {
        passed: report.data["passed"],
        failed: 0,
        skipped: 0,
    });
    assert.deepEqual(casesOf("nothing to see"), []);
    const started = performance.now();
    for (const unit of ["x", " ", "# ", "ok ", "::", "    "]) {
        casesOf(`TAP version 13\nnot ok 1 - ${unit.repeat(200_000 / unit.length)}\n`);
    }
    for (const unit of ["x", " ", "::", "1 ms"]) casesOf(`✓ ${unit.repeat(200_000 / unit.length)}\n`);
    assert.ok(performance.now() - started < 3000);
});
