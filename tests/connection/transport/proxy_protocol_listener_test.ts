/** The listener that reads PROXY heads, on transports in memory, in virtual time. */

import { ConnectionClosedError } from "../../../connection/errors.ts";
import type { AcceptedConn } from "../../../connection/transport/listener.ts";
import { encodeProxyHead } from "../../../connection/transport/proxy_protocol.ts";
import {
  checkProxyPolicy,
  type ProxyPolicy,
  ProxyProtocolListener,
} from "../../../connection/transport/proxy_protocol_listener.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import {
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../deps.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const BALANCER = {
  transport: "tcp",
  hostname: "192.0.2.1",
  port: 1,
} as const;
const HEAD = encodeProxyHead({
  source: { hostname: "198.51.100.7", port: 7 },
  destination: { hostname: "198.51.100.8", port: 8 },
});

/** A connection that delivers what a test gives it. */
class FakeConn implements ByteConn {
  readonly remoteAddr: Deno.Addr | undefined;
  readonly log: string[] = [];
  #closed = false;
  #next = Promise.withResolvers<Uint8Array | null>();

  constructor(remoteAddr: Deno.Addr | undefined = BALANCER) {
    this.remoteAddr = remoteAddr;
  }

  async feed(data: Uint8Array | null): Promise<void> {
    this.#next.resolve(data);
    await turn();
  }

