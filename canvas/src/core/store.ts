// The page's state, outside of the framework: the log, what is folded from it, the moment that is shown, and
// one notification for each frame however many events came.

import type { SessionEvent } from "./event";
import { fold, modelOfSummary } from "./fold";
import type { Json } from "./json";
import { EventLog } from "./log";
import { LogBook, type LogLine } from "./logbook";
import { emptyModel, isOver, type Model } from "./model";

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
    private checkpoints: { seq: number; model: Model }[] = [];
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

    /** The log begins later than this page was: start from what the server says the state is. */
    restart(seq: number, state: Json, at: number): void {
        this.log.reset(seq);
        this.live = modelOfSummary(emptyModel(), seq, at, state);
        this.checkpoints = [{ seq, model: this.live }];
        this.cursor = null;
        this.shown = this.live;
        this.changed();
    }

    /** The journal is not the one that this page knows: begin again. */
    forget(): void {
        this.log.reset(0);
        this.live = emptyModel();
        this.checkpoints = [];
        this.cursor = null;
        this.shown = this.live;
        this.changed();
    }

    setLink(change: Partial<Link>): void {
        this.link = { ...this.link, ...change };
        this.changed();
    }

    // MARK: The scrubber

    /** Shows the session as it was after this event; null goes back to now. */
    scrub(seq: number | null): void {
        if (seq === null || seq >= this.log.head) {
            this.cursor = null;
            this.shown = this.live;
        } else {
            const bounded = Math.max(this.log.first, seq);
            this.cursor = bounded;
            this.shown = this.modelAt(bounded);
        }
        this.changed();
    }

    modelAt(seq: number): Model {
        let model: Model | null = null;
        if (this.shown.seq <= seq && this.shown.seq > 0) model = this.shown;
        for (const checkpoint of this.checkpoints) {
            if (checkpoint.seq <= seq && checkpoint.seq > (model?.seq ?? -1)) model = checkpoint.model;
        }
        let current = model ?? emptyModelLike(this.live);
        for (const event of this.log.range(current.seq, seq)) current = fold(current, event);
        return current;
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
