/** The connection on loopback in front of a transport. */

import { connectRaw } from "../../../connection/connect.ts";
import { openHop } from "../../../connection/transport/tls_hop.ts";
import type { ByteConn } from "../../../connection/transport/transport.ts";
import { PROTO_SPDY3_1 } from "../../../frame/constants.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  stub,
} from "../../deps.ts";
import { memoryStreams } from "../../helpers/connections.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

/** A near end without TLS. */
async function connectPlain(
  address: { hostname: string; port: number },
): Promise<Deno.TcpConn & { handshake(): Promise<Deno.TlsHandshakeInfo> }> {
  const conn = await Deno.connect(address);
  return Object.assign(conn, {
    handshake: () => Promise.resolve({ alpnProtocol: null }),
  });
}

Deno.test("TLS hop: several can be opened at once, and each has its own transport", async () => {
  const opened = await Promise.all([1, 2, 3].map(async (number) => {
    const [near, far] = memoryStreams();
    return { number, far, hop: await openHop(near, connectPlain) };
  }));
  for (const { number, far, hop } of opened) {
    assertEquals(await hop.write(Uint8Array.of(number)), 1);
    const { value } = await far.readable.getReader().read();
    assertEquals(value, Uint8Array.of(number));
    const writer = far.writable.getWriter();
    const written = writer.write(Uint8Array.of(10 * number));
    const into = new Uint8Array(4);
    assertEquals(await hop.read(into), 1);
    assertEquals(into[0], 10 * number);
    await written;
    const ended = writer.close();
    assertEquals(await hop.read(into), null);
    await ended;
    hop.close();
  }
});

Deno.test("TLS hop: after the close, each write to the peer has its own time limit", async () => {
  using time = virtualTime();
  const ended = Promise.withResolvers<null>();
  let closed = false;
  /** The write that waits, and the callback of whoever waits for it. */
  let taken = Promise.withResolvers<number>();
  let began = Promise.withResolvers<void>();
  let count = 0;
  const outer: ByteConn = {
    read: () => ended.promise,
    write: () => {
      count++;
      began.resolve();
      return taken.promise;
    },
    closeWrite: () => Promise.resolve(),
    close: () => {
      closed = true;
      ended.resolve(null);
    },
  };
  const hop = await openHop(outer, connectPlain);
  await hop.write(new Uint8Array(3));
  await began.promise;
  hop.close();
  // The peer reads a byte every 6 s, in total for longer than one write may
  // take.
  for (let write = 1; write <= 3; write++) {
    await time.advance(6000);
    assertEquals([count, closed], [write, false]);
    const done = taken;
    taken = Promise.withResolvers();
    began = Promise.withResolvers();
    done.resolve(1);
    if (write < 3) await began.promise;
  }
  await ended.promise;
  assertEquals(count, 3);
});

Deno.test("TLS hop: when the peer accepts no more bytes, both ends are closed", async () => {
  const ended = Promise.withResolvers<null>();
  const outer: ByteConn = {
    read: () => ended.promise,
    write: () => Promise.reject(new Error("broken pipe")),
    closeWrite: () => Promise.resolve(),
    close: () => ended.resolve(null),
  };
  const hop = await openHop(outer, connectPlain);
  await hop.write(new Uint8Array(3));
  await ended.promise;
  assertEquals(await hop.read(new Uint8Array(1)), null);
  // Nobody reads at the other end of the near end any more.
  await assertRejects(async () => {
    for (;;) await hop.write(new Uint8Array(65536));
  });
  hop.close();
});

/** A transport whose writes wait until the test takes their bytes. */
class SlowPeer implements ByteConn {
  readonly log: string[] = [];
  /** Settles when the next write begins. */
  began = Promise.withResolvers<void>();
  readonly writeEnded = Promise.withResolvers<void>();
  readonly closed = Promise.withResolvers<void>();
  #taken = Promise.withResolvers<number>();
  #arrived = Promise.withResolvers<number | null>();

  read(): Promise<number | null> {
    return this.#arrived.promise;
  }

  write(): Promise<number> {
    this.log.push("write");
    this.began.resolve();
    return this.#taken.promise;
  }

  /** Ends the write that waits, after this number of bytes. */
  take(size: number): void {
    const taken = this.#taken;
    this.#taken = Promise.withResolvers();
    this.began = Promise.withResolvers();
    taken.resolve(size);
  }

