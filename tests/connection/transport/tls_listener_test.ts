/**
 * The TLS listener whose connections pass through a listener inside the process,
 * with both listeners and all connections in memory.
 */

import type { CertificateListener } from "../../../connection/transport/listener.ts";
import {
  type AcceptedConn,
  listenTls,
} from "../../../connection/transport/tls_listener.ts";
import { assertEquals, assertRejects, stub } from "../../deps.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

const OPTIONS = {
  hostname: "127.0.0.1",
  port: 0,
  cert: "first",
  key: "key",
  alpnProtocols: ["spdy/3.1"],
};

/** A connection that a test reads and writes from outside. */
class FakeConn {
  readonly localAddr: Deno.NetAddr;
  readonly remoteAddr: Deno.NetAddr;
  closed = false;
  /** Whether small writes are sent at once, without Nagle's algorithm. */
  noDelay = false;
  /** Its `ref` and `unref` calls. */
  readonly references: string[] = [];
  /** Bytes that were written. */
  readonly written: number[] = [];
  writeEnded = false;
  /** Write calls do not resolve before this does. */
  gate: Promise<void> = Promise.resolve();
  readonly handshakeEnd = Promise.withResolvers<Deno.TlsHandshakeInfo>();
  readonly #arrived: (number[] | null)[] = [];
  #wake: (() => void) | undefined;

  constructor(localPort: number, remotePort: number, peer = "127.0.0.1") {
    const [transport, hostname] = ["tcp", "127.0.0.1"] as const;
    this.localAddr = { transport, hostname, port: localPort };
    this.remoteAddr = { transport, hostname: peer, port: remotePort };
  }

  /** The peer sends bytes, or ends its direction. */
  arrive(part: number[] | null): void {
    this.#arrived.push(part);
    this.#wake?.();
  }

  async read(into: Uint8Array): Promise<number | null> {
    while (this.#arrived.length === 0 && !this.closed) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.closed) throw new Deno.errors.BadResource("closed");
    const part = this.#arrived.shift() ?? null;
    if (part !== null) into.set(part);
    return part === null ? null : part.length;
  }

  async write(data: Uint8Array): Promise<number> {
    const bytes = [...data];
    await this.gate;
    if (this.closed) throw new Deno.errors.BadResource("closed");
    this.written.push(...bytes);
    return bytes.length;
  }

  closeWrite(): Promise<void> {
    this.writeEnded = true;
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
    this.#wake?.();
  }

  handshake(): Promise<Deno.TlsHandshakeInfo> {
    return this.handshakeEnd.promise;
  }

  setNoDelay(noDelay: boolean): void {
    this.noDelay = noDelay;
  }

  ref(): void {
    this.references.push("ref");
  }

  unref(): void {
    this.references.push("unref");
  }
}

/** A listener whose connections a test makes. */
class FakeListener {
  readonly addr: Deno.NetAddr = {
    transport: "tcp",
    hostname: "127.0.0.1",
    port: 1,
  };
  closed = false;
  /** Its `ref` and `unref` calls. */
  readonly references: string[] = [];
  /** Accept calls that wait. */
  readonly waiting: PromiseWithResolvers<FakeConn>[] = [];

  accept(): Promise<FakeConn> {
    const next = Promise.withResolvers<FakeConn>();
    this.waiting.push(next);
    return next.promise;
  }

  /** The accept call that has waited for longest returns `conn`. */
  give(conn: FakeConn): void {
    this.waiting.shift()!.resolve(conn);
  }

  /** The accept call that has waited for longest fails. */
  fail(error: Error): void {
    this.waiting.shift()!.reject(error);
  }

  close(): void {
    this.closed = true;
  }

  ref(): void {
    this.references.push("ref");
  }

  unref(): void {
    this.references.push("unref");
  }
}

/** A TLS listener whose listeners and connections are controlled by a test. */
class Setting implements Disposable {
  readonly outer = new FakeListener();
  /** Inner listeners: the first one, and one for each change of the certificate. */
  readonly inners: FakeListener[] = [];
  /** What each of them was opened with. */
  readonly certificates: unknown[][] = [];
  /** Near ends of connections to an inner listener. */
  readonly nears: FakeConn[] = [];
  /** Connections to an inner listener are not made before this resolves. */
  gate: Promise<void> = Promise.resolve();
  readonly listener: ReturnType<typeof listenTls>;
  readonly #stubs: Disposable[];
  #clients = 0;

