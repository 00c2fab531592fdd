// A person's answer to a question of the coordinator.

import { useState } from "react";
import { act, useApp, useStore } from "../app";
import type { Json } from "../core/json";
import { planTasks } from "../core/model";
import { harmless, oneLine } from "../core/text";
import { questionWords } from "../core/words";
import { Buttons, Modal } from "./Modal";

/** A question has an id that names a version of what it is about; the answer is to that one and no other. */
export function AnswerDialog() {
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
    const canAnswer = isThere && !isBusy;
    // Nothing is no message; whoever wants that says no.
    const canPermit = canAnswer && (!held || words.trim() !== "");
    const answer = (type: "permit" | "refuse"): void => {
        if (!question || !(type === "permit" ? canPermit : canAnswer)) return;
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
                    aria-disabled={!canAnswer}
                    onClick={() => answer("refuse")}
                >
                    No
                </button>
                <button
                    type="button"
                    className="button primary"
                    aria-disabled={!canPermit}
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
