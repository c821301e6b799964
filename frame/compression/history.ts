/**
 * The last positions of names, values and cookie crumbs, so that a repeated header
 * needs one look-up instead of a search.
 *
 * Step 2 of the worked example in `README.md`.
 *
 * @module
 */

import * as constants from "../../zlib/constants.ts";
import type { Sensitivity } from "./secret_names.ts";

// Read for each value, and so a constant of this file; see `zlib/symbol_decoder.ts`.
const { WINDOW_SIZE } = constants;

/** The last position of one value, or of one unit of a secret value. */
export interface Seen {
  /** Position of its last copy: of the whole pair if public, of the value's bytes if secret. */
  last: number;
  /** Position of the last copy whose parts were indexed too. */
  indexed: number;
  /** Its length, bytes. */
  readonly size: number;
  /** Identifies a public value, above 0; 0 for a secret. */
  readonly id: number;
  /** Its number in the run finder, 0 for none. */
  number: number;
  /** The generation in which it was last recorded. */
  generation: number;
}

/**
 * After this many new values of a name in a row, only some of the following values are
 * looked up and recorded: a path or an etag is rarely sent again, and V8 takes
 * 0.3 us to hash a new string. The byte-by-byte search still finds a public value
 * that was not recorded.
 */
const NOVEL = 8;
/** One of this many following values is looked up; a power of two. */
const SAMPLED = 8;

/** The recently sent values of one name: either the public ones, or the secret ones and their units. */
export class KnownValues {
  /** Whether they are secret. */
  readonly secret: boolean;
  /** The generation in which a value was last recorded. */
  generation = 0;
  /** The first value recorded in that generation. Most names have one only, for which a map would take 200 bytes. */
  #first: string | undefined;
  #firstSeen: Seen | undefined;
  /** The other values recorded in that generation. */
  #more: Map<string, Seen> | undefined;
  /** Values recorded in the generation before. */
  #older: ReadonlyMap<string, Seen> | undefined;

  constructor(secret: boolean) {
    this.secret = secret;
  }

  /** The value's last copy, if it is at most 32 KiB before `position`. */
  find(value: string, position: number): Seen | undefined {
    const seen = value === this.#first
      ? this.#firstSeen
      : this.#more?.get(value) ?? this.#older?.get(value);
    return seen !== undefined && position - seen.last <= WINDOW_SIZE
      ? seen
      : undefined;
  }

  /** Begins a generation. */
  begin(generation: number): void {
    const values = this.generation === generation - 1
      ? this.#more ?? new Map()
      : undefined;
    if (values !== undefined && this.#firstSeen !== undefined) {
      values.set(this.#first!, this.#firstSeen);
    }
    this.#older = values;
    this.#more = undefined;
    this.#first = undefined;
    this.#firstSeen = undefined;
    this.generation = generation;
  }

  /** Records a value in this generation. */
  add(value: string, seen: Seen): void {
    if (this.#firstSeen === undefined || this.#first === value) {
      this.#first = value;
      this.#firstSeen = seen;
    } else {
      (this.#more ??= new Map()).set(value, seen);
    }
  }
}

/** The recorded values of one header name. */
export class KnownName {
  /** How sensitive the values of the name are. */
  readonly sensitivity: Sensitivity;
  /** Identifies the name. */
  readonly id: number;
  /** Position of the last pair with this name, -1 for none. */
  last = -1;
  #shown: KnownValues | undefined;
  #hidden: KnownValues | undefined;
  /** How many public values in a row were new, or were not looked up. */
  #novel = 0;

  constructor(sensitivity: Sensitivity, id: number) {
    this.id = id;
    this.sensitivity = sensitivity;
  }

  /** The public values. They are separate from the secret ones, because different positions are recorded for them. */
  get shown(): KnownValues {
    return this.#shown ??= new KnownValues(false);
  }

  /** The secret values, and their units. */
  get hidden(): KnownValues {
    return this.#hidden ??= new KnownValues(true);
  }

  /** Whether to look up and record the next public value. Call it once for each value. */
  looksUp(): boolean {
    return this.#novel < NOVEL || (this.#novel++ & (SAMPLED - 1)) === 0;
  }

  /** A value that was not looked up was sent again, so the next ones are looked up. */
  repeats(): void {
    this.#novel = 0;
  }

  /** Finds the last copy of a public value; see {@linkcode KnownValues.find}. */
  find(value: string, position: number): Seen | undefined {
    const seen = this.shown.find(value, position);
    if (seen === undefined) this.#novel++;
    else this.#novel = 0;
    return seen;
  }
}

/**
 * All names of one direction that are in the window.
 *
 * A generation is 32 KiB of the stream. Everything that was recorded two generations ago
 * is out of the window. So two maps are enough, one for this generation and one for the
 * generation before: the older one is dropped as a whole.
 */
export class History {
  #sensitivityOf: (name: string) => Sensitivity;
  #names = new Map<string, KnownName>();
  #olderNames: ReadonlyMap<string, KnownName> | undefined;
  #generation = 0;
  #ids = 0;
  #values = 0;

  constructor(sensitivityOf: (name: string) => Sensitivity) {
    this.#sensitivityOf = sensitivityOf;
  }

  /** Begins a block at `position`. Returns whether a new generation begins. */
  begin(position: number): boolean {
    const generation = Math.floor(position / WINDOW_SIZE);
    if (generation === this.#generation) return false;
    this.#olderNames = this.#names;
    this.#names = new Map();
    this.#generation = generation;
    return true;
  }

  /** The record of `name`, which is created if there is none. */
  name(name: string): KnownName {
    let known = this.#names.get(name);
    if (known === undefined) {
      known = this.#olderNames?.get(name) ??
        new KnownName(this.#sensitivityOf(name), ++this.#ids);
      this.#names.set(name, known);
    }
    return known;
  }

  /**
   * Records that a value of `known`, `size` bytes long, is at `position`; `seen` is
   * the result of `find` for it.
   */
  note(
    known: KnownValues,
    value: string,
    seen: Seen | undefined,
    position: number,
    size: number,
  ): Seen {
    const generation = this.#generation;
    if (seen !== undefined && seen.generation === generation) {
      // The usual case: the map of this generation already has the value.
      seen.last = position;
      return seen;
    }
    if (known.generation !== generation) known.begin(generation);
    if (seen === undefined) {
      seen = {
        last: position,
        indexed: position,
        size,
        // A secret gets no id: later output must not depend on how many secrets were
        // new.
        id: known.secret ? 0 : ++this.#values,
        number: 0,
        generation,
      };
    } else {
      seen.last = position;
      seen.generation = generation;
    }
    known.add(value, seen);
    return seen;
  }

  /** Forgets everything. */
  clear(): void {
    this.#names.clear();
    this.#olderNames = undefined;
    this.#values = 0;
  }

  /** Begins a new stream, in which `sensitivityOf` judges the names. */
  restart(sensitivityOf: (name: string) => Sensitivity): void {
    this.clear();
    this.#ids = 0;
    this.#sensitivityOf = sensitivityOf;
  }
}
