// The page's state, outside of the framework: the log, what is folded from it, the moment that is shown, and
// one notification for each frame however many events came.

import type { SessionEvent } from "./event";
import { fold } from "./fold";
import type { History } from "./history";
import { EventLog, partLength } from "./log";
import { LogBook, type LogLine } from "./logbook";
import { emptyModel, isOver, type Model } from "./model";
import { modelOf, type Snapshot } from "./snapshot";

export type LinkState = "connecting" | "live" | "waiting" | "asleep" | "refused" | "ended" | "replay";

export interface Link {
    readonly state: LinkState;
    readonly reason: string;
    /** When the next try is due. */
    readonly retryAt: number;
    /** The journal's head, as the server last said. */
    readonly head: number;
    readonly reconnects: number;
    readonly isLagging: boolean;
}

/** Moments that are kept so that the scrubber has a place near each to start from. */
const checkpointLimit = 512;
/** Moments from before the log that are kept because somebody went there. */
const pastLimit = 16;
/** Events that a page holds at most, where it can ask for older ones, and that it keeps then. */
export const holding = { most: 65_536, least: 16_384 };
/** The longest that work beside the screen may take at a time, in milliseconds. */
const slice = 4;

export class Store {
    readonly log = new EventLog();
    readonly logs = new LogBook();
    /** As of the newest event. */
    live: Model = emptyModel();
    /** As of the moment that is shown: the same, unless somebody went back. */
    shown: Model = this.live;
    /** The moment that somebody went back to. */
    cursor: number | null = null;
    link: Link = { state: "connecting", reason: "", retryAt: 0, head: 0, reconnects: 0, isLagging: false };
    /** Server time minus page time. */
    clockOffset = 0;
    /** Signs of life that are no events, by agent, in server time. */
    readonly heartbeats = new Map<string, number>();
    /** Counts notifications. */
    version = 0;
    /** Where older events come from; nil in a replay, which has them all. */
    history: History | null = null;
    /** Why the moment that was asked for is not shown yet; empty when it is. */
    pastTrouble = "";
    private checkpoints: { seq: number; model: Model }[] = [];
    private past: { seq: number; model: Model }[] = [];
    private isFetching = false;
    private isLightening = false;
    /** Counts the times that the log began anew. */
    private generation = 0;
    private stride = 128;
    private readonly listeners = new Set<() => void>();
    private isScheduled = false;

    // MARK: Reading

    subscribe = (listener: () => void): () => void => {
        this.listeners.add(listener);
        return () => this.listeners.delete(listener);
    };

    now(): number {
        return Date.now() + this.clockOffset;
    }

    /** The moment that is shown as a time: now, while the session goes on and nobody went back. */
    shownNow(): number {
        if (this.cursor !== null) return this.shown.at;
        if (this.link.state === "replay") return this.shown.endedAt ?? this.shown.at;
        return isOver(this.live) ? this.live.endedAt ?? this.live.at : this.now();
    }

    // MARK: What comes in

    /** False when events are missing before these. */
    receive(events: readonly SessionEvent[]): boolean {
        for (const event of events) {
            const result = this.log.append(event);
            if (result === "gap") {
                this.changed();
                return false;
            }
            if (result === "known") continue;
            this.live = fold(this.live, event);
            if (event.seq % this.stride === 0) this.keep();
        }
        if (this.cursor === null) this.shown = this.live;
        if (this.history && this.log.length > holding.most) void this.lighten(this.history);
        this.changed();
        return true;
    }

    receiveLines(agent: string, lines: readonly LogLine[], instance = ""): void {
        const log = this.logs.of(agent);
        log.enter(instance);
        for (const line of lines) log.push(line);
        const newest = lines[lines.length - 1];
        if (newest) this.sawAlive(agent, newest.at);
        this.changed();
    }

    sawAlive(agent: string, at: number): void {
        if (at > (this.heartbeats.get(agent) ?? 0)) this.heartbeats.set(agent, at);
    }

    /** The log begins later than this page was: start from there, or (`null`) at the very beginning. */
    restart(snapshot: Snapshot | null): void {
        this.generation += 1;
        this.log.reset(snapshot?.seq ?? 0, snapshot?.hash ?? "", snapshot?.events ?? []);
        this.live = snapshot ? modelOf(snapshot) : emptyModel();
        this.checkpoints = snapshot ? [{ seq: snapshot.seq, model: this.live }] : [];
        this.past = [];
        if (this.cursor === null || !this.history || !snapshot) {
            this.cursor = null;
            this.shown = this.live;
        }
        this.changed();
    }

    /**
     * Lets go of old events, which the coordinator has: the state is folded again from a snapshot, beside the
     * screen, so that neither the log nor the lists in the model grow for as long as the page is open.
     */
    private async lighten(history: History): Promise<void> {
        if (this.isLightening) return;
        this.isLightening = true;
        try {
            // Events go on coming meanwhile: after a flood once is not enough.
            while (this.log.length > holding.most && await this.startOver(history));
        } catch {
            // It is only memory; the next events try it again, and a connection that is gone says so itself.
        } finally {
            this.isLightening = false;
        }
    }

