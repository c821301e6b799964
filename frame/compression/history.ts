/**
 * Where names, values and cookie crumbs stood last: what makes a repeated
 * header one look-up instead of a search.
 *
 * Step 2 of the worked example in `README.md`.
 *
 * @module
 */

import { WINDOW_SIZE } from "../../zlib/constants.ts";
import type { Nature } from "./nature.ts";

/** Where one value, or one unit of a secret value, stood last. */
export interface Seen {
  /** Position of its last copy: of the whole pair when public, of the bytes when secret. */
  last: number;
  /** Position of the last copy whose parts were indexed too. */
  indexed: number;
  /** Bytes of it. */
  readonly size: number;
  /** Tells the public values apart, above 0; 0 for a secret. */
  readonly id: number;
  /** Its number in the run finder, 0 for none. */
  number: number;
  /** The generation in which it was noted last. */
  generation: number;
}

/**
 * So many values of a name in a row that were new, and only some of those that
 * follow are looked up and noted: a path or an etag is rarely sent again, and
 * V8 takes 0.3 us to hash a fresh string. What is not noted is found byte by
 * byte, if it is public.
 */
const NOVEL = 8;
/** Of those that follow, one in so many is looked up; a power of two. */
const SAMPLED = 8;

/** The values of one name that were sent lately, those of one kind: public ones, or secret ones and their units. */
export class KnownValues {
  /** Whether they are secret. */
  readonly secret: boolean;
  /** The generation in which a value was noted last. */
  generation = 0;
  /** Values noted in that generation. */
  values: Map<string, Seen> = new Map();
  /** Values noted in the generation before. */
  olderValues: Map<string, Seen> | undefined;

  constructor(secret: boolean) {
    this.secret = secret;
  }

  /** The value's last copy, when its position is at most 32 KiB before `position`. */
  find(value: string, position: number): Seen | undefined {
    const seen = this.values.get(value) ?? this.olderValues?.get(value);
    return seen !== undefined && position - seen.last <= WINDOW_SIZE
      ? seen
      : undefined;
  }
}

/** What is known of one header name. */
export class KnownName {
  /** What the name says of its values. */
  readonly nature: Nature;
  /** Tells the names apart. */
  readonly id: number;
  /** Position of the last pair with this name, -1 for none. */
  last = -1;
  #shown: KnownValues | undefined;
  #hidden: KnownValues | undefined;
  /** How many public values in a row were new, those included that were not looked up. */
  #novel = 0;

  constructor(nature: Nature, id: number) {
    this.id = id;
    this.nature = nature;
  }

  /** The public values. They and the secret ones must not be taken for one another: what is noted of them differs. */
  get shown(): KnownValues {
    return this.#shown ??= new KnownValues(false);
  }

  /** The secret values, and their units. */
  get hidden(): KnownValues {
    return this.#hidden ??= new KnownValues(true);
  }

  /** Whether it pays to look the next public value up, and to note it. Asked once a value. */
  looksUp(): boolean {
    return this.#novel < NOVEL || (this.#novel++ & (SAMPLED - 1)) === 0;
  }

  /** A value was sent again that was not looked up. */
  repeats(): void {
    this.#novel = 0;
  }

  /** The last copy of a public value, as {@linkcode KnownValues.find}. */
  find(value: string, position: number): Seen | undefined {
    const seen = this.shown.find(value, position);
    if (seen === undefined) this.#novel++;
    else this.#novel = 0;
    return seen;
  }
}

/**
 * All names of one direction that stand in the window.
 *
 * A generation is 32 KiB of stream. What was noted in the generation before the
 * last is out of the window: two maps that take turns need no list of what is
 * to be dropped when.
 */
export class History {
  readonly #natureOf: (name: string) => Nature;
  #names = new Map<string, KnownName>();
  #olderNames = new Map<string, KnownName>();
  #generation = 0;
  #ids = 0;
  #values = 0;

  constructor(natureOf: (name: string) => Nature) {
    this.#natureOf = natureOf;
  }

  /** Begins a block at `position`. Returns whether a generation begins with it. */
  begin(position: number): boolean {
    const generation = Math.floor(position / WINDOW_SIZE);
    if (generation === this.#generation) return false;
    this.#olderNames = this.#names;
    this.#names = new Map();
    this.#generation = generation;
    return true;
  }

  /** What is known of `name`. */
  name(name: string): KnownName {
    let known = this.#names.get(name);
    if (known === undefined) {
      known = this.#olderNames.get(name) ??
        new KnownName(this.#natureOf(name), ++this.#ids);
      this.#names.set(name, known);
    }
    return known;
  }

  /**
   * Notes that a value, one of `known`, stands at `position`, `size` bytes long;
   * `seen` is what `find` gave for it.
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
      // The usual case: the value is in the younger map already.
      seen.last = position;
      return seen;
    }
    if (known.generation !== generation) {
      known.olderValues = known.generation === generation - 1
        ? known.values
        : undefined;
      known.values = new Map();
      known.generation = generation;
    }
    if (seen === undefined) {
      seen = {
        last: position,
        indexed: position,
        size,
        // A secret gets none: what is coded later must not depend on how many
        // of them were new.
        id: known.secret ? 0 : ++this.#values,
        number: 0,
        generation,
      };
    } else {
      seen.last = position;
      seen.generation = generation;
    }
    known.values.set(value, seen);
    return seen;
  }

  /** Forgets everything. */
  clear(): void {
    this.#names.clear();
    this.#olderNames.clear();
    this.#generation = 0;
    this.#values = 0;
  }
}
