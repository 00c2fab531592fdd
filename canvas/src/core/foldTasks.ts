// Tasks: from the plan over an agent's hands to the session branch.

import type { SessionEvent } from "./event";
import { blankTask } from "./fold";
import { number, optionalText, text, texts } from "./json";
import type { Agent, Mark, Model, Task } from "./model";
import { append } from "./tape";

export function foldTasks(model: Model, event: SessionEvent): Model | null {
    const { type, at, data } = event;
    const id = text(data, "task");
    switch (type) {
        case "task.ready": {
            const known = model.tasks.get(id) ??
                { ...blankTask(id, text(data, "kind")), title: text(data, "title") };
            const agent = optionalText(data, "agent") ?? known.agent;
            return { ...model, tasks: new Map(model.tasks).set(id, { ...known, agent, state: "submitted" }) };
        }
        case "task.assigned": {
            const agent = text(data, "agent");
            const known = model.tasks.get(id) ?? blankTask(id, text(data, "kind"));
            const task: Task = {
                ...known,
                agent,
                state: "working",
                attempt: number(data, "attempt", 1),
                kind: text(data, "kind"),
                startedAt: known.startedAt ?? at,
                endedAt: null,
                message: "",
            };
            const next = { ...model, tasks: new Map(model.tasks).set(id, task) };
            return mark(
                withAgent(next, agent, at, { task: id, step: startWords(task) }),
                event,
                agent,
                "working",
                id,
            );
        }
        case "task.accepted":
            return withAgent(model, text(data, "agent"), at, {});
        case "task.progressed": {
            const agent = text(data, "agent");
            const message = text(data, "message");
            const next = withTask(model, id, { message });
            return withAgent(next, agent, at, { step: message, status: "ready" });
        }
        case "task.completed": {
            const agent = text(data, "agent");
            const state = model.tasks.get(id)?.state === "merged" ? "merged" : "completed";
            const next = withTask(model, id, {
                state,
                endedAt: at,
                trouble: "",
                message: text(data, "summary"),
            });
            return mark(
                withAgent(next, agent, at, { task: "", step: doneWords(model.tasks.get(id)) }),
                event,
                agent,
                "idle",
                "",
            );
        }
        case "task.failed": {
            const agent = text(data, "agent");
            const next = withTask(model, id, { state: "submitted", trouble: text(data, "reason") });
            return mark(
                withAgent(next, agent, at, { task: "", step: `Gave up ${id}` }),
                event,
                agent,
                "idle",
                "",
            );
        }
        case "task.returned":
            return {
                ...withTask(model, id, {
                    state: "submitted",
                    kind: "rework",
                    endedAt: null,
                    trouble: text(data, "reason"),
                }),
                candidate: model.candidate?.task === id ? null : model.candidate,
                phase: "working",
            };
        case "task.merged": {
            const known = model.tasks.get(id);
            const files = [...new Set([...(known?.files ?? []), ...texts(data, "files")])].sort();
            const tree = text(data, "tree");
            const next = withTask(model, id, { state: "merged", files, trouble: "", endedAt: at });
            const judged = tree === model.tree ? next : forgetJudgement(next);
            return {
                ...judged,
                head: text(data, "commit"),
                tree,
                candidate: null,
                merged: [...model.merged.filter((one) => one !== id), id],
            };
        }
        case "branch.published":
            return withAgent(model, text(data, "agent"), at, { step: `Published ${id}` });
        case "merge.queued":
            return withTask(model, id, { state: "published" });
        case "merge.made":
            return {
                ...withTask(model, id, { state: "gating" }),
                candidate: { task: id, tree: text(data, "tree"), stage: "gating" },
            };
        case "merge.conflicted":
            return {
                ...withTask(model, id, {
                    state: "submitted",
                    trouble: `conflicts in ${texts(data, "files").join(", ")}`,
                }),
                overlaps: append(model.overlaps, {
                    seq: event.seq,
                    at,
                    kind: "conflict",
                    task: id,
                    other: "",
                    files: texts(data, "files"),
                }),
            };
        case "overlap.forecast":
            return {
                ...model,
                overlaps: append(model.overlaps, {
                    seq: event.seq,
                    at,
                    kind: "forecast",
                    task: id,
                    other: text(data, "other"),
                    files: texts(data, "files"),
                }),
            };
        default:
            return null;
    }
}

/** A verdict is about one tree; another tree has none. */
export function forgetJudgement(model: Model): Model {
    return { ...model, verdict: null, testsPassed: null, approval: null, approvedBy: "" };
}

export function withTask(model: Model, id: string, change: Partial<Task>): Model {
    const task = model.tasks.get(id);
    return task ? { ...model, tasks: new Map(model.tasks).set(id, { ...task, ...change }) } : model;
}

export function withAgent(model: Model, id: string, at: number, change: Partial<Agent>): Model {
    const agent = model.agents.get(id);
    return agent
        ? { ...model, agents: new Map(model.agents).set(id, { ...agent, seenAt: at, ...change }) }
        : model;
}

export function mark(
    model: Model,
    event: SessionEvent,
    agent: string,
    state: Mark["state"],
    task: string,
): Model {
    const label = task === "" ? "" : model.tasks.get(task)?.title ?? task;
    return {
        ...model,
        marks: append(model.marks, { at: event.at, seq: event.seq, agent, state, task, label }),
    };
}

function startWords(task: Task): string {
    switch (task.kind) {
        case "plan":
            return "Planning the work";
        case "review":
            return "Reviewing the change";
        case "test":
            return "Running the tests";
        case "rework":
            return `Reworking: ${task.title}`;
        default:
            return task.title;
    }
}

function doneWords(task: Task | undefined): string {
    switch (task?.kind) {
        case undefined:
            return "Idle";
        case "plan":
            return "Plan complete";
        case "review":
            return "Review complete";
        case "test":
            return "Test run complete";
        default:
            return `Done: ${task?.title ?? ""}`;
    }
}
