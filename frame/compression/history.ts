/**
 * Where names, values and cookie crumbs stood last: what makes a repeated
 * header one look-up instead of a search.
 *
 * @module
 */

import { MAX_WINDOW } from "../../zlib/constants.ts";

/** Where one value, or one unit of a secret value, stood last. */
export interface Seen {
  /** Position of its last copy: of the whole pair when public, of the bytes when secret. */
  last: number;
  /** Position of the last copy whose parts were indexed too. */
  indexed: number;
  /** Bytes of it. */
  readonly size: number;
  /** Its number in the run finder, 0 for none. */
  number: number;
  at?: number[];
}

/** What is known of one header name. */
export class KnownName {
  /** Whether the values are secret. */
  readonly secret: boolean;
  /** Position of the last pair with this name, -1 for none. */
  last = -1;
  #values = new Map<string, Seen>();
  #olderValues: Map<string, Seen> | undefined;
  #generation = 0;
  #lastValue: string | undefined;
  #lastSeen: Seen | undefined;

  /** Tells the names apart. */
  readonly id: number;

  constructor(secret: boolean, id: number) {
    this.id = id;
    this.secret = secret;
  }

  /** The value's last copy, when its position is at most 32 KiB before `position`. */
  find(value: string, position: number): Seen | undefined {
    const seen = value === this.#lastValue
      ? this.#lastSeen
      : this.#values.get(value) ?? this.#olderValues?.get(value);
    if (seen === undefined) return undefined;
    return position - seen.last <= MAX_WINDOW ? seen : undefined;
  }

  /** Notes that the value stands at `position`, `size` bytes long; `seen` is what `find` gave for it. */
  note(
    value: string,
    seen: Seen | undefined,
    position: number,
    size: number,
  ): Seen {
    const generation = position >>> 15;
    this.#lastValue = value;
    if (generation !== this.#generation) this.#age(generation);
    else if (seen !== undefined && seen.last >>> 15 === generation) {
      // The usual case: the value is in the younger map already.
      seen.last = position;
      return this.#lastSeen = seen;
    }
    if (seen === undefined) {
      seen = { last: position, indexed: position, size, number: 0 };
    } else seen.last = position;
    this.#values.set(value, seen);
    return this.#lastSeen = seen;
  }

  /**
   * What was noted in the generation before the last is out of the window.
   * Two maps that take turns need no list of what is to be dropped when.
   */
  #age(generation: number): void {
    this.#olderValues = generation === this.#generation + 1
      ? this.#values
      : undefined;
    this.#values = new Map();
    this.#generation = generation;
  }
}

/** All names of one direction that stand in the window. */
export class History {
  readonly #isSecret: (name: string) => boolean;
  #names = new Map<string, KnownName>();
  #olderNames = new Map<string, KnownName>();
  #generation = 0;
  #ids = 0;

  constructor(isSecret: (name: string) => boolean) {
    this.#isSecret = isSecret;
  }

  /** What is known of `name`, now at `position`. */
  name(name: string, position: number): KnownName {
    const generation = position >>> 15;
    if (generation !== this.#generation) {
      this.#olderNames = this.#names;
      this.#names = new Map();
      this.#generation = generation;
    }
    let known = this.#names.get(name);
    if (known === undefined) {
      known = this.#olderNames.get(name) ??
        new KnownName(this.#isSecret(name), ++this.#ids);
      this.#names.set(name, known);
    }
    return known;
  }

  /** Forgets everything. */
  clear(): void {
    this.#names.clear();
    this.#olderNames.clear();
    this.#generation = 0;
  }
}
