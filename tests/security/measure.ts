/**
 * What an attack costs, in memory and in time.
 *
 * @module
 */

import { largeMemory } from "../../connection/buffers/shared_buffers.ts";

export const MIB: number = 1024 * 1024;

/**
 * Bytes of heap and of buffers in use, also by objects that wait to be collected;
 * without the buffers that the process keeps for all connections.
 */
export function usedMemory(): number {
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external - largeMemory().spare;
}

/** What a piece of work took. */
export interface Cost {
  /** Bytes by which the memory in use has grown; negative when the collector came by. */
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
