/**
 * Selects the records of a capture that are printed.
 *
 * @module
 */

import type { CapturedPayload, CaptureRecord } from "../../capture/mod.ts";
import { FRAME_NAMES } from "../../frame/names.ts";
import { didYouMean } from "../arguments.ts";
import { readWhole, UsageError } from "../command.ts";

/** Most matching streams that are remembered for each connection. */
const MOST_STREAMS = 1 << 16;

/** The conditions of a user; an empty list means no condition. */
export interface FilterOptions {
  /** Numbers of connections. */
  readonly connections: readonly string[];
  /** Stream ids. */
  readonly streams: readonly string[];
  /** Names of frame types, in any case. */
  readonly types: readonly string[];
  /** Conditions on headers, all of which must hold. */
  readonly where: readonly string[];
  /** `client` or `server`. */
  readonly from: string | undefined;
}

interface Condition {
  readonly name: string;
  matches(value: string): boolean;
}

/** Selects records. */
export class RecordFilter {
  readonly #connections: ReadonlySet<number>;
  readonly #streams: ReadonlySet<number>;
  readonly #types: ReadonlySet<string>;
  readonly #where: readonly Condition[];
  readonly #fromClient: boolean | undefined;
  /** Which conditions were met by the headers of each stream, by connection. */
  readonly #matched = new Map<number, Map<number, boolean[]>>();

  /** Throws {@linkcode UsageError} for an invalid number, name or condition. */
  constructor(options: FilterOptions) {
    this.#connections = numbers("--connection", options.connections);
    this.#streams = numbers("--stream", options.streams);
    this.#types = new Set(
      options.types.flatMap((list) => list.split(",")).map(readType),
    );
    this.#where = options.where.map(readCondition);
    const { from } = options;
    if (from !== undefined && from !== "client" && from !== "server") {
      throw new UsageError(`--from ${from}: it must be client or server`);
    }
    this.#fromClient = from === undefined ? undefined : from === "client";
  }

  /** Whether the record is printed. Must be called for every record, in order. */
  accepts(record: CaptureRecord): boolean {
    if (record.kind === "end") this.#matched.delete(record.connection);
    if (record.kind === "warning") return true;
    if (!holds(this.#connections, record.connection)) return false;
    if (record.kind === "connection" || record.kind === "end") return true;
    if (!this.#isSide(record.fromClient)) return false;
    if (record.kind === "frame") {
      const { connection, streamId, type, frame } = record;
      if (this.#where.length > 0) {
        if (streamId === undefined) return false;
        if (frame !== undefined && "nv" in frame) {
          this.#match(connection, streamId, frame.nv);
        }
        if (!this.#isMatched(connection, streamId)) return false;
      }
      return holds(this.#streams, streamId) &&
        holds(this.#types, type.toUpperCase());
    }
    // Heads and notes belong to no stream.
    return this.#streams.size === 0 && this.#where.length === 0 &&
      this.#types.size === 0;
  }

  /** Whether the payload belongs to a selected frame. */
  acceptsPayload(payload: CapturedPayload): boolean {
    const { connection, streamId, fromClient } = payload;
    return holds(this.#connections, connection) &&
      holds(this.#streams, streamId) && this.#isSide(fromClient) &&
      (this.#where.length === 0 || this.#isMatched(connection, streamId));
  }

  #isSide(fromClient: boolean): boolean {
    return this.#fromClient === undefined || this.#fromClient === fromClient;
  }

  #isMatched(connection: number, streamId: number): boolean {
    const met = this.#matched.get(connection)?.get(streamId);
    return met !== undefined && met.every(Boolean);
  }

  /** Request and response may each meet some of the conditions. */
  #match(
    connection: number,
    streamId: number,
    nv: readonly (readonly [string, string])[],
  ): void {
    const streams = this.#matched.get(connection) ??
      new Map<number, boolean[]>();
    const before = streams.get(streamId);
    const met = this.#where.map((condition, index) =>
      before?.[index] ||
      nv.some(([name, value]) =>
        name === condition.name && condition.matches(value)
      )
    );
    if (!met.includes(true)) return;
    this.#matched.set(connection, streams);
    streams.set(streamId, met);
    if (streams.size <= MOST_STREAMS) return;
    for (const oldest of streams.keys()) {
      streams.delete(oldest);
      break;
    }
  }
}

/** The name of a frame type as records have it, in capital letters. */
function readType(text: string): string {
  const name = text.trim().toUpperCase();
  const isUnknown = /^UNKNOWN TYPE \d+$/.test(name);
  if (isUnknown || FRAME_NAMES.includes(name)) return name;
  const hint = didYouMean(name, FRAME_NAMES) ||
    `; known are ${FRAME_NAMES.join(", ")}`;
  throw new UsageError(`--type ${text}: it is not a type of frame${hint}`);
}

function holds<T>(set: ReadonlySet<T>, value: T | undefined): boolean {
  return set.size === 0 || value !== undefined && set.has(value);
}

function numbers(name: string, lists: readonly string[]): Set<number> {
  const found = new Set<number>();
  for (const text of lists.flatMap((list) => list.split(","))) {
    const number = readWhole(text.trim());
    if (Number.isNaN(number)) {
      throw new UsageError(`${name} ${text}: it must be a number from 0`);
    }
    found.add(number);
  }
  return found;
}

/** Parses `NAME`, `NAME=VALUE`, `NAME!=VALUE`, `NAME~REGEX` or `NAME!~REGEX`. */
function readCondition(text: string): Condition {
  const [, name, operator, value] = /^(:?[^=~!]+)(?:(!?[=~])(.*))?$/s.exec(
    text,
  ) ?? [];
  if (name === undefined) {
    throw new UsageError(
      `--where ${text}: write it as NAME, NAME=VALUE, NAME!=VALUE, NAME~REGEX or NAME!~REGEX`,
    );
  }
  return { name: name.trim().toLowerCase(), matches: matcher(operator, value) };
}

function matcher(
  operator: string | undefined,
  value: string,
): (value: string) => boolean {
  switch (operator) {
    case undefined:
      return () => true;
    case "=":
      return (found) => found === value;
    case "!=":
      return (found) => found !== value;
  }
  let pattern: RegExp;
  try {
    pattern = new RegExp(value, "u");
  } catch (error) {
    throw new UsageError(
      `--where ~${value}: ${error instanceof Error ? error.message : error}`,
    );
  }
  return operator === "~"
    ? (found) => pattern.test(found)
    : (found) => !pattern.test(found);
}
