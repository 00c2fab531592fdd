// The one socket of a tab. It is let go while nobody looks, comes back where it stopped, and notices by
// itself when the other side is gone: heartbeats are data, because a page does not see a ping.

import { readEvent, type SessionEvent } from "./event";
import { field, isArray, isObject, type Json, list, number, parseJson, text } from "./json";
import type { LogLine } from "./logbook";
import { readSnapshot, type Snapshot } from "./snapshot";
import type { Store } from "./store";

export const timing = {
    handshake: 10_000,
    /** A heartbeat comes every 5 s. */
    silence: 8000,
    /** The head is ahead of us and nothing comes. */
    behind: 2500,
    /** A hidden tab keeps its socket this long. */
    hidden: 60_000,
    firstRetry: 250,
    lastRetry: 15_000,
} as const;

/** Answers that trying again does not change. */
const finalCodes: ReadonlySet<string> = new Set([
    "unauthorized",
    "forbidden",
    "not_found",
    "bad_frame",
]);

export class Connection {
    private socket: WebSocket | null = null;
    private tries = 0;
    private retryTimer = 0;
    private watchTimer = 0;
    private hiddenTimer = 0;
    private heardAt = 0;
    private dataAt = 0;
    private isStopped = false;
    private isReady = false;
    private readonly followed = new Set<string>();

    constructor(
        private readonly store: Store,
        private readonly token: string,
        private readonly address: string,
    ) {}

    start(): void {
        document.addEventListener("visibilitychange", this.visibilityChanged);
        window.addEventListener("online", this.wake);
        window.addEventListener("pageshow", this.wake);
        this.watchTimer = window.setInterval(() => this.watch(), 500);
        this.connect();
    }

    stop(): void {
        this.isStopped = true;
        document.removeEventListener("visibilitychange", this.visibilityChanged);
        window.removeEventListener("online", this.wake);
        window.removeEventListener("pageshow", this.wake);
        window.clearInterval(this.watchTimer);
        this.drop();
    }

    /** Which agents' output to send. */
    follow(agents: readonly string[]): void {
        for (const agent of [...this.followed]) {
            if (agents.includes(agent)) continue;
            this.followed.delete(agent);
            this.say({ k: "logs", agent, on: false });
        }
        for (const agent of agents) {
            if (this.followed.has(agent)) continue;
            this.followed.add(agent);
            this.say({ k: "logs", agent, on: true, after: this.store.logs.of(agent).lastSeq });
        }
    }

    retryNow(): void {
        if (this.store.link.state === "live" || this.isStopped) return;
        this.tries = 0;
        this.connect();
    }

    // MARK: Life of the socket

    private connect(): void {
        window.clearTimeout(this.retryTimer);
        this.drop();
        if (this.isStopped) return;
        this.store.setLink({ state: "connecting", retryAt: 0 });
        const socket = new WebSocket(this.address);
        this.socket = socket;
        this.heardAt = performance.now();
        socket.onopen = () => {
            socket.send(JSON.stringify({ token: this.token, after: this.store.log.head }));
        };
        socket.onmessage = (message) => {
            if (socket === this.socket) this.hear(message.data as unknown);
        };
        socket.onclose = () => {
            if (socket === this.socket) this.lost("the connection was closed");
        };
    }

    private drop(): void {
        const socket = this.socket;
        this.socket = null;
        this.isReady = false;
        if (!socket) return;
        socket.onopen = socket.onmessage = socket.onclose = null;
        socket.close();
    }

    private lost(reason: string): void {
        this.drop();
        if (this.isStopped || this.isFinal) return;
        if (document.hidden) {
            this.store.setLink({ state: "asleep", reason: "nobody looks" });
            return;
        }
        const limit = Math.min(timing.lastRetry, timing.firstRetry * 2 ** Math.min(this.tries, 10));
        // Half of it for sure, half by chance: a thousand pages do not come back in one moment.
        const delay = limit / 2 + Math.random() * (limit / 2);
        this.tries += 1;
        this.store.setLink({
            state: "waiting",
            reason,
            retryAt: Date.now() + delay,
            reconnects: this.store.link.reconnects + 1,
        });
        this.retryTimer = window.setTimeout(() => this.connect(), delay);
    }

    private get isFinal(): boolean {
        return this.store.link.state === "refused" || this.store.link.state === "ended";
    }

