// The change as it is now, side by side or in one column, with what reviewers and people say about its lines.

import { useEffect, useMemo, useRef, useState } from "react";
import { useApp, useModel, useStore } from "../app";
import { type FileDiff, parsePatch } from "../core/diff";
import { plural } from "../core/format";
import { type Inspection, readInspection } from "../core/inspection";
import { field, flag, isArray, type Json, text, texts } from "../core/json";
import { type EventLog, keep } from "../core/log";
import { oneLine } from "../core/text";
import { type MergeFact, type Thread, threadsOf } from "../core/threads";
import { Attention } from "../parts/Attention";
import { Digest, Empty, Panel } from "../parts/basic";
import { FileChange } from "../parts/FileChange";
import { Glyph } from "../parts/Glyph";
import { ThreadBox } from "../parts/ThreadBox";

interface Change {
    readonly tree: string;
    readonly files: readonly FileDiff[];
    readonly isCut: boolean;
    /** Files that are not in the patch, or not whole. */
    readonly missing: readonly string[];
    readonly inspection: Inspection | null;
}

/** Changes that were looked at, so that a remark on an earlier one can be found again in a later one. */
const kept = new Map<string, Change>();
const keptLimit = 8;

export function ReviewView() {
    const { ui } = useApp();
    const { change, problem, isLoading } = useChange();
    const threads = useThreads(change);
    const isNarrow = useNarrow();
    const [wanted, setWanted] = useState<"split" | "unified">("split");
    const mode = isNarrow ? "unified" : wanted;
    const tree = useModel((model) => model.tree);
    const [filter, setFilter] = useState("");
    const isPast = useStore((store) => store.cursor !== null);

    if (!change) {
        return (
            <Panel title="Code review">
                {problem === ""
                    ? (
                        <Empty title={isLoading ? "Reading the change" : "Nothing has changed yet"}>
                            {isLoading ? undefined : "The change appears here with the first merged subtask."}
                        </Empty>
                    )
                    : <Empty title="The change cannot be shown">{problem}</Empty>}
            </Panel>
        );
    }
    const added = change.files.reduce((sum, file) => sum + file.added, 0);
    const removed = change.files.reduce((sum, file) => sum + file.removed, 0);
    const files = change.files.filter((file) => file.path.toLowerCase().includes(filter.toLowerCase()));
    const loose = threads.filter((thread) => !change.files.some((file) => file.path === thread.root.file));
    const jump = (path: string): void => {
        ui.set({ file: path });
        document.getElementById(fileId(path))?.scrollIntoView({ block: "start" });
        document.getElementById(fileId(path))?.focus({ preventScroll: true });
    };
    return (
        <div className="review">
            <Panel
                title="Code review"
                className="review-files"
                aside={
                    <span className="muted">
                        tree <Digest value={change.tree} label="tree" />
                    </span>
                }
            >
                <Attention inspection={change.inspection} />
                <p className="review-sum tabular">
                    {plural(change.files.length, "file")} <span className="good">{`+${added}`}</span>{" "}
                    <span className="bad">{`−${removed}`}</span>
                    {threads.length === 0
                        ? null
                        : <span className="muted">{plural(threads.length, "thread")}</span>}
                </p>
                {isPast || change.tree !== tree
                    ? (
                        <p className="panel-note warning">
                            {`This is the change as of now; at the moment that is shown the tree was ${
                                tree.slice(0, 10) || "empty"
                            }.`}
                        </p>
                    )
                    : null}
                {change.isCut
                    ? (
                        <p className="panel-note warning">
                            {`The patch is cut. Not shown, or not whole: ${
                                change.missing.slice(0, 20).map((path) => oneLine(path, 160)).join(", ")
                            }${change.missing.length > 20 ? ` and ${change.missing.length - 20} more` : ""}.`}
                        </p>
                    )
                    : null}
                <div className="review-tools">
                    <input
                        type="search"
                        aria-label="Filter files"
                        placeholder="Filter files"
                        value={filter}
                        autoComplete="off"
                        spellCheck={false}
                        onChange={(event) => setFilter(event.currentTarget.value)}
                    />
                    {isNarrow
                        ? null
                        : (
                            <div className="segments" role="group" aria-label="Layout of the change">
                                {(["split", "unified"] as const).map((one) => (
                                    <button
                                        key={one}
                                        type="button"
                                        className="button small"
                                        aria-pressed={mode === one}
                                        onClick={() => setWanted(one)}
                                    >
                                        {one === "split" ? "Side by side" : "Unified"}
                                    </button>
                                ))}
                            </div>
                        )}
                </div>
                <ul className="review-list">
                    {files.map((file) => {
                        const own = threads.filter((thread) => thread.root.file === file.path);
                        return (
                            <li key={file.path}>
                                <button
                                    type="button"
                                    className="review-file"
                                    onClick={() => jump(file.path)}
                                    title={oneLine(file.path, 400)}
                                >
                                    <span className={`file-kind kind-${file.kind}`} aria-label={file.kind}>
                                        {kindSigns[file.kind]}
                                    </span>
                                    <span className="review-path">
                                        <bdi>{oneLine(file.path, 300)}</bdi>
                                    </span>
                                    {own.length === 0
                                        ? null
                                        : (
                                            <span className="chip" aria-label={plural(own.length, "thread")}>
                                                {own.length}
                                            </span>
                                        )}
                                    <span className="good tabular">{`+${file.added}`}</span>
                                    <span className="bad tabular">{`−${file.removed}`}</span>
                                </button>
                            </li>
                        );
                    })}
                </ul>
                <Verdicts />
            </Panel>
            <div className="review-changes">
                {loose.length === 0 ? null : (
                    <Panel title="Remarks on files outside of the change">
                        {loose.map((thread) => <ThreadBox key={thread.root.seq} thread={thread} hasPlace />)}
                    </Panel>
                )}
                {files.map((file) => (
                    <FileChange
                        key={file.path}
                        file={file}
                        mode={mode}
                        id={fileId(file.path)}
                        threads={threads.filter((thread) => thread.root.file === file.path)}
                    />
                ))}
            </div>
        </div>
    );
}

