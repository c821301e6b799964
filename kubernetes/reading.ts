/**
 * Reads a channel from the peer to its end.
 *
 * @module
 */

/**
 * A stream of the peer's bytes. `onEnd` is called at its end, for any reason, with
 * whether the reader has cancelled it. If reading fails, `judge` decides: it
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

/** The text of a channel, and the failure that ended it, if the peer did not. */
export interface LastWords {
  readonly text: string;
  readonly failure?: unknown;
}

/** Options of {@linkcode readLastWords}. */
export interface LastWordsOptions {
  /** Most bytes that are kept; the rest is read and dropped. */
  readonly bound: number;
  /** Called with each piece that arrives. */
  readonly onWords?: () => void;
  /** Whether `failure` means that the peer ended the channel. */
  readonly isEnd: (failure: unknown) => boolean;
}

/** Reads a whole channel as text. Never rejects. */
export async function readLastWords(
  readable: ReadableStream<Uint8Array>,
  { bound, onWords, isEnd }: LastWordsOptions,
): Promise<LastWords> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  try {
    for await (const chunk of readable) {
      onWords?.();
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
