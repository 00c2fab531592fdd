// SHA-256 (FIPS 180-4), because a page on a plain http host name has no crypto.subtle, and because a chain of
// hashes wants a synchronous one.

const constants = new Uint32Array(64);
const start = new Uint32Array(8);
{
    // The first 32 bits of the fractional parts of the cube and square roots of the first primes.
    const fraction = (value: number): number => ((value - Math.floor(value)) * 0x1_0000_0000) >>> 0;
    let found = 0;
    for (let candidate = 2; found < 64; candidate += 1) {
        let isPrime = true;
        for (let divisor = 2; divisor * divisor <= candidate; divisor += 1) {
            if (candidate % divisor === 0) {
                isPrime = false;
                break;
            }
        }
        if (!isPrime) continue;
        constants[found] = fraction(Math.cbrt(candidate));
        if (found < 8) start[found] = fraction(Math.sqrt(candidate));
        found += 1;
    }
}

const encoder = new TextEncoder();
const words = new Uint32Array(64);

export function sha256(source: string): string {
    const message = encoder.encode(source);
    const padded = new Uint8Array(((message.length + 8) >> 6) * 64 + 64);
    padded.set(message);
    padded[message.length] = 0x80;
    const view = new DataView(padded.buffer);
    view.setUint32(padded.length - 8, Math.floor(message.length / 0x2000_0000));
    view.setUint32(padded.length - 4, (message.length << 3) >>> 0);
    const state = start.slice();
    for (let offset = 0; offset < padded.length; offset += 64) block(state, view, offset);
    let hex = "";
    for (const word of state) hex += word.toString(16).padStart(8, "0");
    return hex;
}

function rotate(value: number, by: number): number {
    return (value >>> by) | (value << (32 - by));
}

function block(state: Uint32Array, view: DataView, offset: number): void {
    for (let index = 0; index < 16; index += 1) words[index] = view.getUint32(offset + index * 4);
    for (let index = 16; index < 64; index += 1) {
        const early = words[index - 15] as number;
        const late = words[index - 2] as number;
        const small = rotate(early, 7) ^ rotate(early, 18) ^ (early >>> 3);
        const large = rotate(late, 17) ^ rotate(late, 19) ^ (late >>> 10);
        words[index] = ((words[index - 16] as number) + small + (words[index - 7] as number) + large) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state as unknown as [
        number,
        number,
        number,
        number,
        number,
        number,
        number,
        number,
    ];
    for (let index = 0; index < 64; index += 1) {
        const sum = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25);
        const choice = (e & f) ^ (~e & g);
        const first = (h + sum + choice + (constants[index] as number) + (words[index] as number)) | 0;
        const other = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22);
        const second = (other + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        h = g;
        g = f;
        f = e;
        e = (d + first) | 0;
        d = c;
        c = b;
        b = a;
        a = (first + second) | 0;
    }
    const next = [a, b, c, d, e, f, g, h];
    for (let index = 0; index < 8; index += 1) {
        state[index] = ((state[index] as number) + (next[index] as number)) | 0;
    }
}
