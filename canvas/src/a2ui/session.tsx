// The catalog `openclaw/session/v1`: pictures of this session that an agent can place on its surface. Those
// that show facts take them from the journal, not from the agent; those that an agent fills say so by what
// they are.

import { useMemo } from "react";
import { useApp, useModel, useNow } from "../app";
import { criticalPath, layout } from "../core/dag";
import { parsePatch } from "../core/diff";
import { costOf, stepsOf } from "../core/flow";
import { clock, money } from "../core/format";
import { field, isArray, text } from "../core/json";
import { at } from "../core/tape";
import { harmless, oneLine } from "../core/text";
import { casesOf } from "../core/testTree";
import { agentState, eventLine } from "../core/words";
import { bare } from "../core/ansi";
import { RoleMark } from "../parts/basic";
import { Glyph } from "../parts/Glyph";
import { CaseTree } from "../views/Tests";
import { Graph, sizes } from "../views/Flow";
import type { Host } from "./Component";
import { Diagram } from "./Diagram";
import type { Branch } from "./resolve";
import { attempt, textOf, textsOf, valueOf } from "./values";

const names: ReadonlySet<string> = new Set([
    "AgentLanes",
    "TaskGraph",
    "DiffView",
    "TestTree",
    "LogTail",
    "Diagram",
    "Timeline",
    "CostMeter",
    "ApprovalGate",
]);

export function isSessionComponent(type: string): boolean {
    return names.has(type);
}

export function SessionComponent({ branch, host }: { branch: Branch; host: Host }) {
    switch (branch.type) {
        case "AgentLanes":
            return <AgentLanes />;
        case "TaskGraph":
            return <TaskGraph />;
        case "DiffView":
            return <DiffView branch={branch} />;
        case "TestTree":
            return <TestTree branch={branch} />;
        case "LogTail":
            return <LogTail branch={branch} host={host} />;
        case "Diagram":
            return <Diagram branch={branch} />;
        case "Timeline":
            return <Milestones branch={branch} />;
        case "CostMeter":
            return <CostMeter />;
        default:
            return <ApprovalGate />;
    }
}

function AgentLanes() {
    const agents = useModel((model) => model.agents);
    return (
        <ul className="a2-lanes" aria-label="Agents">
            {[...agents.values()].map((agent) => (
                <li key={agent.id}>
                    <RoleMark role={agent.role} /> <Glyph state={agentState(agent)} />{" "}
                    <span>{oneLine(agent.id, 60)}</span>
                    <span className="muted" dir="auto">{oneLine(agent.step, 160)}</span>
                </li>
            ))}
        </ul>
    );
}

function TaskGraph() {
    const model = useModel((value) => value);
    const now = useNow();
    const steps = useMemo(() => stepsOf(model, now), [model, now]);
    const shape = steps.map((step) => `${step.id}<${step.dependsOn.join(",")}`).join(";");
    const picture = useMemo(() => layout(steps, sizes), [shape]);
    if (steps.length === 0) return <p className="muted">There is no plan yet.</p>;
    return <Graph steps={steps} picture={picture} critical={criticalPath(steps, costOf(steps))} chosen="" />;
}

const lineLimit = 2000;

function DiffView({ branch }: { branch: Branch }) {
    const patch = textOf(field(branch.component, "patch"), branch.scope);
    const files = useMemo(() => parsePatch(patch), [patch]);
    if (files.length === 0) return <p className="muted">There is no change to show.</p>;
    return (
        <>
            {files.slice(0, 50).map((file, index) => (
                <div
                    key={index}
                    className="diff-scroll"
                    tabIndex={0}
                    role="region"
                    aria-label={`Change of ${oneLine(file.path, 200)}`}
                >
                    <p className="mono a2-caption">{oneLine(file.path, 300)}</p>
                    <table className="diff diff-unified">
                        <tbody>
                            {file.hunks.flatMap((hunk) => hunk.lines).slice(0, lineLimit).map((line, row) => (
                                <tr key={row}>
                                    <td className={`diff-text is-${line.kind}`}>
                                        <code>
                                            <span className="diff-sign">
                                                {line.kind === "added"
                                                    ? "+"
                                                    : line.kind === "removed"
                                                    ? "−"
                                                    : " "}
                                            </span>
                                            {bare(line.text)}
                                        </code>
                                    </td>
                                </tr>
                            ))}
                        </tbody>
                    </table>
                </div>
            ))}
        </>
    );
}

