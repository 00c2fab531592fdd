// The components of A2UI's basic catalog as elements of this page: text as text, no markup, no remote media,
// and nothing that covers what is outside of the surface's fence.

import { Fragment, type ReactNode, useState } from "react";
import { field, flag, isArray, type Json, number, text } from "../core/json";
import { harmless, oneLine } from "../core/text";
import { OuterLink } from "../parts/OuterLink";
import { Icon } from "./icons";
import { Choice, Field, Slide, Tick, When } from "./inputs";
import type { Branch } from "./resolve";
import { limits } from "./surface";
import { isSessionComponent, SessionComponent } from "./session";
import { attempt, failedChecks, textOf, valueOf } from "./values";

export interface Host {
    readonly agent: string;
    /** Writes into the surface's own copy of its data; nothing is sent. */
    write(path: string, value: Json): void;
    /** Sends an action to the agent that drew the surface. */
    fire(branch: Branch, name: string, context: Json): void;
    readonly canAct: boolean;
}

export function Component({ branch, host }: { branch: Branch; host: Host }) {
    if (branch.problem !== null) return <Placeholder branch={branch} />;
    const weight = number(branch.component, "weight");
    const body = draw(branch, host);
    if (weight <= 0) return <>{body}</>;
    return <div className="a2-weighted" style={{ flexGrow: Math.min(weight, 100), flexBasis: 0 }}>{body}
    </div>;
}

function Placeholder({ branch }: { branch: Branch }) {
    const words = {
        missing: `${branch.id || "a component"} has not come yet`,
        cycle: `${branch.id} contains itself`,
        depth: "this is nested too deep",
        size: "this is more than is drawn",
    } as const;
    return <span className="a2-problem">{oneLine(words[branch.problem ?? "missing"], 120)}</span>;
}

export function kids(branch: Branch, host: Host): ReactNode {
    return branch.children.map((child) => <Component key={child.key} branch={child} host={host} />);
}

/** What a screen reader says of it, when the agent gave words for that. */
export function labelOf(branch: Branch): string {
    return oneLine(textOf(field(field(branch.component, "accessibility"), "label"), branch.scope), 200);
}

const justifies: ReadonlySet<string> = new Set([
    "start",
    "center",
    "end",
    "spaceBetween",
    "spaceAround",
    "spaceEvenly",
    "stretch",
]);
const aligns: ReadonlySet<string> = new Set(["start", "center", "end", "stretch"]);

function layoutClass(branch: Branch, base: string): string {
    const justify = text(branch.component, "justify");
    const align = text(branch.component, "align");
    return [
        base,
        justifies.has(justify) ? `a2-justify-${justify}` : "",
        aligns.has(align) ? `a2-align-${align}` : "",
    ].join(" ");
}

function draw(branch: Branch, host: Host): ReactNode {
    const { component, scope, type } = branch;
    switch (type) {
        case "Text":
            return <Prose branch={branch} />;
        case "Image":
            return <Picture branch={branch} />;
        case "Icon": {
            const name = field(component, "name");
            const path = text(name, "svgPath");
            return <Icon name={path === "" ? textOf(name, scope) : ""} path={path} label={labelOf(branch)} />;
        }
        case "Video":
            return <Media branch={branch} kind="Video" />;
        case "AudioPlayer":
            return <Media branch={branch} kind="Audio" />;
        case "Row":
            return <div className={layoutClass(branch, "a2-row")}>{kids(branch, host)}</div>;
        case "Column":
            return <div className={layoutClass(branch, "a2-column")}>{kids(branch, host)}</div>;
        case "List": {
            const isAcross = text(component, "direction") === "horizontal";
            return (
                <ul
                    className={layoutClass(branch, isAcross ? "a2-list is-horizontal" : "a2-list")}
                    aria-label={labelOf(branch) || undefined}
                >
                    {branch.children.map((child) => (
                        <li key={child.key}>
                            <Component branch={child} host={host} />
                        </li>
                    ))}
                </ul>
            );
        }
        case "Card":
            return <div className="a2-card">{kids(branch, host)}</div>;
        case "Tabs":
            return <TabSet branch={branch} host={host} />;
        case "Modal":
            return <Fold branch={branch} host={host} />;
        case "Divider":
            return (
                <hr
                    className={text(component, "axis") === "vertical"
                        ? "a2-divider is-vertical"
                        : "a2-divider"}
                />
            );
        case "Button":
            return <Press branch={branch} host={host} />;
        case "TextField":
            return <Field branch={branch} host={host} />;
        case "CheckBox":
            return <Tick branch={branch} host={host} />;
        case "ChoicePicker":
            return <Choice branch={branch} host={host} />;
        case "Slider":
            return <Slide branch={branch} host={host} />;
        case "DateTimeInput":
            return <When branch={branch} host={host} />;
        default:
            if (isSessionComponent(type)) return <SessionComponent branch={branch} />;
            return <span className="a2-problem">{`there is no component ${oneLine(type, 40)}`}</span>;
    }
}

