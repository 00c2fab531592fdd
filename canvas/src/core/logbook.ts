// Output of agents, bounded in bytes: the newest lines of each, and an exact count of what is not here any
// more.

export interface LogLine {
    readonly seq: number;
    readonly at: number;
    readonly stream: string;
    readonly source: string;
    readonly line: string;
    /** Characters that were cut off. */
    readonly cut: number;
}

/** One line is shown to this length; a megabyte in one line is a fact, not a text. */
export const lineLimit = 8192;
/** For each agent. */
const byteLimit = 2 << 20;

export class AgentLog {
    private lines: LogLine[] = [];
    private start = 0;
    private bytes = 0;
    /** The number of the last line, within the guest that printed it. */
    lastSeq = 0;
    private instance = "";
    dropped = 0;
    /** Counts changes. */
    version = 0;

    get length(): number {
        return this.lines.length - this.start;
    }

    get size(): number {
        return this.bytes;
    }

    at(index: number): LogLine | undefined {
        return index < 0 ? undefined : this.lines[this.start + index];
    }

    /** An agent that gets a new guest counts its lines from the beginning. */
    enter(instance: string): void {
        if (instance === "" || instance === this.instance) return;
        if (this.instance !== "") this.lastSeq = 0;
        this.instance = instance;
    }

    /** The place of a line among all that there were. */
    number(index: number): number {
        return this.dropped + index;
    }

    push(line: LogLine): boolean {
        // A stream that is opened again repeats its tail.
        if (line.seq <= this.lastSeq) return false;
        this.lastSeq = line.seq;
        const cut = Math.max(0, line.line.length - lineLimit);
        this.lines.push(cut > 0 ? { ...line, line: line.line.slice(0, lineLimit), cut } : line);
        this.bytes += cost(line);
        while (this.bytes > byteLimit && this.length > 1) {
            const oldest = this.lines[this.start];
            if (!oldest) break;
            this.bytes -= cost(oldest);
            this.start += 1;
            this.dropped += 1;
        }
        if (this.start > 4096 && this.start * 2 > this.lines.length) {
            this.lines = this.lines.slice(this.start);
            this.start = 0;
        }
        this.version += 1;
        return true;
    }
}

function cost(line: LogLine): number {
    return Math.min(line.line.length, lineLimit) * 2 + 96;
}

export class LogBook {
    private readonly agents = new Map<string, AgentLog>();

    of(agent: string): AgentLog {
        let log = this.agents.get(agent);
        if (!log) {
            log = new AgentLog();
            this.agents.set(agent, log);
        }
        return log;
    }

    get bytes(): number {
        let sum = 0;
        for (const log of this.agents.values()) sum += log.size;
        return sum;
    }

    /** The version of all of it. */
    get version(): number {
        let sum = 0;
        for (const log of this.agents.values()) sum += log.version;
        return sum;
    }
}
