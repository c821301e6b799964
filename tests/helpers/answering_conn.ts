/** A transport whose other side answers HTTP/1.1 requests. */
export class AnsweringConn {
  /** All that was written, as text. */
  asked = "";
  isClosed = false;
  readonly #answer: (head: string) => string;
  #unread: Uint8Array | undefined;
  readonly #written = Promise.withResolvers<void>();

  /** `answer` gets what each write contained, and returns the bytes to read, as text. */
  constructor(answer: (head: string) => string) {
    this.#answer = answer;
  }

  write(data: Uint8Array): Promise<number> {
    const text = new TextDecoder().decode(data);
    this.asked += text;
    this.#unread = new TextEncoder().encode(this.#answer(text));
    this.#written.resolve();
    return Promise.resolve(data.length);
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    await this.#written.promise;
    const answer = this.#unread;
    this.#unread = undefined;
    if (answer === undefined) return null;
    buffer.set(answer);
    return answer.length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#written.resolve();
  }
}
