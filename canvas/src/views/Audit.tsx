// What can be proved: the chain of hashes, recomputed here; who decided what; what was refused; and every
// event.

import { useEffect, useRef, useState } from "react";
import { useApp, useModel, useStore } from "../app";
import { ChainCheck, type ChainState, checkPast } from "../core/audit";
import { clock, count } from "../core/format";
import { canonical, flag, type Json, text } from "../core/json";
import { type Message } from "../core/model";
import { slice, type Tail } from "../core/tape";
import { harmless, oneLine } from "../core/text";
import { eventLine } from "../core/words";
import { Digest, Empty, Figure, Panel, Table } from "../parts/basic";
import { Glyph, type State } from "../parts/Glyph";
import { VirtualList } from "../parts/VirtualList";

export function AuditView() {
    return (
        <div className="audit">
            <Chain />
            <Decisions />
            <Refusals />
            <Events />
        </div>
    );
}

/** What was found, and whether all that is here was looked at. */
function useChain(): ChainState & { readonly isThrough: boolean } {
    const { store } = useApp();
    const check = useRef<ChainCheck | null>(null);
    const head = useStore((one) => one.log.head);
    const [state, setState] = useState(() => ({ ...new ChainCheck().state, isThrough: false }));
    useEffect(() => {
        const own = check.current ?? new ChainCheck();
        check.current = own;
        let timer = 0;
        const go = (): void => {
            const start = performance.now();
            let isMore = true;
            while (isMore && performance.now() - start < 8) isMore = own.advance(store.log, 32);
            setState({ ...own.state, isThrough: own.isThrough(store.log) });
            if (isMore) timer = window.setTimeout(go, 0);
        };
        go();
        return () => window.clearTimeout(timer);
    }, [store, head]);
    return state;
}

function Chain() {
    const chain = useChain();
    const head = useStore((one) => one.log.head);
    const lastHash = useStore((one) => one.log.lastHash);
    const effects = useModel((model) => model.effects);
    const reconnects = useStore((one) => one.link.reconnects);
    const verdict: { state: State; words: string } = chain.broken > 0
        ? { state: "failed", words: `Broken at event ${chain.broken}` }
        : head === 0
        ? { state: "waiting", words: "Nothing to check yet" }
        : chain.isBlind
        ? { state: "attention", words: "The log came without hashes" }
        : chain.isThrough
        ? chain.sound === 0
            ? { state: "waiting", words: "Not checked here yet" }
            : { state: "done", words: chain.from === 1 ? "Whole" : `Whole from event ${chain.from}` }
        : { state: "working", words: "Checking" };
    return (
        <Panel
            title="Journal"
            className="audit-chain"
            aside={
                <>
                    {chain.from > 1 && chain.broken === 0 ? <PastCheck /> : null}
                    <ServerCheck />
                </>
            }
        >
            <dl className="figures">
                <Figure label="Chain of hashes" note="recomputed in this page">
                    <Glyph state={verdict.state} label="" /> {verdict.words}
                </Figure>
                <Figure label="Events" note={`${count(chain.sound)} checked`}>{count(head)}</Figure>
                <Figure label="Last hash" note={`event ${head}`}>
                    <Digest value={lastHash} label="hash" />
                </Figure>
                <Figure
                    label="Effects"
                    note={effects.failed === 0 ? "each with its intent" : `${effects.failed} failed`}
                >
                    {`${effects.done} done, ${Math.max(0, effects.open)} open`}
                </Figure>
                <Figure label="Reconnects" note="none lost an event">{reconnects}</Figure>
            </dl>
            {chain.broken === 0 ? null : (
                <p className="warning" role="alert">
                    {`Event ${chain.broken} does not follow from the one before it. `}
                    {"What is shown from there on may have been changed on its way. Compare with "}
                    <code>openclaw session ID --verify</code>.
                </p>
            )}
        </Panel>
    );
}

/** The page began with a snapshot: the events before it are fetched and checked on demand. */
function PastCheck() {
    const { store } = useApp();
    const [words, setWords] = useState("");
    const [isBusy, setBusy] = useState(false);
    const { history, log } = store;
    if (!history) return null;
    const ask = (): void => {
        const through = log.first - 1;
        setBusy(true);
        checkPast(history, through, log.baseHash, (seq) => setWords(`${count(seq)} of ${count(through)}`)).then(
            (broken) =>
                setWords(broken === 0 ? `the first ${count(through)} are whole` : `broken at event ${broken}`),
            (error: unknown) => setWords(error instanceof Error ? error.message : String(error)),
        ).finally(() => setBusy(false));
    };
    return (
        <>
            <span role="status" className="muted">{oneLine(words, 160)}</span>
            <button type="button" className="button small" disabled={isBusy} onClick={ask}>
                Check from the first
            </button>
        </>
    );
}

