/** Opening a connection: its options, which are checked first, and its abort. */

import {
  abortable,
  checkDial,
  dialPlain,
  type DialPlan,
} from "../../../connection/transport/dial.ts";
import type {
  ByteConn,
  Transport,
} from "../../../connection/transport/transport.ts";
import { InvalidArgumentError } from "../../../errors.ts";
import {
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "../../deps.ts";
import { turn } from "../../helpers/virtual_time.ts";

Deno.test("dial: options of the wrong kind, or that exclude each other, are refused", () => {
  const dial = () => Promise.reject(new Error("not called"));
  checkDial({});
  checkDial({ proxy: false, path: "/run/spdy.sock" });
  checkDial({ dial, proxyProtocol: { version: 1 } });
  const wrong: [DialPlan, string][] = [
    [{ dial: 5 as unknown as typeof dial }, "dial is not a function"],
    [{ path: "/run/spdy.sock", dial }, "path and dial exclude each other"],
    [
      { path: "/run/spdy.sock", proxy: { url: "http://127.0.0.1:3128" } },
      "path and proxy exclude each other",
    ],
    [
      { proxyProtocol: { version: 3 as 2 } },
      "proxyProtocol.version 3 is neither 1 nor 2",
    ],
  ];
  for (const [plan, message] of wrong) {
    assertThrows(() => checkDial(plan), InvalidArgumentError, message);
  }
});

/** A connection that counts how often it was closed. */
function closable(): { closed: number; close(): void } {
  return {
    closed: 0,
    close() {
      this.closed++;
    },
  };
}

/** A signal that counts its listeners. */
class WatchedSignal {
  readonly controller = new AbortController();
  listeners = 0;

  constructor() {
    const { signal } = this.controller;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...given: unknown[]) => {
      this.listeners++;
      addEventListener.apply(signal, given as never);
    };
    signal.removeEventListener = (...given: unknown[]) => {
      this.listeners--;
      removeEventListener.apply(signal, given as never);
    };
  }
}

Deno.test("abortable: an abort rejects while the dial still hangs, and a later connection is closed", async () => {
  const controller = new AbortController();
  const dialing = Promise.withResolvers<ReturnType<typeof closable>>();
  const opening = abortable(dialing.promise, controller.signal);
  const reason = new Error("not wanted any more");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => opening), reason);
  const conn = closable();
  dialing.resolve(conn);
  await turn();
  assertEquals(conn.closed, 1);
});

Deno.test("abortable: a signal that had aborted rejects with its reason, even if there is a connection, and that is closed", async () => {
  const reason = new Error("too late");
  const conn = closable();
  const opening = abortable(Promise.resolve(conn), AbortSignal.abort(reason));
  assertStrictEquals(await assertRejects(() => opening), reason);
  await turn();
  assertEquals(conn.closed, 1);
});

Deno.test("abortable: an abort in the turn in which the dial succeeds closes the connection and rejects", async () => {
  const controller = new AbortController();
  const dialing = Promise.withResolvers<ReturnType<typeof closable>>();
  const opening = abortable(dialing.promise, controller.signal);
  const conn = closable();
  dialing.resolve(conn);
  controller.abort(new Error("just now"));
  await assertRejects(() => opening, Error, "just now");
  assertEquals(conn.closed, 1);
});

Deno.test("abortable: when the dial fails because of the abort, the error is the reason of the abort", async () => {
  const controller = new AbortController();
  const dialing = Promise.withResolvers<ReturnType<typeof closable>>();
  const opening = abortable(dialing.promise, controller.signal);
  dialing.reject(new Error("interrupted"));
  controller.abort(new Error("the reason"));
  await assertRejects(() => opening, Error, "the reason");
});

Deno.test("abortable: without an abort, the result is that of the dial, and no listener remains", async () => {
  const watched = new WatchedSignal();
  const { signal } = watched.controller;
  const conn = closable();
  assertStrictEquals(await abortable(Promise.resolve(conn), signal), conn);
  await assertRejects(
    () => abortable(Promise.reject(new Error("refused")), signal),
    Error,
    "refused",
  );
  assertEquals(watched.listeners, 0);
  watched.controller.abort();
  await turn();
  assertEquals(conn.closed, 0);
  assertStrictEquals(await abortable(Promise.resolve(conn), undefined), conn);
});

const TARGET = { hostname: "example.org", port: 443 };

Deno.test("dial: what the application's function returns has to be a connection or a pair of streams", async () => {
  for (const wrong of [null, undefined, 5, "conn", {}, { writable: 1 }]) {
    const dial = () => Promise.resolve(wrong as unknown as Transport);
    await assertRejects(
      () => dialPlain(TARGET, { dial }, undefined),
      InvalidArgumentError,
      "dial returned neither a connection nor a pair of byte streams",
    );
  }
});

/** A connection whose peer takes these numbers of bytes, and then no more. */
function taking(sizes: number[]): ByteConn & { sent: number[]; open: boolean } {
  return {
    sent: [],
    open: true,
    read: () => Promise.resolve(null),
    write(data) {
      const size = Math.min(sizes.shift() ?? 0, data.length);
      if (size === 0) return Promise.reject(new Error("broken pipe"));
      this.sent.push(...data.subarray(0, size));
      return Promise.resolve(size);
    },
    closeWrite: () => Promise.resolve(),
    close() {
      this.open = false;
    },
  };
}

Deno.test("dial: the PROXY head is sent whole, and a connection that does not take it is closed", async () => {
  const proxyProtocol = { version: 1 as const };
  const slow = taking([4, 1, 100]);
  const dial = () => Promise.resolve(slow as Transport);
  await dialPlain(TARGET, { dial, proxyProtocol }, undefined);
  assertEquals(String.fromCharCode(...slow.sent), "PROXY UNKNOWN\r\n");
  assertEquals(slow.open, true);
  const broken = taking([4]);
  await assertRejects(
    () =>
      dialPlain(TARGET, {
        dial: () => Promise.resolve(broken as Transport),
        proxyProtocol,
      }, undefined),
    Error,
    "broken pipe",
  );
  assertEquals(broken.open, false);
});
