// The part of React 18 that this app uses, typed by hand: Debian ships React without its declarations. What
// is not declared here is not used; a new need is a line in this file.

type Ref<T> = { current: T | null } | ((value: T | null) => void);
type Child = JSX.Element | string | number | boolean | null | undefined | readonly Child[];
type Style = { readonly [property: string]: string | number | undefined };
type Handler<E, T> = (event: E & { readonly currentTarget: T }) => void;

interface SyntheticBase {
    readonly target: EventTarget;
    readonly nativeEvent: Event;
    preventDefault(): void;
    stopPropagation(): void;
}
interface SyntheticKey extends SyntheticBase {
    readonly key: string;
    readonly ctrlKey: boolean;
    readonly metaKey: boolean;
    readonly altKey: boolean;
    readonly shiftKey: boolean;
}
interface SyntheticMouse extends SyntheticBase {
    readonly clientX: number;
    readonly clientY: number;
    readonly shiftKey: boolean;
}

interface ElementProps<T> {
    key?: string | number;
    ref?: Ref<T>;
    children?: Child;
    id?: string;
    className?: string;
    style?: Style;
    role?: string;
    tabIndex?: number;
    title?: string;
    hidden?: boolean;
    dir?: "ltr" | "rtl" | "auto";
    lang?: string;
    onClick?: Handler<SyntheticMouse, T>;
    onKeyDown?: Handler<SyntheticKey, T>;
    onFocus?: Handler<SyntheticBase, T>;
    onBlur?: Handler<SyntheticBase, T>;
    onScroll?: Handler<SyntheticBase, T>;
    onChange?: Handler<SyntheticBase, T>;
    onInput?: Handler<SyntheticBase, T>;
    onSubmit?: Handler<SyntheticBase, T>;
    onMouseEnter?: Handler<SyntheticMouse, T>;
    onMouseLeave?: Handler<SyntheticMouse, T>;
    [aria: `aria-${string}`]: string | number | boolean | undefined;
    [data: `data-${string}`]: string | number | boolean | undefined;
}

interface HTMLProps<T> extends ElementProps<T> {
    htmlFor?: string;
    href?: string;
    rel?: string;
    target?: string;
    type?: string;
    name?: string;
    value?: string | number;
    defaultValue?: string | number;
    checked?: boolean;
    disabled?: boolean;
    readOnly?: boolean;
    required?: boolean;
    placeholder?: string;
    autoComplete?: string;
    autoFocus?: boolean;
    spellCheck?: boolean;
    min?: string | number;
    max?: string | number;
    step?: string | number;
    rows?: number;
    colSpan?: number;
    rowSpan?: number;
    scope?: string;
    open?: boolean;
    onCancel?: Handler<SyntheticBase, T>;
    onClose?: Handler<SyntheticBase, T>;
    onToggle?: Handler<SyntheticBase, T>;
}

interface SVGProps extends ElementProps<SVGElement> {
    viewBox?: string;
    width?: number | string;
    height?: number | string;
    x?: number | string;
    y?: number | string;
    x1?: number | string;
    y1?: number | string;
    x2?: number | string;
    y2?: number | string;
    cx?: number | string;
    cy?: number | string;
    r?: number | string;
    rx?: number | string;
    d?: string;
    points?: string;
    fill?: string;
    stroke?: string;
    strokeWidth?: number | string;
    strokeLinecap?: string;
    strokeLinejoin?: string;
    strokeDasharray?: string;
    transform?: string;
    textAnchor?: string;
    dominantBaseline?: string;
    preserveAspectRatio?: string;
    focusable?: boolean | "false";
    markerEnd?: string;
    markerWidth?: number;
    markerHeight?: number;
    refX?: number;
    refY?: number;
    orient?: string;
    vectorEffect?: string;
}

declare namespace JSX {
    interface Element {
        readonly type: unknown;
        readonly props: unknown;
        readonly key: string | number | null;
    }
    interface ElementChildrenAttribute {
        children: unknown;
    }
    interface IntrinsicAttributes {
        key?: string | number;
    }
    type Html = { [Tag in keyof HTMLElementTagNameMap]: HTMLProps<HTMLElementTagNameMap[Tag]> };
    type Svg = {
        [
            Tag in
                | "svg"
                | "g"
                | "path"
                | "circle"
                | "line"
                | "rect"
                | "polyline"
                | "polygon"
                | "text"
                | "tspan"
                | "defs"
                | "marker"
                | "title"
                | "desc"
        ]: SVGProps;
    };
    interface IntrinsicElements extends Omit<Html, "title">, Svg {}
}

declare module "react" {
    export type ReactNode = Child;
    export type KeyboardEvent<T = Element> = SyntheticKey & { readonly currentTarget: T };
    export const Fragment: (props: { children?: Child; key?: string | number }) => JSX.Element;
    export function memo<P>(
        component: (props: P) => JSX.Element | null,
        same?: (before: P, after: P) => boolean,
    ): (props: P) => JSX.Element;
    export function useState<T>(initial: T | (() => T)): [T, (next: T | ((previous: T) => T)) => void];
    export function useEffect(effect: () => void | (() => void), needs?: readonly unknown[]): void;
    export function useLayoutEffect(effect: () => void | (() => void), needs?: readonly unknown[]): void;
    export function useMemo<T>(make: () => T, needs: readonly unknown[]): T;
    export function useCallback<F>(callback: F, needs: readonly unknown[]): F;
    export function useRef<T>(initial: T): { current: T };
    export function useRef<T>(initial: T | null): { current: T | null };
    export function useId(): string;
    export function useSyncExternalStore<T>(
        subscribe: (changed: () => void) => () => void,
        snapshot: () => T,
    ): T;
    export interface Context<T> {
        Provider: (props: { value: T; children?: Child }) => JSX.Element;
    }
    export function createContext<T>(value: T): Context<T>;
    export function useContext<T>(context: Context<T>): T;
    /** A class, because only classes can catch what their children throw. */
    export class Component<P, S> {
        constructor(props: P);
        readonly props: P;
        state: S;
        setState(state: Partial<S>): void;
        render(): Child;
        context: unknown;
        refs: { [name: string]: unknown };
    }
}

declare module "react-dom/client" {
    export function createRoot(container: Element): { render(element: JSX.Element): void; unmount(): void };
}

declare module "react-dom" {
    export function flushSync(work: () => void): void;
}

declare module "react/jsx-runtime" {
    export const jsx: unknown;
    export const jsxs: unknown;
    export const Fragment: unknown;
}

declare module "*.css";
