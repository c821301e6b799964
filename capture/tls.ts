/**
 * TLS around SPDY: recognised, and with the secrets of a key log decrypted.
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
import { type GcmSuite, gcmSuite, suiteName } from "./tls_suites.ts";

const HEAD = 5;
/** Longest record, its seal included (RFC 5246 6.2.3), bytes. */
const LONGEST = 16384 + 2048;
const CHANGE_CIPHER_SPEC = 20;
const HANDSHAKE = 22;
const APPLICATION_DATA = 23;
const CLIENT_HELLO = 1;
const SERVER_HELLO = 2;
const ENCRYPTED_EXTENSIONS = 8;
const NEXT_PROTOCOL = 67;
const TLS_1_2 = 0x0303;
const TLS_1_3 = 0x0304;
/** Longest handshake message that is held, bytes. */
const MAX_MESSAGE = 1 << 16;
/** Records that may be missing in a gap: as many numbers are tried. */
const MOST_LOST_RECORDS = 1024;
const NOTHING = new Uint8Array(0);
const LATIN1 = new TextDecoder("latin1");

/**
 * Both directions of a TLS connection. What is inside is reported to `host` as if
 * it had not been encrypted. `defer` takes the work of decryption, which is done
 * before the next packet is read.
 */
export function createTlsLayers(
  host: ChannelHost,
  keyLog: KeyLog,
  defer: (task: () => Promise<void>) => void,
): TlsLayers {
  const connection = new TlsConnection(host, keyLog, defer);
  return [connection.layer(0), connection.layer(1)];
}

/** A record, or the end of a direction. */
interface Item {
  readonly side: Side;
  readonly type: "record" | "end";
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  /** Bytes of the stream before it that were passed over, or that the capture lacks. */
  readonly lost: number;
}

/** The state of one direction. */
interface Direction {
  /** Whether records are encrypted from here on. */
  isSealed: boolean;
  /** Keys in the order of their use; the first is in use. */
  keys: RecordKey[];
  /** Number of the next record. */
  sequence: number;
  /** Handshake bytes that are no whole message yet. */
  handshake: Uint8Array;
  /** Whether what is encrypted cannot be read, and this was told. */
  isUnreadable: boolean;
}

class TlsConnection {
  readonly #host: ChannelHost;
  readonly #keyLog: KeyLog;
  readonly #defer: (task: () => Promise<void>) => void;
  readonly #inner: Channel;
  readonly #queue: Item[] = [];
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
  /** Protocols that the client offers. */
  #offered: readonly string[] = [];
  #isTold = false;
  /** Whether it was said that something is not decrypted. */
  #isUnopened = false;
  #areKeysMade = false;

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
    return new RecordLayer((type, head, body, lost) => {
      // Work is done in order: what must wait for decryption holds up the rest.
      if (this.#queue.length === 0) this.#defer(() => this.#work());
      this.#queue.push({ side, type, head, body, lost });
    });
  }

