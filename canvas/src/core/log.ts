// The events themselves: canonical, in order, each once. Everything that is shown is folded from here. The
// place of an event is its number, and there is one check on whether it belongs there.

import { readEvent, type SessionEvent } from "./event";
import { isArray, type Json } from "./json";
import { sha256 } from "./sha256";

/** Events of a sealed part, which is kept as bytes: a tenth of what as many objects take. */
export const partLength = 1024;
/** Sealed parts that are kept open because somebody looked at them. */
const openLimit = 8;
/** Parts from before the log that are kept because somebody looked at them. */
const pastLimit = 24;
/** Events of snapshots that are kept; those of the one that the log begins with always are. */
const knownLimit = 100_000;

export type Applied = "applied" | "known" | "gap";

/** Puts it in; the oldest goes when there are too many. */
export function keep<K, V>(map: Map<K, V>, key: K, value: V, limit: number): void {
    map.set(key, value);
    const oldest = map.keys().next();
    if (map.size > limit && !oldest.done) map.delete(oldest.value);
}

export class EventLog {
    /** The number before the first event that is here. */
    private base = 0;
    private parts: Uint8Array[] = [];
    private tail: SessionEvent[] = [];
    private readonly open = new Map<number, SessionEvent[]>();
    /** By the number of the part, from the beginning of the session. */
    private readonly past = new Map<number, readonly SessionEvent[]>();
    /** What snapshots brought from before the log. */
    private known = new Map<number, SessionEvent>();
    /** Of these, what the log begins with. */
    private begin: readonly SessionEvent[] = [];
    /** The hash of the event before the first. */
    baseHash = "";
    head = 0;
    /** The hash of the last event. */
    lastHash = "";

    /** Forgets everything; the next event is `base + 1`, after one with this hash. */
    reset(base: number, hash = "", known: readonly SessionEvent[] = []): void {
        this.base = base;
        this.head = base;
        this.baseHash = hash;
        this.lastHash = hash;
        this.parts = [];
        this.tail = [];
        this.open.clear();
        this.past.clear();
        this.beginWith(known);
    }

    private beginWith(known: readonly SessionEvent[]): void {
        this.begin = known;
        this.known = new Map(known.map((event) => [event.seq, event]));
    }

    /** Events of a snapshot: enough to say what happened then. */
    learn(events: readonly SessionEvent[]): void {
        if (this.known.size + events.length > knownLimit) this.beginWith(this.begin);
        for (const event of events) this.known.set(event.seq, event);
    }

    /** A part from before the log. */
    recall(place: number, events: readonly SessionEvent[]): void {
        keep(this.past, place, events, pastLimit);
    }

    /** Lets go of sealed parts up to here; `known` stands for them. */
    drop(through: number, known: readonly SessionEvent[]): void {
        const amount = Math.min(this.parts.length, Math.floor((through - this.base) / partLength));
        if (amount <= 0) return;
        const gone = this.part(amount - 1);
        this.baseHash = gone[gone.length - 1]?.hash ?? "";
        this.parts.splice(0, amount);
        this.open.clear();
        this.base += amount * partLength;
        this.beginWith(known);
    }

    /** Of events that are here one by one. */
    get length(): number {
        return this.head - this.base;
    }

    /** Of the parts that are kept as bytes. */
    get sealedBytes(): number {
        return this.parts.reduce((sum, part) => sum + part.length, 0);
    }

    get first(): number {
        return this.base + 1;
    }

    append(event: SessionEvent): Applied {
        if (event.seq <= this.head) return "known";
        if (event.seq !== this.head + 1) return "gap";
        this.tail.push(event);
        this.head = event.seq;
        this.lastHash = event.hash;
        // One part stays open behind the newest, so that what is on the screen is never sealed.
        if (this.tail.length >= partLength * 2) this.seal();
        return "applied";
    }

    /** An event, or what a snapshot says of it. */
    get(seq: number): SessionEvent | null {
        return this.exact(seq) ?? this.known.get(seq) ?? null;
    }

    /** An event as the journal has it. */
    exact(seq: number): SessionEvent | null {
        const index = seq - this.base - 1;
        if (seq > this.head) return null;
        if (index < 0) {
            return this.past.get(Math.floor((seq - 1) / partLength))?.[(seq - 1) % partLength] ?? null;
        }
        const sealed = this.parts.length * partLength;
        if (index >= sealed) return this.tail[index - sealed] ?? null;
        return this.part(Math.floor(index / partLength))[index % partLength] ?? null;
    }

    /** From `after + 1` to `through`. */
    *range(after: number, through: number): Generator<SessionEvent> {
        for (let seq = Math.max(after, this.base) + 1; seq <= Math.min(through, this.head); seq += 1) {
            const event = this.exact(seq);
            if (event) yield event;
        }
    }

    /** What is known from the beginning to here: of the part before the log, what snapshots say. */
    *told(through: number): Generator<SessionEvent> {
        const before = [...this.known.values()].filter((one) => one.seq <= Math.min(this.base, through));
        for (const event of before.sort((left, right) => left.seq - right.seq)) yield event;
        for (const event of this.range(this.base, through)) yield event;
    }

    /**
     * One digest over the place and the hash of every event: what the journal says of itself must be the
     * same.
     */
    checksum(): string {
        let running = "";
        for (const event of this.range(this.base, this.head)) {
            running = sha256(`${running}\n${event.seq}:${event.hash}`);
        }
        return running;
    }

    private seal(): void {
        const events = this.tail.splice(0, partLength);
        const rows = events.map((
            event,
        ) => [event.seq, event.at, event.type, event.data, event.hash, event.session]);
        this.parts.push(new TextEncoder().encode(JSON.stringify(rows)));
    }

    private part(number: number): SessionEvent[] {
        const known = this.open.get(number);
        if (known) return known;
        const bytes = this.parts[number];
        const rows: Json = bytes ? (JSON.parse(new TextDecoder().decode(bytes)) as Json) : [];
        const events: SessionEvent[] = [];
        for (const row of isArray(rows) ? rows : []) {
            const [seq, at, type, data, hash, session] = row as readonly Json[];
            const event = readEvent({
                seq: seq ?? 0,
                at: at ?? 0,
                type: type ?? "",
                data: data ?? {},
                hash: hash ?? "",
                session: session ?? "",
            });
            if (event) events.push(event);
        }
        keep(this.open, number, events, openLimit);
        return events;
    }
}
