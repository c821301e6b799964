/**
 * Looks at a body while it is passed on.
 *
 * @module
 */

/** What to do while a body is passed on. */
export interface BodyWatcher {
  /** Called for each chunk, before it is passed on. */
  readonly onChunk?: (chunk: Uint8Array) => void;
  /** Called if the body fails; returns the error that its reader gets. */
  readonly onError: (error: unknown) => unknown;
}

/** The same body, watched. It is read only as fast as the result is. */
export function watchBody(
  body: ReadableStream<Uint8Array>,
  { onChunk, onError }: BodyWatcher,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      let result: ReadableStreamReadResult<Uint8Array>;
      try {
        result = await reader.read();
      } catch (error) {
        throw onError(error);
      }
      if (result.done) {
        controller.close();
        return;
      }
      onChunk?.(result.value);
      controller.enqueue(result.value);
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
