// What asks before it acts. A dialog holds what was true when it opened: if the session changes under it, it
// says so and does nothing.

import { type ReactNode, useEffect, useLayoutEffect, useRef, useState } from "react";
import { act, useApp, useStore, useUi } from "../app";
import type { Json } from "../core/json";
import { bindings } from "../core/keys";
import { planTasks } from "../core/model";
import { harmless, oneLine } from "../core/text";
import { questionWords } from "../core/words";
import { Digest } from "./basic";
import { Facts } from "./Gate";

export function Dialogs() {
    const dialog = useUi((state) => state.dialog);
    switch (dialog) {
        case "approve":
            return <ApproveDialog />;
        case "deny":
            return <DenyDialog />;
        case "answer":
            return <AnswerDialog />;
        case "cancel":
            return <CancelDialog />;
        case "message":
            return <MessageDialog />;
        case "keys":
            return <KeysDialog />;
        case null:
            return null;
    }
}

/** A modal of the browser's own: it holds the focus, closes on Escape, and gives the focus back. */
function Modal({ title, children, wide }: { title: string; children?: ReactNode; wide?: boolean }) {
    const { ui } = useApp();
    const box = useRef<HTMLDialogElement>(null);
    useLayoutEffect(() => {
        const element = box.current;
        const before = document.activeElement;
        if (element && !element.open) element.showModal();
        element?.querySelector<HTMLElement>("[data-focus]")?.focus();
        return () => {
            element?.close();
            if (before instanceof HTMLElement && before.isConnected) before.focus();
        };
    }, []);
    return (
        <dialog
            ref={box}
            className={wide ? "dialog wide" : "dialog"}
            aria-labelledby="dialog-title"
            onCancel={(event) => {
                event.preventDefault();
                ui.set({ dialog: null });
            }}
            onClick={(event) => {
                if (event.target === event.currentTarget) ui.set({ dialog: null });
            }}
        >
            <div className="dialog-body">
                <h2 id="dialog-title">{title}</h2>
                {children}
            </div>
        </dialog>
    );
}

function Buttons({ children }: { children?: ReactNode }) {
    const { ui } = useApp();
    return (
        <div className="dialog-buttons">
            <button type="button" className="button" onClick={() => ui.set({ dialog: null })}>Back</button>
            {children}
        </div>
    );
}

/** What the person sees when the dialog opens is what they decide on. */
function useBasis(): { seq: number; digest: string; isStale: boolean } {
    const { store } = useApp();
    const [basis] = useState(() => ({
        seq: store.live.seq,
        digest: store.live.approval?.tree ?? store.live.tree,
    }));
    const isStale = useStore(() => (store.live.approval?.tree ?? store.live.tree) !== basis.digest);
    return { ...basis, isStale };
}

function Stale() {
    return (
        <p className="warning" role="alert">
            The change is another one now than when you opened this. Go back and look again; nothing was sent.
        </p>
    );
}

function ApproveDialog() {
    const app = useApp();
    const basis = useBasis();
    const [isBusy, setBusy] = useState(false);
    const model = useStore((store) => store.live);
    const files = [...new Set(planTasks(model).flatMap((task) => task.files))].sort();
    const branch = model.configuration?.merge ? model.configuration.baseBranch : "";
    const approve = (): void => {
        if (basis.isStale || isBusy) return;
        setBusy(true);
        void act(
            app,
            "approve",
            { tree: basis.digest },
            basis.digest,
            "Approved. The coordinator delivers the change.",
            basis.seq,
        )
            .then(() => app.ui.set({ dialog: null }));
    };
    return (
        <Modal title="Approve and merge">
            <p>
                {"You approve exactly tree "}
                <Digest value={basis.digest} label="tree" />
                {", as of event "}
                <span className="tabular">{basis.seq}</span>
                {branch === ""
                    ? ". It becomes the session's branch."
                    : `. It is merged into ${oneLine(branch, 80)}.`}
            </p>
            <Facts model={model} />
            <ul className="file-list">
                {files.slice(0, 12).map((file) => (
                    <li key={file}>
                        <code>{oneLine(file, 160)}</code>
                    </li>
                ))}
                {files.length > 12 ? <li className="muted">{`and ${files.length - 12} more`}</li> : null}
            </ul>
            {basis.isStale ? <Stale /> : null}
            <Buttons>
                <button
                    type="button"
                    className="button primary"
                    aria-disabled={basis.isStale || isBusy}
                    data-focus
                    onClick={approve}
                >
                    Approve &amp; Merge
                </button>
            </Buttons>
        </Modal>
    );
}

