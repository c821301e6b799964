/**
 * A SPDY stream's readable half as Kubernetes means it.
 *
 * @module
 */

import { StreamResetError } from "../connection/errors.ts";
import type { Stream } from "../connection/stream.ts";
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
 * FIN. The end of the connection is not: that output may be cut short, and
 * reading fails with `ConnectionClosedError`.
 */
export function readableToEnd(
  stream: Stream,
  onEnd: () => void,
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
        if (!isCancelledByPeer(error)) {
          onEnd();
          throw error;
        }
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

/** Reads a whole stream as text, at most `bound` bytes of it; the rest is read and dropped. */
export async function readText(
  readable: ReadableStream<Uint8Array>,
  bound: number,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of readable) {
    const part = chunk.subarray(0, Math.max(0, bound - size));
    size += chunk.length;
    text += decoder.decode(part, { stream: true });
  }
  return text + decoder.decode();
}
