/** What `onFrame` reports about a peer that breaks the rules. */

import type { FrameDirection, TracedFrame } from "../../connection/options.ts";
import {
  CTRL_FLAG_FIN,
  CTRL_FLAG_NONE,
  PROTO_SPDY3,
  RST_STREAM,
  SYN_STREAM,
} from "../../frame/constants.ts";
import { FrameEncoder } from "../../frame/encoder.ts";
import { Connection } from "../../http/connection.ts";
import { SERVER } from "../../session/constants.ts";
import { assertEquals } from "../deps.ts";
import { memoryStreams } from "../helpers/connections.ts";
import { quiet } from "../helpers/virtual_time.ts";

Deno.test("onFrame: a frame that is refused is reported as received, before the frame that refuses it", async () => {
  const frames: string[] = [];
  const [near, far] = memoryStreams();
  const server = new Connection(near, {
    side: SERVER,
    version: PROTO_SPDY3,
    onFrame(direction: FrameDirection, frame: TracedFrame) {
      const { frameType } = frame;
      if (frameType !== SYN_STREAM && frameType !== RST_STREAM) return;
      frames.push(`${direction} ${frameType} of stream ${frame.streamId}`);
    },
  });
  const writer = far.writable.getWriter();
  const encoder = new FrameEncoder(PROTO_SPDY3);
  const open = (streamId: number, flags: number): Promise<void> =>
    writer.write(encoder.encode({
      frameType: SYN_STREAM,
      version: 3,
      flags,
      length: 0,
      streamId,
      assocStreamId: 0,
      pri: 0,
      slot: 0,
      nv: [["a", "b"]],
    }));
  const reading = far.readable.pipeTo(new WritableStream());
  await open(1, CTRL_FLAG_NONE);
  // 2.3.2: a stream must not be opened twice.
  await open(1, CTRL_FLAG_FIN);
  await quiet(() => frames.length);
  assertEquals(frames, [
    `received ${SYN_STREAM} of stream 1`,
    `received ${SYN_STREAM} of stream 1`,
    `sent ${RST_STREAM} of stream 1`,
  ]);
  await writer.close();
  await server.close();
  await reading;
});
