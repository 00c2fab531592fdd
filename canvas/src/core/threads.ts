// Remarks and their answers, and where they stand in the code as it is now.

import type { FileDiff } from "./diff";
import type { Comment, Model } from "./model";
import { slice } from "./tape";

export interface Thread {
    readonly root: Comment;
    readonly replies: readonly Comment[];
    /** Where it is now; null when its line is not in the change any more. */
    readonly line: number | null;
    /** Its line has moved or its code has changed since. */
    readonly isMoved: boolean;
    /** The first merge after the remark that changed its file. */
    readonly changedBy: { readonly task: string; readonly commit: string; readonly seq: number } | null;
}

/** A merge as the log tells it. */
export interface MergeFact {
    readonly seq: number;
    readonly task: string;
    readonly commit: string;
    readonly files: readonly string[];
}

export function threadsOf(
    model: Model,
    merges: readonly MergeFact[],
    now: ReadonlyMap<string, FileDiff>,
    past: (tree: string, path: string) => FileDiff | undefined,
): Thread[] {
    const comments = slice(model.comments);
    const roots = new Map<number, { root: Comment; replies: Comment[] }>();
    const byPlace = new Map<string, number>();
    for (const comment of comments) {
        const place = `${comment.file}\u0000${comment.line ?? 0}`;
        // A person who speaks where a thread is open answers it.
        const parent = comment.replyTo > 0
            ? comment.replyTo
            : comment.isHuman
            ? byPlace.get(place)
            : undefined;
        const thread = parent === undefined ? undefined : roots.get(parent);
        if (thread) {
            thread.replies.push(comment);
            continue;
        }
        roots.set(comment.seq, { root: comment, replies: [] });
        byPlace.set(place, comment.seq);
    }
    return [...roots.values()].map(({ root, replies }) => {
        const changed = merges.find((merge) => merge.seq > root.seq && merge.files.includes(root.file));
        const placed = placeOf(root, model.tree, now.get(root.file), past(root.tree, root.file));
        return {
            root,
            replies,
            ...placed,
            changedBy: changed ? { task: changed.task, commit: changed.commit, seq: changed.seq } : null,
        };
    });
}

function placeOf(
    comment: Comment,
    tree: string,
    now: FileDiff | undefined,
    then: FileDiff | undefined,
): { line: number | null; isMoved: boolean } {
    if (comment.line === null) return { line: null, isMoved: false };
    if (comment.tree === tree || !now) return { line: comment.line, isMoved: false };
    if (!then) return { line: comment.line, isMoved: true };
    const line = reanchor(newLines(then), newLines(now), comment.line);
    return { line, isMoved: line !== comment.line };
}

/** The lines of a file after the change, as far as the patch shows them. */
export function newLines(file: FileDiff): Map<number, string> {
    const lines = new Map<number, string>();
    for (const hunk of file.hunks) {
        for (const line of hunk.lines) if (line.after !== null) lines.set(line.after, line.text);
    }
    return lines;
}

const near = 3;

/**
 * Where a line of one version is in another: the same text, with the most of its neighbours around it,
 * nearest by.
 */
export function reanchor(
    before: ReadonlyMap<number, string>,
    after: ReadonlyMap<number, string>,
    line: number,
): number | null {
    const wanted = before.get(line)?.trim();
    if (wanted === undefined || wanted === "") return null;
    let best: { line: number; score: number } | null = null;
    for (const [candidate, text] of after) {
        if (text.trim() !== wanted) continue;
        let score = -Math.abs(candidate - line) / 10_000;
        for (let offset = -near; offset <= near; offset += 1) {
            const neighbour = before.get(line + offset);
            if (
                offset !== 0 && neighbour !== undefined &&
                after.get(candidate + offset)?.trim() === neighbour.trim()
            ) score += 1;
        }
        if (!best || score > best.score) best = { line: candidate, score };
    }
    return best?.line ?? null;
}
