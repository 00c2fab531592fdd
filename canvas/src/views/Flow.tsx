// The execution flow: what waits for what, how each step stands, and which chain decides when it ends.

import { type KeyboardEvent, memo, useLayoutEffect, useMemo, useRef } from "react";
import { useApp, useModel, useNow, useUi } from "../app";
import { criticalPath, curve, type Layout, layout } from "../core/dag";
import { costOf, type Step, stepsOf } from "../core/flow";
import { clock, duration, money } from "../core/format";
import type { Model } from "../core/model";
import { slice } from "../core/tape";
import { harmless, oneLine } from "../core/text";
import { OuterLink } from "../parts/OuterLink";
import { Empty, Panel, Table } from "../parts/basic";
import { Glyph } from "../parts/Glyph";

export const sizes = { width: 196, height: 52, gapX: 44, gapY: 12 };
const margin = 16;

export function FlowView() {
    const model = useModel((value) => value);
    const now = useNow();
    const chosen = useUi((state) => state.task);
    const steps = useMemo(() => stepsOf(model, now), [model, now]);
    // The shape changes far less often than the states: lay out only then.
    const shape = steps.map((step) => `${step.id}<${step.dependsOn.join(",")}`).join(";");
    const picture = useMemo(() => layout(steps, sizes), [shape]);
    const critical = useMemo(() => criticalPath(steps, costOf(steps)), [steps]);
    const step = steps.find((one) => one.id === chosen);
    if (steps.length === 0) {
        return (
            <Panel title="Execution flow">
                <Empty title="There is no plan yet">
                    The graph grows as soon as the architect has planned.
                </Empty>
            </Panel>
        );
    }
    return (
        <div className="flow">
            <Panel
                title="Execution flow"
                className="flow-graph-panel"
                aside={
                    <span className="legend">
                        <span className="legend-critical" aria-hidden="true" />critical path
                    </span>
                }
            >
                {model.planSummary === ""
                    ? null
                    : <p className="panel-lead" dir="auto">{harmless(model.planSummary, 400)}</p>}
                <Graph steps={steps} picture={picture} critical={critical} chosen={chosen} />
            </Panel>
            {step ? <StepDetail step={step} model={model} /> : null}
            <StepTable steps={steps} critical={critical} />
            <Forecast />
        </div>
    );
}

export function Graph({ steps, picture, critical, chosen }: {
    steps: readonly Step[];
    picture: Layout;
    critical: readonly string[];
    chosen: string;
}) {
    const { ui } = useApp();
    const box = useRef<HTMLDivElement>(null);
    // What goes on now is what is looked for first.
    const goal = steps.find((step) => step.state === "attention" || step.state === "working") ?? steps[0];
    useLayoutEffect(() => {
        const place = goal ? picture.nodes.get(goal.id) : undefined;
        if (!box.current || !place) return;
        box.current.scrollTop = place.y - box.current.clientHeight / 2 + sizes.height;
        box.current.scrollLeft = place.x - box.current.clientWidth / 3;
    }, [picture]);
    const isCritical = (from: string, to: string): boolean => {
        const index = critical.indexOf(from);
        return index >= 0 && critical[index + 1] === to;
    };
    const focusable = picture.nodes.has(chosen) ? chosen : steps[0]?.id ?? "";
    const moved = (event: KeyboardEvent, id: string): void => {
        const next = neighbour(picture, id, event.key);
        if (next === null) return;
        event.preventDefault();
        ui.set({ task: next });
        box.current?.querySelector<HTMLElement>(`[data-step="${CSS.escape(next)}"]`)?.focus();
    };
    const width = picture.width + margin * 2;
    const height = picture.height + margin * 2;
    return (
        <div
            className="graph-scroll"
            ref={box}
            role="group"
            aria-label="Graph of the steps; arrow keys move between them"
        >
            <div className="graph" style={{ width, height }}>
                <svg width={width} height={height} aria-hidden="true">
                    <g transform={`translate(${margin} ${margin})`}>
                        {[...picture.edges].sort((left, right) =>
                            Number(isCritical(left.from, left.to)) - Number(isCritical(right.from, right.to))
                        )
                            .map((edge) => (
                                <path
                                    key={`${edge.from}\u0000${edge.to}`}
                                    d={curve(edge.points)}
                                    fill="none"
                                    className={isCritical(edge.from, edge.to) ? "edge is-critical" : "edge"}
                                />
                            ))}
                    </g>
                </svg>
                {steps.map((step) => {
                    const place = picture.nodes.get(step.id);
                    if (!place) return null;
                    return (
                        <NodeBox
                            key={step.id}
                            step={step}
                            x={place.x + margin}
                            y={place.y + margin}
                            isChosen={step.id === chosen}
                            isFocusable={step.id === focusable}
                            isCritical={critical.includes(step.id)}
                            onMove={moved}
                        />
                    );
                })}
            </div>
        </div>
    );
}

