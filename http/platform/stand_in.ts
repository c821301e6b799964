/**
 * Objects that replace the platform's `Request` and `Response` until the program
 * needs more than a URL, a status, headers or a small body. Creating the platform's
 * object and reading these takes 5 to 7 us, and 1 us with a stand-in, of the 40 to
 * 90 us of a small request.
 *
 * The prototype of a stand-in inherits from the platform's, so `instanceof` works.
 * Deno stores the state of its objects under symbols. The stand-in has accessors
 * for each of them, which create the real object and return its state. Everything
 * that a stand-in does not implement, and every function of the platform that gets
 * a stand-in, therefore works on the real object.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { makeImmutable } from "./immutable_headers.ts";
import { setLinearIterators } from "./linear_iterators.ts";
import { usesStandIns } from "./stand_in_switch.ts";

/** The platform's classes that have stand-ins. */
export type Message = Request | Response;

/** Bodies that a stand-in accepts. */
export type StandInBody = ReadableStream<Uint8Array> | Uint8Array | null;

/**
 * Key of the state of a stand-in. It is a property and not a private field, so that
 * a `Proxy` around a stand-in works, as one around the platform's objects does.
 */
export const HELD: unique symbol = Symbol("held");

/** The part of a stand-in that is used here. */
export interface StandIn {
  readonly [HELD]: Held<Message>;
}

const EMPTY = new Uint8Array(0);

/** Faster by a third than passing the pairs to `Headers`, which converts sequences. */
function append(
  headers: Headers,
  nv: Iterable<readonly [string, string]>,
): void {
  for (const [name, value] of nv) headers.append(name, value);
}

/** The state of a stand-in: first its parts, later the real object. */
export abstract class Held<T extends Message> {
  readonly #nv: readonly NameValue[];
  readonly #abortable: AbortSignal | undefined;
  #body: StandInBody;
  #taken = false;
  /** The headers if they were read before the real object was created; they replace its own. */
  #headers: Headers | undefined;
  #real: T | undefined;

  /** If `signal` has aborted, reading a body in memory fails with its reason. */
  constructor(
    body: StandInBody,
    headers: readonly NameValue[],
    signal?: AbortSignal,
  ) {
    this.#body = body;
    this.#nv = headers;
    this.#abortable = signal;
  }

  /** Creates the real object without headers. */
  protected abstract make(body: BodyInit | null): T;

