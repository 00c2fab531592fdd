// The cases of a test run, out of what the runner printed: TAP, and the lines of pytest, cargo, go, Swift
// Testing, Jest and Mocha. Text in, a tree out; what is not understood is no case.

export interface Case {
    readonly name: string;
    readonly state: "passed" | "failed" | "skipped";
    readonly milliseconds: number | null;
    readonly detail: string;
    readonly children: readonly Case[];
}

const caseLimit = 5000;
const detailLimit = 4000;
/** What is longer is no name of a case, and would take the patterns below a long time. */
const columnLimit = 1000;

export function casesOf(output: string): Case[] {
    const lines = output.split("\n", 100_000).map((line) =>
        line.slice(0, columnLimit)
            .replace(/\u001b\[[0-9;]{0,16}m/g, "").replace(/\r$/, "")
    );
    if (
        lines.some((line) => /^TAP version 1[34]/.test(line)) || lines.some((line) => /^1\.\.\d+/.test(line))
    ) {
        return tap(lines);
    }
    return grouped(plain(lines));
}

interface Open {
    name: string;
    state: Case["state"];
    milliseconds: number | null;
    detail: string[];
    children: Open[];
}

function tap(lines: readonly string[]): Case[] {
    // Children come before their parent, indented by four more.
    const waiting = new Map<number, Open[]>();
    let last: Open | null = null;
    let inBlock = false;
    let amount = 0;
    for (const line of lines) {
        const match = /^((?: {4})*)(not ok|ok)\b(?: +\d+)?(?: +- +| +)?(.*)$/.exec(line);
        if (!match) {
            if (!last) continue;
            const text = line.trim();
            if (text === "---") inBlock = true;
            else if (text === "...") inBlock = false;
            else if (inBlock) {
                const time = /^duration_ms:? *([0-9.]+)/.exec(text);
                if (time) last.milliseconds = Number(time[1]);
                else if (last.state === "failed" && last.detail.length < 80) last.detail.push(line.trimEnd());
            }
            continue;
        }
        if (amount >= caseLimit) break;
        amount += 1;
        const depth = (match[1] ?? "").length / 4;
        const words = match[3] ?? "";
        const directive = /(.*?) *# *(skip|todo)\b.*$/i.exec(words);
        const own: Open = {
            name: (directive?.[1] ?? words).trim() || "unnamed",
            milliseconds: null,
            detail: [],
            state: directive ? "skipped" : match[2] === "ok" ? "passed" : "failed",
            children: waiting.get(depth + 1) ?? [],
        };
        waiting.delete(depth + 1);
        waiting.set(depth, [...(waiting.get(depth) ?? []), own]);
        last = own;
        inBlock = false;
    }
    return (waiting.get(0) ?? []).map(closed);
}

function closed(open: Open): Case {
    return {
        name: open.name,
        state: open.state,
        milliseconds: open.milliseconds,
        detail: open.detail.join("\n").slice(0, detailLimit),
        children: open.children.map(closed),
    };
}

const patterns: readonly [RegExp, (match: RegExpExecArray) => [string, string]][] = [
    [/^(\S+::\S.*?) (PASSED|FAILED|SKIPPED|ERROR)\b/, (match) => [match[1] ?? "", match[2] ?? ""]],
    [/^test (\S+) \.\.\. (ok|FAILED|ignored)/, (match) => [match[1] ?? "", match[2] ?? ""]],
    [/^\s*--- (PASS|FAIL|SKIP): (\S+)/, (match) => [match[2] ?? "", match[1] ?? ""]],
    [/^[✔✘] Test (.+?) (passed|failed)\b/, (match) => [match[1] ?? "", match[2] ?? ""]],
    [/^\s*([✓✔✕✖✗×○]) (.+?)(?: \(\d+(?:\.\d+)? ?m?s\))?$/, (match) => [match[2] ?? "", match[1] ?? ""]],
];
const goodWords: ReadonlySet<string> = new Set(["PASSED", "ok", "PASS", "passed", "✓", "✔"]);
const skipWords: ReadonlySet<string> = new Set(["SKIPPED", "ignored", "SKIP", "○"]);

function plain(lines: readonly string[]): Case[] {
    const cases: Case[] = [];
    for (const line of lines) {
        if (cases.length >= caseLimit) break;
        for (const [pattern, read] of patterns) {
            const match = pattern.exec(line);
            if (!match) continue;
            const [name, word] = read(match);
            const state = goodWords.has(word) ? "passed" : skipWords.has(word) ? "skipped" : "failed";
            const time = /\(?(\d+(?:\.\d+)?) ?(ms|s)\)?\s*$/.exec(line);
            const milliseconds = time ? Number(time[1]) * (time[2] === "s" ? 1000 : 1) : null;
            cases.push({ name: name.trim(), state, milliseconds, detail: "", children: [] });
            break;
        }
    }
    return cases;
}

/** `file::class::name` and `module::name` under their file and module. */
function grouped(cases: readonly Case[]): Case[] {
    const groups = new Map<string, Case[]>();
    for (const one of cases) {
        const cut = one.name.lastIndexOf("::");
        const group = cut > 0 ? one.name.slice(0, cut) : "";
        groups.set(group, [
            ...(groups.get(group) ?? []),
            cut > 0 ? { ...one, name: one.name.slice(cut + 2) } : one,
        ]);
    }
    return [...groups].flatMap(([name, children]) => (name === "" ? children : [{
        name,
        state: worst(children),
        milliseconds: null,
        detail: "",
        children,
    }]));
}

function worst(cases: readonly Case[]): Case["state"] {
    if (cases.some((one) => one.state === "failed")) return "failed";
    return cases.every((one) => one.state === "skipped") ? "skipped" : "passed";
}

export function totals(cases: readonly Case[]): { passed: number; failed: number; skipped: number } {
    const sum = { passed: 0, failed: 0, skipped: 0 };
    for (const one of cases) {
        if (one.children.length === 0) {
            sum[one.state] += 1;
            continue;
        }
        const inner = totals(one.children);
        sum.passed += inner.passed;
        sum.failed += inner.failed;
        sum.skipped += inner.skipped;
    }
    return sum;
}
