// One file of the change: its hunks as rows, the threads beneath their lines, and a way to start one
// anywhere.

import { Fragment, type KeyboardEvent, memo, type ReactNode, useState } from "react";
import { useApp } from "../app";
import { type DiffLine, type FileDiff, type Pair, paired, type Piece, pieces } from "../core/diff";
import { plural } from "../core/format";
import { bare } from "../core/ansi";
import { oneLine } from "../core/text";
import type { Thread } from "../core/threads";
import { ReplyBox, ThreadBox } from "./ThreadBox";

/** A change of more lines is shown when it is asked for. */
const openLimit = 1500;

export const FileChange = memo(({ file, mode, threads, id }: {
    file: FileDiff;
    mode: "split" | "unified";
    threads: readonly Thread[];
    id: string;
}) => {
    const size = file.added + file.removed;
    const [isOpen, setOpen] = useState(size <= openLimit);
    const [isAsking, setAsking] = useState<number | null>(null);
    const lost = threads.filter((thread) => thread.line === null || !isShown(file, thread.line));
    return (
        <section className="panel file-change" aria-labelledby={`${id}-name`}>
            <header className="panel-head" id={id} tabIndex={-1}>
                <h2 id={`${id}-name`} className="mono">
                    {file.oldPath !== file.path && file.kind === "renamed"
                        ? (
                            <>
                                <bdi>{oneLine(file.oldPath, 200)}</bdi>
                                {" → "}
                            </>
                        )
                        : null}
                    <bdi>{oneLine(file.path, 300)}</bdi>
                </h2>
                <div className="panel-aside">
                    <span className="good tabular">{`+${file.added}`}</span>
                    <span className="bad tabular">{`−${file.removed}`}</span>
                    <button
                        type="button"
                        className="button small"
                        aria-expanded={isOpen}
                        onClick={() => setOpen(!isOpen)}
                    >
                        {isOpen ? "Fold" : "Unfold"}
                    </button>
                </div>
            </header>
            {lost.map((thread) => <ThreadBox key={thread.root.seq} thread={thread} hasPlace />)}
            {!isOpen
                ? <p className="panel-note muted">{`${plural(size, "changed line")} not shown.`}</p>
                : file.kind === "binary"
                ? <p className="panel-note muted">A binary file.</p>
                : file.hunks.length === 0
                ? <p className="panel-note muted">No line has changed; its name or mode has.</p>
                : <Rows file={file} mode={mode} threads={threads} asking={isAsking} onAsk={setAsking} />}
        </section>
    );
});

function isShown(file: FileDiff, line: number): boolean {
    return file.hunks.some((hunk) => hunk.lines.some((one) => one.after === line));
}

function Rows({ file, mode, threads, asking, onAsk }: {
    file: FileDiff;
    mode: "split" | "unified";
    threads: readonly Thread[];
    asking: number | null;
    onAsk: (line: number | null) => void;
}) {
    const [focused, setFocused] = useState(
        file.hunks[0]?.lines.find((line) => line.after !== null)?.after ?? 0,
    );
    const ask = (line: number | null): ReactNode => {
        if (line === null) return null;
        return (
            <AskButton
                key={line}
                line={line}
                file={file.path}
                isFocusable={line === focused}
                onAsk={onAsk}
                onFocus={setFocused}
            />
        );
    };
    const below = (line: number | null): ReactNode => {
        if (line === null) return null;
        const own = threads.filter((thread) => thread.line === line);
        if (own.length === 0 && asking !== line) return null;
        return (
            <tr className="thread-row">
                <td colSpan={mode === "split" ? 4 : 3}>
                    {own.map((thread) => <ThreadBox key={thread.root.seq} thread={thread} />)}
                    {asking === line
                        ? (
                            <ReplyBox
                                file={file.path}
                                line={line}
                                label={`Remark on line ${line}`}
                                onDone={() => onAsk(null)}
                            />
                        )
                        : null}
                </td>
            </tr>
        );
    };
    return (
        <div
            className="diff-scroll"
            tabIndex={0}
            role="region"
            aria-label={`Change of ${oneLine(file.path, 200)}`}
        >
            <table className={`diff diff-${mode}`}>
                <colgroup>
                    <col className="col-number" />
                    {mode === "split" ? <col /> : null}
                    <col className="col-number" />
                    <col />
                </colgroup>
                <thead className="visually-hidden">
                    {mode === "split"
                        ? (
                            <tr>
                                <th scope="col">Line before</th>
                                <th scope="col">Before</th>
                                <th scope="col">Line after</th>
                                <th scope="col">After</th>
                            </tr>
                        )
                        : (
                            <tr>
                                <th scope="col">Line before</th>
                                <th scope="col">Line after</th>
                                <th scope="col">Text</th>
                            </tr>
                        )}
                </thead>
                {file.hunks.map((hunk, index) => (
                    <tbody key={index}>
                        {index === 0 && hunk.title === "" ? null : (
                            <tr className="hunk-row">
                                <td colSpan={mode === "split" ? 4 : 3}>
                                    {hunk.title === "" ? "⋯" : `⋯ ${oneLine(hunk.title, 160)}`}
                                </td>
                            </tr>
                        )}
                        {mode === "split"
                            ? paired(hunk.lines).map((pair, row) => (
                                <SplitRow key={row} pair={pair} ask={ask} below={below} />
                            ))
                            : unified(hunk.lines).map(({ line, other }, row) => (
                                <UnifiedRow key={row} line={line} other={other} ask={ask} below={below} />
                            ))}
                    </tbody>
                ))}
            </table>
        </div>
    );
}

