// Text that agents wrote, made harmless for the eye: what steers a terminal or turns the direction of reading
// is shown as a sign instead of being obeyed.

/** Bidirectional controls, zero-width signs and other invisible characters that change how text is read. */
const invisible = /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g;
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** Neutral text of at most `limit` characters. Line feeds and tabs stay. */
export function harmless(source: string, limit = 4000): string {
    const cut = source.length > limit ? source.slice(0, limit) : source;
    const clean = cut.replace(escapes, "").replace(controls, "\u00b7").replace(invisible, "\u2423");
    return source.length > limit ? `${clean}…` : clean;
}

/** Whole escape sequences, so that `ESC[31m` leaves nothing behind. Bounded, so that none backtracks far. */
const escapes = new RegExp(
    [
        "\u001b(?:\\[[0-?]{0,64}[ -/]{0,8}[@-~]",
        "\\][^\u0007\u001b]{0,2048}(?:\u0007|\u001b\\\\)?",
        "[PX^_][^\u001b]{0,2048}(?:\u001b\\\\)?",
        "[ -/]{0,4}[0-~])?",
    ].join("|"),
    "g",
);

/** One line of it. */
export function oneLine(source: string, limit = 400): string {
    return harmless(source.length > limit * 2 ? source.slice(0, limit * 2) : source, limit)
        .replace(/\s+/g, " ").trim();
}

/** Only web addresses may become links: everything else stays text. */
export function safeLink(source: string): string | null {
    if (source.length > 2048 || /[\u0000-\u0020\u007f-\u00a0]/.test(source)) return null;
    let url: URL;
    try {
        url = new URL(source);
    } catch {
        return null;
    }
    if (url.protocol !== "https:" && url.protocol !== "http:") return null;
    return url.username === "" && url.password === "" ? url.href : null;
}
