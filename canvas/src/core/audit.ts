// Recomputes the journal's chain of hashes in the page: what is shown here is what was written there.

import type { SessionEvent } from "./event";
import { canonical } from "./json";
import type { EventLog } from "./log";
import { sha256 } from "./sha256";

/** SHA-256 over the hash before it and everything it says, as the journal computes it. */
export function hashOf(event: SessionEvent, before: string): string {
    return sha256([before, event.session, event.seq, event.at, event.type, canonical(event.data)].join("\n"));
}

export interface ChainState {
    /** Events that are as they were written. */
    readonly sound: number;
    /** The first one that is not; 0 while all are. */
    readonly broken: number;
    /** The log came without hashes, or without its beginning. */
    readonly isBlind: boolean;
}

/** Checks as the log grows, a slice at a time. */
export class ChainCheck {
    state: ChainState = { sound: 0, broken: 0, isBlind: false };
    private previous = "";
    private next = 1;

    /** True while there is more to do. */
    advance(log: EventLog, amount: number): boolean {
        if (this.state.broken > 0) return false;
        if (this.next === 1 && log.first > 1) {
            // Its predecessor is not here, so the first hash is taken as given.
            this.next = log.first + 1;
            this.previous = log.get(log.first)?.hash ?? "";
        }
        let { sound, broken, isBlind } = this.state;
        const end = Math.min(log.head, this.next + amount - 1);
        for (; this.next <= end; this.next += 1) {
            const event = log.get(this.next);
            if (!event || event.hash === "") {
                isBlind = true;
                continue;
            }
            if (hashOf(event, this.previous) !== event.hash) {
                broken = event.seq;
                break;
            }
            this.previous = event.hash;
            sound += 1;
        }
        this.state = { sound, broken, isBlind };
        return broken === 0 && this.next <= log.head;
    }
}
