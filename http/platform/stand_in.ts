/**
 * Objects that stand in for the platform's `Request` and `Response` until
 * somebody asks for more than they know. Most are asked for a URL, a status,
 * headers, a small body: the platform takes 5 to 7 us to make an object and
 * answer that, a stand-in 1 (of 40 to 90 that a small request takes in all).
 *
 * A stand-in has the platform's prototype behind its own, so `instanceof`
 * holds. Deno keeps what its objects know under symbols: the stand-in has
 * accessors for each of these, which make the real object and pass on to it. So
 * everything that is not answered here, and every function of the platform that
 * is handed a stand-in, works on the real object.
 *
 * @module
 */

import type { NameValue } from "../../frame/types.ts";
import { makeImmutable } from "./immutable_headers.ts";
import { easeIteration } from "./many_headers.ts";
import { usesStandIns } from "./stand_in_switch.ts";

/** What the platform has a constructor for. */
export type Message = Request | Response;

/** Bodies that a stand-in can take. */
export type StandInBody = ReadableStream<Uint8Array> | Uint8Array | null;

/**
 * Key of what a stand-in knows. A property, not a private field: a `Proxy`
 * around the platform's objects works, and so must one around these.
 */
export const HELD: unique symbol = Symbol("held");

/** A stand-in, as far as this file is concerned. */
export interface StandIn {
  readonly [HELD]: Held<Message>;
}

const EMPTY = new Uint8Array(0);

/** A third faster than handing over the pairs: no sequences to convert. */
function append(
  headers: Headers,
  nv: Iterable<readonly [string, string]>,
): void {
  for (const [name, value] of nv) headers.append(name, value);
}

/** What a stand-in knows: the parts, then the real object. */
export abstract class Held<T extends Message> {
  readonly #nv: readonly NameValue[];
  #body: StandInBody;
  #taken = false;
  /** Made before the real object, and handed out in place of its own. */
  #headers: Headers | undefined;
  #real: T | undefined;

  constructor(body: StandInBody, headers: readonly NameValue[]) {
    this.#body = body;
    this.#nv = headers;
  }

  /** Makes the real object, without headers. */
  protected abstract make(body: BodyInit | null): T;