  async #work(): Promise<void> {
    for (;;) {
      const item = this.#queue[0];
      if (item === undefined) return;
      if (item.type === "record") await this.#record(item);
      else if (item.type === "end") this.#inner.layer(item.side).end();
      this.#queue.shift();
    }
  }

  async #record({ side, head, body, lost }: Item): Promise<void> {
    const direction = this.#directions[side];
    const type = head[0];
    if (type === CHANGE_CIPHER_SPEC) {
      // In TLS 1.3 it means nothing.
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
    // Early data, in front of the ServerHello.
    if (this.#suite === 0 && side === this.#clientSide) return;
    if (!this.#areKeysMade) await this.#makeKeys(side);
    if (direction.keys.length === 0) {
      direction.isUnreadable = true;
      return;
    }
    await this.#open(side, head, body, lost);
  }

  /** Decrypts a record; `lost` bytes of earlier records are missing, or too short to be opened. */
  async #open(
    side: Side,
    head: Uint8Array,
    body: Uint8Array,
    lost: number,
  ): Promise<void> {
    const direction = this.#directions[side];
    const opened = await this.#tryKeys(direction, head, body, lost > 0);
    if (opened === undefined) {
      direction.isUnreadable = true;
      this.#tellUnopened(side, "a record does not open with its key");
      return;
    }
    const { content, records, key } = opened;
    const inner = this.#inner.layer(side);
    if (lost > 0) {
      // What was lost without heads and seals is content.
      const missing = lost - records * (HEAD + key.overhead);
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

  /** Tries the key in use, the keys after it, and, behind a gap, later numbers. */
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

  /** The key after a KeyUpdate, should one come. */
  async #addUpdated(direction: Direction, secret: Uint8Array): Promise<void> {
    const suite = gcmSuite(this.#suite)!;
    const next = await nextSecret(suite, secret);
    direction.keys.push(await keyOfTls13(suite, next));
  }

  /** Handshake messages, which may be in several records. */
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
        // NPN, which SPDY used before ALPN: the protocol, then padding.
        this.#protocol ??= LATIN1.decode(body.subarray(1, 1 + body[0]));
    }
  }

  /** Finds the secrets, and derives the keys of both directions; says so when that cannot be. */
  async #makeKeys(side: Side): Promise<void> {
    this.#areKeysMade = true;
    const random = this.#clientRandom;
    if (random === undefined || this.#suite === 0) {
      this.#tellUnopened(
        side,
        "the capture does not have its handshake",
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
    // Browsers have no WebCrypto in pages that came over plain HTTP.
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
    const labels = {
      client: [
        "CLIENT_EARLY_TRAFFIC_SECRET",
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
      ],
      server: ["SERVER_HANDSHAKE_TRAFFIC_SECRET", "SERVER_TRAFFIC_SECRET_0"],
    };
    for (const [who, names] of Object.entries(labels)) {
      const direction = this.#direction(who === "client");
      for (const name of names) {
        const secret = secrets.get(name);
        if (secret === undefined) continue;
        direction.keys.push(await keyOfTls13(suite, secret));
      }
    }
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

  /** Says what TLS it is, in front of the first content. */
  #tellOpened(side: Side): void {
    if (this.#isTold) return;
    // Content that is not SPDY is not worth a word.
    this.#isTold = true;
    if (this.#protocol !== undefined && !isSpdy(this.#protocol)) return;
    this.#host.onHeldNote(side, `${this.#describe()}, decrypted`);
  }

  /** Says why it is not read, if it may be SPDY. */
  #tellUnopened(side: Side, why: string): void {
    if (this.#isUnopened) return;
    this.#isUnopened = true;
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
    handshake: NOTHING,
    isUnreadable: false,
  };
}

function isSpdy(protocol: string): boolean {
  return /^spdy\//i.test(protocol);
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Cuts one direction into records. */
class RecordLayer implements Layer {
  readonly #emit: (
    type: "record" | "end",
    head: Uint8Array,
    body: Uint8Array,
    lost: number,
  ) => void;
  #held: Uint8Array = NOTHING;
  /** Bytes that were passed over since the last whole record. */
  #lost = 0;
  /** Bytes of a record that is damaged, still to be passed over. */
  #skip = 0;
  /** Whether the head of the next record is to be searched. */
  #isSearching = false;

  constructor(
    emit: (
      type: "record" | "end",
      head: Uint8Array,
      body: Uint8Array,
      lost: number,
    ) => void,
  ) {
    this.#emit = emit;
  }

  push(bytes: Uint8Array): void {
    let held = join(this.#held, bytes);
    for (;;) {
      if (this.#skip > 0) {
        const size = Math.min(this.#skip, held.length);
        this.#skip -= size;
        held = held.subarray(size);
      }
      if (this.#isSearching) {
        const found = findHead(held);
        this.#lost += found.at;
        held = held.subarray(found.at);
        if (!found.isFound) break;
        this.#isSearching = false;
      }
      if (held.length < HEAD) break;
      const length = held[3] << 8 | held[4];
      if (!isHead(held, 0)) {
        this.#isSearching = true;
        continue;
      }
      if (held.length < HEAD + length) break;
      this.#emit(
        "record",
        held.slice(0, HEAD),
        held.slice(HEAD, HEAD + length),
        this.#lost,
      );
      this.#lost = 0;
      held = held.subarray(HEAD + length);
    }
    // The rest of one record at most.
    this.#held = held.slice();
  }

  gap(count: number): void {
    const held = this.#held;
    this.#held = NOTHING;
    if (this.#isSearching || held.length < HEAD && this.#skip === 0) {
      this.#lost += held.length + count;
      this.#isSearching = true;
      return;
    }
    if (this.#skip === 0) {
      // The record whose head is there cannot be opened: all of it is lost.
      const size = HEAD + (held[3] << 8 | held[4]);
      this.#lost += size;
      this.#skip = size - held.length;
    }
    const inside = Math.min(count, this.#skip);
    this.#skip -= inside;
    if (count > inside) {
      this.#lost += count - inside;
      this.#isSearching = true;
    }
  }

  end(): void {
    this.#emit("end", NOTHING, NOTHING, 0);
  }
}

/** Whether the head of a record is at `at`. */
function isHead(bytes: Uint8Array, at: number): boolean {
  const length = bytes[at + 3] << 8 | bytes[at + 4];
  return bytes[at] >= CHANGE_CIPHER_SPEC && bytes[at] <= 24 &&
    bytes[at + 1] === 3 && bytes[at + 2] <= 4 && length <= LONGEST;
}

/** The next head of application data; `at` is where it is, or where to search on. */
function findHead(bytes: Uint8Array): { at: number; isFound: boolean } {
  for (let at = 0; at + HEAD <= bytes.length; at++) {
    if (bytes[at] !== APPLICATION_DATA || !isHead(bytes, at)) continue;
    const length = bytes[at + 3] << 8 | bytes[at + 4];
    const next = at + HEAD + length;
    if (length <= 16) continue;
    if (next + HEAD > bytes.length || isHead(bytes, next)) {
      return { at, isFound: true };
    }
  }
  return { at: Math.max(0, bytes.length - HEAD + 1), isFound: false };
}