/** Asks the journal itself. */
function ServerCheck() {
    const { commands, documents } = useApp();
    const brought = documents.get("verify");
    const [answer, setAnswer] = useState<Json | null>(brought ?? null);
    const [problem, setProblem] = useState("");
    if (!commands) return answer === null ? null : <Answer answer={answer} />;
    const ask = (): void => {
        setProblem("");
        commands.look("verify").then(
            setAnswer,
            (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
        );
    };
    return (
        <>
            <span role="status">
                {problem !== ""
                    ? <span className="bad">{oneLine(problem, 160)}</span>
                    : answer === null
                    ? null
                    : <Answer answer={answer} />}
            </span>
            <button type="button" className="button small" onClick={ask}>Ask the journal</button>
        </>
    );
}

function Answer({ answer }: { answer: Json }) {
    return (
        <span className={flag(answer, "ok") ? "good" : "bad"}>
            {oneLine(text(answer, "summary"), 160) || (flag(answer, "ok") ? "sound" : "not sound")}
        </span>
    );
}

/** Rows of a table of the newest. */
const rowLimit = 200;

const decisions: ReadonlySet<string> = new Set([
    "approval.requested",
    "approval.granted",
    "approval.denied",
    "approval.voided",
    "session.paused",
    "session.resumed",
    "session.cancelled",
    "review.submitted",
    "plan.accepted",
    "delivery.merged",
    "command.applied",
    "permission.granted",
    "permission.denied",
    "plan.edited",
    "plan.withdrawn",
    "budget.raised",
    "changes.requested",
    "delivery.opened",
]);

function Decisions() {
    const { store } = useApp();
    const model = useModel((value) => value);
    const seqs = slice(model.activity).filter((seq) => decisions.has(store.log.get(seq)?.type ?? ""));
    const events = seqs.slice(-rowLimit).flatMap((seq) => store.log.get(seq) ?? []);
    return (
        <Panel title="Decisions">
            <Table
                label="Decisions"
                columns={["When", "Who", "What", "About tree"]}
                empty={<Empty title="Nothing was decided yet" />}
                rows={events.map((event) => {
                    const line = eventLine(event, model);
                    return (
                        <tr key={event.seq}>
                            <td className="tabular">{clock(event.at)}</td>
                            <td>{oneLine(line.who, 60)}</td>
                            <td dir="auto">{oneLine(line.words, 300)}</td>
                            <td>
                                <Digest
                                    value={text(event.data, "tree") || text(event.data, "digest")}
                                    label="tree"
                                />
                            </td>
                        </tr>
                    );
                })}
            />
        </Panel>
    );
}

function Refusals() {
    const denials = useModel((model) => model.denials);
    const problems = useModel((model) => model.surfaceProblems);
    const list = [...rows(denials, "sandbox"), ...rows(problems, "canvas")].sort((left, right) =>
        right.seq - left.seq
    );
    return (
        <Panel title="Refused">
            <Table
                label="Refused"
                columns={["When", "By", "Agent", "What"]}
                empty={
                    <Empty title="Nothing was refused">
                        What the sandbox or this page did not let an agent do is listed here.
                    </Empty>
                }
                rows={list.slice(0, rowLimit).map((row) => (
                    <tr key={`${row.by}${row.seq}${row.text}`}>
                        <td className="tabular">{clock(row.at)}</td>
                        <td>{row.by}</td>
                        <td>{oneLine(row.from, 60)}</td>
                        <td dir="auto">{oneLine(row.text, 400)}</td>
                    </tr>
                ))}
            />
        </Panel>
    );
}

function rows(tail: Tail<Message>, by: string): (Message & { by: string })[] {
    return slice(tail).map((message) => ({ ...message, by }));
}

function Events() {
    const { store } = useApp();
    const shown = useModel((model) => model.seq);
    const first = useStore((one) => one.first);
    // Rows wait for events from before the log.
    useStore((one) => one.version);
    const model = useModel((value) => value);
    const [chosen, setChosen] = useState<number | null>(null);
    const event = chosen === null ? null : store.log.exact(chosen);
    return (
        <Panel
            title="All events"
            className="audit-events"
            aside={<span className="muted tabular">{`${count(Math.max(0, shown - first + 1))} events`}</span>}
        >
            {shown < first ? <Empty title="The log is empty" /> : (
                <VirtualList
                    count={shown - first + 1}
                    rowHeight={24}
                    label="All events, newest first"
                    className="event-lines"
                    row={(index) => {
                        const seq = shown - index;
                        const one = store.log.exact(seq);
                        if (!one) return <Awaited key={seq} seq={seq} />;
                        return (
                            <button
                                type="button"
                                key={seq}
                                className="event-row"
                                aria-expanded={seq === chosen}
                                onClick={() => setChosen(seq === chosen ? null : seq)}
                            >
                                <span className="tabular muted">{seq}</span>
                                <time className="tabular muted">{clock(one.at)}</time>
                                <span className="mono">{oneLine(one.type, 40)}</span>
                                <span className="event-words muted" dir="auto">
                                    {oneLine(eventLine(one, model).words, 200)}
                                </span>
                            </button>
                        );
                    }}
                />
            )}
            {event === null ? null : (
                <div className="event-detail">
                    <p className="muted mono">{`hash ${event.hash || "none"}`}</p>
                    <pre
                        className="output"
                        tabIndex={0}
                        aria-label={`Event ${event.seq}`}
                    >{harmless(pretty(event.data), 20_000)}</pre>
                </div>
            )}
        </Panel>
    );
}

/** A row whose event is on its way. */
function Awaited({ seq }: { seq: number }) {
    const { store } = useApp();
    useEffect(() => store.want(seq), [store, seq]);
    return (
        <div className="event-row">
            <span className="tabular muted">{seq}</span>
            <span className="muted">…</span>
        </div>
    );
}

function pretty(value: Json): string {
    const source = canonical(value);
    return source.length > 20_000 ? source : JSON.stringify(value, null, 2);
}
