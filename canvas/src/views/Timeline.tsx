// Who did what when: a lane an agent, a bar a spell of work, and the moments that decided something.

import { useMemo } from "react";
import { useApp, useModel, useNow } from "../app";
import { clock, duration } from "../core/format";
import type { Mark, Model } from "../core/model";
import { slice } from "../core/tape";
import { oneLine } from "../core/text";
import { eventLine } from "../core/words";
import { Empty, Panel, RoleMark, Table } from "../parts/basic";

interface Bar {
    readonly from: number;
    readonly to: number;
    readonly state: Mark["state"];
    readonly task: string;
    readonly label: string;
    readonly seq: number;
    readonly isOpen: boolean;
}

export function TimelineView() {
    const model = useModel((value) => value);
    const now = useNow();
    const lanes = useMemo(() => lanesOf(model, Math.max(now, model.at)), [model, now]);
    if (model.agents.size === 0) {
        return (
            <Panel title="Timeline">
                <Empty title="Nobody has worked yet">
                    Each agent gets a lane as soon as it is asked for.
                </Empty>
            </Panel>
        );
    }
    const from = model.startedAt;
    const to = Math.max(now, model.at, from + 1000);
    return (
        <div className="timeline">
            <Panel title="Timeline" aside={<span className="muted tabular">{duration(to - from)}</span>}>
                <div
                    className="lanes"
                    tabIndex={0}
                    role="group"
                    aria-label="Spells of work by agent over time; the table below has the same"
                >
                    <Axis from={from} to={to} />
                    {[...lanes].map(([agent, bars]) => (
                        <Lane key={agent} agent={agent} bars={bars} model={model} from={from} to={to} />
                    ))}
                    <Moments model={model} from={from} to={to} />
                </div>
            </Panel>
            <SpellTable lanes={lanes} />
        </div>
    );
}

function lanesOf(model: Model, now: number): Map<string, Bar[]> {
    const lanes = new Map<string, Bar[]>();
    for (const id of model.agents.keys()) lanes.set(id, []);
    const open = new Map<string, Mark>();
    const close = (mark: Mark, to: number, isOpen: boolean): void => {
        if (mark.state === "gone") return;
        lanes.get(mark.agent)?.push({
            from: mark.at,
            to,
            state: mark.state,
            task: mark.task,
            label: mark.label,
            seq: mark.seq,
            isOpen,
        });
    };
    for (const mark of slice(model.marks)) {
        const before = open.get(mark.agent);
        if (before) close(before, mark.at, false);
        open.set(mark.agent, mark);
    }
    const end = model.endedAt ?? now;
    for (const mark of open.values()) close(mark, Math.max(mark.at, end), model.endedAt === null);
    return lanes;
}

function Axis({ from, to }: { from: number; to: number }) {
    const parts = 5;
    return (
        <div className="lane axis" aria-hidden="true">
            <span className="lane-name" />
            <div className="lane-track">
                {Array.from(
                    { length: parts + 1 },
                    (_, index) => (
                        <span
                            key={index}
                            className="axis-mark tabular"
                            style={{ left: `${(index / parts) * 100}%` }}
                        >
                            {duration(((to - from) * index) / parts)}
                        </span>
                    ),
                )}
            </div>
        </div>
    );
}

function Lane({ agent, bars, model, from, to }: {
    agent: string;
    bars: readonly Bar[];
    model: Model;
    from: number;
    to: number;
}) {
    const { ui, store } = useApp();
    const width = to - from;
    return (
        <div className="lane">
            <span className="lane-name">
                <RoleMark role={model.agents.get(agent)?.role ?? ""} />
                <span title={oneLine(agent, 200)}>{oneLine(agent, 60)}</span>
            </span>
            <div className="lane-track">
                {bars.map((bar) => (
                    <span
                        key={bar.seq}
                        className={`bar is-${bar.state}${
                            (bar.to - bar.from) / width < 0.04 ? " is-small" : ""
                        }`}
                        onClick={() => {
                            store.scrub(bar.seq);
                            ui.writeAddress();
                        }}
                        title={`${
                            bar.task === ""
                                ? bar.state
                                : `${oneLine(bar.task, 32)} · ${oneLine(bar.label, 160)}`
                        } · ${duration(bar.to - bar.from)}`}
                        style={{
                            left: `${((bar.from - from) / width) * 100}%`,
                            width: `max(2px, ${((bar.to - bar.from) / width) * 100}%)`,
                        }}
                    >
                        {bar.state === "working" && (bar.to - bar.from) / width >= 0.04
                            ? oneLine(bar.label || bar.task, 80)
                            : ""}
                    </span>
                ))}
            </div>
        </div>
    );
}

/** The ticks of the scrubber, on the same axis as the lanes. */
function Moments({ model, from, to }: { model: Model; from: number; to: number }) {
    const { store } = useApp();
    const ticks = slice(model.ticks, model.ticks.length - 200);
    return (
        <div className="lane moments">
            <span className="lane-name muted">Milestones</span>
            <div className="lane-track">
                {ticks.map((tick) => {
                    const event = store.log.get(tick.seq);
                    if (!event) return null;
                    return (
                        <span
                            key={tick.seq}
                            className={`moment tick-${tick.kind}`}
                            style={{ left: `${((event.at - from) / (to - from)) * 100}%` }}
                            title={`${clock(event.at)} ${oneLine(eventLine(event, model).words, 160)}`}
                        />
                    );
                })}
            </div>
        </div>
    );
}

const spellLimit = 500;

function SpellTable({ lanes }: { lanes: ReadonlyMap<string, readonly Bar[]> }) {
    const spells = [...lanes].flatMap(([agent, bars]) =>
        bars.filter((bar) => bar.state === "working").map((bar) => ({ agent, ...bar }))
    )
        .sort((left, right) => left.from - right.from).slice(-spellLimit);
    return (
        <Panel title="Spells of work">
            <Table
                label="Spells of work"
                columns={["Agent", "Task", "From", "To", "#Time"]}
                empty={<Empty title="No task has been taken on yet" />}
                rows={spells.map((spell) => (
                    <tr key={spell.seq}>
                        <th scope="row">{oneLine(spell.agent, 60)}</th>
                        <td dir="auto">
                            {`${oneLine(spell.task, 32)} · ${oneLine(spell.label, 160)}`}
                        </td>
                        <td className="tabular">{clock(spell.from)}</td>
                        <td className="tabular">
                            {spell.isOpen ? "goes on" : clock(spell.to)}
                        </td>
                        <td className="number">{duration(spell.to - spell.from)}</td>
                    </tr>
                ))}
            />
        </Panel>
    );
}
