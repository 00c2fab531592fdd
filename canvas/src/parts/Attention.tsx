// What stands before a diff: the host's list of what it cannot show.

import type { Inspection } from "../core/inspection";
import { oneLine } from "../core/text";

export function Attention({ inspection }: { inspection: Inspection | null }) {
    if (!inspection) {
        return (
            <p className="panel-note warning">
                What the diff cannot show is not known: look at the change in the repository.
            </p>
        );
    }
    if (inspection.items.length === 0) return null;
    return (
        <section className="attention" aria-label="Before you read the diff">
            <h3>Before you read the diff</h3>
            <ul>
                {inspection.items.map((item, index) => (
                    <li key={index} className={item.needsPerson && item.allowedBy === null ? "warning" : "muted"}>
                        <span className="chip">{oneLine(item.kind, 40)}</span>{" "}
                        {item.path === "" ? null : <code>{oneLine(item.path, 300)}</code>} {oneLine(item.detail, 400)}
                        {item.allowedBy === null
                            ? null
                            : <span className="muted">{` (allowed by ${oneLine(item.allowedBy, 100)})`}</span>}
                    </li>
                ))}
                {inspection.omitted.map((words) => <li key={words} className="muted">{oneLine(words, 80)}</li>)}
            </ul>
        </section>
    );
}
