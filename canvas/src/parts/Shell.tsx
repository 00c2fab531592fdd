// The frame: what the session is and how it stands, the views, the moment that is shown.

import { useEffect, useRef, useState } from "react";
import { useApp, useModel, useNow, useStore, useUi } from "../app";
import { duration, money } from "../core/format";
import { isDone, type Model, planTasks } from "../core/model";
import type { Link } from "../core/store";
import { oneLine } from "../core/text";
import { views } from "../core/ui";
import { eventLine, phaseState, phaseWords, statusWords } from "../core/words";
import { AuditView } from "../views/Audit";
import { CostView } from "../views/Cost";
import { Dashboard } from "../views/Dashboard";
import { DrawnView } from "../views/Drawn";
import { FlowView } from "../views/Flow";
import { KeepChanges, ReviewView } from "../views/Review";
import { TestsView } from "../views/Tests";
import { TimelineView } from "../views/Timeline";
import { Boundary } from "./basic";
import { Dialogs } from "./Dialogs";
import { GateStrip, Questions } from "./Gate";
import { Glyph } from "./Glyph";
import { Scrubber } from "./Scrubber";

export function Shell() {
    const view = useUi((state) => state.view);
    const isPast = useStore((store) => store.cursor !== null);
    return (
        <div className={isPast ? "shell is-past" : "shell"}>
            <a
                className="skip"
                href="#main"
                onClick={(event) => {
                    event.preventDefault();
                    document.getElementById("main")?.focus();
                }}
            >
                Skip to the view
            </a>
            <Head />
            <Nav />
            <main id="main" tabIndex={-1}>
                <LinkNotice />
                <Questions />
                <GateStrip />
                <Boundary key={view} name={views.find((one) => one.id === view)?.label ?? "This view"}>
                    <View />
                </Boundary>
            </main>
            <Scrubber />
            <Dialogs />
            <Notice />
            <Announcer />
            <KeepChanges />
        </div>
    );
}

function View() {
    const view = useUi((state) => state.view);
    switch (view) {
        case "dashboard":
            return <Dashboard />;
        case "flow":
            return <FlowView />;
        case "review":
            return <ReviewView />;
        case "tests":
            return <TestsView />;
        case "cost":
            return <CostView />;
        case "timeline":
            return <TimelineView />;
        case "drawn":
            return <DrawnView />;
        case "audit":
            return <AuditView />;
    }
}

function Head() {
    const { ui } = useApp();
    const session = useModel((model) => model.session);
    const model = useModel((value) => value);
    const theme = useUi((state) => state.theme);
    const tasks = planTasks(model);
    const done = tasks.filter(isDone).length;
    useEffect(() => {
        document.title = session === ""
            ? "Live Canvas"
            : `${model.isPaused ? "Paused" : phaseWords[model.phase]} · ${oneLine(session, 60)}`;
    }, [session, model.phase, model.isPaused]);
    return (
        <header className="head">
            <div className="head-session">
                <span className="head-kind">Session</span>
                <h1 className="mono" title={oneLine(model.configuration?.task ?? "", 400)}>
                    {oneLine(session, 80) || "…"}
                </h1>
            </div>
            <p className="head-status">
                <Glyph state={phaseState(model)} label="" />
                <span>{statusWords(model)}</span>
                {tasks.length === 0
                    ? null
                    : <span className="muted tabular">{`${done}/${tasks.length} subtasks`}</span>}
            </p>
            <p className="head-figures tabular">
                <Elapsed />
                <span className="muted">{money(model.spent)}</span>
            </p>
            <div className="head-tools">
                <LinkMark />
                <button
                    type="button"
                    className="button small"
                    onClick={() => ui.cycleTheme()}
                    aria-label={`Theme: ${theme}. Change`}
                    title="Theme (t)"
                >
                    {themeSigns[theme]}
                </button>
                <button
                    type="button"
                    className="button small"
                    onClick={() => ui.set({ dialog: "keys" })}
                    aria-label="Keyboard shortcuts"
                    title="Keyboard (?)"
                >
                    ?
                </button>
            </div>
        </header>
    );
}

const themeSigns = { system: "Auto", light: "Light", dark: "Dark" } as const;

export function Elapsed() {
    const now = useNow();
    const from = useModel((model) => model.startedAt);
    const to = useModel((model) => model.endedAt);
    return <span>{from === 0 ? "–" : duration((to ?? now) - from)}</span>;
}

const linkWords: { readonly [state in Link["state"]]: string } = {
    connecting: "Connecting",
    live: "Live",
    waiting: "Reconnecting",
    asleep: "Asleep",
    refused: "No access",
    ended: "Ended",
    replay: "Replay",
};

