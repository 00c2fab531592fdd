// Recomputes the journal's chain of hashes in the page: what is shown here is what was written there.

import type { SessionEvent } from "./event";
import { canonical } from "./json";
import type { History } from "./history";
import { type EventLog, partLength } from "./log";
import { sha256 } from "./sha256";

/** SHA-256 over the hash before it and everything it says, as the journal computes it. */
export function hashOf(event: SessionEvent, before: string): string {
    return sha256([before, event.session, event.seq, event.at, event.type, canonical(event.data)].join("\n"));
}

export interface ChainState {
    /** Events that are as they were written. */
    readonly sound: number;
    /** The first one that was checked here. */
    readonly from: number;
    /** The first one that is not; 0 while all are. */
    readonly broken: number;
    /** The log came without hashes, or without its beginning. */
    readonly isBlind: boolean;
}

/** Checks as the log grows, a slice at a time. */
export class ChainCheck {
    state: ChainState = { sound: 0, from: 1, broken: 0, isBlind: false };
    private previous = "";
    private next = 1;

    /** Whether everything that is here was looked at. */
    isThrough(log: EventLog): boolean {
        return this.next > log.head;
    }

    /** True while there is more to do. */
    advance(log: EventLog, amount: number): boolean {
        if (this.state.broken > 0) return false;
        if (this.next < log.first) {
            // What is before the log is not here; the hash of its end is taken as given.
            this.next = log.first;
            this.previous = log.baseHash;
            this.state = { ...this.state, from: log.first };
        }
        let { sound, broken, isBlind } = this.state;
        const end = Math.min(log.head, this.next + amount - 1);
        for (; this.next <= end; this.next += 1) {
            const event = log.exact(this.next);
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
        this.state = { ...this.state, sound, broken, isBlind };
        return broken === 0 && this.next <= log.head;
    }
}

/**
 * Fetches the events before the log and checks them as well: their chain must end in the hash that the log
 * begins after. `tell` hears how far it is.
 * @returns The first event that is not as it was written; 0 when all are.
 */
export async function checkPast(
    history: History,
    through: number,
    end: string,
    tell: (seq: number) => void,
): Promise<number> {
    let before = "";
    for (let place = 0; place * partLength < through; place += 1) {
        for (const event of await history.part(place)) {
            if (event.seq > through) break;
            if (hashOf(event, before) !== event.hash) return event.seq;
            before = event.hash;
        }
        tell(Math.min(through, (place + 1) * partLength));
    }
    return before === end ? 0 : through;
}
