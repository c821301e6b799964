/** The TLS handshake of an accepted connection has a time limit. */

import { ConnectionClosedError } from "../../../connection/errors.ts";
import { acceptRaw } from "../../../connection/mod.ts";
import {
  InvalidArgumentError,
  UnsupportedVersionError,
} from "../../../errors.ts";
import { accept } from "../../../http/connect.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { turn, virtualTime } from "../../helpers/virtual_time.ts";

/** A TLS connection whose handshake takes as long as the promise, and how often it was closed. */
function tlsConn(
  handshake: Promise<Deno.TlsHandshakeInfo>,
): { conn: Deno.TlsConn; readonly closed: number } {
  const watched = {
    closed: 0,
    conn: {
      handshake: () => handshake,
      close: () => watched.closed++,
    } as unknown as Deno.TlsConn,
  };
  return watched;
}

function silent(): ReturnType<typeof tlsConn> {
  return tlsConn(new Promise(() => {}));
}

/** What a promise has come to by now. */
function outcomeOf(promise: Promise<unknown>): { error?: unknown } {
  const outcome: { error?: unknown } = {};
  promise.catch((error) => outcome.error = error);
  return outcome;
}

for (const [name, take] of Object.entries({ accept, acceptRaw })) {
  Deno.test(`${name}: a client that stays silent during the TLS handshake is refused after 10 s`, async () => {
    using time = virtualTime();
    const watched = silent();
    const outcome = outcomeOf(take(watched.conn));
    await turn();
    assertEquals(time.timers, 0, "the timer does not keep the process alive");
    await time.advance(9_999);
    assertEquals([outcome.error, watched.closed], [undefined, 0]);
    await time.advance(1);
    const { error } = outcome;
    assertEquals(error instanceof ConnectionClosedError, true);
    const { message, initiator } = error as ConnectionClosedError;
    assertEquals(
      [message, initiator],
      [
        "the client did not complete the TLS handshake within 10000 ms",
        "remote",
      ],
    );
    assertEquals([watched.closed, time.next], [1, undefined]);
  });

  Deno.test(`${name}: handshakeTimeout is the limit, and 0 is none`, async () => {
    using time = virtualTime();
    const short = silent();
    const outcome = outcomeOf(take(short.conn, { handshakeTimeout: 50 }));
    const endless = silent();
    const other = outcomeOf(take(endless.conn, { handshakeTimeout: 0 }));
    await time.advance(49);
    assertEquals(outcome.error, undefined);
    await time.advance(1);
    assertEquals(
      (outcome.error as Error).message,
      "the client did not complete the TLS handshake within 50 ms",
    );
    assertEquals(time.next, undefined);
    await time.advance(10_000_000);
    assertEquals([other.error, endless.closed, short.closed], [
      undefined,
      0,
      1,
    ]);
  });

  Deno.test(`${name}: a handshake that has ended, and one that fails after the limit, leave nothing behind`, async () => {
    using time = virtualTime();
    const ended = tlsConn(
      Promise.resolve({ alpnProtocol: "h2" } as Deno.TlsHandshakeInfo),
    );
    await assertRejects(() => take(ended.conn), UnsupportedVersionError);
    assertEquals([ended.closed, time.next], [1, undefined]);

    const late = Promise.withResolvers<Deno.TlsHandshakeInfo>();
    const outcome = outcomeOf(take(tlsConn(late.promise).conn));
    await time.advance(10_000);
    late.reject(new Error("closed"));
    await turn();
    assertEquals(outcome.error instanceof ConnectionClosedError, true);
  });

  Deno.test(`${name}: a wrong handshakeTimeout closes the connection`, async () => {
    const watched = silent();
    await assertRejects(
      () => take(watched.conn, { handshakeTimeout: -1 }),
      InvalidArgumentError,
      "handshakeTimeout -1 is not",
    );
    assertEquals(watched.closed, 1);
  });
}
