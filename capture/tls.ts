/**
 * Recognises TLS around SPDY, and decrypts it with the secrets of a key log.
 *
 * @module
 */

import {
  Channel,
  type ChannelHost,
  type Side,
  type TlsLayers,
} from "./channel.ts";
import type { KeyLog } from "./key_log.ts";
import { join, type Layer } from "./layer.ts";
import { encryptedAlpn, readHello, versionName } from "./tls_hello.ts";
import {
  keyOfTls13,
  keysOfTls12,
  nextSecret,
  openRecord,
  type RecordKey,
} from "./tls_keys.ts";
import {
  APPLICATION_DATA,
  CHANGE_CIPHER_SPEC,
  HANDSHAKE,
  RECORD_HEAD_LENGTH,
  RecordLayer,
  type TlsRecord,
} from "./tls_records.ts";
import { type GcmSuite, gcmSuite, suiteName } from "./tls_suites.ts";

const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const ENCRYPTED_EXTENSIONS = 8;
const NEXT_PROTOCOL = 67;
const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;
/** Longest handshake message that is kept, bytes. */
const MAX_MESSAGE = 1 << 16;
/** Most records that may be missing in a gap; this number of sequence numbers is tried. */
const MOST_LOST_RECORDS = 1024;
/**
 * Most records of TLS 1.3 that are skipped if only the secret of the handshake, or that of
 * the early data, is missing.
 */
const MOST_SPARED = 64;
/** The labels of the secrets of both sides in TLS 1.3, in the order of their use. */
const LABELS = {
  client: [
    "CLIENT_EARLY_TRAFFIC_SECRET",
    "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
    "CLIENT_TRAFFIC_SECRET_0",
  ],
  server: ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
};
const NOTHING = new Uint8Array(0);
const LATIN1 = new TextDecoder("latin1");

/**
 * Creates the layers for both directions of a TLS connection. The decrypted content
 * is reported to `host` as if it had not been encrypted. `defer` runs a task of
 * decryption before the next packet is read.
 */
export function createTlsLayers(
  host: ChannelHost,
  keyLog: KeyLog,
  defer: (task: () => Promise<void>) => void,
): TlsLayers {
  const connection = new TlsConnection(host, keyLog, defer);
  return [connection.layer(0), connection.layer(1)];
}

/** The state of one direction. */
interface Direction {
  /** Whether records are encrypted from here on. */
  isSealed: boolean;
  /** Keys in the order of their use; the first one is in use. */
  keys: RecordKey[];
  /** Number of the next record. */
  sequence: number;
  /** Number of records with early data that preceded the ServerHello. */
  early: number;
  /** Handshake bytes that are not a complete message yet. */
  handshake: Uint8Array;
  /**
   * Number of records that may still be skipped because the key log lacks the secret of
   * the handshake or of early data.
   */
  spared: number;
  /** Whether decryption is impossible; this was already reported. */
  isUnreadable: boolean;
}

