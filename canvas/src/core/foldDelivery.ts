// Questions to a person, the merge queue's batches, and the way out: pull requests and their checks.

import type { SessionEvent } from "./event";
import { field, flag, isObject, number, optionalNumber, text, texts } from "./json";
import { withTask } from "./foldTasks";
import type { Model } from "./model";
import { append } from "./tape";

export function foldDelivery(model: Model, event: SessionEvent): Model | null {
    const { type, at, seq, data } = event;
    switch (type) {
        case "permission.requested": {
            const asked = field(data, "permission");
            const id = text(asked, "id");
            const question = { id, kind: text(asked, "kind"), summary: text(asked, "summary"), seq };
            // A new version of a question takes the old one's place; every message is a thing of its own.
            const others = model.questions.filter((one) =>
                scopeOf(one.id) !== scopeOf(id) || model.held.some((held) => held.id === one.id));
            return { ...model, questions: [...others, question] };
        }
        case "message.held": {
            const held = {
                id: text(data, "id"),
                from: text(data, "from"),
                to: text(data, "to"),
                text: text(data, "text"),
                isTask: isObject(field(data, "task")),
            };
            return { ...model, held: [...model.held, held] };
        }
        case "permission.granted":
        case "permission.denied": {
            const id = text(data, "id");
            return {
                ...model,
                questions: model.questions.filter((one) => one.id !== id),
                held: model.held.filter((one) => one.id !== id),
            };
        }
        case "budget.raised": {
            const configuration = model.configuration && {
                ...model.configuration,
                budget: optionalNumber(data, "microusd"),
            };
            return { ...model, configuration };
        }
        case "review.voided":
            return { ...model, verdict: null, testsPassed: null };
        case "changes.requested": {
            let comments = model.comments;
            const list = field(data, "comments");
            for (const comment of Array.isArray(list) ? list : []) {
                comments = append(comments, {
                    seq,
                    at,
                    author: text(data, "by"),
                    file: text(comment, "file"),
                    line: optionalNumber(comment, "line"),
                    body: text(comment, "body"),
                    severity: text(comment, "severity") || "blocking",
                    tree: text(data, "tree"),
                    replyTo: 0,
                    isHuman: true,
                });
            }
            return { ...model, comments };
        }
        case "merge.batched":
            return {
                ...model,
                candidate: { task: texts(data, "tasks").join(", "), tree: "", stage: "merging" },
            };
        case "merge.deferred":
            return {
                ...withTask(model, text(data, "task"), { state: "published" }),
                overlaps: append(model.overlaps, {
                    seq,
                    at,
                    kind: "deferred",
                    task: text(data, "task"),
                    other: "",
                    files: texts(data, "files"),
                }),
            };
        case "gate.retried":
            return {
                ...model,
                runs: model.runs.map((run) =>
                    run.state === "running" && run.tree === text(data, "tree")
                        ? {
                            ...run,
                            state: "failed",
                            exitCode: number(data, "exit_code", 1),
                            milliseconds: at - run.at,
                        }
                        : run
                ),
            };
        case "gate.flaked":
            return {
                ...model,
                runs: model.runs.map((run) =>
                    run.source === "gate" && run.tree === text(data, "tree") ? { ...run, isFlaky: true } : run
                ),
            };
        case "task.escalated":
            return withTask(model, text(data, "task"), {
                trouble: `${text(data, "to")} is asked: ${text(data, "reason")}`,
            });
        case "pull.opened":
            return {
                ...model,
                pull: {
                    url: text(data, "url"),
                    number: number(data, "number"),
                    isDraft: flag(data, "is_draft"),
                    checks: null,
                },
            };
        case "checks.reported":
            return {
                ...model,
                pull: model.pull && {
                    ...model.pull,
                    checks: { isGreen: flag(data, "is_green"), summary: text(data, "summary") },
                },
            };
        default:
            return null;
    }
}

/** `plan/2` asks about the plan, in its second version. */
function scopeOf(id: string): string {
    return id.slice(0, Math.max(0, id.lastIndexOf("/")));
}
