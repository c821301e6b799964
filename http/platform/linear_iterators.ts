/**
 * Iterators for the `Headers` of a peer that take time proportional to the number
 * of headers. Deno's iterators copy the whole list for each step (2.9.6: 5 ms for
 * 256 headers, which a peer can repeat in a hundred bytes); `forEach` copies it
 * once.
 *
 * @module
 */

/** From this number of headers on, Deno's iterators take longer than it takes to install these. */
const MANY = 24;

/** Gives `headers` with about `count` pairs their own iterators if that saves time. */
export function setLinearIterators(headers: Headers, count: number): Headers {
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
