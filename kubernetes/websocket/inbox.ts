/**
 * What has arrived on one channel of a WebSocket, until it is read.
 *
 * @module
 */

/** What a chunk costs besides its bytes: the objects that hold it. */
const CHUNK_COST = 256;

/** The chunks of one channel. */
export class Inbox {
  readonly #onChange: () => void;
  #chunks: Uint8Array[] = [];
  #held = 0;
  #discarding = false;
  #cancelled = false;
  /** The end has arrived; with a failure or without. */
  #end: { readonly failure?: unknown } | undefined;
  #wake: (() => void) | undefined;
  #readable: ReadableStream<Uint8Array> | undefined;

  /** `onChange` is called if something was read, and if a reader begins to wait. */
  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** Bytes that wait here, with what it costs to hold them. */
  get held(): number {
    return this.#held;
  }

  /** A reader waits, and nothing is there. */
  get isAwaited(): boolean {
    return this.#wake !== undefined;
  }

  /** Nothing more is taken. */
  get hasEnded(): boolean {
    return this.#end !== undefined || this.#discarding;
  }

  /** The chunks, one for each message. If the reader gives up, the rest is dropped. */
  get readable(): ReadableStream<Uint8Array> {
    return this.#readable ??= new ReadableStream({
      pull: (controller) => this.#pull(controller),
      cancel: () => {
        this.#cancelled = true;
        this.discard();
      },
    }, { highWaterMark: 0 });
  }

  /** A chunk has arrived. The inbox keeps it. */
  push(chunk: Uint8Array): void {
    if (this.hasEnded || chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#held += chunk.length + CHUNK_COST;
    this.#wakeReader();
  }

  /** No more arrives. With a `failure`, reading fails behind what has arrived. */
  end(failure?: unknown): void {
    if (this.#end !== undefined) return;
    this.#end = { failure };
    this.#wakeReader();
  }

  /** Drops what has arrived and what still arrives. */
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
