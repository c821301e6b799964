/**
 * TLS secrets in the format of SSLKEYLOGFILE (RFC 9850): lines of a label, the
 * client's random, and a secret.
 *
 * @module
 */

const LINE = /^([A-Z0-9_]+) ([0-9a-fA-F]{64}) ([0-9a-fA-F]{2,})$/;

/** The secrets of connections, by the random of their ClientHello. */
export class KeyLog {
  readonly #secrets = new Map<string, Map<string, Uint8Array>>();
  readonly #readAgain: (() => Promise<string>) | undefined;

  /**
   * Creates a log from the lines of `text`. `readAgain` reads the whole log again; it
   * is called if secrets of a connection are missing, because a capture may be read
   * while it is written.
   */
  constructor(text = "", readAgain?: () => Promise<string>) {
    this.#readAgain = readAgain;
    this.add(text);
  }

  /** Number of connections with secrets. */
  get size(): number {
    return this.#secrets.size;
  }

  /** Adds lines; lines that are not secrets are ignored. */
  add(text: string): void {
    for (const line of text.split(/\r?\n/)) {
      const [, label, random, secret] = LINE.exec(line.trim()) ?? [];
      if (label === undefined) continue;
      const key = random.toLowerCase();
      const found = this.#secrets.get(key) ?? new Map<string, Uint8Array>();
      found.set(label, bytesOf(secret));
      this.#secrets.set(key, found);
    }
  }

  /**
   * The secrets, by label, of the connection with this random (in hex digits) in
   * its ClientHello. `known` is the number of those that the caller has: if there are no
   * more, the log is read again.
   */
  async find(
    random: string,
    known = 0,
  ): Promise<ReadonlyMap<string, Uint8Array> | undefined> {
    const found = this.#secrets.get(random)?.size ?? 0;
    if (found <= known && this.#readAgain !== undefined) {
      this.add(await this.#readAgain());
    }
    return this.#secrets.get(random);
  }
}

/** The viewer also runs in browsers that lack `Uint8Array.fromHex`. */
function bytesOf(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length >> 1);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = parseInt(hex.slice(2 * index, 2 * index + 2), 16);
  }
  return bytes;
}
