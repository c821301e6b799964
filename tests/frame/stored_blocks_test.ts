import { assertEquals } from "../deps.ts";
import {
  CTRL_FLAG_FIN,
  FrameEncoder,
  type NameValue,
  PROTO_SPDY2,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  SYN_STREAM,
} from "../../frame/mod.ts";
import { bytesOf } from "./recordings.ts";
import { versionName } from "../helpers/version_name.ts";

const GET: NameValue[] = [[":method", "GET"]];

/** The first and second request of spdylay's client, which stores its header blocks. */
const SPDY3 = [
  `8003000101000030 00000001 00000000 0000 3830e3c6a7c2 001600e9ff 00000001
   00000007 3a6d6574686f64 00000003 474554 000000ffff`,
  `8003000101000038 00000003 00000000 e000 002400dbff 00000002 00000007
   3a6d6574686f64 00000003 474554 00000005 3a70617468 00000001 2f 000000ffff`,
];
const ANSWERS: readonly (readonly [ProtocolVersion, readonly string[]])[] = [
  [PROTO_SPDY3, SPDY3],
  [PROTO_SPDY3_1, SPDY3],
  [PROTO_SPDY2, [
    `8002000101000029 00000001 00000000 0000 3830dfa251b2 000f00f0ff 0001 0006
     6d6574686f64 0003 474554 000000ffff`,
  ]],
];

for (const [version, answers] of ANSWERS) {
  Deno.test(`policy "none" sends spdylay's bytes, ${versionName(version)}`, () => {
    const encoder = new FrameEncoder(version, { headerCompression: "none" });
    answers.forEach((hex, index) => {
      const bytes = encoder.encode({
        frameType: SYN_STREAM,
        version: 3,
        flags: CTRL_FLAG_FIN,
        length: 0,
        streamId: 2 * index + 1,
        assocStreamId: 0,
        pri: index * 7,
        slot: 0,
        nv: index === 0 ? GET : [...GET, [":path", "/"]],
      });
      assertEquals(bytes, bytesOf(hex));
    });
  });
}
