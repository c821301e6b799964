/**
 * The bytes of a body against what `content-length` said.
 *
 * @module
 */

import { HttpMessageError } from "./message_error.ts";

/** The error for a body of another length than announced. */
export function wrongLength(announced: number, came: string): HttpMessageError {
  return new HttpMessageError(
    `content-length is ${announced}, but ${came} bytes came`,
  );
}

/**
 * Passes a body through and fails it with {@linkcode HttpMessageError}: at the
 * first byte too many, or at the end when bytes are missing. `onWrong` hears
 * of it first.
 */
export function checkLength(
  body: ReadableStream<Uint8Array>,
  announced: number,
  onWrong?: (error: HttpMessageError) => void,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  let left = announced;
  const fail = (came: string): HttpMessageError => {
    const error = wrongLength(announced, came);
    onWrong?.(error);
    return error;
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) {
        if (left > 0) throw fail(`only ${announced - left}`);
        controller.close();
        return;
      }
      left -= value.length;
      if (left < 0) {
        const error = fail("more");
        reader.cancel(error).catch(() => {});
        throw error;
      }
      controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
