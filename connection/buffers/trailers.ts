/**
 * The headers from the HEADERS frames of a stream.
 *
 * @module
 */

import { type FrameLimits, resolveFrameLimits } from "../../frame/limits.ts";
import type { NameValue } from "../../frame/types.ts";

/**
 * Called for each HEADERS frame.
 *
 * @category Connection
 */
export type HeadersHandler = (headers: NameValue[], fin: boolean) => void;

/** Assumed memory of a header or a frame besides its text, bytes. */
const OVERHEAD = 64;

/** Limit on the headers of all HEADERS frames of a stream, bytes: that of one header block. */
export function trailersRoom(limits?: FrameLimits): number {
  const { maxHeaderBlock, maxHeaderCount } = resolveFrameLimits(limits);
  return maxHeaderBlock + OVERHEAD * (maxHeaderCount + 1);
}

/** Keeps the headers until the end of the stream, and the frames until there is a handler. */
export class Trailers {
  /** The headers of all frames. */
  readonly all: NameValue[] = [];
  readonly #blocks: { headers: NameValue[]; fin: boolean }[] = [];
  #handler: HeadersHandler | undefined;
  #size = 0;

  /** Adds the headers of a frame; false when all of them exceed `room` bytes. */
  add(headers: NameValue[], fin: boolean, room: number): boolean {
    // A frame without headers needs memory as well, while it waits for a handler.
    let size = this.#handler === undefined ? OVERHEAD : 0;
    for (const [name, value] of headers) {
      size += OVERHEAD + name.length + value.length;
    }
    if (this.#size + size > room) return false;
    this.#size += size;
    for (const pair of headers) this.all.push(pair);
    if (this.#handler === undefined) this.#blocks.push({ headers, fin });
    else this.#handler(headers, fin);
    return true;
  }

  get handler(): HeadersHandler | undefined {
    return this.#handler;
  }

  /** Called at once for the frames that have arrived, then for each new one. */
  set handler(handler: HeadersHandler | undefined) {
    this.#handler = handler;
    if (handler === undefined) return;
    for (const { headers, fin } of this.#blocks.splice(0)) {
      handler(headers, fin);
    }
  }
}
