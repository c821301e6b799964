/** When a window that a measurement has enlarged is announced to the peer. */

import { ReceiveFlow } from "../../../connection/flow/receive_flow.ts";
import { resolveOptions } from "../../../connection/options.ts";
import { CLIENT, PROTO_SPDY3_1, Session, WINDOW_UPDATE } from "../../../mod.ts";
import { assertEquals } from "../../deps.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";

Deno.test("announced window: a larger window is announced at once while the peer may send, and otherwise with the next frame", async () => {
  for (const expectsBulk of [false, true]) {
    using time = virtualTime();
    const log: string[] = [];
    const reply = Promise.withResolvers<number>();
    const session = new Session(CLIENT, PROTO_SPDY3_1, {
      send: (_, data) => {
        const isUpdate = data[3] === WINDOW_UPDATE;
        log.push(`${isUpdate ? "WINDOW_UPDATE of " : ""}${data.length} bytes`);
        return data.length;
      },
    });
    const flow = new ReceiveFlow(
      session,
      resolveOptions({ side: CLIENT, version: PROTO_SPDY3_1 }),
      65536,
      {
        measurePath: () => reply.promise,
        sentBytes: () => 0,
        flush: () => log.push("flush"),
        expectsBulk: () => expectsBulk,
        holdReading: () => {},
        wait: () => "none",
        stuck: () => {},
      },
    );
    flow.mayBeQuiet();
    await time.advance(50);
    reply.resolve(50);
    await time.advance(0);
    flow.updateWindows();
    session.send();
    assertEquals(
      log,
      expectsBulk ? ["flush", "WINDOW_UPDATE of 16 bytes"] : [],
    );
    log.length = 0;
    session.submitPing();
    flow.updateWindows();
    session.send();
    assertEquals(log, [
      "12 bytes",
      ...(expectsBulk ? [] : ["WINDOW_UPDATE of 16 bytes"]),
    ]);
    log.length = 0;
    // It is announced once.
    session.submitPing();
    flow.updateWindows();
    session.send();
    assertEquals(log, ["12 bytes"]);
  }
});