function DenyDialog() {
    const app = useApp();
    const basis = useBasis();
    const [reason, setReason] = useState("");
    const deny = (): void => {
        if (basis.isStale) return;
        void act(
            app,
            "deny",
            { reason },
            basis.digest,
            "Denied. The session will not deliver this change.",
            basis.seq,
        )
            .then(() => app.ui.set({ dialog: null }));
    };
    return (
        <Modal title="Deny the change">
            <label className="field">
                <span>Why, for the record</span>
                <textarea
                    rows={3}
                    value={reason}
                    data-focus
                    onChange={(event) => setReason(event.currentTarget.value)}
                />
            </label>
            {basis.isStale ? <Stale /> : null}
            <Buttons>
                <button type="button" className="button danger" aria-disabled={basis.isStale} onClick={deny}>
                    Deny the change
                </button>
            </Buttons>
        </Modal>
    );
}

/** A question has an id that names a version of what it is about; the answer is to that one and no other. */
function AnswerDialog() {
    const app = useApp();
    const [asked] = useState(() => {
        const { live } = app.store;
        const id = app.ui.state.question;
        return {
            seq: live.seq,
            question: live.questions.find((one) => one.id === id),
            held: live.held.find((one) => one.id === id && !one.isTask),
        };
    });
    const [reason, setReason] = useState("");
    const [words, setWords] = useState(asked.held?.text ?? "");
    const [isBusy, setBusy] = useState(false);
    const { question, held } = asked;
    const isThere = useStore((store) => store.live.questions.some((one) => one.id === question?.id));
    const answer = (type: "permit" | "refuse"): void => {
        if (!question || !isThere || isBusy) return;
        // Nothing is no message; whoever wants that says no.
        if (type === "permit" && held && words.trim() === "") return;
        setBusy(true);
        const said = type === "permit" ? `You said yes to ${question.id}.` : `You said no to ${question.id}.`;
        const fields: { [key: string]: Json } = {};
        if (type === "refuse") fields["reason"] = reason;
        else if (held && words !== held.text) fields["text"] = words;
        void act(app, type, fields, question.id, said, asked.seq)
            .then(() => app.ui.set({ dialog: null }));
    };
    return (
        <Modal title="The coordinator asks you">
            <p>
                <strong>{questionWords(question?.kind ?? "")}</strong>
            </p>
            {held
                ? (
                    <label className="field">
                        <span>{`${oneLine(held.from, 40)} to ${oneLine(held.to, 40)}; yours to change`}</span>
                        <textarea
                            rows={5}
                            dir="auto"
                            value={words}
                            onChange={(event) => setWords(event.currentTarget.value)}
                        />
                    </label>
                )
                : <p dir="auto">{harmless(question?.summary ?? "", 2000)}</p>}
            <p className="muted">
                {"This is about "}
                <code className="digest">{oneLine(question?.id ?? "", 60)}</code>
                {", as of event "}
                <span className="tabular">{asked.seq}</span>.
            </p>
            {question?.kind === "plan" ? <PlannedSteps /> : null}
            <label className="field">
                <span>Why not, if no</span>
                <textarea
                    rows={2}
                    value={reason}
                    onChange={(event) => setReason(event.currentTarget.value)}
                />
            </label>
            {isThere ? null : (
                <p className="warning" role="alert">
                    This is not asked any more. Go back and look again; nothing was sent.
                </p>
            )}
            <Buttons>
                <button
                    type="button"
                    className="button danger"
                    aria-disabled={!isThere || isBusy}
                    onClick={() => answer("refuse")}
                >
                    No
                </button>
                <button
                    type="button"
                    className="button primary"
                    aria-disabled={!isThere || isBusy || (held !== undefined && words.trim() === "")}
                    data-focus
                    onClick={() => answer("permit")}
                >
                    Yes
                </button>
            </Buttons>
        </Modal>
    );
}

