/**
 * A SPDY stream's readable half as Kubernetes means it.
 *
 * @module
 */

import { StreamResetError } from "../connection/errors.ts";
import { stateOf, type Stream } from "../connection/stream.ts";
import { CANCEL } from "../frame/constants.ts";
import type { NameValue } from "../frame/types.ts";

/** The first value of a header, `""` when there is none. */
export function header(headers: readonly NameValue[], name: string): string {
  return headers.find(([each]) => each === name)?.[1] ?? "";
}

/**
 * Whether this is how spdystream 0.5.1 ends a stream: a server that has
 * finished resets every stream it still has with CANCEL instead of sending FIN.
 */
export function isCancelledByPeer(error: unknown): boolean {
  return error instanceof StreamResetError && error.initiator === "remote" &&
    error.statusCode === CANCEL;
}

/**
 * What the peer sends, to the end of it: a CANCEL of the peer is an end like
 * FIN. Any other failure is one, unless `isWhole` knows better.
 */
export function readableToEnd(
  stream: Stream,
  onEnd: () => void,
  isWhole: (failure: unknown) => Promise<boolean>,
): ReadableStream<Uint8Array> {
  const reader = stream.readable.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
      } catch (error) {
        onEnd();
        if (!isCancelledByPeer(error) && !await isWhole(error)) throw error;
      }
      onEnd();
      controller.close();
    },
    async cancel(reason) {
      onEnd();
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** What a stream said, and what ended it other than its peer. */
export interface LastWords {
  readonly text: string;
  readonly failure?: unknown;
}

/**
 * Reads a whole stream as text, at most `bound` bytes of it; the rest is read
 * and dropped. `onWords` is called as soon as there is some. Never rejects.
 */
export async function readLastWords(
  stream: Stream,
  bound: number,
  onWords: () => void = () => {},
): Promise<LastWords> {
  // No application waits for it in place of what it does not read.
  stateOf(stream).readInBackground = true;
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for await (const chunk of stream.readable) {
      onWords();
      const part = chunk.subarray(0, Math.max(0, bound - size));
      size += chunk.length;
      text += decoder.decode(part, { stream: true });
    }
  } catch (failure) {
    text += decoder.decode();
    return isCancelledByPeer(failure) ? { text } : { text, failure };
  }
  return { text: text + decoder.decode() };
}
