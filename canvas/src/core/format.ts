// Numbers and times for people.

/** `47m`, `1h 04m`, `9s`. */
export function duration(milliseconds: number): string {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    if (seconds < 60) return `${seconds}s`;
    const minutes = Math.floor(seconds / 60);
    if (minutes < 60) return `${minutes}m ${two(seconds % 60)}s`;
    const hours = Math.floor(minutes / 60);
    return hours < 48 ? `${hours}h ${two(minutes % 60)}m` : `${Math.floor(hours / 24)}d ${hours % 24}h`;
}

/** The short form, for columns. */
export function age(milliseconds: number): string {
    if (milliseconds < 1000) return "now";
    const seconds = Math.floor(milliseconds / 1000);
    if (seconds < 60) return `${seconds}s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
    return seconds < 172_800 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

/** `12:34:56`, in the viewer's time zone. */
export function clock(at: number): string {
    const date = new Date(at);
    return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `$0.0132`; cents from ten cents on, so that small sums are not all zero. */
export function money(microusd: number): string {
    const dollars = microusd / 1_000_000;
    if (dollars !== 0 && Math.abs(dollars) < 0.1) return `$${dollars.toFixed(4)}`;
    return `$${dollars.toFixed(2)}`;
}

/** `1,234`, `12.3k`, `4.1M`. */
export function count(value: number): string {
    if (value < 10_000) return value.toLocaleString("en-US");
    if (value < 999_950) return `${(value / 1000).toFixed(1)}k`;
    return `${(value / 1_000_000).toFixed(1)}M`;
}

export function bytes(value: number): string {
    if (value < 1024) return `${value} B`;
    if (value < 1024 * 1024) return `${(value / 1024).toFixed(0)} KB`;
    return `${(value / 1024 / 1024).toFixed(1)} MB`;
}

export function short(digest: string): string {
    return digest.slice(0, 10);
}

export function plural(amount: number, one: string, many = `${one}s`): string {
    return `${count(amount)} ${amount === 1 ? one : many}`;
}

function two(value: number): string {
    return value < 10 ? `0${value}` : `${value}`;
}