/** The plan that is asked about, as far as a dialog has room. */
function PlannedSteps() {
    const tasks = planTasks(useStore((store) => store.live));
    const shown = tasks.slice(0, 12);
    return (
        <ol className="file-list">
            {shown.map((task) => (
                <li key={task.id} dir="auto">{`${oneLine(task.id, 20)}: ${oneLine(task.title, 160)}`}</li>
            ))}
            {tasks.length > shown.length
                ? <li className="muted">{`and ${tasks.length - shown.length} more`}</li>
                : null}
        </ol>
    );
}

function CancelDialog() {
    const app = useApp();
    const basis = useBasis();
    const cancel = (): void => {
        void act(
            app,
            "cancel",
            {},
            basis.digest,
            "Cancelled. The guests are ended; the work so far is kept.",
            basis.seq,
        )
            .then(() => app.ui.set({ dialog: null }));
    };
    return (
        <Modal title="Cancel the session">
            <p>
                All agents are ended and nothing is delivered. What they published stays in the session's
                repository.
            </p>
            <Buttons>
                <button type="button" className="button danger" onClick={cancel}>Cancel the session</button>
            </Buttons>
        </Modal>
    );
}

function MessageDialog() {
    const app = useApp();
    const agents = useStore((store) => store.live.agents);
    const chosen = app.ui.state.agent;
    const [to, setTo] = useState(agents.has(chosen) ? chosen : "all");
    const [words, setWords] = useState("");
    const send = (): void => {
        if (words.trim() === "") return;
        void act(app, "message", { to, text: words }, app.store.live.tree, `Sent to ${to}.`)
            .then((isSent) => {
                if (isSent) app.ui.set({ dialog: null });
            });
    };
    return (
        <Modal title="Send a message">
            <label className="field">
                <span>To</span>
                <select value={to} onChange={(event) => setTo(event.currentTarget.value)}>
                    <option value="all">all agents</option>
                    {[...agents.keys()].map((id) => <option key={id} value={id}>{oneLine(id, 60)}</option>)}
                </select>
            </label>
            <label className="field">
                <span>Message</span>
                <textarea
                    rows={4}
                    value={words}
                    data-focus
                    onChange={(event) => setWords(event.currentTarget.value)}
                    onKeyDown={(event) => {
                        if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
                    }}
                />
            </label>
            <Buttons>
                <button
                    type="button"
                    className="button primary"
                    aria-disabled={words.trim() === ""}
                    onClick={send}
                >
                    Send
                </button>
            </Buttons>
        </Modal>
    );
}

function KeysDialog() {
    const { ui } = useApp();
    const hasShortcuts = useUi((state) => state.hasShortcuts);
    const groups = [...new Set(bindings.map((binding) => binding.group))];
    useEffect(() => undefined, []);
    return (
        <Modal title="Keyboard" wide>
            <div className="keys">
                {groups.map((group) => (
                    <section key={group} aria-label={group}>
                        <h3>{group}</h3>
                        <dl>
                            {bindings.filter((binding) => binding.group === group).map((binding) => (
                                <div key={binding.keys} className="key-row">
                                    <dt>
                                        {binding.keys.split(" ").map((key) => <kbd key={key}>{key}</kbd>)}
                                    </dt>
                                    <dd>{binding.label}</dd>
                                </div>
                            ))}
                        </dl>
                    </section>
                ))}
            </div>
            <label className="check">
                <input
                    type="checkbox"
                    checked={hasShortcuts}
                    onChange={(event) => ui.set({ hasShortcuts: event.currentTarget.checked })}
                />
                <span>Single-key shortcuts. Everything can be reached with Tab without them.</span>
            </label>
            <Buttons />
        </Modal>
    );
}
