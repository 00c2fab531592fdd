// The catalog `openclaw/session/v1`: parts of this session that an agent can place on its surface. They take
// their facts from the journal, except for what is the agent's own to say: a diagram, and what tests came to.

import { useMemo } from "react";
import { useApp, useModel, useNow } from "../app";
import { bare } from "../core/ansi";
import { criticalPath, layout } from "../core/dag";
import { costOf, stepsOf } from "../core/flow";
import { clock, money } from "../core/format";
import { field, type Json, list, number, optionalNumber, text, texts } from "../core/json";
import { allTasks } from "../core/model";
import { slice } from "../core/tape";
import { harmless, oneLine } from "../core/text";
import { agentState, eventLine } from "../core/words";
import type { Case } from "../core/testTree";
import { RoleMark } from "../parts/basic";
import { Glyph } from "../parts/Glyph";
import { Graph, sizes } from "../views/Flow";
import { useChange } from "../views/Review";
import { CaseTree } from "../views/Tests";
import { Diagram } from "./Diagram";
import type { Branch } from "./resolve";

const names: ReadonlySet<string> = new Set([
    "AgentLanes",
    "TaskGraph",
    "DiffView",
    "TestTree",
    "LogTail",
    "Diagram",
    "Timeline",
    "CostMeter",
]);

export function isSessionComponent(type: string): boolean {
    return names.has(type);
}

export function SessionComponent({ branch }: { branch: Branch }) {
    switch (branch.type) {
        case "AgentLanes":
            return <AgentLanes branch={branch} />;
        case "TaskGraph":
            return <TaskGraph branch={branch} />;
        case "DiffView":
            return <DiffView branch={branch} />;
        case "TestTree":
            return <TestTree branch={branch} />;
        case "LogTail":
            return <LogTail branch={branch} />;
        case "Diagram":
            return <Diagram branch={branch} />;
        case "Timeline":
            return <Milestones branch={branch} />;
        default:
            return <CostMeter branch={branch} />;
    }
}

function AgentLanes({ branch }: { branch: Branch }) {
    const agents = useModel((model) => model.agents);
    const wanted = texts(branch.component, "agents");
    const shown = [...agents.values()].filter((agent) => wanted.length === 0 || wanted.includes(agent.id));
    return (
        <ul className="a2-lanes" aria-label="Agents">
            {shown.map((agent) => (
                <li key={agent.id}>
                    <RoleMark role={agent.role} /> <Glyph state={agentState(agent)} />{" "}
                    <span>{oneLine(agent.id, 60)}</span>{" "}
                    <span className="muted" dir="auto">{oneLine(agent.step, 160)}</span>
                </li>
            ))}
        </ul>
    );
}

function TaskGraph({ branch }: { branch: Branch }) {
    const model = useModel((value) => value);
    const now = useNow();
    const wanted = texts(branch.component, "tasks");
    const steps = useMemo(
        () => stepsOf(model, now).filter((step) => wanted.length === 0 || wanted.includes(step.id)),
        [model, now, wanted.join()],
    );
    const shape = steps.map((step) => `${step.id}<${step.dependsOn.join(",")}`).join(";");
    const picture = useMemo(() => layout(steps, sizes), [shape]);
    if (steps.length === 0) return <p className="muted">There is no plan yet.</p>;
    const hasPath = field(branch.component, "showCriticalPath") !== false;
    return (
        <Graph
            steps={steps}
            picture={picture}
            critical={hasPath ? criticalPath(steps, costOf(steps)) : []}
            chosen=""
        />
    );
}

const lineLimit = 2000;