    /** False when the log began anew meanwhile, or when nothing could be let go. */
    private async startOver(history: History): Promise<boolean> {
        const generation = this.generation;
        const first = this.log.first;
        const snapshot = await history.snapshot(this.log.head - holding.least);
        let model = modelOf(snapshot);
        const checkpoints = [{ seq: snapshot.seq, model }];
        while (generation === this.generation && model.seq < this.log.head) {
            const end = performance.now() + slice;
            while (model.seq < this.log.head && performance.now() < end) {
                for (const event of this.log.range(model.seq, model.seq + 32)) {
                    model = fold(model, event);
                    if (model.seq % this.stride === 0) checkpoints.push({ seq: model.seq, model });
                }
            }
            if (model.seq < this.log.head) await pause();
        }
        if (generation !== this.generation) return false;
        this.live = model;
        this.checkpoints = checkpoints;
        this.log.drop(snapshot.seq, snapshot.events);
        if (this.cursor === null) this.shown = this.live;
        this.changed();
        return this.log.first > first;
    }

    setLink(change: Partial<Link>): void {
        this.link = { ...this.link, ...change };
        this.changed();
    }

    // MARK: The scrubber

    /** The first moment that can be shown. */
    get first(): number {
        return this.history ? 1 : this.log.first;
    }

    /** Shows the session as it was after this event; null goes back to now. */
    scrub(seq: number | null): void {
        if (!this.isFetching) this.pastTrouble = "";
        if (seq === null || seq >= this.log.head) {
            this.cursor = null;
            this.shown = this.live;
        } else {
            const bounded = Math.max(this.first, seq);
            this.cursor = bounded;
            const model = this.modelAt(bounded);
            if (model) this.shown = model;
            else if (this.history) void this.fetch(this.history);
        }
        this.changed();
    }

    /** Nil when events are needed that are not here. */
    private modelAt(seq: number): Model | null {
        let model: Model | null = null;
        if (this.shown.seq <= seq && this.shown.seq > 0) model = this.shown;
        for (const checkpoint of [...this.checkpoints, ...this.past]) {
            if (checkpoint.seq <= seq && checkpoint.seq > (model?.seq ?? -1)) model = checkpoint.model;
        }
        let current = model ?? (this.log.first === 1 ? emptyModelLike(this.live) : null);
        if (!current || (current.seq < seq && !this.log.exact(current.seq + 1))) return null;
        if (seq < this.log.first && seq - current.seq > partLength) return null;
        while (current.seq < seq) {
            const event = this.log.exact(current.seq + 1);
            if (!event) return null;
            current = fold(current, event);
        }
        return current;
    }

    /** Goes to where the cursor is by then: who drags it asks for many moments and wants the last one. */
    private async fetch(history: History): Promise<void> {
        if (this.isFetching) return;
        this.isFetching = true;
        this.pastTrouble = "fetching";
        try {
            while (this.cursor !== null) {
                const seq = this.cursor;
                const model = this.modelAt(seq);
                if (model) {
                    this.shown = model;
                    break;
                }
                const generation = this.generation;
                const place = Math.floor((seq - 1) / partLength);
                const [snapshot, part] = await Promise.all([history.snapshot(seq), history.part(place)]);
                if (generation !== this.generation) continue;
                this.log.learn(snapshot.events);
                this.log.recall(place, part);
                this.past.push({ seq, model: modelOf(snapshot) });
                if (this.past.length > pastLimit) this.past.shift();
            }
            this.pastTrouble = "";
        } catch (error) {
            this.pastTrouble = error instanceof Error ? error.message : String(error);
        } finally {
            this.isFetching = false;
            this.changed();
        }
    }

    /** Asks for an event from before the log; what waits for it is drawn again when it is there. */
    want(seq: number): void {
        const place = Math.floor((seq - 1) / partLength);
        const generation = this.generation;
        this.history?.part(place).then((events) => {
            if (generation !== this.generation) return;
            this.log.recall(place, events);
            this.changed();
        }, () => undefined);
    }

    private keep(): void {
        this.checkpoints.push({ seq: this.live.seq, model: this.live });
        if (this.checkpoints.length <= checkpointLimit) return;
        this.stride *= 2;
        this.checkpoints = this.checkpoints.filter(({ seq }, index) =>
            index === 0 || seq % this.stride === 0
        );
    }

    // MARK: Telling

    changed(): void {
        if (this.isScheduled) return;
        this.isScheduled = true;
        const tell = (): void => {
            this.isScheduled = false;
            this.version += 1;
            for (const listener of [...this.listeners]) listener();
        };
        // A hidden tab has no frames, but its state goes on.
        if (typeof document === "undefined" || document.hidden) setTimeout(tell, 200);
        else requestAnimationFrame(tell);
    }
}

function pause(): Promise<void> {
    return new Promise((resolve) => {
        setTimeout(resolve, 0);
    });
}

/**
 * From the beginning, but on the same tapes: what they hold is what folding from the beginning would give.
 */
function emptyModelLike(live: Model): Model {
    const from = <T>(tail: { readonly tape: { readonly items: T[] } }) => ({ tape: tail.tape, length: 0 });
    return {
        ...emptyModel(),
        comments: from(live.comments),
        overlaps: from(live.overlaps),
        messages: from(live.messages),
        notes: from(live.notes),
        marks: from(live.marks),
        spend: from(live.spend),
        activity: from(live.activity),
        ticks: from(live.ticks),
        denials: from(live.denials),
        artifacts: from(live.artifacts),
        surfaceProblems: from(live.surfaceProblems),
    };
}
