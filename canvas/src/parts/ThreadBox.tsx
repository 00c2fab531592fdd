// A remark and its answers, and what became of the code since.

import { useState } from "react";
import { act, useApp } from "../app";
import { clock, short } from "../core/format";
import type { Comment } from "../core/model";
import { harmless, oneLine } from "../core/text";
import type { Thread } from "../core/threads";
import { whyNotSteer } from "./Gate";
import { RoleMark } from "./basic";

export function ThreadBox({ thread, hasPlace }: { thread: Thread; hasPlace?: boolean }) {
    const { commands, store } = useApp();
    const [isOpen, setOpen] = useState(false);
    const { root } = thread;
    return (
        <article
            className={`thread severity-${root.severity === "blocking" ? "blocking" : "note"}`}
            aria-label={`Thread by ${oneLine(root.author, 60)} on ${oneLine(root.file, 160)}`}
        >
            <header className="thread-head">
                <span className={root.severity === "blocking" ? "chip is-bad" : "chip"}>
                    {oneLine(root.severity, 20)}
                </span>
                {hasPlace
                    ? <code>{`${oneLine(root.file, 200)}${root.line === null ? "" : `:${root.line}`}`}</code>
                    : null}
                {thread.line === null && root.line !== null
                    ? (
                        <span className="muted">
                            {`was on line ${root.line}, which is not in the change any more`}
                        </span>
                    )
                    : thread.isMoved
                    ? <span className="muted">{`said of line ${root.line ?? 0} of an earlier tree`}</span>
                    : null}
                {thread.changedBy === null ? null : (
                    <span className="good">
                        {`changed since, in ${oneLine(thread.changedBy.task, 32)} at ${
                            short(thread.changedBy.commit)
                        }`}
                    </span>
                )}
            </header>
            <CommentLine comment={root} role={store.live.agents.get(root.author)?.role ?? ""} />
            {thread.replies.map((reply) => (
                <CommentLine
                    key={reply.seq}
                    comment={reply}
                    role={store.live.agents.get(reply.author)?.role ?? ""}
                />
            ))}
            {commands === null ? null : isOpen
                ? (
                    <ReplyBox
                        file={root.file}
                        line={root.line}
                        label="Your answer"
                        onDone={() => setOpen(false)}
                    />
                )
                : (
                    <button type="button" className="button small" onClick={() => setOpen(true)}>
                        Answer
                    </button>
                )}
        </article>
    );
}

function CommentLine({ comment, role }: { comment: Comment; role: string }) {
    return (
        <div className="comment">
            {comment.isHuman
                ? <span className="role-mark role-human" aria-hidden="true">you</span>
                : <RoleMark role={role} />}
            <div>
                <p className="comment-head">
                    <strong>{oneLine(comment.author, 60) || "user"}</strong>{" "}
                    <span className="muted tabular">{clock(comment.at)}</span>
                </p>
                <p className="comment-body" dir="auto">{harmless(comment.body, 8000)}</p>
            </div>
        </div>
    );
}

export function ReplyBox({ file, line, label, onDone }: {
    file: string;
    line: number | null;
    label: string;
    onDone: () => void;
}) {
    const app = useApp();
    const [words, setWords] = useState("");
    const [isBusy, setBusy] = useState(false);
    const send = (): void => {
        const reason = whyNotSteer(app);
        if (reason !== "") return app.ui.say(reason);
        if (words.trim() === "" || isBusy) return undefined;
        setBusy(true);
        // An answer is a remark on the same place: the thread is what stands there.
        const fields = { file, text: words, severity: "note", ...(line === null ? {} : { line }) };
        void act(app, "comment", fields, app.store.live.tree, "Your remark is in the journal.").then(
            (isSent) => {
                setBusy(false);
                if (isSent) onDone();
            },
        );
        return undefined;
    };
    return (
        <div className="reply">
            <label className="field">
                <span>{label}</span>
                <textarea
                    rows={3}
                    value={words}
                    autoFocus
                    onChange={(event) => setWords(event.currentTarget.value)}
                    onKeyDown={(event) => {
                        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
                        if (event.key === "Escape") onDone();
                    }}
                />
            </label>
            <div className="dialog-buttons">
                <button type="button" className="button small" onClick={onDone}>Back</button>
                <button
                    type="button"
                    className="button small primary"
                    aria-disabled={words.trim() === "" || isBusy}
                    onClick={send}
                >
                    Send
                </button>
            </div>
        </div>
    );
}
