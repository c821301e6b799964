/**
 * `Headers` of a peer, to be gone through in a time that grows with their
 * number. Deno's iterators make the whole list anew for each step (2.9.6: 5 ms
 * for 256 headers, which a peer says in a hundred bytes once it has said them
 * before); `forEach` makes it once.
 *
 * @module
 */

/** From so many headers on the platform's iterators cost more than these do to put in. */
const MANY = 24;

/** Gives `headers`, which have about `count` pairs, iterators of their own when that is worth it. */
export function easeIteration(headers: Headers, count: number): Headers {
  return count < MANY ? headers : Object.defineProperties(headers, ITERATORS);
}

const ITERATORS: PropertyDescriptorMap = {
  [Symbol.iterator]: method(entries),
  entries: method(entries),
  keys: method(function* (this: Headers): Generator<string> {
    for (const [name] of pairsOf(this)) yield name;
  }),
  values: method(function* (this: Headers): Generator<string> {
    for (const [, value] of pairsOf(this)) yield value;
  }),
};

function* entries(this: Headers): Generator<[name: string, value: string]> {
  yield* pairsOf(this);
}

function pairsOf(headers: Headers): [name: string, value: string][] {
  const pairs: [name: string, value: string][] = [];
  headers.forEach((value, name) => pairs.push([name, value]));
  return pairs;
}

function method(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true };
}