/** The lines in order, each with the one that it replaces or that replaces it. */
function unified(lines: readonly DiffLine[]): { line: DiffLine; other: DiffLine | null }[] {
    const others = new Map<DiffLine, DiffLine>();
    for (const { left, right } of paired(lines)) {
        if (!left || !right || left === right) continue;
        others.set(left, right);
        others.set(right, left);
    }
    return lines.map((line) => ({ line, other: others.get(line) ?? null }));
}

type Ask = (line: number | null) => ReactNode;

function SplitRow({ pair, ask, below }: { pair: Pair; ask: Ask; below: Ask }) {
    const { left, right } = pair;
    const both = left && right && left !== right ? pieces(left.text, right.text) : null;
    return (
        <Fragment>
            <tr>
                <td className={numberClass(left)}>{left?.before ?? ""}</td>
                <td className={textClass(left)}>
                    <Code line={left} parts={both?.before} />
                </td>
                <td className={numberClass(right)}>{ask(right?.after ?? null)}</td>
                <td className={textClass(right)}>
                    <Code line={right} parts={both?.after} />
                </td>
            </tr>
            {below(right?.after ?? null)}
        </Fragment>
    );
}

function UnifiedRow(
    { line, other, ask, below }: { line: DiffLine; other: DiffLine | null; ask: Ask; below: Ask },
) {
    const both = other
        ? (line.kind === "removed"
            ? pieces(line.text, other.text).before
            : pieces(other.text, line.text).after)
        : undefined;
    return (
        <Fragment>
            <tr>
                <td className={numberClass(line)}>{line.before ?? ""}</td>
                <td className={numberClass(line)}>{ask(line.after)}</td>
                <td className={textClass(line)}>
                    <Code line={line} parts={both} />
                </td>
            </tr>
            {below(line.after)}
        </Fragment>
    );
}

const numberClass = (line: DiffLine | null): string => `diff-number is-${line?.kind ?? "none"}`;
const textClass = (line: DiffLine | null): string => `diff-text is-${line?.kind ?? "none"}`;

function Code({ line, parts }: { line: DiffLine | null; parts: readonly Piece[] | undefined }) {
    if (!line) return null;
    const sign = line.kind === "added" ? "+" : line.kind === "removed" ? "−" : " ";
    return (
        <code>
            <span className="diff-sign" aria-hidden="true">{sign}</span>
            {line.kind === "same"
                ? null
                : <span className="visually-hidden">{line.kind === "added" ? "added: " : "removed: "}</span>}
            {parts === undefined
                ? bare(line.text)
                : parts.map((part, index) => (part.isChanged
                    ? <span key={index} className="diff-word">{bare(part.text)}</span>
                    : bare(part.text))
                )}
        </code>
    );
}

/**
 * The line's number, which opens a remark. Arrow keys move from line to line, so that Tab does not have to.
 */
function AskButton({ line, file, isFocusable, onAsk, onFocus }: {
    line: number;
    file: string;
    isFocusable: boolean;
    onAsk: (line: number | null) => void;
    onFocus: (line: number) => void;
}) {
    const { commands } = useApp();
    if (!commands) return <span className="line-number">{line}</span>;
    const pressed = (event: KeyboardEvent<HTMLButtonElement>): void => {
        if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
        event.preventDefault();
        const all = [...(event.currentTarget.closest("table")?.querySelectorAll<HTMLElement>(".ask") ?? [])];
        all[all.indexOf(event.currentTarget) + (event.key === "ArrowDown" ? 1 : -1)]?.focus();
    };
    return (
        <button
            type="button"
            className="ask"
            tabIndex={isFocusable ? 0 : -1}
            aria-label={`Remark on line ${line} of ${oneLine(file, 160)}`}
            title="Remark on this line"
            onClick={() => onAsk(line)}
            onKeyDown={pressed}
            onFocus={() => onFocus(line)}
        >
            {line}
        </button>
    );
}
