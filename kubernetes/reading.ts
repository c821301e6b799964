/**
 * Reads a channel from the peer to its end.
 *
 * @module
 */

/**
 * A stream of the peer's bytes. `onEnd` is called when it has ended for any reason;
 * its argument says whether the reader cancelled it. If reading fails, `judge` decides: it
 * resolves if all bytes have arrived nevertheless, and otherwise rejects with the
 * error for the reader.
 */
export function readableToEnd(
  readable: ReadableStream<Uint8Array>,
  onEnd: (isCancelled: boolean) => void,
  judge: (failure: unknown) => Promise<void>,
): ReadableStream<Uint8Array> {
  const reader = readable.getReader();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (!done) {
          controller.enqueue(value);
          return;
        }
      } catch (error) {
        onEnd(false);
        await judge(error);
      }
      onEnd(false);
      controller.close();
    },
    async cancel(reason) {
      onEnd(true);
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}

/** The text of an error channel; `failure` is set unless the peer ended the channel. */
export interface ErrorText {
  readonly text: string;
  readonly failure?: unknown;
}

/** Options of {@linkcode readErrorText}. */
export interface ErrorTextOptions {
  /** Most bytes that are kept; the rest is read and dropped. */
  readonly bound: number;
  /** Called with each piece that arrives. */
  readonly onText?: () => void;
  /** Whether `failure` means that the peer ended the channel. */
  readonly isEnd: (failure: unknown) => boolean;
}

/** Reads a whole error channel as text. Never rejects. */
export async function readErrorText(
  readable: ReadableStream<Uint8Array>,
  { bound, onText, isEnd }: ErrorTextOptions,
): Promise<ErrorText> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for await (const chunk of readable) {
      onText?.();
      const part = chunk.subarray(0, Math.max(0, bound - size));
      size += chunk.length;
      text += decoder.decode(part, { stream: true });
    }
  } catch (failure) {
    text += decoder.decode();
    return isEnd(failure) ? { text } : { text, failure };
  }
  return { text: text + decoder.decode() };
}