  constructor() {
    this.#stubs = [
      stub(Deno, "listen", (() => this.outer) as never),
      stub(
        Deno,
        "listenTls",
        (({ cert, key, alpnProtocols }: typeof OPTIONS) => {
          this.certificates.push([cert, key, alpnProtocols]);
          const inner = new FakeListener();
          this.inners.push(inner);
          return inner;
        }) as never,
      ),
      stub(
        Deno,
        "connect",
        (async () => {
          const near = new FakeConn(1000 + this.nears.length, 1);
          this.nears.push(near);
          await this.gate;
          return near;
        }) as never,
      ),
    ];
    this.listener = listenTls(OPTIONS);
  }

  /** A client that has connected and sent a byte. */
  async client(): Promise<{ conn: AcceptedConn; outer: FakeConn }> {
    const accepted = this.listener.accept();
    const outer = new FakeConn(1, 2000 + this.#clients++);
    this.outer.give(outer);
    const conn = await accepted;
    outer.arrive([7]);
    await turn();
    return { conn, outer };
  }

  /** The inner listener accepts the connection of a near end. */
  async far(near: FakeConn, inner = this.inners[0]): Promise<FakeConn> {
    const far = new FakeConn(1, near.localAddr.port);
    inner.give(far);
    await turn();
    return far;
  }

  /** The first client, with its connection to the inner listener. */
  async connection(): Promise<
    { conn: AcceptedConn; outer: FakeConn; near: FakeConn; far: FakeConn }
  > {
    const { conn, outer } = await this.client();
    const [near] = this.nears;
    return { conn, outer, near, far: await this.far(near) };
  }

  /** The first client, after its handshake. */
  async afterHandshake(): ReturnType<Setting["connection"]> {
    const all = await this.connection();
    all.far.handshakeEnd.resolve({ alpnProtocol: null });
    await turn();
    return all;
  }

  [Symbol.dispose](): void {
    for (const each of this.#stubs) each[Symbol.dispose]();
  }
}

function changeCertificate({ listener }: Setting): void {
  (listener as unknown as CertificateListener)
    .setCertificate({ cert: "next", key: "key 2" });
}

Deno.test("TLS listener: it has the outer listener's address, and decides by it whether the process stays alive", () => {
  using setting = new Setting();
  const { listener, outer, inners } = setting;
  assertEquals(listener.addr, outer.addr);
  assertEquals([outer.references, inners[0].references], [[], ["unref"]]);
  listener.unref();
  listener.ref();
  assertEquals(outer.references, ["unref", "ref"]);
  assertEquals(inners[0].references, ["unref"]);
});

Deno.test("TLS listener: a new certificate keeps the protocols, and opens no listener after the close", () => {
  using setting = new Setting();
  changeCertificate(setting);
  assertEquals(setting.certificates, [
    ["first", "key", ["spdy/3.1"]],
    ["next", "key 2", ["spdy/3.1"]],
  ]);
  setting.listener.close();
  changeCertificate(setting);
  assertEquals(setting.inners.length, 2);
});

Deno.test("TLS listener: bytes pass both ways, and the end of one direction leaves the other", async () => {
  using setting = new Setting();
  const { conn, outer, near, far } = await setting.connection();
  assertEquals(near.written, [7]);
  outer.arrive([8, 9]);
  await turn();
  assertEquals(near.written, [7, 8, 9]);
  assertEquals(near.writeEnded, false);
  outer.arrive(null);
  await turn();
  assertEquals([near.writeEnded, outer.writeEnded], [true, false]);
  near.arrive([1, 2]);
  await turn();
  assertEquals(outer.written, [1, 2]);
  assertEquals([near.closed, outer.closed, far.closed], [false, false, false]);
  near.arrive(null);
  await turn();
  assertEquals(outer.writeEnded, true);
  assertEquals([near.closed, outer.closed], [true, true]);
  conn.close();
  assertEquals(far.closed, true);
});

Deno.test("TLS listener: small writes are sent at once on both sockets that carry the bytes", async () => {
  using setting = new Setting();
  const { conn, outer, near, far } = await setting.connection();
  assertEquals([outer.noDelay, near.noDelay], [true, true]);
  conn.close();
  assertEquals(far.closed, true);
});

Deno.test("TLS listener: when the inner accept fails, that connection ends, and the next one works", async () => {
  using setting = new Setting();
  const first = await setting.client();
  const [inner] = setting.inners;
  const refused = assertRejects(
    () => first.conn.read(new Uint8Array(1)),
    Error,
    "no descriptor is left",
  );
  inner.fail(new Error("no descriptor is left"));
  await turn();
  // Checked before the read call, which would never end if the error were lost.
  assertEquals([setting.nears[0].closed, first.outer.closed], [true, true]);
  await refused;

  const second = await setting.client();
  const far = await setting.far(setting.nears[1]);
  assertEquals(setting.nears[1].written, [7]);
  // No connection waits for its other end, so none is accepted.
  assertEquals(inner.waiting.length, 0);
  second.conn.close();
  assertEquals(far.closed, true);
});

Deno.test("TLS listener: ends that are accepted in another order find their connections", async () => {
  using setting = new Setting();
  const first = await setting.client();
  const second = await setting.client();
  const [near1, near2] = setting.nears;
  const far2 = await setting.far(near2);
  assertEquals([near1.written, near2.written], [[], [7]]);
  const far1 = await setting.far(near1);
  assertEquals(near1.written, [7]);
  first.conn.close();
  assertEquals([far1.closed, far2.closed], [true, false]);
  second.conn.close();
  assertEquals(far2.closed, true);
});

Deno.test("TLS listener: connections of other programs are closed when none is being made", async () => {
  using setting = new Setting();
  await setting.client();
  await setting.client();
  const [near1, near2] = setting.nears;
  const stranger = await setting.far(new FakeConn(5000, 1));
  const far1 = await setting.far(near1);
  // It may belong to the other connection, whose port is not known yet.
  assertEquals(stranger.closed, false);
  const far2 = await setting.far(near2);
  assertEquals(stranger.closed, true);
  assertEquals([far1.closed, far2.closed], [false, false]);
  assertEquals(setting.inners[0].waiting.length, 0);
});

Deno.test("TLS listener: a connection from the same port at another address belongs to another program", async () => {
  using setting = new Setting();
  await setting.client();
  const [near] = setting.nears;
  const stranger = new FakeConn(1, near.localAddr.port, "127.0.0.2");
  setting.inners[0].give(stranger);
  await turn();
  assertEquals([stranger.closed, near.written], [true, []]);
  const far = await setting.far(near);
  assertEquals([far.closed, near.written], [false, [7]]);
});

Deno.test("TLS listener: an inner end that is accepted before its client's port is known waits for that client", async () => {
  using setting = new Setting();
  await setting.client();
  const gate = Promise.withResolvers<void>();
  setting.gate = gate.promise;
  await setting.client();
  const [near1, near2] = setting.nears;
  const far2 = await setting.far(near2);
  gate.resolve();
  await turn();
  assertEquals([near1.written, near2.written], [[], [7]]);
  await setting.far(near1);
  assertEquals([near1.written, far2.closed], [[7], false]);
  assertEquals(setting.inners[0].waiting.length, 0);
});

Deno.test("TLS listener: after a change of the certificate, the former inner listener stays until its connections are made", async () => {
  using setting = new Setting();
  await setting.client();
  await setting.client();
  const [near1, near2] = setting.nears;
  const [before] = setting.inners;
  changeCertificate(setting);
  assertEquals(setting.inners.length, 2);
  assertEquals(before.closed, false);
  await setting.far(near1);
  assertEquals(before.closed, false);
  await setting.far(near2);
  assertEquals([before.closed, near2.written], [true, [7]]);

  await setting.client();
  const after = setting.inners[1];
  await setting.far(setting.nears[2], after);
  assertEquals([setting.nears[2].written, after.closed], [[7], false]);
  // With no connection under way, it is closed at once.
  changeCertificate(setting);
  assertEquals(after.closed, true);
  setting.listener.close();
  assertEquals([setting.inners[2].closed, setting.outer.closed], [true, true]);
});

Deno.test("TLS listener: unref and ref reach the ends that exist, and those that are made later", async () => {
  using setting = new Setting();
  const plain = await setting.client();
  const plainFar = await setting.far(setting.nears[0]);
  assertEquals(setting.nears[0].references, []);
  plain.conn.unref();
  plain.conn.ref();
  for (const each of [plain.outer, setting.nears[0], plainFar]) {
    assertEquals(each.references, ["unref", "ref"]);
  }

  const early = await setting.client();
  early.conn.unref();
  assertEquals(early.outer.references, ["unref"]);
  const far = await setting.far(setting.nears[1]);
  assertEquals(setting.nears[1].references, ["unref"]);
  assertEquals(far.references, ["unref"]);
  early.conn.close();
  early.conn.ref();
  assertEquals(far.references, ["unref"]);
});

Deno.test("TLS listener: a connection that is closed while it is being made leaves nothing open", async () => {
  using setting = new Setting();
  const { conn, outer } = await setting.client();
  conn.close();
  assertEquals(outer.closed, true);
  const [near] = setting.nears;
  const far = await setting.far(near);
  assertEquals([near.closed, far.closed], [true, true]);
  assertEquals(near.written, []);
  await assertRejects(
    () => conn.read(new Uint8Array(1)),
    Deno.errors.BadResource,
  );
});

Deno.test("TLS listener: a client that disconnects before it sent anything has no inner connection", async () => {
  using setting = new Setting();
  const accepted = setting.listener.accept();
  const outer = new FakeConn(1, 2000);
  setting.outer.give(outer);
  const conn = await accepted;
  outer.arrive(null);
  await assertRejects(
    async () => await conn.handshake?.(),
    Deno.errors.UnexpectedEof,
    "before it sent anything",
  );
  assertEquals([outer.closed, setting.nears.length], [true, 0]);
});

Deno.test("TLS listener: closed before the end of the handshake, a connection ends at once", async () => {
  using setting = new Setting();
  const { conn, outer, near, far } = await setting.connection();
  assertEquals(conn.localAddr, outer.localAddr);
  assertEquals(conn.remoteAddr, outer.remoteAddr);
  conn.close();
  assertEquals([outer.closed, near.closed, far.closed], [true, true, true]);
});

Deno.test("TLS listener: after a failed handshake, the client gets the alert before its socket is closed", async () => {
  using time = virtualTime();
  using setting = new Setting();
  const { conn, outer, near, far } = await setting.connection();
  far.handshakeEnd.reject(new Deno.errors.InvalidData("no common protocol"));
  await assertRejects(
    async () => await conn.handshake?.(),
    Deno.errors.InvalidData,
  );
  conn.close();
  assertEquals([outer.closed, far.closed], [false, true]);
  near.arrive([21, 3, 3]);
  near.arrive(null);
  await turn();
  assertEquals([outer.written, outer.writeEnded], [[21, 3, 3], true]);
  assertEquals([outer.closed, near.closed], [true, true]);
  assertEquals(time.timers, 0);
});

Deno.test("TLS listener: after the end of its own direction, close ends the sockets although the client stays", async () => {
  using time = virtualTime();
  using setting = new Setting();
  const { conn, outer, near } = await setting.afterHandshake();
  near.arrive([1]);
  near.arrive(null);
  await turn();
  assertEquals([outer.written, outer.writeEnded], [[1], true]);
  assertEquals([outer.closed, near.closed], [false, false]);
  conn.close();
  assertEquals([outer.closed, near.closed], [true, true]);
  assertEquals(time.timers, 0);
});

Deno.test("TLS listener: after a failed write to the client, close ends the sockets", async () => {
  using setting = new Setting();
  const { conn, outer, near } = await setting.afterHandshake();
  outer.gate = Promise.reject(new Deno.errors.ConnectionReset("reset"));
  near.arrive([1]);
  await turn();
  assertEquals([outer.closed, near.closed], [false, false]);
  conn.close();
  assertEquals([outer.closed, near.closed], [true, true]);
});

Deno.test("TLS listener: a connection that is closed later ends when the client has taken the last bytes", async () => {
  using time = virtualTime();
  using setting = new Setting();
  const { conn, outer, near, far } = await setting.afterHandshake();
  let gate = Promise.withResolvers<void>();
  outer.gate = gate.promise;
  near.arrive([1]);
  near.arrive([2]);
  near.arrive(null);
  await turn();
  conn.close();
  assertEquals([far.closed, outer.closed], [true, false]);
  // The client reads a byte every 9 s: the time limit applies to each write.
  await time.advance(9000);
  gate.resolve();
  gate = Promise.withResolvers();
  outer.gate = gate.promise;
  await time.advance(9000);
  assertEquals([outer.written, outer.closed], [[1], false]);
  gate.resolve();
  await turn();
  assertEquals([outer.written, outer.writeEnded], [[1, 2], true]);
  assertEquals([outer.closed, near.closed], [true, true]);
  assertEquals(time.timers, 0);
});

Deno.test("TLS listener: a connection that is closed later ends after 10 s if the client takes nothing", async () => {
  using time = virtualTime();
  using setting = new Setting();
  const { conn, outer, near } = await setting.afterHandshake();
  outer.gate = new Promise(() => {});
  near.arrive([1]);
  await turn();
  conn.close();
  await time.advance(9999);
  assertEquals([outer.closed, near.closed], [false, false]);
  await time.advance(1);
  assertEquals([outer.closed, near.closed], [true, true]);
});

for (const written of [[], [1]]) {
  Deno.test(`TLS listener: a connection that is closed after ${written.length} bytes, when no byte waits, starts no timer`, async () => {
    using time = virtualTime();
    using setting = new Setting();
    const { conn, outer, near } = await setting.afterHandshake();
    if (written.length > 0) near.arrive(written);
    await turn();
    assertEquals(outer.written, written);
    conn.close();
    assertEquals(time.timers, 0);
    // The last bytes still have 10 s.
    outer.gate = new Promise(() => {});
    near.arrive([2]);
    await turn();
    await time.advance(9999);
    assertEquals(outer.closed, false);
    await time.advance(1);
    assertEquals([outer.closed, near.closed], [true, true]);
  });
}
