// The model after an event. Total: an event that is in the journal happened, and one of a type that this
// version does not know only moves the clock.

import { foldSurfaces } from "../a2ui/surface";
import type { SessionEvent } from "./event";
import { foldAgents } from "./foldAgents";
import { foldDelivery } from "./foldDelivery";
import { foldTasks } from "./foldTasks";
import { foldWork } from "./foldWork";
import { readInspection } from "./inspection";
import { field, flag, type Json, optionalNumber, optionalText, text } from "./json";
import { type Configuration, isOver, type Model, type Task } from "./model";
import { append } from "./tape";

export function fold(before: Model, event: SessionEvent): Model {
    const model = { ...before, seq: event.seq, at: event.at };
    const session = foldSession(model, event);
    if (session) return finish(session, event);
    const next = foldTasks(model, event) ?? foldWork(model, event) ?? foldDelivery(model, event) ??
        foldSurfaces(model, event) ?? foldAgents(model, event) ?? model;
    return finish(next, event);
}

/** What people read, and what gets a tick on the scrubber. */
function finish(model: Model, event: SessionEvent): Model {
    const isNews = !quiet.has(event.type) ||
        (event.type === "gate.passed" && text(event.data, "command") !== "");
    const kind = tickKinds.get(event.type);
    if (!isNews && kind === undefined) return model;
    return {
        ...model,
        activity: isNews ? append(model.activity, event.seq) : model.activity,
        ticks: kind === undefined ? model.ticks : append(model.ticks, { seq: event.seq, kind }),
    };
}

function foldSession(model: Model, { type, at, data, seq, session }: SessionEvent): Model | null {
    switch (type) {
        case "session.queued":
        case "session.started": {
            const configuration = readConfiguration(field(data, "configuration"));
            const source = field(data, "configuration");
            return {
                ...model,
                configuration,
                session: text(source, "session") || session,
                startedAt: at,
                phase: type === "session.queued" ? "queued" : "planning",
                head: configuration.baseCommit,
                tree: text(source, "base_tree"),
            };
        }
        case "session.paused":
            return { ...model, isPaused: true };
        case "session.resumed":
            return { ...model, isPaused: false };
        case "session.completed":
            return { ...model, phase: "completed", endedAt: at };
        case "session.failed":
            return {
                ...model,
                phase: "failed",
                endedAt: at,
                failure: { reason: text(data, "reason"), hint: text(data, "hint") },
            };
        case "session.cancelled":
            return { ...model, phase: "cancelled", endedAt: at };
        case "plan.accepted": {
            const plan = field(data, "plan");
            const tasks = new Map(model.tasks);
            const order: string[] = [];
            const items = field(plan, "tasks");
            for (const item of Array.isArray(items) ? (items as Json[]) : []) {
                const task = planned(item);
                if (order.includes(task.id)) continue;
                tasks.set(task.id, task);
                order.push(task.id);
            }
            return { ...model, phase: "working", planSummary: text(plan, "summary"), tasks, order };
        }
        case "plan.edited": {
            const plan = field(data, "plan");
            const list = field(plan, "tasks");
            const next = (Array.isArray(list) ? (list as Json[]) : []).map(planned);
            const order = [...new Set(next.map((task) => task.id))];
            const tasks = new Map(
                [...model.tasks].filter(([id]) => !model.order.includes(id) || order.includes(id)),
            );
            for (const task of next) {
                const known = model.tasks.get(task.id);
                tasks.set(task.id, known ? { ...known, ...planOf(task) } : task);
            }
            return { ...model, planSummary: text(plan, "summary"), tasks, order, phase: reopened(model) };
        }
        case "plan.withdrawn": {
            const tasks = new Map([...model.tasks].filter(([id]) => !model.order.includes(id)));
            return { ...model, planSummary: "", tasks, order: [], phase: "planning" };
        }
        case "plan.changed": {
            const task = planned(field(data, "task") ?? null);
            if (model.order.includes(task.id)) return model;
            return {
                ...model,
                tasks: new Map(model.tasks).set(task.id, task),
                order: [...model.order, task.id],
                phase: reopened(model),
            };
        }
        case "approval.requested":
            return {
                ...model,
                phase: "approving",
                denial: null,
                approval: { tree: text(data, "tree"), commit: text(data, "commit"), seq },
            };
        case "approval.granted":
            return {
                ...model,
                phase: isOver(model) ? model.phase : "delivering",
                approvedBy: text(data, "by"),
            };
        case "approval.denied":
            return {
                ...model,
                approval: null,
                denial: { by: text(data, "by"), reason: text(data, "reason") },
            };
        case "approval.voided":
            return {
                ...model,
                approval: null,
                approvedBy: "",
                phase: model.phase === "delivering" ? "approving" : model.phase,
            };
        case "change.inspected":
            return { ...model, inspection: readInspection(field(data, "inspection")) };
        case "delivery.merged":
        case "delivery.opened":
            return {
                ...model,
                delivery: {
                    branch: text(data, "branch"),
                    commit: text(data, "commit"),
                    isMerged: flag(data, "is_merged"),
                    command: optionalText(data, "command") ?? "",
                    reason: text(data, "reason"),
                },
            };
        default:
            return null;
    }
}

