// A patch of git, read into files, hunks and lines, and paired for showing side by side.

export interface DiffLine {
    readonly kind: "same" | "added" | "removed";
    readonly text: string;
    /** Line numbers before and after; null where the line is not. */
    readonly before: number | null;
    readonly after: number | null;
}

export interface Hunk {
    readonly title: string;
    readonly lines: readonly DiffLine[];
}

export interface FileDiff {
    readonly path: string;
    readonly oldPath: string;
    readonly kind: "changed" | "added" | "deleted" | "renamed" | "binary";
    readonly hunks: readonly Hunk[];
    readonly added: number;
    readonly removed: number;
}

/** The bound on what is read of a patch; the coordinator cuts at 4 MiB itself. */
const lineLimit = 200_000;
/** Longer lines are no text for reviewing. */
const columnLimit = 2000;

export function parsePatch(patch: string): FileDiff[] {
    const files: FileDiff[] = [];
    const lines = patch.split("\n", lineLimit);
    let file: { -readonly [key in keyof FileDiff]: FileDiff[key] } | null = null;
    let hunk: DiffLine[] | null = null;
    let title = "";
    let hunks: Hunk[] = [];
    let [before, after, oldLeft, newLeft] = [0, 0, 0, 0];
    const endHunk = (): void => {
        if (hunk) hunks.push({ title, lines: hunk });
        hunk = null;
    };
    const endFile = (): void => {
        endHunk();
        if (file) files.push({ ...file, hunks });
        file = null;
        hunks = [];
    };
    for (const raw of lines) {
        const line = raw.endsWith("\r") && hunk === null ? raw.slice(0, -1) : raw;
        if (hunk && (oldLeft > 0 || newLeft > 0)) {
            const text = clip(line.slice(1));
            const sign = line[0] ?? " ";
            if (sign === "+") {
                hunk.push({ kind: "added", text, before: null, after: after++ });
                newLeft -= 1;
                if (file) file.added += 1;
                continue;
            }
            if (sign === "-") {
                hunk.push({ kind: "removed", text, before: before++, after: null });
                oldLeft -= 1;
                if (file) file.removed += 1;
                continue;
            }
            if (sign === " " || line === "") {
                hunk.push({ kind: "same", text, before: before++, after: after++ });
                oldLeft -= 1;
                newLeft -= 1;
                continue;
            }
        }
        if (line.startsWith("diff --git ")) {
            endFile();
            const [from, to] = names(line.slice("diff --git ".length));
            file = { path: to, oldPath: from, kind: "changed", hunks: [], added: 0, removed: 0 };
        } else if (!file) {
            continue;
        } else if (line.startsWith("@@ ")) {
            endHunk();
            const match = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)$/.exec(line);
            if (!match) continue;
            [before, after] = [Number(match[1]), Number(match[3])];
            [oldLeft, newLeft] = [Number(match[2] ?? 1), Number(match[4] ?? 1)];
            title = match[5] ?? "";
            hunk = [];
        } else if (line.startsWith("new file")) file.kind = "added";
        else if (line.startsWith("deleted file")) file.kind = "deleted";
        else if (line.startsWith("rename from ")) {
            [file.kind, file.oldPath] = ["renamed", unquoted(line.slice(12))];
        } else if (line.startsWith("rename to ")) file.path = unquoted(line.slice(10));
        else if (line.startsWith("Binary files ") || line.startsWith("GIT binary patch")) {
            file.kind = "binary";
        } else if (line.startsWith("+++ ") && !line.endsWith("/dev/null")) {
            file.path = unprefixed(line.slice(4));
        } else if (line.startsWith("--- ") && !line.endsWith("/dev/null")) {
            file.oldPath = unprefixed(line.slice(4));
        }
    }
    endFile();
    return files;
}

function clip(text: string): string {
    return text.length > columnLimit
        ? `${text.slice(0, columnLimit)} … ${text.length - columnLimit} characters more`
        : text;
}

/** `a/x b/x`; quoted where git had to. */
function names(rest: string): [string, string] {
    const quoted = /^("(?:[^"\\]|\\.)*"|\S+) ("(?:[^"\\]|\\.)*"|\S+)$/.exec(rest);
    if (quoted) return [unprefixed(quoted[1] ?? ""), unprefixed(quoted[2] ?? "")];
    const middle = rest.indexOf(" b/");
    return middle < 0
        ? [rest, rest]
        : [unprefixed(rest.slice(0, middle)), unprefixed(rest.slice(middle + 1))];
}

