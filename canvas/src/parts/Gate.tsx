// The approval: always in the page's own frame, never in anything that an agent draws.

import { useApp, useModel, useStore } from "../app";
import { type App } from "../app";
import { money } from "../core/format";
import { isOver, type Model, planTasks } from "../core/model";
import { harmless, oneLine } from "../core/text";
import { questionWords } from "../core/words";
import { Digest } from "./basic";
import { Glyph } from "./Glyph";

/** Why the change cannot be approved now; empty when it can. */
export function whyNotApprove(app: App): string {
    const { store } = app;
    const live = store.live;
    if (!app.commands) return "This is a replay.";
    if (store.cursor !== null) return "You are looking at the past. Go live to approve.";
    if (live.seq === 0) return "Nothing is known of the session yet.";
    if (isOver(live)) return "The session is over.";
    if (live.approvedBy !== "") return "It is approved already.";
    if (!live.approval) return "Nothing waits for approval yet.";
    return "";
}

export function whyNotSteer(app: App): string {
    if (!app.commands) return "This is a replay.";
    if (app.store.cursor !== null) return "You are looking at the past. Go live to act.";
    if (app.store.live.seq === 0) return "Nothing is known of the session yet.";
    return isOver(app.store.live) ? "The session is over." : "";
}

/** The three controls of the dashboard. */
export function SessionActions() {
    const app = useApp();
    const isPaused = useStore((store) => store.live.isPaused);
    const noApproval = useStore(() => whyNotApprove(app));
    const noSteering = useStore(() => whyNotSteer(app));
    return (
        <div className="actions" role="group" aria-label="Session controls">
            <ActionButton
                kind="primary"
                reason={noApproval}
                onPress={() => app.ui.set({ dialog: "approve" })}
                keys="a"
            >
                Approve &amp; Merge
            </ActionButton>
            <ActionButton
                kind="plain"
                reason={noSteering}
                onPress={() => {
                    void togglePause(app);
                }}
                keys="p"
            >
                {isPaused ? "Resume All" : "Pause All"}
            </ActionButton>
            <ActionButton
                kind="danger"
                reason={noSteering}
                onPress={() => app.ui.set({ dialog: "cancel" })}
                keys="x"
            >
                Cancel
            </ActionButton>
        </div>
    );
}

/** A button that stays in the order of tabs when it does nothing, and says why. */
export function ActionButton({ kind, reason, onPress, keys, children }: {
    kind: "primary" | "plain" | "danger";
    reason: string;
    onPress: () => void;
    keys?: string;
    children?: unknown;
}) {
    const { ui } = useApp();
    return (
        <button
            type="button"
            className={`button ${kind}`}
            aria-disabled={reason !== ""}
            title={reason === "" ? (keys === undefined ? "" : `Key: ${keys}`) : reason}
            onClick={() => (reason === "" ? onPress() : ui.say(reason))}
        >
            {children as string}
        </button>
    );
}

export async function togglePause(app: App): Promise<void> {
    const isPaused = app.store.live.isPaused;
    const { commands, ui, store } = app;
    if (!commands) return;
    const result = await commands.send(isPaused ? "resume" : "pause", {
        seq: store.live.seq,
        digest: store.live.tree,
    });
    if (result.kind === "done") ui.say(isPaused ? "All agents go on." : "All agents are held.");
    else ui.say(`Not done: ${oneLine(result.message, 300)}`, true);
}

/** Other questions of the coordinator: of the plan, the budget, what leaves the machine, what an agent may do. */
export function Questions() {
    const app = useApp();
    const questions = useModel((model) => model.questions);
    const over = useModel(isOver);
    const reason = useStore(() => whyNotSteer(app));
    if (over || questions.length === 0) return null;
    return (
        <section className="gate questions" aria-labelledby="questions-title">
            <h2 id="questions-title">
                <Glyph state="attention" label="" /> The coordinator asks you
            </h2>
            <ul>
                {questions.map((one) => (
                    <li key={one.id}>
                        <span dir="auto">
                            <strong>{questionWords(one.kind)}</strong> {harmless(one.summary, 600)}
                        </span>
                        <code className="digest">{oneLine(one.id, 60)}</code>
                        <ActionButton
                            kind="plain"
                            reason={reason}
                            keys="y"
                            onPress={() => app.ui.set({ dialog: "answer", question: one.id })}
                        >
                            Answer
                        </ActionButton>
                    </li>
                ))}
            </ul>
        </section>
    );
}

/** What is known about the change that waits, in a strip above every view. */
export function GateStrip() {
    const app = useApp();
    const approval = useModel((model) => (isOver(model) || model.approvedBy !== "" ? null : model.approval));
    const model = useModel((value) => (approval ? value : null));
    const view = app.ui.state.view;
    if (!approval || !model) return null;
    return (
        <section className="gate" aria-labelledby="gate-title">
            <div className="gate-words">
                <h2 id="gate-title">
                    <Glyph state="attention" label="" /> This change waits for you
                </h2>
                <Facts model={model} />
            </div>
            <div className="actions">
                {view === "review"
                    ? null
                    : (
                        <button type="button" className="button" onClick={() => app.ui.show("review")}>
                            Look at the change
                        </button>
                    )}
                <ActionButton
                    kind="danger"
                    reason={whyNotApprove(app)}
                    onPress={() => app.ui.set({ dialog: "deny" })}
                    keys="d"
                >
                    Deny
                </ActionButton>
                <ActionButton
                    kind="primary"
                    reason={whyNotApprove(app)}
                    onPress={() => app.ui.set({ dialog: "approve" })}
                    keys="a"
                >
                    Approve &amp; Merge
                </ActionButton>
            </div>
        </section>
    );
}

export function Facts({ model }: { model: Model }) {
    const files = new Set(planTasks(model).flatMap((task) => task.files));
    const lastRun = [...model.runs].reverse().find((run) =>
        run.tree === model.tree && run.state !== "running"
    );
    return (
        <ul className="facts">
            <li>
                <span className="muted">tree</span>{" "}
                <Digest value={model.approval?.tree ?? model.tree} label="tree" />
            </li>
            <li>
                <span className="muted">review</span> {model.verdict === null
                    ? "none"
                    : model.verdict.value === "approve"
                    ? <span className="good">approves</span>
                    : <span className="bad">asks for changes</span>}
            </li>
            <li>
                <span className="muted">tests</span> {model.testsPassed === null && !lastRun
                    ? "not run"
                    : (model.testsPassed ?? lastRun?.state === "passed")
                    ? <span className="good">green</span>
                    : <span className="bad">red</span>}
                {lastRun?.passed ? ` (${lastRun.passed} passed)` : ""}
            </li>
            <li>
                <span className="muted">files</span> {files.size}
            </li>
            <li>
                <span className="muted">cost</span> {money(model.spent)}
            </li>
        </ul>
    );
}
