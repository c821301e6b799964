/**
 * A fault of one stream ends that stream and no other.
 *
 * @module
 */

import { StreamResetError } from "../../../connection/errors.ts";
import { Connection } from "../../../http/connection.ts";
import { DATA, FrameEncoder, PROTO_SPDY3, SERVER } from "../../../mod.ts";
import { assertEquals, assertRejects } from "../../deps.ts";
import { memoryPair } from "../../helpers/connections.ts";
import { nextStream, readBody, writeBody } from "../../helpers/http.ts";
import { virtualTime } from "../../helpers/virtual_time.ts";
import { synStream } from "../../security/raw_peer.ts";

Deno.test("stream fault: a stream that the session resets while bytes wait for it ends alone", async () => {
  using time = virtualTime();
  const input = new TransformStream<Uint8Array, Uint8Array>();
  let release = () => {};
  let held: Promise<void> | undefined;
  const output = new WritableStream<Uint8Array>({ write: () => held });
  await using server = new Connection(
    { readable: input.readable, writable: output },
    { side: SERVER, version: PROTO_SPDY3, closeTimeout: 10 },
  );
  const writer = input.writable.getWriter();
  const encoder = new FrameEncoder(PROTO_SPDY3);
  writer.write(encoder.encode(synStream(1)));
  writer.write(encoder.encode(synStream(3)));
  const first = await nextStream(server);
  const second = await nextStream(server);
  await Promise.all([first.reply([]), second.reply([])]);
  held = new Promise((resolve) => release = resolve);
  // While these bytes are being written, the session asks for no more.
  await first.write(new Uint8Array(100));
  await time.advance(0);
  const overrun = new Uint8Array(65537);
  writer.write(
    encoder.encode({ frameType: DATA, streamId: 1, flags: 0, data: overrun }),
  );
  await time.advance(0);
  const more = first.write(new Uint8Array(10_000));
  more.catch(() => {});
  held = undefined;
  release();
  await assertRejects(() => more, StreamResetError, "FLOW_CONTROL_ERROR");
  assertEquals(await first.closed, 7);
  await second.write(new Uint8Array(10_000));
  await second.closeWrite();
  await time.until(server.close());
});

Deno.test("stream fault: an onHeaders that throws fails its stream with that exception", async () => {
  await using pair = memoryPair();
  const opened = pair.client.openStream([]);
  const incoming = await nextStream(pair.server);
  const stream = await opened;
  stream.onHeaders = () => {
    throw new RangeError("no such header");
  };
  await incoming.reply([]);
  await incoming.sendHeaders([["x", "1"]]);
  await assertRejects(() => stream.trailers, RangeError, "no such header");
  assertEquals(await incoming.closed, 6);

  const next = await pair.client.openStream([]);
  const answer = await nextStream(pair.server);
  await answer.reply([]);
  await writeBody(answer, "fine");
  assertEquals(await readBody(next), "fine");
});

Deno.test("stream fault: a chunk whose buffer is transferred while it is sent ends its stream alone", async () => {
  await using pair = memoryPair();
  const opened = pair.client.openStream([]);
  const incoming = await nextStream(pair.server);
  await incoming.reply([]);
  const stream = await opened;
  // More than the window, so that most of it waits.
  const chunk = new Uint8Array(1_000_000);
  const writing = stream.write(chunk);
  writing.catch(() => {});
  await pair.client.ping();
  chunk.buffer.transfer();
  await assertRejects(() => readBody(incoming), StreamResetError);
  await assertRejects(() => writing, Error, "transferred or made smaller");
  await pair.client.ping();
});