const NodeBox = memo(({ step, x, y, isChosen, isFocusable, isCritical, onMove }: {
    step: Step;
    x: number;
    y: number;
    isChosen: boolean;
    isFocusable: boolean;
    isCritical: boolean;
    onMove: (event: KeyboardEvent, id: string) => void;
}) => {
    const { ui } = useApp();
    return (
        <button
            type="button"
            className={`node is-${step.state}${isCritical ? " is-critical" : ""}`}
            data-step={step.id}
            style={{ left: x, top: y, width: sizes.width, height: sizes.height }}
            tabIndex={isFocusable ? 0 : -1}
            aria-pressed={isChosen}
            title={`${oneLine(step.title, 200)} · ${step.words}`}
            onClick={() => ui.set({ task: isChosen ? "" : step.id })}
            onKeyDown={(event) => onMove(event, step.id)}
        >
            <Glyph state={step.state} label="" />
            <span className="node-title" dir="auto">{oneLine(step.title, 120)}</span>
            <span className="node-note">
                <span>
                    {step.task && step.task.kind !== "plan" && step.id.length < 12
                        ? `${oneLine(step.id, 12)} · `
                        : ""}
                    {oneLine(step.who, 24) || "unassigned"}
                </span>
                <span className="tabular">
                    {step.milliseconds === null ? step.words : duration(step.milliseconds)}
                </span>
            </span>
        </button>
    );
});

function neighbour(picture: Layout, id: string, key: string): string | null {
    const place = picture.nodes.get(id);
    if (!place) return null;
    const column = picture.layers[place.layer] ?? [];
    const index = column.indexOf(id);
    switch (key) {
        case "ArrowDown":
            return column[index + 1] ?? null;
        case "ArrowUp":
            return column[index - 1] ?? null;
        case "ArrowRight":
            return picture.edges.find((edge) => edge.from === id)?.to ??
                picture.layers[place.layer + 1]?.[0] ?? null;
        case "ArrowLeft":
            return picture.edges.find((edge) => edge.to === id)?.from ??
                picture.layers[place.layer - 1]?.[0] ?? null;
        default:
            return null;
    }
}

