// A list that only grows, shared by all versions of the model: each version knows how much of it was there.
// Folding the same events again, as the scrubber does, finds its entries instead of adding them twice.

interface Tape<T> {
    readonly items: T[];
}

export interface Tail<T> {
    readonly tape: Tape<T>;
    readonly length: number;
}

export function emptyTail<T>(): Tail<T> {
    return { tape: { items: [] }, length: 0 };
}

/**
 * The log is the same each time it is folded, so what stands at a place already is what would be put there.
 */
export function append<T>(tail: Tail<T>, item: T): Tail<T> {
    if (tail.tape.items.length === tail.length) tail.tape.items.push(item);
    return { tape: tail.tape, length: tail.length + 1 };
}

export function at<T>(tail: Tail<T>, index: number): T | undefined {
    return index < tail.length ? tail.tape.items[index] : undefined;
}

export function last<T>(tail: Tail<T>): T | undefined {
    return tail.tape.items[tail.length - 1];
}

/** A copy of the part from `start` to `end`. */
export function slice<T>(tail: Tail<T>, start = 0, end = tail.length): T[] {
    return tail.tape.items.slice(Math.max(0, start), Math.min(end, tail.length));
}
