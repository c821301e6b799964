/**
 * Counts what synchronous code asks of the engine: memory, look-ups, reads and copies.
 * Unlike a measured time, the figures are the same in each run and on each machine.
 *
 * @module
 */

/** What one run of a function asked for. */
export interface Work {
  /** Bytes of new buffers and typed arrays. */
  memory: number;
  /** Reads of several bytes at once. */
  reads: number;
  /** Writes of several bytes at once. */
  writes: number;
  /** Characters that were read one by one. */
  characters: number;
  /** Look-ups in maps and sets, and changes of them. */
  lookups: number;
  /** Pieces of texts that were cut out. */
  slices: number;
  /** Copies, fills and views of typed arrays. */
  copies: number;
}

type Kind = Exclude<keyof Work, "memory">;
type Methods = Record<string, (...args: unknown[]) => unknown>;

/** The methods that are counted, with what each of them counts as. */
const COUNTED: readonly (readonly [object, Kind, readonly string[]])[] = [
  [DataView.prototype, "reads", ["getInt32", "getUint32", "getBigInt64"]],
  [DataView.prototype, "writes", ["setInt16", "setInt32", "setBigInt64"]],
  [String.prototype, "characters", ["charCodeAt", "codePointAt"]],
  [String.prototype, "slices", ["slice", "substring", "startsWith"]],
  [Map.prototype, "lookups", ["get", "set", "has", "delete", "clear"]],
  [Set.prototype, "lookups", ["has", "add", "delete"]],
  [
    Object.getPrototypeOf(Uint8Array.prototype),
    "copies",
    ["set", "fill", "copyWithin", "subarray", "slice"],
  ],
];

const BUFFERS = [
  "ArrayBuffer",
  "Uint8Array",
  "Uint16Array",
  "Uint32Array",
  "Int32Array",
] as const;

/** Runs a function, which must not wait for anything, and returns what it asked for. */
export function countedWork(run: () => void): Work {
  const work: Work = {
    memory: 0,
    reads: 0,
    writes: 0,
    characters: 0,
    lookups: 0,
    slices: 0,
    copies: 0,
  };
  const undo: (() => void)[] = [];
  const replace = (target: object, name: string, value: unknown): void => {
    const old = Object.getOwnPropertyDescriptor(target, name)!;
    Object.defineProperty(target, name, { ...old, value });
    undo.push(() => Object.defineProperty(target, name, old));
  };
  for (const [prototype, kind, names] of COUNTED) {
    for (const name of names) {
      const method = (prototype as Methods)[name];
      replace(prototype, name, function (this: unknown, ...args: unknown[]) {
        work[kind]++;
        return method.apply(this, args);
      });
    }
  }
  for (const name of BUFFERS) {
    const original = globalThis[name];
    const size = "BYTES_PER_ELEMENT" in original
      ? original.BYTES_PER_ELEMENT
      : 1;
    const counting = new Proxy(original, {
      construct(target, args, newTarget): object {
        if (typeof args[0] === "number") work.memory += args[0] * size;
        return Reflect.construct(target, args, newTarget);
      },
    });
    replace(globalThis, name, counting);
  }
  try {
    run();
  } finally {
    for (const restore of undo) restore();
  }
  return work;
}

/** The figures as a text. */
export function describeWork(work: Work): string {
  return `${work.memory} bytes of memory, ${work.reads} reads, ` +
    `${work.writes} writes, ${work.characters} characters, ${work.lookups} look-ups, ` +
    `${work.slices} pieces of text, ${work.copies} copies`;
}