class TlsConnection {
  readonly #host: ChannelHost;
  readonly #keyLog: KeyLog;
  readonly #defer: (task: () => Promise<void>) => void;
  readonly #inner: Channel;
  /** Records, and the ends of directions, in the order of the capture. */
  readonly #queue: { side: Side; record: TlsRecord | "end" }[] = [];
  readonly #directions: readonly [Direction, Direction] = [
    newDirection(),
    newDirection(),
  ];
  #clientRandom: Uint8Array | undefined;
  #serverRandom: Uint8Array | undefined;
  #clientSide: Side | undefined;
  #version = 0;
  #suite = 0;
  #isCompressed = false;
  #protocol: string | undefined;
  /** The client's protocols. */
  #offered: readonly string[] = [];
  #isTold = false;
  /** Whether it was reported that something is not decrypted. */
  #isUnopened = false;
  #areKeysMade = false;
  /** Labels of the secrets of which keys were made; only in TLS 1.3. */
  readonly #labels = new Set<string>();
  /** Number of secrets that the key log had for this connection. */
  #secrets = 0;

  constructor(
    host: ChannelHost,
    keyLog: KeyLog,
    defer: (task: () => Promise<void>) => void,
  ) {
    this.#host = host;
    this.#keyLog = keyLog;
    this.#defer = defer;
    this.#inner = new Channel(host);
    host.onOther("TLS");
  }

  layer(side: Side): Layer {
    return new RecordLayer((record) => {
      // In order: a record that waits for decryption delays all later ones.
      if (this.#queue.length === 0) this.#defer(() => this.#work());
      this.#queue.push({ side, record });
    });
  }

  async #work(): Promise<void> {
    for (;;) {
      const item = this.#queue[0];
      if (item === undefined) return;
      const { side, record } = item;
      if (record === "end") this.#end(side);
      else await this.#record(side, record);
      this.#queue.shift();
    }
  }

  #end(side: Side): void {
    const { spared, isUnreadable } = this.#directions[side];
    if (!isUnreadable && spared > 0 && spared < MOST_SPARED) {
      this.#tellUnopened(
        side,
        "no record can be decrypted with the secrets of the key log",
      );
    }
    this.#inner.layer(side).end();
  }

  async #record(side: Side, record: TlsRecord): Promise<void> {
    const { head, body, lost } = record;
    const direction = this.#directions[side];
    const type = head[0];
    if (type === CHANGE_CIPHER_SPEC) {
      // In TLS 1.3, this record has no meaning.
      if (this.#version < TLS_1_3) {
        direction.isSealed = true;
        direction.sequence = 0;
      }
      return;
    }
    if (
      type === HANDSHAKE && !direction.isSealed && lost === 0
    ) {
      this.#handshake(side, body);
      return;
    }
    if (type === APPLICATION_DATA) direction.isSealed = true;
    if (!direction.isSealed || direction.isUnreadable) return;
    // Early data: only the ServerHello, which follows, tells its suite.
    if (this.#suite === 0 && side === this.#clientSide) {
      direction.early++;
      return;
    }
    if (!this.#areKeysMade) await this.#makeKeys(side);
    if (direction.keys.length === 0) await this.#addNewKeys();
    if (direction.keys.length === 0) {
      direction.isUnreadable = true;
      // The other direction may have its secret.
      this.#tellUnopened(
        side,
        "the key log does not have the secret of this direction",
      );
      return;
    }
    await this.#open(side, record);
  }

  /** Decrypts a record and reads its content. */
  async #open(side: Side, { head, body, lost }: TlsRecord): Promise<void> {
    const direction = this.#directions[side];
    const open = () => this.#tryKeys(direction, head, body, lost > 0);
    let opened = await open();
    if (opened === undefined && await this.#addNewKeys()) opened = await open();
    if (opened === undefined) {
      if (direction.spared > 0 && --direction.spared > 0) return;
      direction.isUnreadable = true;
      this.#tellUnopened(side, "a record cannot be decrypted with its key");
      return;
    }
    direction.spared = 0;
    const { content, records, key } = opened;
    const inner = this.#inner.layer(side);
    if (lost > 0) {
      // The lost bytes, without heads and authentication tags, are content.
      const missing = lost - records * (RECORD_HEAD_LENGTH + key.overhead);
      if (missing > 0) inner.gap(missing);
    }
    let type = head[0];
    let end = content.length;
    if (key.secret !== undefined) {
      // The type is the last byte that is not padding (RFC 8446 5.4).
      while (end > 0 && content[end - 1] === 0) end--;
      if (end === 0) return;
      type = content[--end];
    }
    const plain = content.subarray(0, end);
    if (type === HANDSHAKE) this.#handshake(side, plain);
    else if (type === APPLICATION_DATA && plain.length > 0) {
      this.#tellOpened(side);
      inner.push(plain);
    }
  }

  /** Tries the current key, later keys, and, after a gap, later sequence numbers. */
  async #tryKeys(
    direction: Direction,
    head: Uint8Array,
    body: Uint8Array,
    isBehindGap: boolean,
  ): Promise<
    | { content: Uint8Array; records: number; key: RecordKey }
    | undefined
  > {
    const most = isBehindGap ? MOST_LOST_RECORDS : 0;
    for (let index = 0; index < direction.keys.length; index++) {
      const key = direction.keys[index];
      const from = index === 0 ? direction.sequence : 0;
      for (let records = 0; records <= most; records++) {
        const content = await openRecord(key, from + records, head, body);
        if (content === undefined) continue;
        direction.keys.splice(0, index);
        direction.sequence = from + records + 1;
        if (direction.keys.length === 1 && key.secret !== undefined) {
          await this.#addUpdated(direction, key.secret);
        }
        return { content, records, key };
      }
    }
    return undefined;
  }

  /** Adds the key for a possible KeyUpdate. */
  async #addUpdated(direction: Direction, secret: Uint8Array): Promise<void> {
    const suite = gcmSuite(this.#suite)!;
    const next = await nextSecret(suite, secret);
    direction.keys.push(await keyOfTls13(suite, next));
  }

  /** Reads handshake messages, which may span several records. */
  #handshake(side: Side, bytes: Uint8Array): void {
    const direction = this.#directions[side];
    let rest = join(direction.handshake, bytes);
    while (rest.length >= 4) {
      const length = rest[1] << 16 | rest[2] << 8 | rest[3];
      if (rest.length < 4 + length) break;
      this.#message(side, rest[0], rest.subarray(4, 4 + length));
      rest = rest.subarray(4 + length);
    }
    direction.handshake = rest.length > MAX_MESSAGE ? NOTHING : rest.slice();
  }

  #message(side: Side, type: number, body: Uint8Array): void {
    switch (type) {
      case CLIENT_HELLO: {
        const hello = readHello(body, CLIENT_HELLO);
        if (hello === undefined) return;
        this.#host.onClient(side);
        this.#clientSide = side;
        this.#clientRandom = hello.random;
        this.#offered = hello.protocols;
        return;
      }
      case SERVER_HELLO: {
        const hello = readHello(body, SERVER_HELLO);
        if (hello === undefined) return;
        this.#host.onClient(side === 0 ? 1 : 0);
        this.#clientSide = side === 0 ? 1 : 0;
        this.#serverRandom = hello.random;
        this.#version = hello.version;
        this.#suite = hello.suite;
        this.#isCompressed = hello.isCompressed;
        this.#protocol ??= hello.protocols[0];
        return;
      }
      case ENCRYPTED_EXTENSIONS:
        if (this.#version === TLS_1_3) {
          this.#protocol ??= encryptedAlpn(body);
        }
        return;
      case NEXT_PROTOCOL:
        // NPN, which SPDY used before ALPN: the protocol and padding.
        this.#protocol ??= LATIN1.decode(body.subarray(1, 1 + body[0]));
    }
  }

  /**
   * Finds the secrets and derives the keys of both directions; reports why, if this
   * is impossible.
   */
  async #makeKeys(side: Side): Promise<void> {
    this.#areKeysMade = true;
    const random = this.#clientRandom;
    if (random === undefined || this.#suite === 0) {
      this.#tellUnopened(
        side,
        "the capture does not contain its handshake",
      );
      return;
    }
    const suite = gcmSuite(this.#suite);
    const secrets = await this.#keyLog.find(hex(random));
    if (secrets === undefined) {
      this.#tellUnopened(side, "encrypted, and its secrets are in no key log");
      return;
    }
    if (suite === undefined || this.#isCompressed) {
      this.#tellUnopened(
        side,
        this.#isCompressed
          ? "compressed records are not decrypted"
          : "only AES-GCM is decrypted",
      );
      return;
    }
    // Browsers have no WebCrypto in pages that were loaded over plain HTTP.
    if (globalThis.crypto?.subtle === undefined) {
      this.#tellUnopened(
        side,
        "encrypted, and decryption is not available here: open the page from a file or over HTTPS",
      );
      return;
    }
    if (this.#version === TLS_1_3) await this.#makeTls13(suite, secrets);
    else if (this.#version === TLS_1_2) await this.#makeTls12(suite, secrets);
    if (this.#directions.every(({ keys }) => keys.length === 0)) {
      this.#tellUnopened(
        side,
        "the key log does not have the secrets that are needed",
      );
    }
  }

  async #makeTls13(
    suite: GcmSuite,
    secrets: ReadonlyMap<string, Uint8Array>,
  ): Promise<void> {
    await this.#addKeys(suite, secrets);
    for (const [who, names] of Object.entries(LABELS)) {
      const direction = this.#direction(who === "client");
      const ofHandshake = names[names.length - 2];
      if (!secrets.has(ofHandshake)) direction.spared = MOST_SPARED;
      if (direction.early > 0) {
        this.#passEarly(direction, secrets.has(names[0]));
      }
    }
  }

  /** Makes the keys of those secrets of TLS 1.3 that have none yet. */
  async #addKeys(
    suite: GcmSuite,
    secrets: ReadonlyMap<string, Uint8Array>,
  ): Promise<void> {
    this.#secrets = secrets.size;
    for (const [who, names] of Object.entries(LABELS)) {
      const { keys } = this.#direction(who === "client");
      for (const name of names) {
        const secret = secrets.get(name);
        if (secret === undefined || this.#labels.has(name)) continue;
        this.#labels.add(name);
        keys.push(await keyOfTls13(suite, secret));
      }
    }
  }

  /**
   * Adds the keys of secrets that were written since; false if there are none. A program
   * writes the secrets of its data a round trip after those of the handshake.
   */
  async #addNewKeys(): Promise<boolean> {
    const before = this.#secrets;
    if (before === 0) return false;
    const secrets = await this.#keyLog.find(hex(this.#clientRandom!), before);
    if (secrets === undefined || secrets.size <= before) return false;
    await this.#addKeys(gcmSuite(this.#suite)!, secrets);
    return true;
  }

  /** Early data before the ServerHello was skipped. More may follow, then an EndOfEarlyData. */
  #passEarly(direction: Direction, hasSecret: boolean): void {
    if (hasSecret) direction.sequence = direction.early;
    direction.spared = MOST_SPARED;
    const records = direction.early === 1
      ? "one record of early data is"
      : `${direction.early} records of early data are`;
    // Other content may be unreadable as well, which is then reported too.
    this.#report(this.#clientSide!, `${records} not decrypted`);
  }

  async #makeTls12(
    suite: GcmSuite,
    secrets: ReadonlyMap<string, Uint8Array>,
  ): Promise<void> {
    const master = secrets.get("CLIENT_RANDOM");
    if (master === undefined || this.#serverRandom === undefined) return;
    const { client, server } = await keysOfTls12(
      suite,
      master,
      this.#clientRandom!,
      this.#serverRandom,
    );
    this.#direction(true).keys.push(client);
    this.#direction(false).keys.push(server);
  }

  #direction(isClient: boolean): Direction {
    return this
      .#directions[isClient ? this.#clientSide! : 1 - this.#clientSide!];
  }

  /** Reports the TLS parameters before the first content. */
  #tellOpened(side: Side): void {
    if (this.#isTold) return;
    // Content that is not SPDY is not reported.
    this.#isTold = true;
    if (this.#protocol !== undefined && !isSpdy(this.#protocol)) return;
    this.#host.onHeldNote(side, `${this.#describe()}, decrypted`);
  }

  /** Reports why the content is not decrypted, if it may be SPDY. */
  #tellUnopened(side: Side, why: string): void {
    if (this.#isUnopened) return;
    this.#isUnopened = true;
    this.#report(side, why);
  }

  #report(side: Side, why: string): void {
    const mayBeSpdy = this.#protocol === undefined
      ? this.#offered.some(isSpdy)
      : isSpdy(this.#protocol);
    if (!mayBeSpdy) this.#host.onOther(`TLS (${why})`);
    else this.#host.onNote(side, 0, `${this.#describe()}: ${why}`, true, 0);
    this.#isTold = true;
  }

  #describe(): string {
    if (this.#suite === 0) return "TLS";
    const alpn = this.#protocol === undefined ? "" : `, ${this.#protocol}`;
    return `${versionName(this.#version)}, ${suiteName(this.#suite)}${alpn}`;
  }
}

function newDirection(): Direction {
  return {
    isSealed: false,
    keys: [],
    sequence: 0,
    early: 0,
    handshake: NOTHING,
    spared: 0,
    isUnreadable: false,
  };
}

function isSpdy(protocol: string): boolean {
  return /^spdy\//i.test(protocol);
}

/** The viewer also runs in browsers that lack `Uint8Array.toHex`. */
function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
