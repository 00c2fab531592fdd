// The output of one agent as it comes: colours of the terminal, search, and a place that stays where it is
// read.

import { memo, useEffect, useMemo, useRef, useState } from "react";
import { useApp, useModel, useStore, useUi } from "../app";
import { bare, legible, type Span, spans, type Style } from "../core/ansi";
import { bytes, clock, count } from "../core/format";
import type { AgentLog, LogLine } from "../core/logbook";
import { oneLine } from "../core/text";
import { Empty } from "./basic";
import { VirtualList } from "./VirtualList";

const rowHeight = 19;

export function LogPanel() {
    const { store, ui, connection } = useApp();
    const agents = useModel((model) => model.agents);
    const chosen = useUi((state) => state.agent);
    const ids = useMemo(() => [...agents.keys()], [agents]);
    const active = useMemo(() => {
        const busy = [...agents.values()].filter((agent) => agent.task !== "");
        return busy.find((agent) => agent.role === "coder")?.id ?? busy[0]?.id ?? ids[0] ?? "";
    }, [agents, ids]);
    const [sticky, setSticky] = useState("");
    const agent = agents.has(chosen) ? chosen : agents.has(sticky) ? sticky : active;
    // What was chosen by itself stays: output that jumps from agent to agent cannot be read.
    useEffect(() => {
        if (sticky === "" && agent !== "") setSticky(agent);
    }, [agent, sticky]);
    useEffect(() => {
        if (connection && agent !== "") connection.follow([agent]);
    }, [connection, agent]);
    const log = store.logs.of(agent);
    useStore(() => log.version);

    const [follow, setFollow] = useState(true);
    const [query, setQuery] = useState("");
    const search = useSearch(log, query);
    const [match, setMatch] = useState(0);
    const field = useRef<HTMLInputElement>(null);
    const found = search.hits.length;
    const current = found === 0 ? null : search.hits[Math.min(match, found - 1)] ?? null;
    const move = (by: number): void => {
        if (found === 0) return;
        setFollow(false);
        setMatch((Math.min(match, found - 1) + by + found) % found);
    };
    const isDark = useIsDark();
    return (
        <section className="panel logs" aria-labelledby="logs-title">
            <header className="panel-head logs-head">
                <h2 id="logs-title">
                    Live logs{agent === "" ? "" : ": "}
                    <span className="mono">{oneLine(agent, 60)}</span>
                </h2>
                <div className="panel-aside">
                    {ids.length < 2 ? null : (
                        <label className="field-inline">
                            <span className="visually-hidden">Agent whose output is shown</span>
                            <select
                                value={agent}
                                onChange={(event) => ui.set({ agent: event.currentTarget.value })}
                            >
                                {ids.map((id) => <option key={id} value={id}>{oneLine(id, 60)}</option>)}
                            </select>
                        </label>
                    )}
                    <label className="field-inline">
                        <span className="visually-hidden">Search the output</span>
                        <input
                            ref={field}
                            type="search"
                            id="log-search"
                            placeholder="Search"
                            value={query}
                            autoComplete="off"
                            spellCheck={false}
                            onChange={(event) => {
                                setQuery(event.currentTarget.value);
                                setMatch(0);
                            }}
                            onKeyDown={(event) => {
                                if (event.key === "Enter") {
                                    event.preventDefault();
                                    move(event.shiftKey ? -1 : 1);
                                }
                                if (event.key === "Escape") {
                                    setQuery("");
                                    field.current?.blur();
                                }
                            }}
                        />
                    </label>
                    {query === "" ? null : (
                        <span className="muted tabular" role="status">
                            {found === 0
                                ? "no match"
                                : `${Math.min(match, found - 1) + 1} of ${count(found)}${
                                    search.isCut ? "+" : ""
                                }`}
                        </span>
                    )}
                    <button
                        type="button"
                        className="button small"
                        aria-pressed={follow}
                        onClick={() => setFollow(!follow)}
                    >
                        Follow
                    </button>
                </div>
            </header>
            {log.length === 0
                ? (
                    <Empty title={agent === "" ? "No agent has started yet" : "No output yet"}>
                        {agent === ""
                            ? "Output appears here as soon as an agent works."
                            : "What this agent and its tools print appears here line by line."}
                    </Empty>
                )
                : (
                    <>
                        {log.dropped === 0 ? null : (
                            <p className="log-dropped">
                                {`${
                                    count(log.dropped)
                                } older lines are not kept here; openclaw logs has them all.`}
                            </p>
                        )}
                        <VirtualList
                            count={log.length}
                            rowHeight={rowHeight}
                            label={`Output of ${oneLine(agent, 60)}`}
                            className="log-lines"
                            follow={follow}
                            onFollow={setFollow}
                            reveal={current}
                            row={(index) => {
                                const line = log.at(index);
                                return line
                                    ? (
                                        <LogRow
                                            key={log.number(index)}
                                            line={line}
                                            query={query}
                                            isCurrent={index === current}
                                            isDark={isDark}
                                        />
                                    )
                                    : null;
                            }}
                        />
                    </>
                )}
        </section>
    );
}

