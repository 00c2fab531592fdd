// A link out of the page.

import type { ReactNode } from "react";
import { safeLink } from "../core/text";

/** A link says where it goes; what is no web address is no link. */
export function OuterLink({ url, children }: { url: string; children?: ReactNode }) {
    const safe = safeLink(url);
    if (safe === null) {
        return url === "" ? null : <span className="a2-problem">{children}{" not a web address"}</span>;
    }
    return (
        <a className="a2-link" href={safe} target="_blank" rel="noopener noreferrer nofollow">
            {children}
            {children === undefined ? "" : " "}
            <span className="muted">{new URL(safe).host}</span>
        </a>
    );
}