function LinkMark() {
    const state = useStore((store) => store.link.state);
    const isBehind = useStore((store) => store.link.state === "live" && store.link.isLagging);
    return (
        <span className={`link link-${state}`} title={linkWords[state]}>
            <span className="link-dot" aria-hidden="true" />
            {isBehind ? "Catching up" : linkWords[state]}
        </span>
    );
}

/** Says when what is shown may be old, and why. */
function LinkNotice() {
    const { connection } = useApp();
    const link = useStore((store) => store.link);
    const [now, setNow] = useState(Date.now());
    const isWaiting = link.state === "waiting";
    useEffect(() => {
        if (!isWaiting) return undefined;
        const timer = window.setInterval(() => setNow(Date.now()), 500);
        return () => window.clearInterval(timer);
    }, [isWaiting]);
    if (link.state === "refused") {
        return (
            <div className="strip is-bad" role="alert">
                <p>
                    {`No access: ${
                        oneLine(link.reason, 200) || "the token is not valid"
                    }. Open the canvas again with `}
                    <code>openclaw session ID --canvas</code>.
                </p>
            </div>
        );
    }
    if (!isWaiting) return null;
    const seconds = Math.max(0, Math.ceil((link.retryAt - now) / 1000));
    return (
        <div className="strip is-warning">
            <p>
                {`Not connected: ${
                    oneLine(link.reason, 120)
                }. What you see is as of the last event. Trying again in ${seconds} s.`}
            </p>
            <button type="button" className="button small" onClick={() => connection?.retryNow()}>
                Try now
            </button>
        </div>
    );
}

function Nav() {
    const { ui } = useApp();
    const current = useUi((state) => state.view);
    const counts = useStore((store) => badges(store.shown).join("|")).split("|");
    const list = useRef<HTMLElement>(null);
    useEffect(() => {
        list.current?.querySelector("[aria-current]")?.scrollIntoView({
            block: "nearest",
            inline: "nearest",
        });
    }, [current]);
    return (
        <nav className="nav" aria-label="Views" ref={list}>
            <ul>
                {views.map((view, index) => (
                    <li key={view.id}>
                        <button
                            type="button"
                            className="nav-item"
                            aria-current={current === view.id ? "page" : undefined}
                            onClick={() => ui.show(view.id)}
                        >
                            <span>{view.label}</span>
                            {counts[index] === ""
                                ? null
                                : <span className="badge tabular">{counts[index]}</span>}
                            <kbd aria-hidden="true">{index + 1}</kbd>
                        </button>
                    </li>
                ))}
            </ul>
        </nav>
    );
}

/** How much there is to see in each view, where that helps. */
function badges(model: Model): string[] {
    const some = (value: number): string => (value === 0 ? "" : String(value));
    const failed = model.runs.filter((run) => run.state === "failed").length;
    return [
        "",
        some(model.order.length),
        some(model.comments.length),
        failed > 0 ? `${failed} red` : some(model.runs.length),
        "",
        "",
        some(model.surfaces.size),
        "",
    ];
}

function Notice() {
    const { ui } = useApp();
    const notice = useUi((state) => state.notice);
    return (
        <div className="notices" role="status" aria-live="polite">
            {notice === null
                ? null
                : (
                    <div className={notice.isBad ? "notice is-bad" : "notice"} key={notice.id}>
                        <span>{notice.text}</span>
                        <button
                            type="button"
                            className="button small"
                            onClick={() => ui.set({ notice: null })}
                        >
                            Close
                        </button>
                    </div>
                )}
        </div>
    );
}

const spoken: ReadonlySet<string> = new Set([
    "task.merged",
    "gate.failed",
    "merge.conflicted",
    "review.submitted",
    "approval.requested",
    "approval.granted",
    "agent.lost",
    "session.completed",
    "session.failed",
    "session.cancelled",
    "session.paused",
    "session.resumed",
]);

/** Tells a screen reader what matters, at most every four seconds, and only the newest. */
function Announcer() {
    const { store } = useApp();
    const [words, setWords] = useState("");
    useEffect(() => {
        let lastSeq = -1;
        let timer = 0;
        const look = (): void => {
            if (timer !== 0 || store.cursor !== null) return;
            if (lastSeq < 0) lastSeq = store.log.head;
            let newest = "";
            for (const event of store.log.range(Math.max(lastSeq, store.log.head - 200), store.log.head)) {
                if (!spoken.has(event.type)) continue;
                const line = eventLine(event, store.live);
                newest = `${line.who}: ${line.words}`;
            }
            lastSeq = store.log.head;
            if (newest === "") return;
            setWords(oneLine(newest, 200));
            timer = window.setTimeout(() => {
                timer = 0;
                look();
            }, 4000);
        };
        const end = store.subscribe(look);
        return () => {
            end();
            window.clearTimeout(timer);
        };
    }, [store]);
    return <div className="visually-hidden" role="log" aria-live="polite">{words}</div>;
}