  /** The peer ends its direction, or the transport fails. */
  end(error?: Error): void {
    if (error === undefined) this.#arrived.resolve(null);
    else this.#arrived.reject(error);
  }

  closeWrite(): Promise<void> {
    this.log.push("closeWrite");
    this.writeEnded.resolve();
    return Promise.resolve();
  }

  close(): void {
    this.log.push("close");
    this.#taken.promise.catch(() => {});
    this.#taken.reject(new Error("closed"));
    this.#arrived.resolve(null);
    this.closed.resolve();
  }

  setNoDelay(on: boolean): void {
    this.log.push(`setNoDelay ${on}`);
  }

  ref(): void {
    this.log.push("ref");
  }

  unref(): void {
    this.log.push("unref");
  }
}

Deno.test("TLS hop: after the close, a write that the peer does not accept is given up after 10 s", async () => {
  for (const accepted of [0, 1]) {
    using time = virtualTime();
    const peer = new SlowPeer();
    const hop = await openHop(peer, connectPlain);
    await hop.write(new Uint8Array(3));
    await peer.began.promise;
    await time.advance(60_000);
    hop.close();
    // The next write begins after the close, and has its own 10 s.
    if (accepted > 0) {
      await time.advance(9000);
      peer.take(accepted);
      await peer.began.promise;
    }
    await time.advance(9999);
    assertEquals(peer.log.includes("close"), false);
    await time.advance(1);
    assertEquals(peer.log.includes("close"), true);
    assertEquals(time.timers, 0);
  }
});

Deno.test("TLS hop: the time limit begins with the first write after the close, not with an earlier one", async () => {
  using time = virtualTime();
  const peer = new SlowPeer();
  const hop = await openHop(peer, connectPlain);
  await hop.write(new Uint8Array(1));
  await peer.began.promise;
  peer.take(1);
  await hop.write(new Uint8Array(3));
  hop.close();
  await peer.began.promise;
  for (let count = 0; count < 2; count++) {
    await time.advance(6000);
    assertEquals(peer.log.includes("close"), false);
    peer.take(1);
    await peer.began.promise;
  }
  peer.take(1);
  await peer.closed.promise;
  assertEquals(time.timers, 0);
});

Deno.test("TLS hop: a near end whose closeWrite() hangs is closed when the peer accepts nothing", async () => {
  using time = virtualTime();
  const peer = new SlowPeer();
  let near: Deno.TcpConn | undefined;
  let ends = 0;
  const hop = await openHop(peer, async (address) => {
    const conn = await connectPlain(address);
    near = conn;
    conn.closeWrite = () => {
      ends++;
      return new Promise(() => {});
    };
    return conn;
  });
  await hop.write(new Uint8Array(3));
  await peer.began.promise;
  hop.close();
  hop.close();
  assertEquals(ends, 1);
  await time.advance(10_000);
  await peer.closed.promise;
  await assertRejects(
    () => near!.read(new Uint8Array(1)),
    Deno.errors.BadResource,
  );
});

Deno.test("TLS hop: the two directions end separately, and then both ends are closed", async () => {
  const peer = new SlowPeer();
  const hop = await openHop(peer, async (address) => {
    const conn = await connectPlain(address);
    conn.ref = () => peer.log.push("near ref");
    conn.unref = () => peer.log.push("near unref");
    return conn;
  });
  hop.unref();
  hop.ref();
  await hop.write(new Uint8Array(3));
  await peer.began.promise;
  peer.take(3);
  await hop.closeWrite();
  const read = hop.read(new Uint8Array(1));
  peer.end();
  assertEquals(await read, null);
  await peer.closed.promise;
  assertEquals(peer.log, [
    "setNoDelay true",
    "near unref",
    "unref",
    "near ref",
    "ref",
    "write",
    "closeWrite",
    "close",
  ]);
  hop.close();
});

Deno.test("TLS hop: after the end of its own direction, close ends the transport although the peer stays", async () => {
  const peer = new SlowPeer();
  const hop = await openHop(peer, connectPlain);
  await hop.write(new Uint8Array(3));
  await peer.began.promise;
  peer.take(3);
  await hop.closeWrite();
  await peer.writeEnded.promise;
  hop.close();
  await peer.closed.promise;
  assertEquals(peer.log, ["setNoDelay true", "write", "closeWrite", "close"]);
});

