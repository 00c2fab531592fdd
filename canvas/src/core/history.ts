// What lies before the log that a page holds, asked for when somebody looks there: the session as of an event, and
// the events themselves.

import { readEvent, type SessionEvent } from "./event";
import { type Json, list } from "./json";
import { partLength } from "./log";
import { readSnapshot, type Snapshot } from "./snapshot";

export class History {
    private readonly asked = new Map<number, Promise<readonly SessionEvent[]>>();

    /** `look` reads a path of the session's API. */
    constructor(private readonly look: (what: string) => Promise<Json>) {}

    async snapshot(seq: number): Promise<Snapshot> {
        const snapshot = readSnapshot(await this.look(`snapshot?at=${seq}`));
        if (!snapshot || snapshot.seq !== seq) throw new Error(`the snapshot of event ${seq} cannot be read`);
        return snapshot;
    }

    /** The part of the log with this number, whole; asked for once however many rows want it. */
    part(place: number): Promise<readonly SessionEvent[]> {
        const known = this.asked.get(place);
        if (known) return known;
        const asking = this.fetch(place).finally(() => this.asked.delete(place));
        this.asked.set(place, asking);
        return asking;
    }

    private async fetch(place: number): Promise<readonly SessionEvent[]> {
        const after = place * partLength;
        const events: SessionEvent[] = [];
        for (const item of list(await this.look(`events?after=${after}`), "e")) {
            const event = readEvent(item);
            if (!event || event.seq !== after + events.length + 1) {
                throw new Error(`event ${after + events.length + 1} cannot be read`);
            }
            events.push(event);
        }
        return events;
    }
}