function StepDetail({ step, model }: { step: Step; model: Model }) {
    const { ui } = useApp();
    const { task } = step;
    return (
        <Panel
            title={oneLine(step.title, 120)}
            id="step-title"
            className="flow-detail"
            aside={
                <button type="button" className="button small" onClick={() => ui.set({ task: "" })}>
                    Close
                </button>
            }
        >
            <div className="detail">
                <p>
                    <Glyph state={step.state} label="" /> {step.words}
                    {step.who === "" ? "" : ` · ${oneLine(step.who, 60)}`}
                </p>
                {task && task.trouble !== ""
                    ? <p className="warning" dir="auto">{`Came back: ${harmless(task.trouble, 400)}`}</p>
                    : null}
                {task && task.message !== ""
                    ? <p className="muted" dir="auto">{harmless(task.message, 400)}</p>
                    : null}
                {task && task.description !== ""
                    ? <p dir="auto">{harmless(task.description, 2000)}</p>
                    : null}
                {task && task.acceptance.length > 0
                    ? (
                        <>
                            <h3>Accepted when</h3>
                            <ul>
                                {task.acceptance.map((one, index) => (
                                    <li key={index} dir="auto">{harmless(one, 400)}</li>
                                ))}
                            </ul>
                        </>
                    )
                    : null}
                {task && task.writeSet.length > 0
                    ? (
                        <>
                            <h3>May write</h3>
                            <ul className="file-list">
                                {task.writeSet.map((one) => (
                                    <li key={one}>
                                        <code>{oneLine(one, 160)}</code>
                                    </li>
                                ))}
                            </ul>
                        </>
                    )
                    : null}
                {task && task.files.length > 0
                    ? (
                        <>
                            <h3>Changed</h3>
                            <ul className="file-list">
                                {task.files.map((one) => (
                                    <li key={one}>
                                        <code>{oneLine(one, 160)}</code>
                                    </li>
                                ))}
                            </ul>
                        </>
                    )
                    : null}
                {step.id === "·delivery" && model.pull
                    ? (
                        <p>
                            <OuterLink url={model.pull.url}>{`Pull request ${model.pull.number}`}</OuterLink>
                            {model.pull.isDraft ? " (draft)" : ""}
                            {model.pull.checks ? `, checks: ${harmless(model.pull.checks.summary, 200)}` : ""}
                        </p>
                    )
                    : null}
                {step.id === "·delivery" && model.delivery
                    ? (
                        <p>
                            {model.delivery.reason === ""
                                ? `Branch ${model.delivery.branch}`
                                : harmless(model.delivery.reason, 400)}
                        </p>
                    )
                    : null}
            </div>
        </Panel>
    );
}

function StepTable({ steps, critical }: { steps: readonly Step[]; critical: readonly string[] }) {
    return (
        <Panel title="Steps as a table" className="flow-table">
            <Table
                label="Steps as a table"
                columns={["Step", "State", "Who", "After", "#Try", "#Time", "#Cost", "Critical"]}
                rows={steps.map((step) => (
                    <tr key={step.id}>
                        <th scope="row" dir="auto">
                            <Glyph state={step.state} label="" /> {oneLine(step.title, 120)}
                        </th>
                        <td>{step.words}</td>
                        <td>{oneLine(step.who, 40) || "–"}</td>
                        <td>
                            {step.dependsOn.map((id) => oneLine(id.replace("·", ""), 20)).join(
                                ", ",
                            ) || "–"}
                        </td>
                        <td className="number">
                            {step.task && step.task.attempt > 0 ? step.task.attempt : "–"}
                        </td>
                        <td className="number">
                            {step.milliseconds === null ? "–" : duration(step.milliseconds)}
                        </td>
                        <td className="number">
                            {step.task && step.task.spent > 0 ? money(step.task.spent) : "–"}
                        </td>
                        <td>{critical.includes(step.id) ? "yes" : ""}</td>
                    </tr>
                ))}
            />
        </Panel>
    );
}

const overlapWords = {
    forecast: "will meet",
    conflict: "conflicted",
    deferred: "waits for its batch",
} as const;

/** Where branches will meet, or met. */
function Forecast() {
    const overlaps = useModel((model) => model.overlaps);
    const tasks = useModel((model) => model.tasks);
    const list = slice(overlaps).reverse();
    return (
        <Panel title="Conflict forecast" className="flow-forecast">
            <Table
                label="Conflict forecast"
                columns={["When", "What", "Tasks", "Files", "Now"]}
                empty={
                    <Empty title="No conflict in sight">
                        Published branches that touch the same lines are named here before they are merged.
                    </Empty>
                }
                rows={list.map((one) => (
                    <tr key={one.seq}>
                        <td className="tabular">{clock(one.at)}</td>
                        <td>{overlapWords[one.kind]}</td>
                        <td>
                            {[one.task, one.other].filter((id) => id !== "").map((id) =>
                                oneLine(id, 32)
                            ).join(" and ")}
                        </td>
                        <td className="mono">{oneLine(one.files.join(", "), 300)}</td>
                        <td>
                            {tasks.get(one.task)?.state === "merged"
                                ? "resolved, merged"
                                : "open"}
                        </td>
                    </tr>
                ))}
            />
        </Panel>
    );
}
