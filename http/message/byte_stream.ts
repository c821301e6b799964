/**
 * Bodies as byte streams.
 *
 * @module
 */

/**
 * The same bytes as a stream of type "bytes", which also has BYOB readers, as the
 * bodies of the platform do. A failure becomes what `errorFor` makes of it.
 */
export function toByteStream(
  source: ReadableStream<Uint8Array>,
  errorFor: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = source.getReader();
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            controller.byobRequest?.respond(0);
            return;
          }
          // A byte stream takes no empty chunk.
          if (value.length === 0) continue;
          controller.enqueue(value as Uint8Array<ArrayBuffer>);
          return;
        }
      } catch (error) {
        controller.error(errorFor(error));
      }
    },
    cancel: (reason) => reader.cancel(reason),
  }, { highWaterMark: 0 });
}
