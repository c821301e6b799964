/**
 * What an attack costs, in memory and in time.
 *
 * @module
 */

import { largeMemory } from "../../connection/buffers/shared_buffers.ts";

export const MIB: number = 1024 * 1024;

/**
 * Bytes of heap and of buffers in use, including objects that can be collected,
 * without the buffers that all connections of the process share.
 */
export function usedMemory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external - largeMemory().spare;
}

/** What some work took. */
export interface Cost {
  /** Bytes by which the memory in use has grown; negative if the collector ran meanwhile. */
  readonly bytes: number;
  readonly ms: number;
}

/** Runs `work` and measures it. */
export function cost(work: () => void): Cost {
  const before = usedMemory();
  const begin = performance.now();
  work();
  return { bytes: usedMemory() - before, ms: performance.now() - begin };
}