  /** The real object, created on first use. */
  get real(): T {
    if (this.#real === undefined) {
      if (this.#abortable !== undefined) this.#openBody();
      const real = this.make((this.#taken ? EMPTY : this.#body) as BodyInit);
      append(real.headers, this.#nv);
      setLinearIterators(real.headers, this.#nv.length);
      makeImmutable(real.headers);
      // If the body was already read, it is marked as used in the real object as
      // well.
      if (this.#taken) real.arrayBuffer();
      this.#real = real;
      this.#body = null;
    }
    return this.#real;
  }

  /**
   * The headers without the real object: 1.1 us for the four of a response instead
   * of 6.
   */
  get headers(): Headers {
    if (this.#headers !== undefined) return this.#headers;
    if (this.#real !== undefined) return this.#real.headers;
    const headers = new Headers();
    append(headers, this.#nv);
    setLinearIterators(headers, this.#nv.length);
    return this.#headers = makeImmutable(headers);
  }

  /** Whether the body was read or is being read. */
  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? this.#taken;
  }

  /** Whether a reader has locked the body; that is not possible without the real object. */
  get locked(): boolean {
    return this.#real?.body?.locked ?? false;
  }

  /** The body as a stream of type "bytes". The platform's stream for bytes is not of this type. */
  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#real === undefined) this.#openBody();
    return this.real.body;
  }

  #openBody(): void {
    if (!(this.#body instanceof Uint8Array)) return;
    this.#body = streamOfBytes(
      this.#body as Uint8Array<ArrayBuffer>,
      this.#abortable,
    );
  }

  /**
   * The body in memory, for the caller that may use it; `undefined` if the real
   * object has to decide: for a stream, no body, a used body, or one that was aborted.
   */
  takeBytes(): Uint8Array<ArrayBuffer> | undefined {
    if (!(this.#body instanceof Uint8Array) || this.#abortable?.aborted) {
      return undefined;
    }
    const bytes = this.#body;
    this.#body = null;
    this.#taken = true;
    return bytes as Uint8Array<ArrayBuffer>;
  }
}

/**
 * A stream of type "bytes" with these bytes. It fails with the reason of `signal` if
 * that has aborted before they are read.
 */
export function streamOfBytes(
  bytes: Uint8Array<ArrayBuffer>,
  signal: AbortSignal | undefined,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: "bytes",
    start(controller) {
      if (signal?.aborted) controller.error(signal.reason);
    },
    // Checked here, because a listener of the signal would keep a body alive that is
    // never read.
    pull(controller) {
      if (signal?.aborted) {
        controller.error(signal.reason);
        return;
      }
      if (bytes.length > 0) controller.enqueue(alone(bytes));
      controller.close();
      controller.byobRequest?.respond(0);
    },
  }, { highWaterMark: 0 });
}

/** Whether a stand-in's body is locked to a reader; `undefined` if the object is not a stand-in. */
export function isHeldLocked(
  message: Message & { readonly [HELD]?: Held<Message> },
): boolean | undefined {
  return message[HELD]?.locked;
}

/** Takes the bytes out of a stand-in; `undefined` if there are none. */
export function takeHeldBytes(
  message: Message & { readonly [HELD]?: Held<Message> },
): Uint8Array<ArrayBuffer> | undefined {
  return message[HELD]?.takeBytes();
}

/** The part of the platform's classes that is used here. */
export interface Platform {
  readonly prototype: Message;
}

/**
 * Makes `prototype` inherit from the platform's prototype and adds what every
 * stand-in needs. Returns false if the platform's functions do not work with the
 * result, for example because the state is in private fields, and if stand-ins are
 * turned off. `probe` creates a stand-in.
 */
export function standInFor(
  prototype: StandIn,
  platform: Platform,
  probe: () => StandIn,
): boolean {
  if (!usesStandIns()) return false;
  addMembers(prototype, () => platform.prototype);
  try {
    inherit(prototype, platform.prototype, probe);
    return passesFor(platform.prototype, probe);
  } catch {
    return false;
  }
}

/** Versions of Deno whose objects were tested to work with stand-ins. */
const TESTED = /^2\.[789]\./;

/** Whether {@linkcode standInFor} certainly returns true here. */
export function certainlyStandsIn(): boolean {
  return usesStandIns() && TESTED.test(globalThis.Deno?.version?.deno ?? "");
}

/**
 * As {@linkcode standInFor}, where that certainly returns true. The platform's class
 * is created on first use: when a program uses something that the stand-in does not
 * implement, asks for `instanceof`, or passes the stand-in to a function of the platform.
 * Deno takes 4 ms to create `Response`, and 4 ms to find out how to imitate it,
 * and a program that fetches one page needs neither. Returns a function that does it now.
 */
export function standInLater(
  prototype: StandIn,
  platform: () => Platform,
  probe: () => StandIn,
): () => void {
  addMembers(prototype, () => platform().prototype);
  let inherits = false;
  const inheritNow = (): void => {
    if (inherits) return;
    inherits = true;
    inherit(prototype, platform().prototype, probe);
  };
  // A look-up that passes the stand-in reaches this object first, and only once.
  const ancestor: ProxyHandler<object> = {
    getPrototypeOf() {
      inheritNow();
      return platform().prototype;
    },
    has(_target, key) {
      inheritNow();
      return Reflect.has(prototype, key);
    },
    get(_target, key, receiver) {
      // Each `await` of a stand-in asks for it. Neither class has it.
      if (key === "then") return Reflect.get(Object.prototype, key, receiver);
      inheritNow();
      return Reflect.get(prototype, key, receiver);
    },
    set(_target, key, value, receiver) {
      inheritNow();
      return Reflect.set(prototype, key, value, receiver);
    },
    // For `for in`: V8 takes all of these keys, enumerable or not, and looks no further.
    ownKeys() {
      inheritNow();
      return Object.keys(platform().prototype);
    },
  };
  Object.setPrototypeOf(prototype, new Proxy({}, ancestor));
  return inheritNow;
}

/** Adds the members that both classes share, and makes all of them enumerable, as those of the platform are. */
function addMembers(prototype: StandIn, platform: () => Message): void {
  Object.defineProperties(
    prototype,
    Object.getOwnPropertyDescriptors(members(platform)),
  );
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name === "constructor") Reflect.deleteProperty(prototype, name);
    else Object.defineProperty(prototype, name, { enumerable: true });
  }
}

/** Makes the platform's functions find the state of the real object in a stand-in. */
function inherit(
  prototype: StandIn,
  platform: Message,
  probe: () => StandIn,
): void {
  Object.setPrototypeOf(prototype, platform);
  const used = afterUse(platform, probe()[HELD].real);
  for (const key of Object.getOwnPropertySymbols(used)) {
    passOn(prototype, key);
  }
  // The other symbols of the platform are getters that compute their value from the
  // state. Only that of the signal is replaced, because a stand-in has its own signal.
  for (const key of Object.getOwnPropertySymbols(platform)) {
    if (Reflect.get(used, key) instanceof AbortSignal) {
      Object.defineProperty(prototype, key, {
        configurable: true,
        get(this: StandIn): unknown {
          return Reflect.get(this, "signal");
        },
      });
    }
  }
}

/** Returns an object whose complete state exists, because Deno creates some of it on first use. */
function afterUse(platform: Message, real: Message): Message {
  const members = Object.getOwnPropertyDescriptors(platform);
  for (const { get } of Object.values(members)) get?.call(real);
  Reflect.apply(platform.clone, real, []);
  return real;
}

/** Returns the real object's state for `key`. */
function passOn(prototype: StandIn, key: symbol): void {
  Object.defineProperty(prototype, key, {
    configurable: true,
    get(this: StandIn): unknown {
      const value: unknown = Reflect.get(this[HELD].real, key);
      if (value instanceof Headers) return this[HELD].headers;
      if (value instanceof AbortSignal) return Reflect.get(this, "signal");
      return isHandle(value) ? null : value;
    },
    set(this: StandIn, value: unknown): void {
      if (!isHandle(value)) Reflect.set(this[HELD].real, key, value);
      else Object.defineProperty(this, key, { value, writable: true });
    },
  });
}

/**
 * Whether a value is a handle of memory outside of JavaScript. Deno frees that
 * memory together with the object that owns it. If a stand-in returned the handle,
 * it would be freed twice.
 */
function isHandle(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === null &&
    Reflect.ownKeys(value).length === 0;
}

/** Whether the platform's functions accept a stand-in. */
function passesFor(platform: Message, probe: () => StandIn): boolean {
  const members = Object.getOwnPropertyDescriptors(platform);
  for (const { get } of Object.values(members)) get?.call(probe());
  const original = probe();
  const copy: Message = Reflect.apply(platform.clone, original, []);
  Reflect.apply(platform.arrayBuffer, original, []);
  copy.arrayBuffer();
  return copy.bodyUsed && original[HELD].bodyUsed;
}

/** The members that both classes share: headers, and reading a body in memory. */
function members(platform: () => Message): ThisType<Message & StandIn> {
  return {
    get body(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
      return this[HELD].stream;
    },
    get bodyUsed(): boolean {
      return this[HELD].bodyUsed;
    },
    get headers(): Headers {
      return this[HELD].headers;
    },
    arrayBuffer(): Promise<ArrayBuffer> {
      const bytes = this[HELD].takeBytes();
      if (bytes === undefined) return platform().arrayBuffer.call(this);
      return Promise.resolve(alone(bytes).buffer);
    },
    bytes(): Promise<Uint8Array<ArrayBuffer>> {
      const bytes = this[HELD].takeBytes();
      if (bytes === undefined) return platform().bytes.call(this);
      return Promise.resolve(bytes);
    },
    json(): Promise<unknown> {
      const bytes = this[HELD].takeBytes();
      if (bytes === undefined) return platform().json.call(this);
      return Promise.try(() => JSON.parse(DECODER.decode(bytes)));
    },
    text(): Promise<string> {
      const bytes = this[HELD].takeBytes();
      if (bytes === undefined) return platform().text.call(this);
      return Promise.resolve(DECODER.decode(bytes));
    },
  };
}

const DECODER = new TextDecoder();

/** Bytes that do not share their buffer. */
function alone(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}