function unprefixed(name: string): string {
    const plain = unquoted(name.replace(/\t$/, ""));
    return /^[ab]\//.test(plain) ? plain.slice(2) : plain;
}

/** Git's C quoting of names, with octal bytes of UTF-8. */
function unquoted(name: string): string {
    if (!name.startsWith('"') || !name.endsWith('"') || name.length < 2) return name;
    const bytes: number[] = [];
    const source = name.slice(1, -1);
    for (let index = 0; index < source.length; index += 1) {
        if (source[index] !== "\\") {
            bytes.push(...new TextEncoder().encode(source[index] ?? ""));
            continue;
        }
        const octal = /^[0-3][0-7]{2}/.exec(source.slice(index + 1));
        if (octal) {
            bytes.push(parseInt(octal[0] ?? "0", 8));
            index += 3;
        } else {
            index += 1;
            const sign = source[index] ?? "";
            bytes.push(
                ({ n: 10, t: 9, r: 13 } as { [sign: string]: number | undefined })[sign] ??
                    sign.charCodeAt(0),
            );
        }
    }
    return new TextDecoder().decode(new Uint8Array(bytes));
}

export interface Pair {
    readonly left: DiffLine | null;
    readonly right: DiffLine | null;
}

/** Lines side by side: removed and added lines that follow each other stand in one row. */
export function paired(lines: readonly DiffLine[]): Pair[] {
    const pairs: Pair[] = [];
    for (let index = 0; index < lines.length;) {
        const line = lines[index];
        if (!line) break;
        if (line.kind === "same") {
            pairs.push({ left: line, right: line });
            index += 1;
            continue;
        }
        const removed: DiffLine[] = [];
        const added: DiffLine[] = [];
        while (lines[index]?.kind === "removed") removed.push(lines[index++] as DiffLine);
        while (lines[index]?.kind === "added") added.push(lines[index++] as DiffLine);
        for (let row = 0; row < Math.max(removed.length, added.length); row += 1) {
            pairs.push({ left: removed[row] ?? null, right: added[row] ?? null });
        }
    }
    return pairs;
}

export interface Piece {
    readonly text: string;
    readonly isChanged: boolean;
}

/** More words than this and the whole line is the change. */
const wordLimit = 200;

/** What differs between two lines, by words. */
export function pieces(before: string, after: string): { before: Piece[]; after: Piece[] } {
    const left = words(before);
    const right = words(after);
    const whole = (text: string): Piece[] => (text === "" ? [] : [{ text, isChanged: false }]);
    if (left.length > wordLimit || right.length > wordLimit) {
        return { before: whole(before), after: whole(after) };
    }
    const width = right.length + 1;
    const table = new Uint16Array((left.length + 1) * width);
    for (let row = left.length - 1; row >= 0; row -= 1) {
        for (let column = right.length - 1; column >= 0; column -= 1) {
            table[row * width + column] = left[row] === right[column]
                ? (table[(row + 1) * width + column + 1] ?? 0) + 1
                : Math.max(table[(row + 1) * width + column] ?? 0, table[row * width + column + 1] ?? 0);
        }
    }
    const same = table[0] ?? 0;
    // Lines that share next to nothing are not two versions of one line.
    if (same * 3 < Math.max(left.length, right.length)) return { before: whole(before), after: whole(after) };
    const result = { before: [] as Piece[], after: [] as Piece[] };
    const add = (list: Piece[], text: string, isChanged: boolean): void => {
        const last = list[list.length - 1];
        if (last && last.isChanged === isChanged) {
            list[list.length - 1] = { text: last.text + text, isChanged };
        } else list.push({ text, isChanged });
    };
    let [row, column] = [0, 0];
    while (row < left.length || column < right.length) {
        if (row < left.length && column < right.length && left[row] === right[column]) {
            add(result.before, left[row++] ?? "", false);
            add(result.after, right[column++] ?? "", false);
        } else if (
            column >= right.length ||
            (row < left.length &&
                (table[(row + 1) * width + column] ?? 0) >= (table[row * width + column + 1] ?? 0))
        ) {
            add(result.before, left[row++] ?? "", true);
        } else {
            add(result.after, right[column++] ?? "", true);
        }
    }
    return result;
}

function words(text: string): string[] {
    return text.match(/[A-Za-z0-9_$]+|\s+|[^A-Za-z0-9_$\s]/gu) ?? [];
}
