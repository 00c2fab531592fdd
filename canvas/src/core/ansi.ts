// The colours of terminals: SGR sequences become styles, every other escape sequence is dropped, and nothing
// of it can move a cursor, set a title, or write to a clipboard.

export interface Style {
    /** 0 to 15 of the palette, or `#rrggbb`. */
    readonly color: number | string | null;
    readonly background: number | string | null;
    readonly isBold: boolean;
    readonly isDim: boolean;
    readonly isItalic: boolean;
    readonly isUnderlined: boolean;
    readonly isInverse: boolean;
    readonly isStruck: boolean;
}

export interface Span {
    readonly text: string;
    readonly style: Style;
}

export const plain: Style = {
    color: null,
    background: null,
    isBold: false,
    isDim: false,
    isItalic: false,
    isUnderlined: false,
    isInverse: false,
    isStruck: false,
};

/** More styles than this in one line are noise: the rest is shown plain. */
const spanLimit = 400;
const sequences = new RegExp(
    [
        // A style, whose parameters are wanted.
        "\u001b(?:\\[([0-9;:]{0,64})m",
        // Any other control sequence; an operating system command; a string; a short escape.
        "\\[[0-?]{0,64}[ -/]{0,8}[@-~]",
        "\\][^\u0007\u001b]{0,2048}(?:\u0007|\u001b\\\\)?",
        "[PX^_][^\u001b]{0,2048}(?:\u001b\\\\)?",
        "[ -/]{0,4}[0-~])?",
    ].join("|"),
    "g",
);

/** The spans of a line, and the style that the next line begins with. */
export function spans(line: string): Span[] {
    const found: Span[] = [];
    let style = plain;
    let from = 0;
    sequences.lastIndex = 0;
    for (let match = sequences.exec(line); match; match = sequences.exec(line)) {
        if (match.index > from) found.push({ text: neutral(line.slice(from, match.index)), style });
        from = match.index + (match[0] ?? "").length;
        if (match[1] !== undefined) style = restyle(style, match[1]);
        if (found.length >= spanLimit) {
            style = plain;
            break;
        }
    }
    if (from < line.length) {
        const rest = line.slice(from);
        found.push({ text: neutral(found.length >= spanLimit ? rest.replace(sequences, "") : rest), style });
    }
    return found;
}

/** The text alone, for searching and copying. */
export function bare(line: string): string {
    return line.includes("\u001b") ? neutral(line.replace(sequences, "")) : neutral(line);
}

function neutral(text: string): string {
    return text.replace(/\t/g, "    ")
        .replace(/[\u0000-\u001f\u007f-\u009f]/g, "·")
        .replace(
            /[\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb]/g,
            "␣",
        );
}

function restyle(style: Style, parameters: string): Style {
    const codes = parameters === "" ? [0] : parameters.split(/[;:]/).map((code) => Number(code) || 0);
    let next = { ...style };
    for (let index = 0; index < codes.length; index += 1) {
        const code = codes[index] ?? 0;
        if (code === 38 || code === 48) {
            const [color, used] = extended(codes, index + 1);
            next = code === 38 ? { ...next, color } : { ...next, background: color };
            index += used;
            continue;
        }
        next = simple(next, code);
    }
    return next;
}

function simple(style: Style, code: number): Style {
    if (code >= 30 && code <= 37) return { ...style, color: code - 30 };
    if (code >= 40 && code <= 47) return { ...style, background: code - 40 };
    if (code >= 90 && code <= 97) return { ...style, color: code - 82 };
    if (code >= 100 && code <= 107) return { ...style, background: code - 92 };
    switch (code) {
        case 0:
            return plain;
        case 1:
            return { ...style, isBold: true };
        case 2:
            return { ...style, isDim: true };
        case 3:
            return { ...style, isItalic: true };
        case 4:
            return { ...style, isUnderlined: true };
        case 7:
            return { ...style, isInverse: true };
        case 9:
            return { ...style, isStruck: true };
        case 22:
            return { ...style, isBold: false, isDim: false };
        case 23:
            return { ...style, isItalic: false };
        case 24:
            return { ...style, isUnderlined: false };
        case 27:
            return { ...style, isInverse: false };
        case 29:
            return { ...style, isStruck: false };
        case 39:
            return { ...style, color: null };
        case 49:
            return { ...style, background: null };
        default:
            return style;
    }
}

/** `5;n` and `2;r;g;b` after 38 or 48: the colour, and how many codes it took. */
function extended(codes: readonly number[], from: number): [number | string | null, number] {
    const byte = (index: number): number => Math.max(0, Math.min(255, codes[index] ?? 0));
    if (codes[from] === 5) {
        const number = byte(from + 1);
        return [number < 16 ? number : cube(number), 2];
    }
    if (codes[from] === 2) return [hex(byte(from + 1), byte(from + 2), byte(from + 3)), 4];
    return [null, 1];
}

function cube(number: number): string {
    if (number >= 232) {
        const grey = 8 + (number - 232) * 10;
        return hex(grey, grey, grey);
    }
    const level = (value: number): number => (value === 0 ? 0 : 55 + value * 40);
    const index = number - 16;
    return hex(level(Math.floor(index / 36)), level(Math.floor(index / 6) % 6), level(index % 6));
}

function hex(red: number, green: number, blue: number): string {
    return `#${[red, green, blue].map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** The same hue, as far from the ground as text must be (WCAG 1.4.3). */
export function legible(color: string, isDark: boolean): string {
    let [red, green, blue] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16)) as [
        number,
        number,
        number,
    ];
    const target = isDark ? 255 : 0;
    for (let step = 0; step < 20; step += 1) {
        const light = luminance(red, green, blue);
        const contrast = isDark ? (light + 0.05) / (0.012 + 0.05) : (0.94 + 0.05) / (light + 0.05);
        if (contrast >= 4.7) break;
        red += (target - red) * 0.15;
        green += (target - green) * 0.15;
        blue += (target - blue) * 0.15;
    }
    return hex(Math.round(red), Math.round(green), Math.round(blue));
}

function luminance(red: number, green: number, blue: number): number {
    const linear = (value: number): number => {
        const part = value / 255;
        return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    };
    return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}
