// A session as of one of its events, as the coordinator makes it: the events that are needed to show it, in the
// journal's own words. It is folded like any other log; only the curve of the cost comes ready, because what was
// paid one by one is added up in it.

import { readEvent, type SessionEvent } from "./event";
import { fold } from "./fold";
import { field, isArray, type Json, list, number, text } from "./json";
import { emptyModel, type Model, type Spend } from "./model";

export interface Snapshot {
    readonly seq: number;
    readonly at: number;
    /** Of the event that it is as of. */
    readonly hash: string;
    readonly events: readonly SessionEvent[];
    readonly spend: readonly Spend[];
}

/** Nil when an event in it cannot be read or is not in its place. */
export function readSnapshot(value: Json | undefined): Snapshot | null {
    const seq = number(value, "seq", -1);
    if (!Number.isSafeInteger(seq) || seq < 0) return null;
    const events: SessionEvent[] = [];
    let before = 0;
    for (const item of list(value, "e")) {
        const event = readEvent(item);
        if (!event || event.seq <= before || event.seq > seq) return null;
        before = event.seq;
        events.push(event);
    }
    return { seq, at: number(value, "at"), hash: text(value, "hash"), events, spend: curve(value) };
}

function curve(value: Json | undefined): Spend[] {
    const source = field(value, "spend");
    const points: Spend[] = [];
    for (const point of list(source, "points")) {
        const [at, total] = isArray(point) ? point : [];
        if (typeof at === "number" && typeof total === "number") points.push({ at, total });
    }
    const total = number(source, "total");
    if (total !== (points[points.length - 1]?.total ?? 0)) points.push({ at: number(source, "at"), total });
    return points;
}

export function modelOf(snapshot: Snapshot): Model {
    let model = emptyModel();
    for (const event of snapshot.events) model = fold(model, event);
    const spend = { tape: { items: [...snapshot.spend] }, length: snapshot.spend.length };
    return { ...model, seq: snapshot.seq, at: snapshot.at, spend };
}
