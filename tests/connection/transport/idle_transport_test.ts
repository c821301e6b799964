/**
 * Transports that move no byte, or report a number that is not one of bytes, before the
 * connection begins: they must not stop the process.
 */

import {
  carry,
  closeQuietly,
  readPart,
  writeAll,
  writePart,
} from "../../../connection/transport/byte_conn.ts";
import { ConnectionClosedError } from "../../../connection/errors.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { connect } from "../../../http/connect.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

/** What is not a number of bytes, 0 to 4. */
const WRONG = [undefined, Number.NaN, -1, 1.5, 5, "1"];

class Moving implements ByteConn {
  /** What the next calls report; then all bytes. */
  readonly #results: unknown[];
  readonly written: number[] = [];

  constructor(...results: unknown[]) {
    this.#results = results;
  }

  #next(size: number): Promise<number> {
    return Promise.resolve(
      (this.#results.length > 0 ? this.#results.shift() : size) as number,
    );
  }

  read(into: Uint8Array): Promise<number | null> {
    return this.#next(into.length);
  }

  async write(data: Uint8Array): Promise<number> {
    const size = await this.#next(data.length);
    this.written.push(...data.subarray(0, size));
    return size;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {}
}

const DATA = Uint8Array.of(1, 2, 3, 4);

Deno.test("idle transport: calls that move no byte are repeated after a pause", async () => {
  using time = virtualTime();
  const buffer = new Uint8Array(4);
  const works: [work: () => Promise<unknown>, result: unknown][] = [
    [() => readPart(new Moving(0, 0, 3), buffer), 3],
    [() => readPart(new Moving(0, 0, null), buffer), null],
    [() => writePart(new Moving(0, 0, 3), DATA), 3],
    [() => writeAll(new Moving(0, 0, 3), DATA), undefined],
    [() => carry(new Moving(0, 0, null), () => Promise.resolve()), undefined],
  ];
  for (const [work, result] of works) {
    let settled = false;
    const done = work().finally(() => settled = true);
    await time.advance(1);
    assertEquals(settled, false);
    await time.advance(1);
    assertEquals(await done, result);
  }
});

Deno.test("idle transport: all bytes are written when some calls take none", async () => {
  using time = virtualTime();
  const conn = new Moving(1, 0, 2);
  const done = writeAll(conn, DATA);
  await time.advance(1);
  await done;
  assertEquals(conn.written, [...DATA]);
});

Deno.test("idle transport: what is not a number of bytes is an error", async () => {
  const buffer = new Uint8Array(4);
  for (const wrong of WRONG) {
    for (
      const work of [
        () => readPart(new Moving(wrong), buffer),
        () => writePart(new Moving(wrong), DATA),
        () => writeAll(new Moving(wrong), DATA),
      ]
    ) {
      await assertRejects(
        work,
        ConnectionClosedError,
        `() of the transport resolved to ${wrong}`,
      );
    }
  }
  await assertRejects(
    () => carry(new Moving(-1), () => Promise.resolve()),
    ConnectionClosedError,
    "read() of the transport resolved to -1",
  );
});

for (const url of ["http://proxy.example:3128", "socks5://proxy.example"]) {
  Deno.test(`idle transport: the time limit of ${url} also ends a wait for a transport that ignores its close`, async () => {
    using time = virtualTime();
    const never = new Promise<number>(() => {});
    const conn = new Moving();
    const asked = Promise.withResolvers<void>();
    conn.write = (data) => {
      asked.resolve();
      return Promise.resolve(data.length);
    };
    conn.read = () => never;
    const connected = connect({
      hostname: "example.org",
      port: 443,
      dial: () => Promise.resolve(conn),
      proxy: { url, timeout: 2000 },
    });
    const rejected = assertRejects(
      () => connected,
      ConnectionClosedError,
      "did not open the tunnel to example.org:443 within 2000 ms",
    );
    // The code for proxies is loaded first, which takes real time.
    await asked.promise;
    await time.advance(2000);
    await rejected;
  });
}

Deno.test("idle transport: after its close, calls that move no byte are not repeated", async () => {
  const works: ((conn: ByteConn) => Promise<unknown>)[] = [
    (conn) => readPart(conn, new Uint8Array(4)),
    (conn) => writePart(conn, DATA),
    (conn) => writeAll(conn, DATA),
    (conn) => carry(conn, () => Promise.resolve()),
  ];
  for (const work of works) {
    // Closed during a call, and during the pause after it.
    for (const pause of [0, 1]) {
      using time = virtualTime();
      let calls = 0;
      const conn: ByteConn = {
        read: () => Promise.resolve(++calls && 0),
        write: () => Promise.resolve(++calls && 0),
        closeWrite: () => Promise.resolve(),
        close() {},
      };
      const done = assertRejects(
        () => work(conn),
        ConnectionClosedError,
        "the transport was closed",
      );
      if (pause > 0) await time.advance(0);
      closeQuietly(conn);
      await time.advance(1);
      await done;
      assertEquals(calls, 1);
    }
  }
});