  /** The real object, made when first asked for. */
  get real(): T {
    if (this.#real === undefined) {
      const real = this.make((this.#taken ? EMPTY : this.#body) as BodyInit);
      append(real.headers, this.#nv);
      easeIteration(real.headers, this.#nv.length);
      makeImmutable(real.headers);
      // A body that was given out is used up in the real object as well.
      if (this.#taken) real.arrayBuffer();
      this.#real = real;
      this.#body = null;
    }
    return this.#real;
  }

  /**
   * The headers, without the real object around them: 1.1 us for a response's
   * four in place of 6.
   */
  get headers(): Headers {
    if (this.#headers !== undefined) return this.#headers;
    if (this.#real !== undefined) return this.#real.headers;
    const headers = new Headers();
    append(headers, this.#nv);
    easeIteration(headers, this.#nv.length);
    return this.#headers = makeImmutable(headers);
  }

  /** Whether the body was read, or is being. */
  get bodyUsed(): boolean {
    return this.#real?.bodyUsed ?? this.#taken;
  }

  /** Whether somebody has taken a reader of the body; nobody can without the real object. */
  get locked(): boolean {
    return this.#real?.body?.locked ?? false;
  }

  /** The body as a stream: of type "bytes", which that of the platform is not when it has the bytes. */
  get stream(): ReadableStream<Uint8Array<ArrayBuffer>> | null {
    if (this.#real === undefined && this.#body instanceof Uint8Array) {
      this.#body = byteStreamOf(this.#body as Uint8Array<ArrayBuffer>);
    }
    return this.real.body;
  }

  /**
   * The body in memory, for the one who may use it; `undefined` where the real
   * object has to say what comes of it: a stream, no body, one used before.
   */
  takeBytes(): Uint8Array<ArrayBuffer> | undefined {
    if (!(this.#body instanceof Uint8Array)) return undefined;
    const bytes = this.#body;
    this.#body = null;
    this.#taken = true;
    return bytes as Uint8Array<ArrayBuffer>;
  }
}

function byteStreamOf(
  bytes: Uint8Array<ArrayBuffer>,
): ReadableStream<Uint8Array> {
  return new ReadableStream({
    type: "bytes",
    pull(controller) {
      if (bytes.length > 0) controller.enqueue(alone(bytes));
      controller.close();
      controller.byobRequest?.respond(0);
    },
  }, { highWaterMark: 0 });
}

/** Whether a stand-in's body is locked to a reader; `undefined` for what is no stand-in. */
export function isHeldLocked(
  message: Message & { readonly [HELD]?: Held<Message> },
): boolean | undefined {
  return message[HELD]?.locked;
}

/** Takes the bytes out of a stand-in; `undefined` where there are none to take. */
export function takeHeldBytes(
  message: Message & { readonly [HELD]?: Held<Message> },
): Uint8Array<ArrayBuffer> | undefined {
  return message[HELD]?.takeBytes();
}

/**
 * Puts `prototype` in front of the platform's, and on it what every stand-in
 * has. False when the platform's functions do not work on the outcome: it keeps
 * its state elsewhere, as in private fields; and when stand-ins are turned off.
 * `probe` makes a stand-in.
 */
export function standInFor(
  prototype: StandIn,
  platform: { readonly prototype: Message },
  probe: () => StandIn,
): boolean {
  if (!usesStandIns()) return false;
  Object.setPrototypeOf(prototype, platform.prototype);
  Object.defineProperties(
    prototype,
    Object.getOwnPropertyDescriptors(members(platform.prototype)),
  );
  // The platform's members show up in `for (name in request)`.
  for (const name of Object.getOwnPropertyNames(prototype)) {
    const { enumerable } =
      Object.getOwnPropertyDescriptor(platform.prototype, name) ?? {};
    if (name === "constructor") Reflect.deleteProperty(prototype, name);
    else Object.defineProperty(prototype, name, { enumerable });
  }
  try {
    const used = afterUse(platform.prototype, probe()[HELD].real);
    for (const key of Object.getOwnPropertySymbols(used)) {
      passOn(prototype, key);
    }
    // Of what the platform computes from its state, only the signal is not the real object's.
    for (const key of Object.getOwnPropertySymbols(platform.prototype)) {
      if (Reflect.get(used, key) instanceof AbortSignal) {
        Object.defineProperty(prototype, key, {
          configurable: true,
          get(this: StandIn): unknown {
            return Reflect.get(this, "signal");
          },
        });
      }
    }
    return passesFor(platform.prototype, probe);
  } catch {
    return false;
  }
}

/** An object with all of its state: some of it is made when it is first asked for. */
function afterUse(platform: Message, real: Message): Message {
  const members = Object.getOwnPropertyDescriptors(platform);
  for (const { get } of Object.values(members)) get?.call(real);
  Reflect.apply(platform.clone, real, []);
  return real;
}

/** The state under `key` is that of the real object. */
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
 * Whether a value stands for memory outside of JavaScript. Deno frees that with
 * the very object that it gave it to: through a stand-in it would be freed a
 * second time. Each object has its own, or none.
 */
function isHandle(value: unknown): boolean {
  return typeof value === "object" && value !== null &&
    Object.getPrototypeOf(value) === null &&
    Reflect.ownKeys(value).length === 0;
}

/** Whether the platform's own functions take a stand-in for the real thing. */
function passesFor(platform: Message, probe: () => StandIn): boolean {
  const members = Object.getOwnPropertyDescriptors(platform);
  for (const { get } of Object.values(members)) get?.call(probe());
  const original = probe();
  const copy: Message = Reflect.apply(platform.clone, original, []);
  Reflect.apply(platform.arrayBuffer, original, []);
  copy.arrayBuffer();
  return copy.bodyUsed && original[HELD].bodyUsed;
}

/** What both have: headers, and the reading of a body in memory. */
function members(platform: Message): ThisType<Message & StandIn> {
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
      if (bytes === undefined) return platform.arrayBuffer.call(this);
      return Promise.resolve(alone(bytes).buffer);
    },
    bytes(): Promise<Uint8Array<ArrayBuffer>> {
      const bytes = this[HELD].takeBytes();
      if (bytes === undefined) return platform.bytes.call(this);
      return Promise.resolve(bytes);
    },
    json(): Promise<unknown> {
      const bytes = this[HELD].takeBytes();
      if (bytes === undefined) return platform.json.call(this);
      return Promise.try(() => JSON.parse(DECODER.decode(bytes)));
    },
    text(): Promise<string> {
      const bytes = this[HELD].takeBytes();
      if (bytes === undefined) return platform.text.call(this);
      return Promise.resolve(DECODER.decode(bytes));
    },
  };
}

const DECODER = new TextDecoder();

/** Bytes that have their buffer for themselves. */
function alone(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return bytes.length < bytes.buffer.byteLength ? bytes.slice() : bytes;
}