    private watch(): void {
        if (!this.socket) return;
        const now = performance.now();
        if (!this.isReady) {
            if (now - this.heardAt > timing.handshake) {
                this.lost("no answer to the first message within 10 s");
            }
        } else if (now - this.heardAt > timing.silence) {
            this.lost("no sign of the coordinator for 8 s");
        } else if (this.store.link.head > this.store.log.head && now - this.dataAt > timing.behind) {
            this.lost("events are missing");
        }
    }

    private readonly visibilityChanged = (): void => {
        window.clearTimeout(this.hiddenTimer);
        if (!document.hidden) return this.wake();
        this.hiddenTimer = window.setTimeout(() => {
            if (!document.hidden || this.isFinal) return;
            this.drop();
            window.clearTimeout(this.retryTimer);
            this.store.setLink({ state: "asleep", reason: "nobody looks" });
        }, timing.hidden);
    };

    private readonly wake = (): void => {
        if (this.socket || this.isStopped || this.isFinal || document.hidden) return;
        this.tries = 0;
        this.connect();
    };

    private say(message: { readonly [key: string]: string | number | boolean }): void {
        if (this.isReady && this.socket?.readyState === WebSocket.OPEN) {
            this.socket.send(JSON.stringify(message));
        }
    }

    // MARK: What is heard

    private hear(data: unknown): void {
        this.heardAt = performance.now();
        const frame = typeof data === "string" ? parseJson(data) : undefined;
        if (!isObject(frame)) return this.lost("a message that is not JSON");
        switch (text(frame, "k")) {
            case "hello":
                return this.hello(frame);
            case "ev":
                return this.events(list(frame, "e"));
            case "hb": {
                const at = number(frame, "at");
                if (at > 0) this.store.clockOffset = at - Date.now();
                this.beats(field(frame, "agents"), at);
                if (this.store.link.head <= this.store.log.head) this.dataAt = this.heardAt;
                this.store.setLink({ head: number(frame, "head"), isLagging: false });
                return undefined;
            }
            case "snap":
                return this.snapshot(readSnapshot(frame));
            case "lag":
                return this.store.setLink({ isLagging: true });
            case "log":
                return this.lines(text(frame, "agent"), text(frame, "instance"), list(frame, "l"));
            case "bye":
                return this.bye(text(frame, "code"), text(frame, "message"));
            default:
                return undefined;
        }
    }

    private hello(frame: Json): void {
        this.isReady = true;
        this.tries = 0;
        this.dataAt = this.heardAt;
        const at = number(frame, "at");
        if (at > 0) this.store.clockOffset = at - Date.now();
        this.store.setLink({ state: "live", reason: "", head: number(frame, "head"), isLagging: false });
        for (const agent of this.followed) {
            this.say({ k: "logs", agent, on: true, after: this.store.logs.of(agent).lastSeq });
        }
    }

    private events(items: readonly Json[]): void {
        this.dataAt = this.heardAt;
        const events: SessionEvent[] = [];
        for (const item of items) {
            const event = readEvent(item);
            if (!event) return this.lost("an event that cannot be read");
            events.push(event);
        }
        if (!this.store.receive(events)) this.lost("events are missing");
    }

    private snapshot(snapshot: Snapshot | null): void {
        this.dataAt = this.heardAt;
        if (!snapshot) return this.lost("a snapshot that cannot be read");
        this.store.restart(snapshot);
    }

    private beats(agents: Json | undefined, at: number): void {
        if (!isObject(agents)) return;
        for (const [agent, value] of Object.entries(agents)) {
            if (typeof value === "number") this.store.sawAlive(agent, Math.min(value, at));
        }
    }

    private lines(agent: string, instance: string, items: readonly Json[]): void {
        const lines: LogLine[] = [];
        for (const item of isArray(items) ? items : []) {
            lines.push({
                seq: number(item, "seq"),
                at: number(item, "at"),
                stream: text(item, "stream"),
                source: text(item, "source"),
                line: text(item, "line"),
                cut: 0,
            });
        }
        this.store.receiveLines(agent, lines, instance);
    }

    private bye(code: string, message: string): void {
        if (code === "over" || code === "ended") {
            this.drop();
            this.store.setLink({ state: "ended", reason: message });
        } else if (finalCodes.has(code)) {
            this.drop();
            this.store.setLink({ state: "refused", reason: message || code });
        } else {
            if (code === "ahead") this.store.restart(null);
            this.lost(message || code);
        }
    }
}
