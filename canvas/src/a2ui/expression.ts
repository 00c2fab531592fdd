// The little language of `formatString`: text with `${…}`, in which are paths, literals and calls with named
// arguments. A parser and nothing more; what the parts are worth is for `values.ts` to say.

export type Part =
    | { readonly kind: "literal"; readonly value: string | number | boolean }
    | { readonly kind: "path"; readonly path: string }
    | { readonly kind: "call"; readonly name: string; readonly args: readonly (readonly [string, Part])[] };

export class ExpressionError extends Error {}

/** Longer templates are no text for a person. */
const lengthLimit = 20_000;
const depthLimit = 12;

export function parseTemplate(source: string): Part[] {
    if (source.length > lengthLimit) throw new ExpressionError("the template is too long");
    const parts: Part[] = [];
    let literal = "";
    const flush = (): void => {
        if (literal !== "") parts.push({ kind: "literal", value: literal });
        literal = "";
    };
    let at = 0;
    while (at < source.length) {
        if (source.startsWith("\\${", at)) {
            literal += "${";
            at += 3;
        } else if (source.startsWith("${", at)) {
            const reader = new Reader(source, at + 2);
            const part = reader.interpolation(0);
            // A literal is told apart from the text around it, so that `${'a'}` is a part of its own.
            flush();
            parts.push(part);
            at = reader.at;
        } else {
            literal += source[at];
            at += 1;
        }
    }
    flush();
    return parts.length === 0 ? [{ kind: "literal", value: "" }] : parts;
}

class Reader {
    constructor(private readonly source: string, public at: number) {}

    /** From behind `${` to behind its brace. */
    interpolation(depth: number): Part {
        if (!this.source.includes("}", this.at)) throw new ExpressionError("Unclosed interpolation");
        const part = this.expression(depth);
        this.skip();
        if (this.at >= this.source.length) throw new ExpressionError("Unclosed interpolation");
        if (this.source[this.at] !== "}") {
            throw new ExpressionError("Unexpected characters behind an expression");
        }
        this.at += 1;
        return part;
    }

    private expression(depth: number): Part {
        if (depth > depthLimit) throw new ExpressionError("the expression is too deep");
        this.skip();
        const sign = this.source[this.at] ?? "";
        if (this.source.startsWith("${", this.at)) {
            this.at += 2;
            return this.interpolation(depth + 1);
        }
        if (sign === "'" || sign === '"') return { kind: "literal", value: this.text(sign) };
        if (/[0-9]/.test(sign) || (sign === "-" && /[0-9]/.test(this.source[this.at + 1] ?? ""))) {
            return this.number();
        }
        const word = /^[A-Za-z0-9_./~@$*+-]+/.exec(this.source.slice(this.at, this.at + 2000))?.[0] ?? "";
        if (word === "") throw new ExpressionError("an expression is missing");
        this.at += word.length;
        if (this.source[this.at] === "(" && /^[A-Za-z_][A-Za-z0-9_.]*$/.test(word)) {
            return this.call(word, depth);
        }
        if (word === "true" || word === "false") return { kind: "literal", value: word === "true" };
        return { kind: "path", path: word };
    }

    private call(name: string, depth: number): Part {
        this.at += 1;
        const args: [string, Part][] = [];
        for (;;) {
            this.skip();
            if (this.source[this.at] === ")") break;
            const key = /^[A-Za-z_][A-Za-z0-9_]*/.exec(this.source.slice(this.at, this.at + 200))?.[0] ?? "";
            if (key === "") throw new ExpressionError(`Expected ) after function arguments of ${name}`);
            this.at += key.length;
            this.skip();
            if (this.source[this.at] !== ":") {
                throw new ExpressionError(`Expected : after argument name ${key}`);
            }
            this.at += 1;
            args.push([key, this.expression(depth + 1)]);
            this.skip();
            if (this.source[this.at] === ",") this.at += 1;
            else if (this.source[this.at] !== ")") {
                throw new ExpressionError(`Expected ) after function arguments of ${name}`);
            }
        }
        this.at += 1;
        return { kind: "call", name, args };
    }

    private number(): Part {
        const word = /^-?[0-9][0-9.]*/.exec(this.source.slice(this.at, this.at + 100))?.[0] ?? "";
        if (!/^-?[0-9]+(\.[0-9]+)?$/.test(word)) throw new ExpressionError(`Invalid number literal ${word}`);
        this.at += word.length;
        return { kind: "literal", value: Number(word) };
    }

    private text(quote: string): string {
        let value = "";
        this.at += 1;
        for (; this.at < this.source.length; this.at += 1) {
            const sign = this.source[this.at] ?? "";
            if (sign === quote) {
                this.at += 1;
                return value;
            }
            if (sign !== "\\") {
                value += sign;
                continue;
            }
            this.at += 1;
            const escaped = this.source[this.at] ?? "";
            value += escaped === "n" ? "\n" : escaped === "t" ? "\t" : escaped === "r" ? "\r" : escaped;
        }
        throw new ExpressionError("Unclosed string");
    }

    private skip(): void {
        while (/\s/.test(this.source[this.at] ?? "")) this.at += 1;
    }
}