Deno.test("TLS hop: when the transport fails, the near end ends", async () => {
  using time = virtualTime();
  const peer = new SlowPeer();
  let port = 0;
  const hop = await openHop(peer, (address) => {
    port = address.port;
    return connectPlain(address);
  });
  // Nobody else can connect to the hop.
  await assertRejects(() => Deno.connect({ hostname: "127.0.0.1", port }));
  peer.end(new Deno.errors.ConnectionReset("reset"));
  assertEquals(await hop.read(new Uint8Array(1)), null);
  hop.close();
  await peer.closed.promise;
  assertEquals(time.next, undefined);
});

Deno.test("TLS hop: if it cannot be opened, the transport and the near end are closed", async () => {
  const error = new Deno.errors.ConnectionRefused("no");
  const refused = new SlowPeer();
  const rejected = await assertRejects(() =>
    openHop(refused, () => Promise.reject(error))
  );
  assertStrictEquals(rejected, error);
  assertEquals(refused.log, ["close"]);

  const peer = new SlowPeer();
  let near: Deno.TcpConn | undefined;
  await assertRejects(() =>
    openHop(peer, async (address) => {
      const conn = await connectPlain(address);
      near = conn;
      Object.defineProperty(conn, "localAddr", {
        get: () => {
          throw error;
        },
      });
      return conn;
    })
  );
  assertEquals(peer.log, ["close"]);
  await assertRejects(
    () => near!.read(new Uint8Array(1)),
    Deno.errors.BadResource,
  );
});

Deno.test("TLS hop: a connection of another program to its port is closed", async () => {
  const [left] = memoryStreams();
  let stranger: Deno.TcpConn | undefined;
  const hop = await openHop(left, async (address) => {
    stranger = await Deno.connect(address);
    return await connectPlain(address);
  });
  assertEquals(await stranger!.read(new Uint8Array(1)), null);
  stranger!.close();
  hop.close();
});

Deno.test("TLS hop: a connection from the same port at another address belongs to another program", async () => {
  const [left] = memoryStreams();
  let port = 0;
  let closed = false;
  const stranger = {
    get remoteAddr() {
      return { transport: "tcp", hostname: "127.0.0.2", port };
    },
    setNoDelay() {},
    // It stays open unless it is closed here.
    read: () => new Promise<null>(() => {}),
    close() {
      closed = true;
    },
  };
  const { listen } = Deno;
  using _ = stub(
    Deno,
    "listen",
    ((options: Deno.TcpListenOptions) => {
      const listener = listen(options);
      const { accept } = listener;
      const first = [stranger];
      listener.accept = () =>
        Promise.resolve(first.shift() as never ?? accept.call(listener));
      return listener;
    }) as never,
  );
  const hop = await openHop(left, async (address) => {
    const near = await connectPlain(address);
    ({ port } = near.localAddr as Deno.NetAddr);
    return near;
  });
  assertEquals(closed, true);
  hop.close();
});

Deno.test("TLS hop: closing it during the handshake with a silent peer ends the handshake and the transport", async () => {
  const began = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<null>();
  const outer: ByteConn = {
    read: () => closed.promise,
    write: (data) => {
      began.resolve();
      return Promise.resolve(data.length);
    },
    closeWrite: () => Promise.resolve(),
    close: () => closed.resolve(null),
  };
  const hop = await openHop(outer, async (address) => {
    const conn = await Deno.connect(address);
    return await Deno.startTls(conn, { hostname: "localhost" });
  });
  const written = hop.write(new Uint8Array(3));
  await began.promise;
  hop.close();
  await assertRejects(() => written);
  await assertRejects(() => hop.handshake());
  await closed.promise;
});

Deno.test("TLS hop: a signal aborts the handshake with a silent peer, also that with a proxy", async () => {
  for (
    const options of [
      { tls: {} },
      {
        version: PROTO_SPDY3_1,
        proxy: { url: "https://proxy.test", timeout: 0 },
      },
    ]
  ) {
    const abort = new AbortController();
    const closed = Promise.withResolvers<null>();
    const outer: ByteConn = {
      read: () => closed.promise,
      write: (data) => {
        abort.abort(new Error("changed my mind"));
        return Promise.resolve(data.length);
      },
      closeWrite: () => Promise.resolve(),
      close: () => closed.resolve(null),
    };
    await assertRejects(
      () =>
        connectRaw({
          hostname: "server.test",
          port: 443,
          signal: abort.signal,
          dial: () => Promise.resolve(outer),
          ...options,
        }),
      Error,
      "changed my mind",
    );
    await closed.promise;
  }
});
