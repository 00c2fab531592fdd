// What a person can enter on a surface. It stays in the page until a button sends it.

import { type ReactNode, useId, useState } from "react";
import { field, flag, isArray, type Json, number, text } from "../core/json";
import { oneLine } from "../core/text";
import { type Host, labelOf } from "./Component";
import { absolute } from "./pointer";
import type { Branch } from "./resolve";
import { attempt, booleanOf, failedChecks, invoke, numberOf, textOf, textsOf } from "./values";

interface Props {
    readonly branch: Branch;
    readonly host: Host;
}

/** Where a value is bound; a value that is not bound cannot be changed for longer than it is looked at. */
function useBound(branch: Branch, host: Host): (value: Json) => void {
    const path = field(field(branch.component, "value"), "path");
    return (value) => {
        if (typeof path === "string") host.write(absolute(path, branch.scope.path), value);
    };
}

function labelled(branch: Branch): string {
    return oneLine(textOf(field(branch.component, "label"), branch.scope), 200) || labelOf(branch) ||
        oneLine(branch.id, 60);
}

function Checked(
    { branch, problems, children }: { branch: Branch; problems?: readonly string[]; children?: ReactNode },
) {
    const all = [...(problems ?? []), ...failedChecks(branch.component, branch.scope)];
    return (
        <div className="a2-field">
            {children}
            {all.length === 0 ? null : <p className="a2-check">{oneLine(all[0] ?? "", 200)}</p>}
        </div>
    );
}

const valueLimit = 20_000;

export function Field({ branch, host }: Props) {
    const id = useId();
    const write = useBound(branch, host);
    const variant = text(branch.component, "variant");
    const bound = textOf(field(branch.component, "value"), branch.scope);
    const isBound = typeof field(field(branch.component, "value"), "path") === "string";
    const [own, setOwn] = useState(bound);
    const value = isBound ? bound : own;
    const pattern = text(branch.component, "validationRegexp");
    const isRight = pattern === "" || value === "" ||
        attempt(() => invoke("regex", (name) => (name === "value" ? value : pattern), branch.scope)) !==
            false;
    const change = (next: string): void => {
        const words = next.slice(0, valueLimit);
        setOwn(words);
        write(
            variant === "number" && words.trim() !== "" && Number.isFinite(Number(words))
                ? Number(words)
                : words,
        );
    };
    return (
        <Checked branch={branch} problems={isRight ? [] : ["This does not have the form that is asked for."]}>
            <label htmlFor={id}>{labelled(branch)}</label>
            {variant === "longText"
                ? (
                    <textarea
                        id={id}
                        rows={4}
                        value={value}
                        onChange={(event) => change(event.currentTarget.value)}
                    />
                )
                : (
                    <input
                        id={id}
                        type={variant === "number" ? "number" : variant === "obscured" ? "password" : "text"}
                        value={value}
                        autoComplete="off"
                        onChange={(event) => change(event.currentTarget.value)}
                    />
                )}
        </Checked>
    );
}

export function Tick({ branch, host }: Props) {
    const write = useBound(branch, host);
    return (
        <Checked branch={branch}>
            <label className="check">
                <input
                    type="checkbox"
                    checked={booleanOf(field(branch.component, "value"), branch.scope)}
                    onChange={(event) => write(event.currentTarget.checked)}
                />
                <span dir="auto">{labelled(branch)}</span>
            </label>
        </Checked>
    );
}

const optionLimit = 500;

export function Choice({ branch, host }: Props) {
    const name = useId();
    const write = useBound(branch, host);
    const [filter, setFilter] = useState("");
    const isMany = text(branch.component, "variant") === "multipleSelection";
    const isChips = text(branch.component, "displayStyle") === "chips";
    const chosen = textsOf(field(branch.component, "value"), branch.scope);
    const source = field(branch.component, "options");
    const options = (isArray(source) ? source : []).slice(0, optionLimit).map((option) => ({
        label: oneLine(textOf(field(option, "label"), branch.scope), 200),
        value: text(option, "value"),
    })).filter((option) => option.label.toLowerCase().includes(filter.toLowerCase()));
    const pick = (value: string, isOn: boolean): void => {
        write(
            !isMany
                ? [value]
                : isOn
                ? [...chosen.filter((one) => one !== value), value]
                : chosen.filter((one) => one !== value),
        );
    };
    return (
        <Checked branch={branch}>
            <fieldset className={isChips ? "a2-choices is-chips" : "a2-choices"}>
                <legend>{labelled(branch)}</legend>
                {flag(branch.component, "filterable")
                    ? (
                        <input
                            type="search"
                            aria-label={`Filter ${labelled(branch)}`}
                            value={filter}
                            onChange={(event) => setFilter(event.currentTarget.value)}
                        />
                    )
                    : null}
                {options.map((option) => (
                    <label key={option.value} className="check">
                        <input
                            type={isMany ? "checkbox" : "radio"}
                            name={name}
                            checked={chosen.includes(option.value)}
                            onChange={(event) => pick(option.value, event.currentTarget.checked)}
                        />
                        <span dir="auto">{option.label}</span>
                    </label>
                ))}
            </fieldset>
        </Checked>
    );
}

export function Slide({ branch, host }: Props) {
    const id = useId();
    const write = useBound(branch, host);
    const min = number(branch.component, "min");
    const max = Math.max(min, number(branch.component, "max", 100));
    const value = Math.min(max, Math.max(min, numberOf(field(branch.component, "value"), branch.scope)));
    return (
        <Checked branch={branch}>
            <label htmlFor={id}>
                {labelled(branch)} <span className="tabular muted">{value}</span>
            </label>
            <input
                id={id}
                type="range"
                min={min}
                max={max}
                step={max - min <= 1 ? 0.01 : 1}
                value={value}
                onChange={(event) => write(Number(event.currentTarget.value))}
            />
        </Checked>
    );
}

export function When({ branch, host }: Props) {
    const id = useId();
    const write = useBound(branch, host);
    const hasTime = flag(branch.component, "enableTime");
    const hasDate = flag(branch.component, "enableDate") || !hasTime;
    const value = textOf(field(branch.component, "value"), branch.scope);
    const bound = (name: string): string | undefined =>
        localForm(textOf(field(branch.component, name), branch.scope), hasDate, hasTime) || undefined;
    return (
        <Checked branch={branch}>
            <label htmlFor={id}>{labelled(branch)}</label>
            <input
                id={id}
                type={hasDate && hasTime ? "datetime-local" : hasDate ? "date" : "time"}
                value={localForm(value, hasDate, hasTime)}
                min={bound("min")}
                max={bound("max")}
                onChange={(event) => write(event.currentTarget.value)}
            />
        </Checked>
    );
}

/** ISO 8601, cut to what the browser's control takes. */
function localForm(value: string, hasDate: boolean, hasTime: boolean): string {
    const match = /^(?:(\d{4}-\d{2}-\d{2})T?)?(?:(\d{2}:\d{2})(?::\d{2}(?:\.\d+)?)?(?:Z|[+-]\d{2}:?\d{2})?)?$/
        .exec(value);
    if (!match) return "";
    const [date, time] = [match[1] ?? "", match[2] ?? ""];
    if (hasDate && hasTime) return date === "" ? "" : `${date}T${time || "00:00"}`;
    return hasDate ? date : time;
}
