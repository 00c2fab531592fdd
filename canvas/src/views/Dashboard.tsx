// The session at a glance: how it stands, who does what, what happened, what they print, and the three
// decisions.

import { memo, useMemo } from "react";
import { useApp, useModel, useNow, useStore, useUi } from "../app";
import { age, clock, count, money, plural } from "../core/format";
import { type Agent, isDone, planTasks } from "../core/model";
import { at } from "../core/tape";
import { harmless, oneLine } from "../core/text";
import { agentState, eventLine, phaseState, statusWords, taskState, taskWords } from "../core/words";
import { Digest, Empty, Figure, Panel, RoleMark } from "../parts/basic";
import { SessionActions } from "../parts/Gate";
import { OuterLink } from "../parts/OuterLink";
import { Glyph } from "../parts/Glyph";
import { LogPanel } from "../parts/LogPanel";
import { Elapsed } from "../parts/Shell";
import { VirtualList } from "../parts/VirtualList";

export function Dashboard() {
    return (
        <div className="dashboard">
            <Summary />
            <Agents />
            <Activity />
            <LogPanel />
        </div>
    );
}

function Summary() {
    const model = useModel((value) => value);
    const tasks = planTasks(model);
    const done = tasks.filter(isDone).length;
    const budget = model.configuration?.budget ?? null;
    return (
        <section className="panel summary" aria-labelledby="summary-title">
            <div className="summary-task">
                <h2 id="summary-title" className="visually-hidden">Summary</h2>
                <p className="task-words" dir="auto">
                    {harmless(model.configuration?.task ?? "Waiting for the session to start.", 600)}
                </p>
                {model.pull === null ? null : (
                    <p>
                        <OuterLink url={model.pull.url}>{`Pull request ${model.pull.number}`}</OuterLink>
                    </p>
                )}
                <SessionActions />
            </div>
            <dl className="figures">
                <Figure
                    label="Status"
                    note={model.failure
                        ? oneLine(model.failure.reason, 160)
                        : model.seq === 0
                        ? null
                        : phaseNote(model.phase)}
                >
                    <Glyph state={phaseState(model)} label="" /> {statusWords(model)}
                </Figure>
                <Figure
                    label="Duration"
                    note={model.startedAt === 0 ? null : `since ${clock(model.startedAt)}`}
                >
                    <Elapsed />
                </Figure>
                <Figure label="Subtasks" note={tasks.length === 0 ? "no plan yet" : <TaskBar />}>
                    {tasks.length === 0 ? "–" : `${done}/${tasks.length}`}
                </Figure>
                <Figure label="Cost" note={budget === null ? "no budget set" : `of ${money(budget)}`}>
                    {money(model.spent)}
                </Figure>
                <Figure label="Change" note={changeNote(model.verdict?.value, model.testsPassed)}>
                    <Digest value={model.tree} label="tree" />
                </Figure>
            </dl>
        </section>
    );
}

function phaseNote(phase: string): string | null {
    switch (phase) {
        case "planning":
            return "the architect reads and plans";
        case "verifying":
            return "reviewer and tester are at it";
        case "approving":
            return "your decision is next";
        default:
            return null;
    }
}

function changeNote(verdict: string | undefined, testsPassed: boolean | null): string {
    const review = verdict === undefined
        ? "not reviewed"
        : verdict === "approve"
        ? "review approves"
        : "review wants changes";
    return `${review}, ${testsPassed === null ? "not tested" : testsPassed ? "tests green" : "tests red"}`;
}

/** One cell a task, in the order of the plan. */
function TaskBar() {
    const model = useModel((value) => value);
    const tasks = planTasks(model);
    return (
        <span
            className="task-bar"
            role="img"
            aria-label={tasks.map((task) => `${oneLine(task.id, 32)} ${taskWords(task)}`).join(", ")}
        >
            {tasks.map((task) => (
                <span
                    key={task.id}
                    className={`task-cell is-${taskState(task)}`}
                    title={`${oneLine(task.id, 32)} · ${oneLine(task.title, 120)} · ${taskWords(task)}`}
                />
            ))}
        </span>
    );
}

