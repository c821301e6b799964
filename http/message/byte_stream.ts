/**
 * Bodies as byte streams.
 *
 * @module
 */

/**
 * A stream of type "bytes" with the bytes of another stream. Like the bodies of the
 * platform, it also has BYOB readers. `errorFor` converts a failure. `open` creates
 * the other stream at the first read: before that nothing reads ahead, and an
 * unused stream does not keep the other one alive. If `signal` has aborted, reading
 * fails with its reason, even if the other stream has more bytes.
 */
export function toByteStream(
  open: () => ReadableStream<Uint8Array>,
  errorFor: (error: unknown) => unknown,
  signal?: AbortSignal,
): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        reader ??= open().getReader();
        if (signal?.aborted) {
          reader.cancel(signal.reason).catch(() => {});
          throw signal.reason;
        }
        for (;;) {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            controller.byobRequest?.respond(0);
            return;
          }
          // A byte stream rejects empty chunks.
          if (value.length === 0) continue;
          controller.enqueue(value as Uint8Array<ArrayBuffer>);
          return;
        }
      } catch (error) {
        controller.error(errorFor(error));
      }
    },
    cancel: (reason) => (reader ?? open()).cancel(reason),
  }, { highWaterMark: 0 });
}