  async read(into: Uint8Array): Promise<number | null> {
    const data = await this.#next.promise;
    // A socket of Deno does the same.
    if (this.#closed) throw new Deno.errors.BadResource("closed");
    if (data === null) return null;
    const part = data.subarray(0, into.length);
    into.set(part);
    this.#next = Promise.withResolvers();
    if (part.length < data.length) {
      this.#next.resolve(data.subarray(part.length));
    }
    return part.length;
  }

  write(data: Uint8Array): Promise<number> {
    return Promise.resolve(data.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.log.push("close");
    this.#closed = true;
    this.#next.resolve(null);
  }

  ref(): void {
    this.log.push("ref");
  }

  unref(): void {
    this.log.push("unref");
  }
}

/** A listener to which a test passes connections, and what happened to them. */
class Balanced {
  readonly log: string[] = [];
  readonly errors: [error: unknown, conn: unknown][] = [];
  readonly listener: ProxyProtocolListener;
  #next = Promise.withResolvers<ByteConn>();
  #accepting = Promise.withResolvers<void>();

  constructor(policy: Partial<ProxyPolicy> = {}) {
    this.listener = new ProxyProtocolListener({
      addr: { transport: "tcp", hostname: "127.0.0.1", port: 9 },
      accept: async () => {
        this.#accepting.resolve();
        const conn = await this.#next.promise;
        this.#next = Promise.withResolvers();
        return conn;
      },
      close: () => {
        this.log.push("close");
        this.#next.reject(new Deno.errors.BadResource("closed"));
      },
      ref: () => this.log.push("ref"),
      unref: () => this.log.push("unref"),
    }, {
      proxyProtocol: "required",
      timeout: 30_000,
      error: (error, conn) => this.errors.push([error, conn]),
      ...policy,
    });
  }

  /** Passes a connection to the listener; waits until it accepts the next one. */
  async connect(conn: FakeConn = new FakeConn()): Promise<FakeConn> {
    this.#accepting = Promise.withResolvers();
    this.#next.resolve(conn);
    await this.#accepting.promise;
    return conn;
  }
}

/** The first error of the listener. */
function errorOf({ errors }: Balanced): ConnectionClosedError {
  const [[error]] = errors;
  assertInstanceOf(error, ConnectionClosedError);
  return error as ConnectionClosedError;
}

function namesOf({ proxyHead, remoteAddr, localAddr }: AcceptedConn) {
  return [
    proxyHead?.source,
    (remoteAddr as Deno.NetAddr).hostname,
    (localAddr as Deno.NetAddr)?.hostname,
  ];
}

Deno.test("PROXY listener: a connection has the addresses of its head, and the bytes after it", async () => {
  const balanced = new Balanced();
  const conn = await balanced.connect();
  const accepting = balanced.listener.accept();
  // The head arrives byte by byte, and the rest with its last byte.
  for (const byte of HEAD.subarray(0, -1)) await conn.feed(Uint8Array.of(byte));
  await conn.feed(Uint8Array.of(HEAD.at(-1)!, 1, 2, 3));
  const accepted = await accepting;
  assertEquals(namesOf(accepted).slice(1), ["198.51.100.7", "198.51.100.8"]);
  const rest = new Uint8Array(8);
  assertEquals(await accepted.read(rest), 3);
  assertEquals(rest.subarray(0, 3), Uint8Array.of(1, 2, 3));
  accepted.unref();
  accepted.ref();
  accepted.close();
  assertEquals(conn.log, ["unref", "ref", "close"]);
  assertEquals(balanced.errors, []);
});

Deno.test("PROXY listener: at most 4,096 connections wait for their head, and the next one is refused", async () => {
  const balanced = new Balanced({ timeout: 0 });
  const waiting: FakeConn[] = [];
  for (let count = 0; count < 4096; count++) {
    waiting.push(await balanced.connect());
  }
  assertEquals(balanced.errors, []);
  const refused = await balanced.connect();
  await turn();
  assertEquals(refused.log, ["close"]);
  const error = errorOf(balanced);
  assertEquals(
    [error.message, error.initiator, error.unprocessed, balanced.errors[0][1]],
    [
      "4096 connections wait for their PROXY head; one more was refused",
      "local",
      true,
      refused,
    ],
  );
  // When they have disconnected, there is room again.
  await Promise.all(waiting.map((conn) => conn.feed(null)));
  const next = await balanced.connect();
  await next.feed(HEAD);
  assertEquals(namesOf(await balanced.listener.accept())[1], "198.51.100.7");
});

Deno.test("PROXY listener: the whole head has one time limit, and 0 is none", async () => {
  using time = virtualTime();
  const balanced = new Balanced();
  const slow = await balanced.connect();
  await time.advance(29_999);
  await slow.feed(HEAD.subarray(0, 20));
  assertEquals([slow.log, balanced.errors], [[], []]);
  await time.advance(1);
  assertEquals(slow.log[0], "close");
  const error = errorOf(balanced);
  assertEquals(error.initiator, "remote");
  assertEquals(
    error.message,
    "192.0.2.1 did not send a whole PROXY head within 30000 ms (handshakeTimeout)",
  );
  assertEquals(time.next, undefined);

  const patient = new Balanced({ timeout: 0 });
  const late = await patient.connect();
  await time.advance(1e9);
  await late.feed(HEAD);
  assertEquals(namesOf(await patient.listener.accept())[1], "198.51.100.7");
  assertEquals([late.log, patient.errors, time.next], [[], [], undefined]);
});

Deno.test("PROXY listener: only trusted addresses and Unix sockets may send a head", async () => {
  const policy = { trusted: ["192.0.2.0/24"] };
  const unix = { transport: "unix", path: "/run/balancer" } as const;
  const stranger = { ...BALANCER, hostname: "203.0.113.5" };
  for (
    const [addr, isTrusted] of [
      [BALANCER, true],
      [unix, true],
      [stranger, false],
    ] as const
  ) {
    const strict = new Balanced(policy);
    const conn = await strict.connect(new FakeConn(addr));
    await conn.feed(HEAD);
    if (isTrusted) {
      assertEquals(namesOf(await strict.listener.accept())[1], "198.51.100.7");
      assertEquals(strict.errors, []);
    } else {
      assertEquals(conn.log, ["close"]);
      const [[error]] = strict.errors;
      assertEquals(
        (error as Error).message,
        "203.0.113.5 may not send a PROXY head: it is not in trusted",
      );
      assertEquals((error as ConnectionClosedError).initiator, "remote");
    }
    const lax = new Balanced({ ...policy, proxyProtocol: "optional" });
    const other = await lax.connect(new FakeConn(addr));
    await other.feed(HEAD);
    const accepted = await lax.listener.accept();
    assertEquals(accepted.proxyHead !== undefined, isTrusted);
    if (isTrusted) continue;
    // Bytes that cannot be a head are left to the application.
    const bytes = new Uint8Array(100);
    assertEquals(await accepted.read(bytes), HEAD.length);
    assertEquals(bytes.subarray(0, HEAD.length), HEAD);
  }
  // A transport without an address is not in any list.
  const nameless = new Balanced(policy);
  const transport = new FakeConn();
  Object.defineProperty(transport, "remoteAddr", { value: undefined });
  await nameless.connect(transport);
  await turn();
  const [[error]] = nameless.errors;
  assertEquals(
    (error as Error).message,
    "the peer may not send a PROXY head: it is not in trusted",
  );
});

Deno.test("PROXY listener: a peer that leaves early is an error only in the middle of a required head", async () => {
  for (const proxyProtocol of ["required", "optional"] as const) {
    const balanced = new Balanced({ proxyProtocol });
    const silent = await balanced.connect();
    await silent.feed(null);
    assertEquals([silent.log, balanced.errors], [["close"], []]);
    const half = await balanced.connect();
    await half.feed(HEAD.subarray(0, 5));
    await half.feed(null);
    if (proxyProtocol === "optional") {
      const accepted = await balanced.listener.accept();
      assertEquals(accepted.proxyHead, undefined);
      const bytes = new Uint8Array(9);
      assertEquals(await accepted.read(bytes), 5);
      assertEquals(balanced.errors, []);
    } else {
      assertEquals(half.log, ["close"]);
      const error = errorOf(balanced);
      assertEquals(
        error.message,
        "192.0.2.1 closed the connection in the middle of its PROXY head",
      );
      assertEquals(error.initiator, "remote");
    }
  }
});

Deno.test("PROXY listener: unref() and ref() reach the listener and all connections that wait for their head", async () => {
  const balanced = new Balanced();
  const first = await balanced.connect();
  balanced.listener.unref();
  const second = await balanced.connect();
  const ready = await balanced.connect();
  await ready.feed(HEAD);
  balanced.listener.ref();
  const third = await balanced.connect();
  assertEquals(balanced.log, ["unref", "ref"]);
  assertEquals(first.log, ["unref", "ref"]);
  assertEquals(second.log, ["unref", "ref"]);
  // Its head was read, so the caller of accept() decides.
  assertEquals(ready.log, ["unref"]);
  assertEquals(third.log, []);
  balanced.listener.close();
  await turn();
});

Deno.test("PROXY listener: close() closes every connection that nobody has accepted, and ends accept()", async () => {
  const balanced = new Balanced();
  const waiting = await balanced.connect();
  const ready = await balanced.connect();
  await ready.feed(HEAD);
  balanced.listener.close();
  await turn();
  assertEquals(balanced.log, ["close"]);
  assertEquals([waiting.log[0], ready.log[0]], ["close", "close"]);
  await assertRejects(
    () => balanced.listener.accept(),
    Deno.errors.BadResource,
    "Listener has been closed",
  );
});

Deno.test("PROXY listener: a connection of a TLS listener is refused, because the head comes before TLS", async () => {
  const balanced = new Balanced();
  const secure = new FakeConn();
  Object.defineProperty(secure, "handshake", { value: () => {} });
  await balanced.connect(secure);
  await turn();
  assertEquals(secure.log, ["close"]);
  assertInstanceOf(balanced.errors[0][0], InvalidArgumentError);
  assertStringIncludes(
    String(balanced.errors[0][0]),
    "the PROXY head comes before",
  );
});

Deno.test("PROXY listener: an invalid policy is refused at once", () => {
  for (const policy of [{ timeout: -1 }, { trusted: ["nobody"] }]) {
    assertThrows(() => new Balanced(policy), InvalidArgumentError);
  }
});

Deno.test("PROXY listener: the options are checked", () => {
  assertEquals(checkProxyPolicy("required", undefined), "required");
  assertEquals(checkProxyPolicy("optional", ["192.0.2.0/24"]), "optional");
  assertEquals(checkProxyPolicy(undefined, undefined), undefined);
  assertEquals(checkProxyPolicy(false, undefined), undefined);
  for (
    const [mode, trusted, text] of [
      [undefined, ["192.0.2.1"], "it needs the option proxyProtocol"],
      [false, ["192.0.2.1"], "it needs the option proxyProtocol"],
      ["required", ["nobody"], "trusted"],
      ["required", "192.0.2.1" as never, "is not a list of strings"],
      [true, undefined, 'must be "required", "optional" or false'],
      [null, undefined, 'must be "required", "optional" or false'],
    ] as const
  ) {
    assertThrows(
      () => checkProxyPolicy(mode, trusted),
      InvalidArgumentError,
      text,
    );
  }
});

Deno.test("PROXY listener: it has the address of the listener below, and no timer after a head", async () => {
  using time = virtualTime();
  const balanced = new Balanced();
  assertEquals((balanced.listener.addr as Deno.NetAddr).port, 9);
  const conn = await balanced.connect();
  await conn.feed(HEAD);
  await balanced.listener.accept();
  assertEquals(time.next, undefined);
});

Deno.test("PROXY listener: a read that fails closes the connection, and its error is reported", async () => {
  const balanced = new Balanced();
  const broken = new FakeConn();
  const error = new Deno.errors.TimedOut("no route");
  Object.defineProperty(broken, "read", { value: () => Promise.reject(error) });
  await balanced.connect(broken);
  await turn();
  assertEquals(broken.log, ["close"]);
  assertEquals(balanced.errors, [[error, broken]]);
});

Deno.test("PROXY listener: close() ends accept() at once after an accept that failed", async () => {
  using _time = virtualTime();
  const below = {
    addr: BALANCER,
    accept: () => Promise.reject(new Error("too many open files")),
    close: () => {},
  };
  const listener = new ProxyProtocolListener(below, {
    proxyProtocol: "required",
    timeout: 0,
    error: () => {},
  });
  const accepting = assertRejects(
    () => listener.accept(),
    Deno.errors.BadResource,
  );
  // The next accept of the listener below follows after a pause, and no time passes.
  await turn();
  listener.close();
  await accepting;
});

Deno.test("PROXY listener: an accept that rejects with an error of its own after close() ends the loop", async () => {
  using time = virtualTime();
  const ended = Promise.withResolvers<never>();
  const errors: unknown[] = [];
  let accepts = 0;
  const listener = new ProxyProtocolListener({
    addr: BALANCER,
    accept: () => {
      accepts++;
      return ended.promise;
    },
    close: () => ended.reject(new Error("this listener is closed")),
  }, {
    proxyProtocol: "required",
    timeout: 0,
    error: (error) => errors.push(error),
  });
  listener.close();
  await turn();
  assertEquals([accepts, errors, time.next], [1, [], undefined]);
});

Deno.test("PROXY listener: a connection that arrives after close() is closed", async () => {
  using time = virtualTime();
  const conn = new FakeConn();
  const arriving = Promise.withResolvers<ByteConn>();
  const pending = [arriving.promise];
  const listener = new ProxyProtocolListener({
    addr: BALANCER,
    accept: () =>
      pending.pop() ?? Promise.reject(new Deno.errors.BadResource("closed")),
    close: () => {},
  }, { proxyProtocol: "required", timeout: 30_000, error: () => {} });
  listener.close();
  arriving.resolve(conn);
  await turn();
  assertEquals([conn.log, time.next], [["close"], undefined]);
});
