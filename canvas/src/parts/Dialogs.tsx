// What asks before it acts. A dialog holds what was true when it opened: if the session changes under it, it
// says so and does nothing.

import { useState } from "react";
import { act, useApp, useStore, useUi } from "../app";
import { bindings } from "../core/keys";
import { planTasks } from "../core/model";
import { oneLine } from "../core/text";
import { AnswerDialog } from "./AnswerDialog";
import { Attention } from "./Attention";
import { Digest } from "./basic";
import { Facts } from "./Gate";
import { Buttons, Modal } from "./Modal";

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
            <Attention
                inspection={model.inspection?.commit === model.approval?.commit ? model.inspection : null}
            />
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
