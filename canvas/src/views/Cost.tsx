// What it costs: by agent, task and model, how fast it is spent, and when the budget would be used up.

import { useMemo } from "react";
import { useModel, useNow } from "../app";
import { count, duration, money } from "../core/format";
import type { Model } from "../core/model";
import { allTasks } from "../core/model";
import { slice } from "../core/tape";
import { oneLine } from "../core/text";
import { Empty, Figure, Panel, Table } from "../parts/basic";

const minute = 60_000;
/** The burn rate looks back this far. */
const rateWindow = 5 * minute;

export function CostView() {
    const model = useModel((value) => value);
    const now = useNow();
    const burn = useMemo(() => burnRate(model, now), [model, now]);
    const calls = [...model.usageByModel.values()].reduce((sum, usage) => sum + usage.calls, 0);
    const tokens = [...model.usageByModel.values()].reduce(
        (sum, usage) => sum + usage.input + usage.output,
        0,
    );
    const budget = model.configuration?.budget ?? null;
    const left = budget === null ? null : Math.max(0, budget - model.spent);
    return (
        <div className="cost">
            <Panel title="Cost and budget" className="cost-figures">
                <dl className="figures">
                    <Figure label="Spent" note={budget === null ? "no budget set" : `of ${money(budget)}`}>
                        {money(model.spent)}
                    </Figure>
                    <Figure label="Burn rate" note={`over the last ${duration(burn.window)}`}>
                        {`${money(burn.perMinute)}/min`}
                    </Figure>
                    <Figure label="Budget lasts" note={left === null ? null : `${money(left)} left`}>
                        {left === null
                            ? "–"
                            : model.endedAt !== null
                            ? "session over"
                            : burn.perMinute <= 0
                            ? "–"
                            : duration((left / burn.perMinute) * minute)}
                    </Figure>
                    <Figure
                        label="Model calls"
                        note={model.refusals === 0 ? null : `${model.refusals} refused`}
                    >
                        {count(calls)}
                    </Figure>
                    <Figure
                        label="Tokens"
                        note={model.waitedMilliseconds === 0
                            ? null
                            : `${duration(model.waitedMilliseconds)} waited for the model`}
                    >
                        {count(tokens)}
                    </Figure>
                </dl>
                {budget === null ? null : (
                    <div
                        className="meter budget"
                        role="img"
                        aria-label={`${Math.round((model.spent / budget) * 100)} percent of the budget spent`}
                    >
                        <span
                            className={model.spent > budget * 0.8 ? "meter-bad" : "meter-good"}
                            style={{
                                width: `${Math.min(100, (model.spent / Math.max(1, budget)) * 100)}%`,
                            }}
                        />
                    </div>
                )}
                <Chart model={model} now={now} budget={budget} />
            </Panel>
            {calls === 0
                ? (
                    <Panel title="By agent">
                        <Empty title="No model call has been settled yet" />
                    </Panel>
                )
                : <Tables model={model} />}
        </div>
    );
}

export function burnRate(model: Model, now: number): { perMinute: number; window: number } {
    const from = Math.max(model.startedAt, now - rateWindow);
    const window = Math.max(1000, now - from);
    const points = model.spend;
    let before = 0;
    for (let index = points.length - 1; index >= 0; index -= 1) {
        const point = points.tape.items[index];
        if (!point || point.at > from) continue;
        before = point.total;
        break;
    }
    return { perMinute: ((model.spent - before) / window) * minute, window };
}