/** The last run of the session, unless the agent brings the output of one. */
function TestTree({ branch }: { branch: Branch }) {
    const runs = useModel((model) => model.runs);
    const given = textOf(field(branch.component, "output"), branch.scope);
    const output = given || [...runs].reverse().find((run) => run.output !== "")?.output || "";
    const cases = useMemo(() => casesOf(output), [output]);
    return cases.length === 0 ? <p className="muted">No test case yet.</p> : <CaseTree cases={cases} />;
}

function LogTail({ branch, host }: { branch: Branch; host: Host }) {
    const { store } = useApp();
    const given = textsOf(field(branch.component, "lines"), branch.scope);
    const agent = text(branch.component, "agent") || host.agent;
    const log = store.logs.of(agent);
    const own = Array.from(
        { length: Math.min(20, log.length) },
        (_, index) => log.at(log.length - Math.min(20, log.length) + index)?.line ?? "",
    );
    const lines = given.length > 0 ? given.slice(-50) : own;
    if (lines.length === 0) return <p className="muted">{`No output of ${oneLine(agent, 60)} is here.`}</p>;
    return (
        <pre
            className="output"
            tabIndex={0}
            aria-label={`Output of ${oneLine(agent, 60)}`}
        >{lines.map((line) => bare(line.slice(0, 2000))).join("\n")}</pre>
    );
}

const itemLimit = 100;

/** What the agent lists, or the milestones of the session. */
function Milestones({ branch }: { branch: Branch }) {
    const { store } = useApp();
    const model = useModel((value) => value);
    const items = attempt(() => valueOf(field(branch.component, "items"), branch.scope));
    const rows = isArray(items)
        ? items.slice(0, itemLimit).map((item) => ({
            when: oneLine(textOf(field(item, "at"), branch.scope), 40),
            what: oneLine(textOf(field(item, "label"), branch.scope), 200),
        }))
        : Array.from({ length: Math.min(itemLimit, model.ticks.length) }, (_, index) => {
            const event = store.log.get(
                at(model.ticks, model.ticks.length - Math.min(itemLimit, model.ticks.length) + index)?.seq ??
                    0,
            );
            return {
                when: event ? clock(event.at) : "",
                what: event ? oneLine(eventLine(event, model).words, 200) : "",
            };
        });
    return (
        <ol className="a2-timeline">
            {rows.map((row, index) => (
                <li key={index}>
                    <span className="tabular muted">{row.when}</span> <span dir="auto">{row.what}</span>
                </li>
            ))}
        </ol>
    );
}

function CostMeter() {
    const spent = useModel((model) => model.spent);
    const budget = useModel((model) => model.configuration?.budget ?? null);
    return (
        <div className="a2-cost">
            <p className="tabular">
                {budget === null ? `${money(spent)} spent` : `${money(spent)} of ${money(budget)}`}
            </p>
            {budget === null ? null : (
                <div
                    className="meter"
                    role="img"
                    aria-label={`${
                        Math.round((spent / Math.max(1, budget)) * 100)
                    } percent of the budget spent`}
                >
                    <span
                        className={spent > budget * 0.8 ? "meter-bad" : "meter-good"}
                        style={{ width: `${Math.min(100, (spent / Math.max(1, budget)) * 100)}%` }}
                    />
                </div>
            )}
        </div>
    );
}

/** Only says how the approval stands: giving it is no part of a surface. */
function ApprovalGate() {
    const model = useModel((value) => value);
    const words = model.approvedBy !== ""
        ? `Approved by ${oneLine(model.approvedBy, 60)}`
        : model.denial
        ? `Denied by ${oneLine(model.denial.by, 60)}: ${harmless(model.denial.reason, 200)}`
        : model.approval
        ? "The change waits for approval, in the strip above this view"
        : "Nothing waits for approval";
    return (
        <p>
            <Glyph
                state={model.approvedBy !== "" ? "done" : model.approval ? "attention" : "waiting"}
                label=""
            />{" "}
            {words}
        </p>
    );
}