export function readConfiguration(source: Json | undefined): Configuration {
    return {
        task: text(source, "task"),
        repository: text(source, "repository"),
        baseBranch: text(source, "base_branch"),
        baseCommit: text(source, "base_commit"),
        model: text(source, "model"),
        isolation: text(source, "isolation"),
        testCommand: text(source, "test_command"),
        budget: optionalNumber(source, "budget_microusd"),
        deadline: optionalNumber(source, "deadline_ms"),
        autoApprove: flag(source, "auto_approve"),
        merge: flag(source, "merge"),
    };
}

function planned(item: Json): Task {
    const strings = (key: string): string[] => {
        const value = field(item, key);
        return Array.isArray(value)
            ? (value as Json[]).filter((one): one is string => typeof one === "string")
            : [];
    };
    return {
        ...blankTask(text(item, "id"), "implement"),
        title: text(item, "title"),
        description: text(item, "description"),
        dependsOn: strings("depends_on"),
        writeSet: strings("write_set"),
        acceptance: strings("acceptance"),
    };
}

/** What of a task the plan says, and not its work. */
function planOf(task: Task): Partial<Task> {
    const { title, description, dependsOn, writeSet, acceptance } = task;
    return { title, description, dependsOn, writeSet, acceptance };
}

/** What has been judged is not all any more. */
function reopened(model: Model): Model["phase"] {
    return model.phase === "verifying" || model.phase === "approving" ? "working" : model.phase;
}

export function blankTask(id: string, kind: string): Task {
    return {
        id,
        kind,
        title: id,
        description: "",
        dependsOn: [],
        writeSet: [],
        acceptance: [],
        state: "submitted",
        agent: "",
        attempt: 0,
        startedAt: null,
        endedAt: null,
        files: [],
        trouble: "",
        message: "",
        spent: 0,
    };
}

/** What is not told to people one by one. An event of a kind that this version does not know is told. */
const quiet: ReadonlySet<string> = new Set([
    "agent.requested",
    "agent.retired",
    "task.ready",
    "task.accepted",
    "merge.queued",
    "merge.made",
    "merge.batched",
    "gate.passed",
    "model.reserved",
    "model.settled",
    "model.warned",
    "effect.intended",
    "effect.succeeded",
    "effect.failed",
    "egress.allowed",
    "egress.denied",
    "webhook.delivered",
    "canvas.changed",
]);

const tickKinds: ReadonlyMap<string, string> = new Map([
    ["plan.accepted", "plan"],
    ["task.merged", "merge"],
    ["merge.conflicted", "trouble"],
    ["gate.failed", "trouble"],
    ["task.failed", "trouble"],
    ["agent.lost", "trouble"],
    ["review.submitted", "review"],
    ["approval.requested", "gate"],
    ["approval.held", "gate"],
    ["approval.granted", "good"],
    ["approval.denied", "trouble"],
    ["session.completed", "good"],
    ["session.failed", "trouble"],
    ["session.cancelled", "trouble"],
    ["task.returned", "trouble"],
    ["delivery.merged", "good"],
    ["permission.requested", "gate"],
    ["pull.opened", "good"],
]);