function Agents() {
    const agents = useModel((model) => model.agents);
    const list = useMemo(() => [...agents.values()], [agents]);
    const busy = list.filter((agent) => agent.task !== "" && agent.status !== "retired").length;
    return (
        <Panel
            title="Agents"
            className="agents"
            aside={list.length === 0
                ? null
                : <span className="muted">{`${busy} of ${list.length} at work`}</span>}
        >
            {list.length === 0
                ? (
                    <Empty title="No agent yet">
                        The coordinator starts the first one as soon as its guest is up.
                    </Empty>
                )
                : (
                    <ul className="agent-list">
                        {list.map((agent) => <AgentRow key={agent.id} agent={agent} />)}
                    </ul>
                )}
        </Panel>
    );
}

const AgentRow = memo(({ agent }: { agent: Agent }) => {
    const { ui } = useApp();
    const isChosen = useUi((state) => state.agent) === agent.id;
    const state = agentState(agent);
    return (
        <li>
            <button
                type="button"
                className={`agent-row is-${state}`}
                aria-pressed={isChosen}
                title="Show its output"
                onClick={() => ui.set({ agent: agent.id })}
            >
                <RoleMark role={agent.role} />
                <span className="agent-name" title={oneLine(agent.id, 200)}>{oneLine(agent.id, 200)}</span>
                <Glyph state={state} />
                <span className="agent-step" dir="auto" title={oneLine(agent.step, 600)}>
                    {oneLine(agent.step, 240) || "Waiting"}
                </span>
                {agent.task === ""
                    ? <span className="agent-task" />
                    : <span className="agent-task chip">{oneLine(agent.task, 32)}</span>}
                <span className="agent-cost tabular muted">
                    {agent.calls === 0 ? "" : `${count(agent.tokens)} tok`}
                </span>
                <span className="agent-cost tabular muted">
                    {agent.calls === 0 ? "" : money(agent.spent)}
                </span>
                <Beat agent={agent} />
            </button>
        </li>
    );
});

/** Seconds without a sign of life that are worth a second look, and then a worry. */
const quiet = { look: 30_000, worry: 120_000 } as const;

/** How long ago it showed a sign of life. */
function Beat({ agent }: { agent: Agent }) {
    const now = useNow();
    const beat = useStore((store) => (store.cursor === null ? store.heartbeats.get(agent.id) ?? 0 : 0));
    if (agent.status === "retired") return <span className="beat muted">ended</span>;
    const since = Math.max(0, now - Math.max(beat, agent.seenAt));
    // Who waits for work owes no sign of life.
    const isIdle = agent.status === "paused" || (agent.task === "" && agent.status === "ready");
    const tone = agent.status === "lost"
        ? "bad"
        : isIdle
        ? "idle"
        : since > quiet.worry
        ? "bad"
        : since > quiet.look
        ? "attention"
        : "fresh";
    return (
        <span className={`beat tabular beat-${tone}`} title="Last sign of life">
            <span className="beat-dot" aria-hidden="true" />
            <span className="visually-hidden">last sign of life</span>
            {age(since)}
        </span>
    );
}

const activityRow = 24;

function Activity() {
    const { store } = useApp();
    const activity = useModel((model) => model.activity);
    const model = useModel((value) => value);
    return (
        <Panel
            title="Recent activity"
            className="activity"
            aside={activity.length === 0
                ? null
                : <span className="muted">{plural(activity.length, "entry", "entries")}</span>}
        >
            {activity.length === 0 ? <Empty title="Nothing has happened yet" /> : (
                <VirtualList
                    count={activity.length}
                    rowHeight={activityRow}
                    label="Recent activity, newest first"
                    className="activity-lines"
                    row={(index) => {
                        const seq = at(activity, activity.length - 1 - index) ?? 0;
                        const event = store.log.get(seq);
                        if (!event) return null;
                        const line = eventLine(event, model);
                        return (
                            <div key={seq} className={`activity-row tone-${line.tone}`}>
                                <time className="tabular muted">{clock(event.at)}</time>
                                <span className="activity-who">{oneLine(line.who, 40)}</span>
                                <span
                                    className="activity-words"
                                    dir="auto"
                                    title={oneLine(line.words, 600)}
                                >
                                    {oneLine(line.words, 240)}
                                </span>
                            </div>
                        );
                    }}
                />
            )}
        </Panel>
    );
}
