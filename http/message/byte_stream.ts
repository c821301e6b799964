/**
 * Bodies as byte streams.
 *
 * @module
 */

/**
 * A stream of type "bytes" with the bytes of another, which also has BYOB readers, as
 * the bodies of the platform do. A failure becomes what `errorFor` makes of it. `open`
 * makes the other one when somebody reads: until then nothing reads ahead, and
 * whoever drops the stream drops both.
 */
export function toByteStream(
  open: () => ReadableStream<Uint8Array>,
  errorFor: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  return new ReadableStream({
    type: "bytes",
    async pull(controller) {
      try {
        reader ??= open().getReader();
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
    cancel: (reason) => (reader ?? open()).cancel(reason),
  }, { highWaterMark: 0 });
}
