/** Small tools for byte connections. */

import {
  carry,
  closeQuietly,
  discardTransport,
  ResumedConn,
  toByteConn,
  writeAll,
} from "../../../connection/transport/byte_conn.ts";
import type {
  ByteConn,
  Transport,
} from "../../../connection/transport/transport.ts";
import { assertEquals, assertStrictEquals, fail } from "../../deps.ts";
import { turn } from "../../helpers/virtual_time.ts";

const KIB = 1024;

/** A connection with this input, of which each read returns at most one item. */
function connOf(input: number[][]): ByteConn & { log: string[] } {
  return {
    log: [],
    remoteAddr: { transport: "tcp", hostname: "192.0.2.1", port: 1 },
    localAddr: { transport: "tcp", hostname: "192.0.2.2", port: 2 },
    proxyHead: {
      version: 1,
      local: true,
      source: undefined,
      destination: undefined,
      tlvs: [],
    },
    read(into) {
      const item = input.shift();
      if (item === undefined) return Promise.resolve(null);
      into.set(item);
      return Promise.resolve(item.length);
    },
    write(data) {
      this.log.push(`write ${data}`);
      return Promise.resolve(Math.min(2, data.length));
    },
    closeWrite() {
      this.log.push("closeWrite");
      return Promise.resolve();
    },
    close() {
      this.log.push("close");
    },
    setNoDelay(noDelay) {
      this.log.push(`setNoDelay ${noDelay}`);
    },
  };
}

/** Everything that can be read with a buffer of `size` bytes, one item for each read. */
async function readsOf(conn: ByteConn, size: number): Promise<number[][]> {
  const reads: number[][] = [];
  const buffer = new Uint8Array(size);
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return reads;
    reads.push([...buffer.subarray(0, count)]);
  }
}

Deno.test("byte connection: web streams are read in pieces of the reader's buffer, and written and ended", async () => {
  const written: number[] = [];
  let ended = false;
  const conn = toByteConn({
    readable: ReadableStream.from([
      Uint8Array.of(1, 2, 3, 4, 5),
      Uint8Array.of(6),
    ]),
    writable: new WritableStream({
      write: (chunk) => void written.push(...chunk),
      close: () => {
        ended = true;
      },
    }),
  });
  assertEquals(await readsOf(conn, 2), [[1, 2], [3, 4], [5], [6]]);
  await writeAll(conn, Uint8Array.of(7, 8));
  await conn.closeWrite();
  assertEquals([written, ended], [[7, 8], true]);
  const own = connOf([]);
  assertStrictEquals(toByteConn(own), own);
});

Deno.test("byte connection: bytes that were read come first, then those of a pending read, then the rest", async () => {
  const first = Uint8Array.of(1, 2, 3);
  const pending = () => Promise.resolve(Uint8Array.of(4, 5, 6));
  const all = new ResumedConn(connOf([[7], [8, 9]]), first, pending());
  assertEquals(await readsOf(all, 2), [[1, 2], [3], [4, 5], [6], [7], [8, 9]]);
  const rest = new ResumedConn(connOf([[7]]), new Uint8Array(0));
  assertEquals(await readsOf(rest, 2), [[7]]);
  const ended = new ResumedConn(connOf([]), first, Promise.resolve(null));
  assertEquals(await readsOf(ended, 9), [[1, 2, 3]]);
});

Deno.test("byte connection: all but reading passes to the connection itself", async () => {
  const conn = connOf([]);
  const resumed = new ResumedConn(conn, Uint8Array.of(1));
  assertStrictEquals(resumed.remoteAddr, conn.remoteAddr);
  assertStrictEquals(resumed.localAddr, conn.localAddr);
  assertStrictEquals(resumed.proxyHead, conn.proxyHead);
  resumed.setNoDelay(true);
  await writeAll(resumed, Uint8Array.of(1, 2, 3, 4));
  await writeAll(resumed, Uint8Array.of(1, 2, 3));
  await writeAll(resumed, new Uint8Array(0));
  await resumed.closeWrite();
  resumed.close();
  assertEquals(conn.log, [
    "setNoDelay true",
    "write 1,2,3,4",
    "write 3,4",
    "write 1,2,3",
    "write 3",
    "closeWrite",
    "close",
  ]);
});

Deno.test("byte connection: a copy reads into a buffer that grows from 1 to 64 KiB with full reads, and shrinks again", async () => {
  const sizes: number[] = [];
  const fill = [true, true, true, true, true, false, false, false, false, true];
  const given: number[] = [];
  const conn = connOf([]);
  conn.read = (into) => {
    const isFull = fill.shift();
    if (isFull === undefined) return Promise.resolve(null);
    sizes.push(into.length / KIB);
    return Promise.resolve(into.length - (isFull ? 0 : 1));
  };
  await carry(conn, (data) => {
    given.push(data.length);
    return Promise.resolve();
  });
  assertEquals(sizes, [1, 4, 16, 64, 64, 64, 16, 4, 1, 1]);
  assertEquals(
    given,
    sizes.map((size, index) => size * KIB - (index > 4 && index < 9 ? 1 : 0)),
  );
});

Deno.test("byte connection: closing quietly hides an exception, and needs no connection", () => {
  let tried = false;
  closeQuietly({
    close() {
      tried = true;
      throw new Deno.errors.BadResource("closed");
    },
  });
  closeQuietly(undefined);
  assertEquals(tried, true);
});

const UNUSABLE: Record<string, unknown> = {
  "null": null,
  "a number": 1,
  "a text": "x",
  "an empty object": {},
  "fields that are no streams": { readable: 1, writable: 1 },
  "methods that throw": {
    close: () => fail("close"),
    readable: { cancel: () => fail("cancel") },
    writable: { abort: () => fail("abort") },
  },
  "methods that reject": {
    readable: { cancel: () => Promise.reject(new Error("cancel")) },
    writable: { abort: () => Promise.reject(new Error("abort")) },
  },
  "fields that cannot be read": {
    get read() {
      return fail("read");
    },
    get close() {
      return fail("close");
    },
  },
};

for (const [what, value] of Object.entries(UNUSABLE)) {
  Deno.test(`discardTransport: it never throws, also for ${what}`, async () => {
    discardTransport(value as Transport);
    // A rejection that nobody handles would end the test.
    await turn();
  });
}

Deno.test("discardTransport: it closes what can be closed", async () => {
  const log: string[] = [];
  const readable = new ReadableStream({
    cancel: () => void log.push("cancel"),
  });
  const writable = new WritableStream({ abort: () => void log.push("abort") });
  const close = () => void log.push("close");
  for (
    const part of [
      { readable, writable: 1 },
      { readable: 1, writable },
      { readable: 1, writable: 1, close },
    ]
  ) {
    discardTransport(part as unknown as Transport);
  }
  await turn();
  // A writable stream passes it on later.
  assertEquals(log.toSorted(), ["abort", "cancel", "close"]);
});

Deno.test("discardTransport: the streams of a connection are not created", () => {
  const log: string[] = [];
  discardTransport({
    read: () => Promise.resolve(null),
    write: () => Promise.resolve(0),
    close: () => void log.push("close"),
    get readable() {
      log.push("readable");
      return new ReadableStream();
    },
  } as unknown as Transport);
  assertEquals(log, ["close"]);
});
