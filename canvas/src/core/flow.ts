// The way of a session as a graph: the plan, its subtasks, the branch they meet on, judgement, decision,
// delivery.

import type { GraphNode } from "./dag";
import { isDone, isOver, type Model, planTasks, type Task } from "./model";
import type { State } from "../parts/Glyph";
import { taskState, taskWords } from "./words";

export interface Step extends GraphNode {
    readonly title: string;
    readonly who: string;
    readonly state: State;
    readonly words: string;
    /** Elapsed so far or in all; null before it begins. */
    readonly milliseconds: number | null;
    readonly task: Task | null;
}

export function stepsOf(model: Model, now: number): Step[] {
    const tasks = planTasks(model);
    const steps: Step[] = [];
    const planning = model.tasks.get("plan");
    const planned = tasks.length > 0;
    if (planning) steps.push(ofTask(planning, [], now));
    else if (planned) steps.push(fixed("plan", "Plan", [], "done", "given", "user"));
    for (const task of tasks) {
        const needs = task.dependsOn.filter((id) => model.tasks.has(id));
        steps.push(
            ofTask(task, needs.length > 0 ? needs : steps[0] && steps[0].id === "plan" ? ["plan"] : [], now),
        );
    }
    if (!planned) return steps;
    const waitedFor = new Set(tasks.flatMap((task) => task.dependsOn));
    const done = tasks.filter(isDone).length;
    const isWhole = done === tasks.length;
    steps.push(fixed(
        "·branch",
        "Session branch",
        tasks.filter((task) => !waitedFor.has(task.id)).map((task) => task.id),
        isWhole ? "done" : model.candidate ? "working" : "waiting",
        model.candidate && !isWhole
            ? `${model.candidate.stage} ${model.candidate.task}`
            : `${done} of ${tasks.length} merged`,
        "coordinator",
    ));
    const judges: string[] = [];
    for (const id of ["review", "test"]) {
        const task = model.tasks.get(id);
        if (!task) continue;
        judges.push(id);
        steps.push(ofTask(task, ["·branch"], now));
    }
    steps.push(approvalStep(model, judges.length > 0 ? judges : ["·branch"]));
    steps.push(fixed(
        "·delivery",
        "Delivery",
        ["·approval"],
        model.delivery ? "done" : model.phase === "delivering" ? "working" : "waiting",
        model.delivery
            ? (model.delivery.isMerged ? "merged" : "delivered")
            : model.phase === "delivering"
            ? "under way"
            : "waiting",
        "coordinator",
    ));
    return steps;
}

function approvalStep(model: Model, needs: readonly string[]): Step {
    if (model.approvedBy !== "") {
        return fixed("·approval", "Approval", needs, "done", "granted", model.approvedBy);
    }
    if (model.denial) return fixed("·approval", "Approval", needs, "failed", "denied", model.denial.by);
    if (model.approval && !isOver(model)) {
        return fixed("·approval", "Approval", needs, "attention", "waits for you", "you");
    }
    return fixed("·approval", "Approval", needs, "waiting", "waiting", "you");
}

function fixed(
    id: string,
    title: string,
    dependsOn: readonly string[],
    state: State,
    words: string,
    who: string,
): Step {
    return { id, title, dependsOn, state, words, who, milliseconds: null, task: null };
}

function ofTask(task: Task, dependsOn: readonly string[], now: number): Step {
    const end = task.endedAt ?? (task.state === "submitted" ? task.startedAt : now);
    return {
        id: task.id,
        title: task.title,
        dependsOn,
        who: task.agent,
        state: taskState(task),
        words: taskWords(task),
        task,
        milliseconds: task.startedAt === null || end === null ? null : Math.max(0, end - task.startedAt),
    };
}

/** What has not begun is taken to last as long as the others did on average. */
export function costOf(steps: readonly Step[]): (id: string) => number {
    const known = steps.map((step) => step.milliseconds).filter((value): value is number =>
        value !== null && value > 0
    );
    const typical = known.length === 0 ? 1000 : known.reduce((sum, value) => sum + value, 0) / known.length;
    const byId = new Map(steps.map((step) => [step.id, step]));
    return (id) => {
        const step = byId.get(id);
        if (!step) return 0;
        // Steps of the coordinator take no time of their own, but they belong to the path.
        return step.task === null ? 1 : step.milliseconds ?? typical;
    };
}