const kindSigns = { changed: "M", added: "A", deleted: "D", renamed: "R", binary: "B" } as const;

const fileId = (path: string): string =>
    `file-${path.replace(/[^A-Za-z0-9]/g, (sign) => `_${sign.charCodeAt(0)}`)}`;

function useNarrow(): boolean {
    const [isNarrow, setNarrow] = useState(() => matchMedia("(max-width: 900px)").matches);
    useEffect(() => {
        const media = matchMedia("(max-width: 900px)");
        const changed = (): void => setNarrow(media.matches);
        media.addEventListener("change", changed);
        return () => media.removeEventListener("change", changed);
    }, []);
    return isNarrow;
}

/** Fetched again whenever the tree is another one. */
export function useChange(): { change: Change | null; problem: string; isLoading: boolean } {
    const { commands, documents } = useApp();
    const tree = useStore((store) => store.live.tree);
    const isLive = useStore((store) => store.link.state === "live");
    const brought = documents.get("diff");
    const [state, setState] = useState<{ change: Change | null; problem: string }>(() => ({
        change: kept.get(tree) ?? (brought === undefined ? null : remember(brought)),
        problem: "",
    }));
    const wanted = useRef("");
    useEffect(() => {
        if (!commands || tree === "") return undefined;
        wanted.current = tree;
        const known = kept.get(tree);
        if (known) {
            setState({ change: known, problem: "" });
            return undefined;
        }
        let isGone = false;
        commands.look("diff").then(
            (answer) => {
                if (!isGone) setState({ change: remember(answer), problem: "" });
            },
            (error: unknown) => {
                if (!isGone) {
                    setState((before) => ({
                        ...before,
                        problem: error instanceof Error ? error.message : String(error),
                    }));
                }
            },
        );
        return () => {
            isGone = true;
        };
    }, [commands, tree, isLive]);
    const change = state.change && state.change.files.length > 0 ? state.change : null;
    return {
        change,
        problem: state.problem,
        isLoading: commands !== null && state.change === null && tree !== "",
    };
}

/**
 * Reads each change that somebody has said something about, also while another view is open: only who has seen
 * what a remark was about can find its line again in what came of it.
 */
export function KeepChanges() {
    const { commands } = useApp();
    const tree = useStore((store) => store.live.tree);
    const hasRemarks = useStore((store) => store.live.comments.length > 0);
    useEffect(() => {
        if (!commands || !hasRemarks || tree === "" || kept.has(tree)) return;
        // Without it the remark keeps its old line, and says so.
        commands.look("diff").then(remember, () => undefined);
    }, [commands, tree, hasRemarks]);
    return null;
}

function remember(answer: Json): Change {
    const change = {
        tree: text(answer, "tree"),
        files: parsePatch(text(answer, "patch")),
        isCut: flag(answer, "truncated"),
        missing: missingFiles(answer),
        inspection: readInspection(field(answer, "inspection")),
    };
    keep(kept, change.tree, change, keptLimit);
    return change;
}

function missingFiles(answer: Json): string[] {
    const files = field(field(answer, "statistics"), "files");
    return isArray(files)
        ? files.filter((file) => field(file, "shown") === false).map((file) => text(file, "path"))
        : [];
}

function useThreads(change: Change | null): Thread[] {
    const { store } = useApp();
    const model = useModel((value) => value);
    return useMemo(() => {
        const now = new Map((change?.files ?? []).map((file) => [file.path, file]));
        return threadsOf(
            model,
            mergesOf(store, model.seq),
            now,
            (tree, path) => kept.get(tree)?.files.find((file) => file.path === path),
        );
    }, [change, model.comments.length, model.merged, model.tree, store]);
}

function mergesOf(store: { readonly log: EventLog }, through: number): MergeFact[] {
    const merges: MergeFact[] = [];
    for (const event of store.log.told(through)) {
        if (event.type !== "task.merged") continue;
        merges.push({
            seq: event.seq,
            task: text(event.data, "task"),
            commit: text(event.data, "commit"),
            files: texts(event.data, "files"),
        });
    }
    return merges;
}

function Verdicts() {
    const verdict = useModel((model) => model.verdict);
    const round = useModel((model) => model.round);
    if (!verdict) {
        return (
            <p className="panel-note muted">
                {round === 0 ? "No review has been asked for yet." : `Review, round ${round}, is under way.`}
            </p>
        );
    }
    const isGood = verdict.value === "approve";
    return (
        <div className="verdict">
            <p>
                <Glyph state={isGood ? "done" : "attention"} label="" />{" "}
                <strong>{`${oneLine(verdict.agent, 60)} ${isGood ? "approves" : "asks for changes"}`}</strong>
            </p>
            <p className="muted" dir="auto">{oneLine(verdict.summary, 600)}</p>
        </div>
    );
}
