/**
 * Holds what has arrived on one channel of a WebSocket until it is read.
 *
 * @module
 */

/** Memory of a chunk besides its bytes, for the objects that hold it, bytes. */
const CHUNK_COST = 256;

/** The chunks of one channel. */
export class ChannelBuffer {
  readonly #onChange: () => void;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #discarding = false;
  #cancelled = false;
  /** Set when the end has arrived, with or without a failure. */
  #end: { readonly failure?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #readable: ReadableStream<Uint8Array> | undefined;

  /** `onChange` is called when bytes were read, and when a reader begins to wait. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Memory of the waiting chunks, bytes. */
  get held(): number {
    return this.#held;
  }

  /** Whether a reader waits and no bytes are here. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /** Whether no more bytes are accepted. */
  get hasEnded(): boolean {
    return this.#end !== undefined || this.#discarding;
  }

  /** The chunks, one for each message. If the reader cancels, the rest is dropped. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => {
        this.#cancelled = true;
        this.discard();
      },
    }, { highWaterMark: 0 });
  }

  /** Adds a chunk, and keeps it without copying. */
  push(chunk: Uint8Array): void {
    if (this.hasEnded || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#held += chunk.length + CHUNK_COST;
    this.#wakeReader();
  }

  /** Ends the channel. With a `failure`, reading fails after the bytes that have arrived. */
  end(failure?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { failure };
    this.#wakeReader();
  }

  /** Drops all bytes, also later ones. */
  discard(): void {
    this.#discarding = true;
    this.#chunks = [];
    this.#held = 0;
    this.#wakeReader();
    this.#onChange();
  }

  async #pull(
    controller: ReadableStreamDefaultController<Uint8Array>,
  ): Promise<void> {
    if (this.#chunks.length === 0 && !this.hasEnded) {
      const awake = Promise.withResolvers<void>();
      this.#wake = awake.resolve;
      this.#onChange();
      await awake.promise;
    }
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) {
      this.#held -= chunk.length + CHUNK_COST;
      controller.enqueue(chunk);
      this.#onChange();
      return;
    }
    if (this.#end?.failure !== undefined) throw this.#end.failure;
    if (!this.#cancelled) controller.close();
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = undefined;
  }
}