function DiffView({ branch }: { branch: Branch }) {
    const { change, problem } = useChange();
    const wanted = texts(branch.component, "files");
    const files = (change?.files ?? []).filter((file) => wanted.length === 0 || wanted.includes(file.path));
    if (files.length === 0) return <p className="muted">{problem || "There is no change to show."}</p>;
    return (
        <>
            {files.slice(0, 50).map((file) => (
                <div
                    key={file.path}
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

/** What tests came to, as the agent has it: the Tests view has what was measured. */
function TestTree({ branch }: { branch: Branch }) {
    const suites = list(branch.component, "suites");
    const cases = useMemo(() => suites.slice(0, 500).map(suiteCase), [suites]);
    return cases.length === 0 ? <p className="muted">No test case yet.</p> : <CaseTree cases={cases} />;
}

function suiteCase(suite: Json): Case {
    return { ...oneCase(suite), children: list(suite, "cases").slice(0, 2000).map(oneCase) };
}

function oneCase(item: Json): Case {
    const status = text(item, "status");
    return {
        name: text(item, "name"),
        state: status === "passed" || status === "failed" ? status : "skipped",
        milliseconds: optionalNumber(item, "milliseconds"),
        detail: harmless(text(item, "message"), 4000),
        children: [],
    };
}

function LogTail({ branch }: { branch: Branch }) {
    const { store } = useApp();
    const agent = text(branch.component, "agent");
    const log = store.logs.of(agent);
    const amount = Math.min(log.length, Math.max(1, Math.min(200, number(branch.component, "lines", 20))));
    const lines = Array.from(
        { length: amount },
        (_, index) => bare((log.at(log.length - amount + index)?.line ?? "").slice(0, 2000)),
    );
    if (amount === 0) {
        return (
            <p className="muted">
                {`The output of ${oneLine(agent, 60)} is on the dashboard; none of it is here yet.`}
            </p>
        );
    }
    return (
        <pre
            className="output"
            tabIndex={0}
            aria-label={`Output of ${oneLine(agent, 60)}`}
        >{lines.join("\n")}</pre>
    );
}

const itemLimit = 100;

function Milestones({ branch }: { branch: Branch }) {
    const { store } = useApp();
    const model = useModel((value) => value);
    const from = number(branch.component, "fromSeq");
    const to = number(branch.component, "toSeq", Number.MAX_SAFE_INTEGER);
    const ticks = slice(model.ticks).filter((tick) => tick.seq >= from && tick.seq <= to).slice(-itemLimit);
    if (ticks.length === 0) return <p className="muted">No milestone in this part of the session.</p>;
    return (
        <ol className="a2-timeline">
            {ticks.map((tick) => {
                const event = store.log.get(tick.seq);
                return event
                    ? (
                        <li key={tick.seq}>
                            <span className="tabular muted">{clock(event.at)}</span>{" "}
                            <span dir="auto">{oneLine(eventLine(event, model).words, 200)}</span>
                        </li>
                    )
                    : null;
            })}
        </ol>
    );
}

function CostMeter({ branch }: { branch: Branch }) {
    const model = useModel((value) => value);
    const scope = text(branch.component, "scope");
    // For an agent or a task, the component is named after it.
    const id = scope === "agent" || scope === "task" ? text(branch.component, "id") : "";
    const spent = scope === "agent"
        ? model.agents.get(id)?.spent ?? 0
        : scope === "task"
        ? allTasks(model).find((task) => task.id === id)?.spent ?? 0
        : model.spent;
    const budget = model.configuration?.budget ?? null;
    const share = spent / Math.max(1, budget ?? 1);
    return (
        <div className="a2-cost">
            <p className="tabular">
                {`${id === "" ? "" : `${oneLine(id, 60)}: `}${money(spent)}${
                    budget === null ? " spent" : ` of ${money(budget)}`
                }`}
            </p>
            {budget === null ? null : (
                <div
                    className="meter"
                    role="img"
                    aria-label={`${Math.round(share * 100)} percent of the budget spent`}
                >
                    <span
                        className={share > 0.8 ? "meter-bad" : "meter-good"}
                        style={{ width: `${Math.min(100, share * 100)}%` }}
                    />
                </div>
            )}
        </div>
    );
}