/** Headings of an agent begin below the page's own. */
function Prose({ branch }: { branch: Branch }) {
    const words = harmless(textOf(field(branch.component, "text"), branch.scope), limits.text);
    switch (text(branch.component, "variant")) {
        case "h1":
            return <h3 className="a2-h1" dir="auto">{words}</h3>;
        case "h2":
            return <h4 className="a2-h2" dir="auto">{words}</h4>;
        case "h3":
            return <h5 className="a2-h3" dir="auto">{words}</h5>;
        case "h4":
        case "h5":
            return <h6 className="a2-h4" dir="auto">{words}</h6>;
        case "caption":
            return <p className="a2-caption" dir="auto">{words}</p>;
        default:
            return <Markdown source={words} />;
    }
}

/** Paragraphs, lists, bold, emphasis and code. Links and pictures stay the text that they are. */
function Markdown({ source }: { source: string }) {
    const blocks: ReactNode[] = [];
    let items: string[] = [];
    const flush = (): void => {
        if (items.length === 0) return;
        blocks.push(
            <ul key={blocks.length} className="a2-bullets">
                {items.map((item, index) => <li key={index} dir="auto">{inline(item)}</li>)}
            </ul>,
        );
        items = [];
    };
    for (const line of source.split("\n").slice(0, 2000)) {
        const bullet = /^\s{0,6}[-*+] (.*)$/.exec(line);
        if (bullet) {
            items.push(bullet[1] ?? "");
            continue;
        }
        flush();
        if (line.trim() !== "") {
            blocks.push(<p key={blocks.length} dir="auto">{inline(line.replace(/^#{1,6} /, ""))}</p>);
        }
    }
    flush();
    return blocks.length === 1 ? <>{blocks[0]}</> : <div className="a2-prose">{blocks}</div>;
}

function inline(source: string): ReactNode {
    if (source.length > 4000) return source;
    const parts = source.split(
        /(\*\*[^*]{1,500}\*\*|`[^`]{1,500}`|\*[^*\s][^*]{0,500}\*|_[^_\s][^_]{0,500}_(?![A-Za-z0-9]))/,
    );
    return parts.map((part, index) => {
        if (part.startsWith("**") && part.length > 4) return <strong key={index}>{part.slice(2, -2)}</strong>;
        if (part.startsWith("`") && part.length > 2) return <code key={index}>{part.slice(1, -1)}</code>;
        if (index % 2 === 1 && (part.startsWith("*") || part.startsWith("_"))) {
            return <em key={index}>{part.slice(1, -1)}</em>;
        }
        return <Fragment key={index}>{part}</Fragment>;
    });
}

/** Only pictures that came along: a remote one would tell its server who looks, and when. */
const pictureLimit = 256 << 10;

function Picture({ branch }: { branch: Branch }) {
    const { component, scope } = branch;
    const url = textOf(field(component, "url"), scope);
    const words = oneLine(textOf(field(component, "description"), scope) || labelOf(branch), 300);
    if (
        url.length <= pictureLimit && /^data:image\/(?:png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]+$/.test(url)
    ) {
        const variant = text(component, "variant");
        const fit = text(component, "fit");
        const names = ["icon", "avatar", "smallFeature", "mediumFeature", "largeFeature", "header"];
        const fits: { readonly [name: string]: string } = {
            contain: "contain",
            cover: "cover",
            fill: "fill",
            none: "none",
            scaleDown: "scale-down",
        };
        return (
            <img
                className={`a2-image a2-image-${names.includes(variant) ? variant : "mediumFeature"}`}
                {...{ src: url, alt: words }}
                style={{ objectFit: Object.prototype.hasOwnProperty.call(fits, fit) ? fits[fit] : "fill" }}
            />
        );
    }
    return <NotLoaded kind="Picture" words={words} url={url} />;
}

function Media({ branch, kind }: { branch: Branch; kind: string }) {
    const words = oneLine(
        textOf(field(branch.component, "description"), branch.scope) || labelOf(branch),
        300,
    );
    return <NotLoaded kind={kind} words={words} url={textOf(field(branch.component, "url"), branch.scope)} />;
}

function NotLoaded({ kind, words, url }: { kind: string; words: string; url: string }) {
    return (
        <figure className="a2-media">
            <figcaption>
                <span className="muted">{`${kind}, not loaded`}</span>
                {words === "" ? null : <span dir="auto">{words}</span>}
                <OuterLink url={url} />
            </figcaption>
        </figure>
    );
}

function TabSet({ branch, host }: { branch: Branch; host: Host }) {
    const [open, setOpen] = useState(0);
    const tabs = field(branch.component, "tabs");
    const list = (isArray(tabs) ? tabs : []).slice(0, 50);
    const current = Math.min(open, Math.max(0, list.length - 1));
    const child = branch.children[current];
    const id = `a2-${branch.key.replace(/[^a-z0-9]/gi, "-")}`;
    return (
        <div className="a2-tabs">
            <div
                role="tablist"
                className="a2-tablist"
                aria-label={labelOf(branch) || "Tabs"}
                onKeyDown={(event) => {
                    const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
                    if (by === 0 || list.length === 0) return;
                    event.preventDefault();
                    const next = (current + by + list.length) % list.length;
                    setOpen(next);
                    event.currentTarget.querySelectorAll<HTMLElement>("[role=tab]")[next]?.focus();
                }}
            >
                {list.map((tab, index) => (
                    <button
                        key={index}
                        type="button"
                        role="tab"
                        id={`${id}-${index}`}
                        aria-selected={index === current}
                        aria-controls={`${id}-panel`}
                        tabIndex={index === current ? 0 : -1}
                        onClick={() => setOpen(index)}
                    >
                        {oneLine(textOf(field(tab, "title"), branch.scope), 80) || `Tab ${index + 1}`}
                    </button>
                ))}
            </div>
            <div
                role="tabpanel"
                id={`${id}-panel`}
                aria-labelledby={`${id}-${current}`}
                tabIndex={0}
                className="a2-tabpanel"
            >
                {child ? <Component branch={child} host={host} /> : null}
            </div>
        </div>
    );
}

/** A modal opens where it stands: nothing of an agent covers the page's own controls. */
function Fold({ branch, host }: { branch: Branch; host: Host }) {
    const [isOpen, setOpen] = useState(false);
    const [trigger, content] = branch.children;
    const words = trigger ? plainText(trigger) : "";
    return (
        <div className="a2-fold">
            <button
                type="button"
                className="a2-button"
                aria-expanded={isOpen}
                onClick={() => setOpen(!isOpen)}
            >
                {words || "More"}
                <span aria-hidden="true">{isOpen ? " ▴" : " ▾"}</span>
            </button>
            {isOpen && content
                ? (
                    <div className="a2-card">
                        <Component branch={content} host={host} />
                    </div>
                )
                : null}
        </div>
    );
}

/** The words inside a component, for a button that can hold no other element. */
export function plainText(branch: Branch): string {
    const own = branch.type === "Text"
        ? textOf(field(branch.component, "text"), branch.scope)
        : labelOf(branch);
    return oneLine([own, ...branch.children.map(plainText)].filter((words) => words !== "").join(" "), 200);
}

function Press({ branch, host }: { branch: Branch; host: Host }) {
    const { component, scope } = branch;
    const action = field(component, "action");
    const call = field(action, "functionCall");
    const words = labelOf(branch) || plainText(branch) || oneLine(branch.id, 60);
    const icon = branch.children.find((child) => child.type === "Icon");
    if (text(call, "call") === "openUrl") {
        const url = attempt(() => valueOf(field(field(call, "args"), "url"), scope));
        return <OuterLink url={typeof url === "string" ? url : ""}>{words}</OuterLink>;
    }
    const event = field(action, "event");
    const name = text(event, "name");
    const problems = failedChecks(component, scope);
    const variant = text(component, "variant");
    const isOff = problems.length > 0 || name === "" || !host.canAct;
    const fire = (): void => {
        if (isOff) return;
        const context = Object.entries(field(event, "context") ?? {}).slice(0, 100)
            .map((
                [key, value],
            ): [string, Json] => [key, attempt(() => valueOf(value as Json, scope)) ?? null]);
        host.fire(branch, name, Object.fromEntries(context));
    };
    return (
        <span className="a2-press">
            <button
                type="button"
                className={variant === "primary"
                    ? "a2-button is-primary"
                    : variant === "borderless"
                    ? "a2-button is-borderless"
                    : "a2-button"}
                aria-disabled={isOff}
                title={`Sends “${oneLine(name, 60)}” to ${oneLine(host.agent, 60)}`}
                onClick={fire}
            >
                {icon ? <Component branch={icon} host={host} /> : null}
                {words}
            </button>
            {flag(component, "hidden") || problems.length === 0
                ? null
                : <span className="a2-check">{oneLine(problems[0] ?? "", 200)}</span>}
        </span>
    );
}