/** Spending over time, with the budget as a line. */
function Chart({ model, now, budget }: { model: Model; now: number; budget: number | null }) {
    const width = 1000;
    const height = 160;
    const points = thin(slice(model.spend), 600);
    const end = Math.max(now, model.startedAt + 1000);
    const top = Math.max(
        model.spent * 1.15,
        budget !== null && budget < model.spent * 4 ? budget * 1.05 : 0,
        1,
    );
    if (model.spent === 0) {
        return (
            <p className="panel-note muted">
                Nothing was charged: the model of this session has no price, or has not been called.
            </p>
        );
    }
    const x = (at: number): number => ((at - model.startedAt) / (end - model.startedAt)) * width;
    const y = (total: number): number => height - (total / top) * height;
    let path = `M0 ${height}`;
    let level = height;
    for (const point of points) {
        path += `L${x(point.at).toFixed(1)} ${level.toFixed(1)}`;
        level = y(point.total);
        path += `L${x(point.at).toFixed(1)} ${level.toFixed(1)}`;
    }
    path += `L${width} ${level.toFixed(1)}`;
    return (
        <figure className="chart">
            <svg
                viewBox={`0 0 ${width} ${height}`}
                preserveAspectRatio="none"
                role="img"
                aria-label={`Spending over ${duration(end - model.startedAt)}, up to ${
                    money(model.spent)
                }; the tables below have the figures`}
            >
                <path d={`${path}L${width} ${height}Z`} className="chart-area" />
                <path d={path} className="chart-line" fill="none" vectorEffect="non-scaling-stroke" />
                {budget === null || budget > top ? null : (
                    <line
                        x1="0"
                        x2={width}
                        y1={y(budget)}
                        y2={y(budget)}
                        className="chart-budget"
                        vectorEffect="non-scaling-stroke"
                    />
                )}
            </svg>
            <figcaption className="muted tabular">
                <span>0s</span>
                <span>{`peak ${money(model.spent)}`}</span>
                <span>{duration(end - model.startedAt)}</span>
            </figcaption>
        </figure>
    );
}

function thin<T>(items: readonly T[], limit: number): readonly T[] {
    if (items.length <= limit) return items;
    const step = items.length / limit;
    return Array.from({ length: limit }, (_, index) => items[Math.floor((index + 1) * step) - 1] as T);
}

function Tables({ model }: { model: Model }) {
    const agents = [...model.agents.values()].sort((left, right) =>
        right.spent - left.spent || right.tokens - left.tokens
    );
    const tasks = allTasks(model).sort((left, right) => right.spent - left.spent);
    return (
        <>
            <CostTable
                title="By agent"
                heads={["Agent", "Calls", "Tokens", "Cost", "Share"]}
                rows={agents.map((
                    agent,
                ) => [
                    oneLine(agent.id, 60),
                    count(agent.calls),
                    count(agent.tokens),
                    money(agent.spent),
                    share(agent.spent, model.spent),
                ])}
            />
            <CostTable
                title="By task"
                heads={["Task", "Tries", "Cost", "Share"]}
                rows={tasks.map((
                    task,
                ) => [
                    oneLine(task.title, 120),
                    String(task.attempt),
                    money(task.spent),
                    share(task.spent, model.spent),
                ])}
            />
            <CostTable
                title="By model"
                heads={["Model", "Calls", "Input", "Output", "Cost"]}
                rows={[...model.usageByModel].map((
                    [name, usage],
                ) => [
                    oneLine(name, 80),
                    count(usage.calls),
                    count(usage.input),
                    count(usage.output),
                    money(usage.spent),
                ])}
            />
        </>
    );
}

function share(part: number, whole: number): string {
    return whole === 0 ? "–" : `${Math.round((part / whole) * 100)}%`;
}

function CostTable(
    { title, heads, rows }: { title: string; heads: readonly string[]; rows: readonly (readonly string[])[] },
) {
    return (
        <Panel title={title}>
            <Table
                label={title}
                columns={heads.map((head, index) => index === 0 ? head : `#${head}`)}
                rows={rows.map((row, index) => (
                    <tr key={index}>
                        {row.map((cell, column) => (column === 0
                            ? <th key={column} scope="row" dir="auto">{cell}</th>
                            : <td key={column} className="number">{cell}</td>)
                        )}
                    </tr>
                ))}
            />
        </Panel>
    );
}
