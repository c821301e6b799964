/** The sending half of a stream by itself. */

import { SendBuffer } from "../../../connection/buffers/send_buffer.ts";
import {
  type SendingStream,
  StreamSender,
} from "../../../connection/stream/stream_sender.ts";
import type { Session } from "../../../session.ts";
import { assertEquals, assertRejects } from "../../deps.ts";

/** A stream that this side has opened, and how many HEADERS its session has accepted. */
function senderOfOwn(): {
  sender: StreamSender;
  session: Session;
  bytes: SendBuffer;
  submitted: () => number;
} {
  let count = 0;
  const session = { submitHeaders: () => count++ } as unknown as Session;
  const bytes = new SendBuffer({ ready: () => {}, aborted: () => {} }, {
    reserve: () => true,
    release: () => {},
  });
  const stream = {
    id: 1,
    init: { own: true },
    sendBuffer: bytes,
    ended: false,
    failure: undefined,
    checkOpen: () => {},
    schedule: () => {},
  } as unknown as SendingStream;
  return {
    sender: new StreamSender(stream, session),
    session,
    bytes,
    submitted: () => count,
  };
}

Deno.test("stream sender: headers that were not sent reject, whether the session has them or not", async () => {
  const { sender, session, submitted } = senderOfOwn();
  const first = sender.sendHeaders([["a", "1"]], false);
  const second = sender.sendHeaders([["b", "2"]], false);
  sender.submit(session);
  const third = sender.sendHeaders([["c", "3"]], false);
  assertEquals([submitted(), sender.hasUnsentHeaders], [2, true]);
  sender.headersSent();
  await first;
  sender.rejectUnsent(new Error("cut"));
  assertEquals(sender.hasUnsentHeaders, false);
  await assertRejects(() => second, Error, "cut");
  await assertRejects(() => third, Error, "cut");
});

Deno.test("stream sender: it has unsent headers while a single one waits for bytes, for the session or for the write", async () => {
  const { sender, session } = senderOfOwn();
  assertEquals(sender.hasUnsentHeaders, false);
  const headers = sender.sendHeaders([["a", "1"]], false);
  assertEquals(sender.hasUnsentHeaders, true);
  sender.submit(session);
  assertEquals(sender.hasUnsentHeaders, true);
  sender.headersSent();
  await headers;
  assertEquals(sender.hasUnsentHeaders, false);
  const reply = sender.whenReplySent();
  assertEquals(sender.hasUnsentHeaders, true);
  sender.replySent();
  await reply;
  assertEquals(sender.hasUnsentHeaders, false);
});

Deno.test("stream sender: it waits for the peer's window only while it has bytes", () => {
  const { sender, bytes } = senderOfOwn();
  assertEquals(sender.waitsForWindow, false);
  bytes.write(new Uint8Array(1));
  assertEquals(sender.waitsForWindow, true);
});

Deno.test("stream sender: headers that the session refuses reject, and their half goes on without them", async () => {
  const { sender, bytes } = senderOfOwn();
  const refusing = {
    submitHeaders: () => {
      throw new Error("refused");
    },
    submitData: () => {},
  } as unknown as Session;
  const trailers = sender.sendHeaders([["a", "1"]], true);
  assertEquals(bytes.ending, true);
  sender.submit(refusing);
  await assertRejects(() => trailers, Error, "refused");
  assertEquals([bytes.ending, sender.hasUnsentHeaders], [false, false]);
});
