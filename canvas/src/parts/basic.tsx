// Small parts that every view uses.

import { Component, type ReactNode } from "react";
import { short } from "../core/format";
import { oneLine } from "../core/text";

export function Panel({ title, aside, className, children, id }: {
    title: string;
    aside?: ReactNode;
    className?: string;
    children?: ReactNode;
    id?: string;
}) {
    const label = id ?? `panel-${title.toLowerCase().replace(/[^a-z]+/g, "-")}`;
    return (
        <section className={`panel ${className ?? ""}`} aria-labelledby={label}>
            <header className="panel-head">
                <h2 id={label}>{title}</h2>
                {aside === undefined ? null : <div className="panel-aside">{aside}</div>}
            </header>
            {children}
        </section>
    );
}

/** What to see here, when there is nothing yet. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
    return (
        <div className="empty">
            <p className="empty-title">{title}</p>
            {children === undefined ? null : <p>{children}</p>}
        </div>
    );
}

/** The first signs of a digest; all of it for who points at it or asks a screen reader. */
export function Digest({ value, label }: { value: string; label: string }) {
    if (value === "") return <span className="muted">none</span>;
    return <code className="digest" title={`${label} ${value}`}>{short(value)}</code>;
}

/** Text of an agent: never more than text, and in its own direction. */
export function Words({ text, limit, className }: { text: string; limit?: number; className?: string }) {
    return <span className={className ?? ""} dir="auto">{oneLine(text, limit)}</span>;
}

const roleSigns: ReadonlyMap<string, string> = new Map([
    ["architect", "A"],
    ["coder", "C"],
    ["reviewer", "R"],
    ["tester", "T"],
    ["browser", "B"],
]);

/** Who it is, by a letter and a tint. */
export function RoleMark({ role }: { role: string }) {
    const sign = roleSigns.get(role);
    return (
        <span className={`role-mark role-${sign === undefined ? "other" : role}`} aria-hidden="true">
            {sign ?? (oneLine(role, 1).toUpperCase() || "?")}
        </span>
    );
}

/** One figure with its name. */
export function Figure({ label, children, note }: { label: string; children?: ReactNode; note?: ReactNode }) {
    return (
        <div className="figure">
            <dt>{label}</dt>
            <dd>
                <span className="figure-value">{children}</span>
                {note === undefined || note === null ? null : <span className="figure-note">{note}</span>}
            </dd>
        </div>
    );
}

/** Rows below their headings; a heading that begins with `#` is over numbers. Scrolls by keyboard, too. */
export function Table({ label, columns, rows, empty }: {
    label: string;
    columns: readonly string[];
    rows: readonly ReactNode[];
    /** In place of a table without rows. */
    empty?: ReactNode;
}) {
    if (rows.length === 0 && empty !== undefined) return <>{empty}</>;
    return (
        <div className="table-scroll" tabIndex={0} role="region" aria-label={label}>
            <table>
                <thead>
                    <tr>
                        {columns.map((column) => (
                            <th key={column} scope="col" className={column.startsWith("#") ? "number" : undefined}>
                                {column.replace("#", "")}
                            </th>
                        ))}
                    </tr>
                </thead>
                <tbody>{rows}</tbody>
            </table>
        </div>
    );
}

/** A view that cannot be drawn says so, and the others go on. */
export class Boundary extends Component<{ name: string; children?: ReactNode }, { problem: string | null }> {
    override state: { problem: string | null } = { problem: null };

    static getDerivedStateFromError(error: unknown): { problem: string } {
        return { problem: error instanceof Error ? error.message : String(error) };
    }

    override render(): ReactNode {
        if (this.state.problem === null) return this.props.children;
        return (
            <div className="empty" role="alert">
                <p className="empty-title">{`${this.props.name} cannot be shown`}</p>
                <p>{oneLine(this.state.problem, 300)}</p>
                <button type="button" className="button" onClick={() => this.setState({ problem: null })}>
                    Try again
                </button>
            </div>
        );
    }
}