const LogRow = memo(({ line, query, isCurrent, isDark }: {
    line: LogLine;
    query: string;
    isCurrent: boolean;
    isDark: boolean;
}) => (
    <div
        className={`log-row${isCurrent ? " is-current" : ""}${line.stream === "stderr" ? " is-stderr" : ""}`}
    >
        <time className="log-time">{clock(line.at)}</time>
        <span className="log-text">
            {spans(line.line).map((span, index) => (
                <SpanText key={index} span={span} query={query} isDark={isDark} />
            ))}
            {line.cut === 0
                ? null
                : <span className="log-cut">{` … ${bytes(line.cut)} more in this line`}</span>}
        </span>
    </div>
));

function SpanText({ span, query, isDark }: { span: Span; query: string; isDark: boolean }) {
    const { style } = span;
    const color = style.isInverse ? style.background : style.color;
    const names = [
        typeof color === "number" ? `ansi-${color}` : "",
        style.isBold ? "ansi-bold" : "",
        style.isDim ? "ansi-dim" : "",
        style.isItalic ? "ansi-italic" : "",
        style.isUnderlined ? "ansi-underlined" : "",
        style.isStruck ? "ansi-struck" : "",
        style.background !== null || style.isInverse ? "ansi-marked" : "",
    ].filter((name) => name !== "").join(" ");
    const parts = query === "" ? span.text : marked(span.text, query);
    if (names === "" && typeof color !== "string") return <>{parts}</>;
    return <span className={names} style={colorStyle(color, style, isDark)}>{parts}</span>;
}

function colorStyle(color: Style["color"], _style: Style, isDark: boolean): { color?: string } {
    return typeof color === "string" ? { color: legible(color, isDark) } : {};
}

function marked(text: string, query: string) {
    const lower = text.toLowerCase();
    const wanted = query.toLowerCase();
    const parts: (string | JSX.Element)[] = [];
    let from = 0;
    for (
        let at = lower.indexOf(wanted);
        at >= 0 && parts.length < 200;
        at = lower.indexOf(wanted, at + wanted.length)
    ) {
        if (at > from) parts.push(text.slice(from, at));
        parts.push(<mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
        from = at + wanted.length;
    }
    parts.push(text.slice(from));
    return parts;
}

const hitLimit = 10_000;

/** Lines with the query in them. Only lines that came since are looked at again. */
function useSearch(log: AgentLog, query: string): { hits: readonly number[]; isCut: boolean } {
    const state = useRef<{ log: AgentLog; query: string; numbers: number[]; through: number } | null>(null);
    const version = log.version;
    return useMemo(() => {
        if (query === "") {
            state.current = null;
            return { hits: [], isCut: false };
        }
        const before = state.current;
        const known = before && before.log === log && before.query === query
            ? before
            : { log, query, numbers: [], through: 0 };
        const wanted = query.toLowerCase();
        const numbers = known.numbers.filter((number) => number >= log.dropped);
        for (let index = Math.max(0, known.through - log.dropped); index < log.length; index += 1) {
            if (numbers.length >= hitLimit) break;
            if (bare(log.at(index)?.line ?? "").toLowerCase().includes(wanted)) {
                numbers.push(log.number(index));
            }
        }
        state.current = { log, query, numbers, through: log.dropped + log.length };
        return { hits: numbers.map((number) => number - log.dropped), isCut: numbers.length >= hitLimit };
    }, [log, query, version]);
}

export function useIsDark(): boolean {
    const theme = useUi((state) => state.theme);
    const [isSystemDark, setSystemDark] = useState(() => matchMedia("(prefers-color-scheme: dark)").matches);
    useEffect(() => {
        const media = matchMedia("(prefers-color-scheme: dark)");
        const changed = (): void => setSystemDark(media.matches);
        media.addEventListener("change", changed);
        return () => media.removeEventListener("change", changed);
    }, []);
    return theme === "system" ? isSystemDark : theme === "dark";
}
