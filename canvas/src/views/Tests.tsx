// What ran on which tree, and what came of it: failures first, live while a gate runs.

import { useMemo, useState } from "react";
import { useModel, useNow } from "../app";
import { clock, duration, plural } from "../core/format";
import type { TestRun } from "../core/model";
import { harmless, oneLine } from "../core/text";
import { type Case, casesOf, totals } from "../core/testTree";
import { Digest, Empty, Panel } from "../parts/basic";
import { Glyph, type State } from "../parts/Glyph";

export function TestsView() {
    const runs = useModel((model) => model.runs);
    const tree = useModel((model) => model.tree);
    const [chosen, setChosen] = useState<number | null>(null);
    const newest = runs[runs.length - 1];
    const withCases = [...runs].reverse().find((run) => run.output !== "");
    const run = runs.find((one) => one.seq === chosen) ??
        (newest?.state === "failed" ? newest : withCases ?? newest);
    if (!run) {
        return (
            <Panel title="Test runs">
                <Empty title="Nothing was tested yet">
                    Every merged tree runs through the gate, and the tester runs the suite on the whole.
                </Empty>
            </Panel>
        );
    }
    return (
        <div className="tests">
            <Panel
                title="Test runs"
                className="test-runs"
                aside={<span className="muted">{plural(runs.length, "run")}</span>}
            >
                <ul className="run-list">
                    {[...runs].reverse().map((one) => (
                        <li key={one.seq}>
                            <button
                                type="button"
                                className="run-row"
                                aria-pressed={one.seq === run.seq}
                                onClick={() => setChosen(one.seq)}
                            >
                                <Glyph state={runState(one)} />
                                <span className="run-what">
                                    {one.source === "gate"
                                        ? `Gate, ${oneLine(one.task, 32)}`
                                        : `Suite, ${oneLine(one.agent, 40)}`}
                                    {one.isFlaky ? <span className="chip is-warning">flaky</span> : null}
                                    {one.tree === tree ? <span className="chip">current tree</span> : null}
                                </span>
                                <span className="muted tabular">{clock(one.at)}</span>
                                <RunTime run={one} />
                            </button>
                        </li>
                    ))}
                </ul>
            </Panel>
            <Run run={run} />
        </div>
    );
}

function runState(run: TestRun): State {
    return run.state === "running" ? "working" : run.state === "passed" ? "done" : "failed";
}

function RunTime({ run }: { run: TestRun }) {
    const now = useNow();
    if (run.milliseconds !== null) {
        return (
            <span className="tabular muted run-time">
                {run.milliseconds < 1000 ? `${run.milliseconds} ms` : duration(run.milliseconds)}
            </span>
        );
    }
    return (
        <span className="tabular muted run-time">
            {run.state === "running" ? duration(now - run.at) : ""}
        </span>
    );
}

function Run({ run }: { run: TestRun }) {
    const cases = useMemo(() => casesOf(run.output), [run.output]);
    const sum = totals(cases);
    const counted = {
        passed: run.passed ?? sum.passed,
        failed: run.failed ?? sum.failed,
        skipped: run.skipped ?? sum.skipped,
    };
    const all = counted.passed + counted.failed + counted.skipped;
    return (
        <Panel
            title={run.source === "gate" ? "Gate" : "Suite"}
            id="run-title"
            className="test-run"
            aside={
                <span className="muted">
                    tree <Digest value={run.tree} label="tree" />
                </span>
            }
        >
            <div className="run-head">
                <p className="run-verdict">
                    <Glyph state={runState(run)} label="" />
                    <strong>
                        {run.state === "running" ? "Running" : run.state === "passed" ? "Green" : "Red"}
                    </strong>
                    {run.exitCode === null ? null : <span className="muted">{`exit ${run.exitCode}`}</span>}
                    <code>{oneLine(run.command, 200)}</code>
                </p>
                {all === 0 ? null : (
                    <p className="run-counts tabular">
                        <span className="good">{`${counted.passed} passed`}</span>
                        <span className={counted.failed > 0 ? "bad" : "muted"}>
                            {`${counted.failed} failed`}
                        </span>
                        <span className="muted">{`${counted.skipped} skipped`}</span>
                    </p>
                )}
                {all === 0
                    ? null
                    : (
                        <div className="meter" role="img" aria-label={`${counted.passed} of ${all} passed`}>
                            <span
                                className="meter-good"
                                style={{ width: `${(counted.passed / all) * 100}%` }}
                            />
                            <span
                                className="meter-bad"
                                style={{ width: `${(counted.failed / all) * 100}%` }}
                            />
                        </div>
                    )}
            </div>
            {cases.length === 0 ? null : <CaseTree cases={cases} />}
            {run.output === ""
                ? (
                    <p className="panel-note muted">
                        {run.state === "running"
                            ? "The gate runs in a guest that no agent has touched."
                            : "The journal keeps a gate's output only when it is red."}
                    </p>
                )
                : (
                    <details className="run-output" open={cases.length === 0}>
                        <summary>Output</summary>
                        <pre
                            className="output"
                            tabIndex={0}
                            aria-label="Output of the run"
                        >{harmless(run.output, 60_000)}</pre>
                    </details>
                )}
        </Panel>
    );
}

export function CaseTree({ cases }: { cases: readonly Case[] }) {
    return (
        <ul className="case-tree">
            {sorted(cases).map((one, index) => <CaseRow key={`${index}${one.name}`} one={one} />)}
        </ul>
    );
}

/** Failures first; otherwise as they ran. */
function sorted(cases: readonly Case[]): Case[] {
    return [
        ...cases.filter((one) => one.state === "failed"),
        ...cases.filter((one) => one.state !== "failed"),
    ];
}

function CaseRow({ one }: { one: Case }) {
    const [isOpen, setOpen] = useState(one.state === "failed" || one.children.length < 30);
    const hasMore = one.children.length > 0 || one.detail !== "";
    const words = (
        <>
            <Glyph
                state={one.state === "passed" ? "done" : one.state === "failed" ? "failed" : "gone"}
                label={one.state}
            />
            <span className="case-name" dir="auto">{oneLine(one.name, 300)}</span>
            <span className="muted tabular">
                {one.milliseconds === null
                    ? ""
                    : `${
                        one.milliseconds < 10 ? one.milliseconds.toFixed(1) : Math.round(one.milliseconds)
                    } ms`}
            </span>
        </>
    );
    if (!hasMore) {
        return (
            <li>
                <div className="case-row">{words}</div>
            </li>
        );
    }
    return (
        <li>
            <button
                type="button"
                className="case-row"
                aria-expanded={isOpen}
                onClick={() => setOpen(!isOpen)}
            >
                {words}
            </button>
            {!isOpen ? null : (
                <div className="case-inner">
                    {one.detail === "" ? null : (
                        <pre
                            className="output"
                            tabIndex={0}
                            aria-label="Details"
                        >{harmless(one.detail, 4000)}</pre>
                    )}
                    {one.children.length === 0 ? null : <CaseTree cases={one.children} />}
                </div>
            )}
        </li>
    );
}
