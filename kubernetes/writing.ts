/**
 * Writes to a channel.
 *
 * @module
 */

/** The same stream, but calls `onTaken` after each chunk that it has accepted. */
export function writableWithNotice(
  writable: WritableStream<Uint8Array>,
  onTaken: () => void,
): WritableStream<Uint8Array> {
  const writer = writable.getWriter();
  return new WritableStream<Uint8Array>({
    start(controller) {
      writer.closed.catch((reason) => controller.error(reason));
    },
    async write(chunk) {
      await writer.write(chunk);
      onTaken();
    },
    close: () => writer.close(),
    abort: (reason) => writer.abort(reason),
  });
}
