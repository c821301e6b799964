/**
 * Copies of 64 KiB between buffers of round sizes: shows what
 * `connection/buffers/placement.ts` gains. If a target begins a few bytes further
 * into its page than the source, each copy is slow on AMD's processors. On
 * others, both figures are the same.
 *
 * @module
 */

import { nextPlace, PLACES } from "../connection/buffers/placement.ts";
import type { Row, Subject } from "./harness.ts";

const SIZE = 64 * 1024;
/** Bytes into its page at which the source of each copy begins. */
const SOURCE_AT = 4096;
/** How much further into its page the target begins: the least favourable distance. */
const UNLUCKY = 8;
/** Number of copies before the time is checked again. */
const COPIES = 64;

function copies(name: string, next: (place: number) => number): Subject {
  const memory = new Uint8Array(64 * SIZE);
  const source = memory.subarray(SOURCE_AT, SOURCE_AT + SIZE);
  const target = memory.subarray(32 * SIZE, 34 * SIZE + PLACES);
  let place = UNLUCKY;
  return {
    name,
    run(milliseconds) {
      const begin = performance.now();
      let copied = 0;
      let elapsed = 0;
      do {
        for (let count = 0; count < COPIES; count++) {
          place = next(place);
          target.set(source, place);
        }
        copied += COPIES * SIZE;
        elapsed = performance.now() - begin;
      } while (elapsed < milliseconds);
      return copied / 1e9 / elapsed * 1000;
    },
  };
}

/** The rows of this family. */
export const rows: readonly Row[] = [{
  name: "copies of 64 KiB, another place each time",
  unit: "GB/s",
  ours: () => copies("ours", nextPlace),
  peers: [{
    name: `always ${UNLUCKY} bytes further into the page`,
    open: () => Promise.resolve(copies("one place", (place) => place)),
  }],
}];
