// An option that the connection uses: bodies that are passed on without a copy.
// The bytes on the wire are those of any other session, however the transport
// takes them, and although the application changes its memory at once.

import { assertEquals, assertGreater, concat } from "../deps.ts";
import {
  CLIENT,
  DataProvider,
  PROTO_SPDY3_1,
  READ_EOF,
  Session,
} from "../../mod.ts";
import { BORROW_BODIES } from "../../session/options.ts";
import { Random } from "../helpers/random.ts";

function run(borrow: boolean, seed: number): Uint8Array {
  const random = new Random(seed);
  const wire: Uint8Array[] = [];
  let calls = 0;
  const session = new Session(
    CLIENT,
    PROTO_SPDY3_1,
    {
      reuseSendBuffer: true,
      [BORROW_BODIES]: borrow,
      limits: { maxDataFrameSize: 3000 },
      send: (_, data) => {
        calls++;
        const size = random.chance(0.3) ? 0 : random.int(1, data.length);
        wire.push(data.slice(0, size));
        return size;
      },
    } as ConstructorParameters<typeof Session>[2],
  );
  for (let stream = 0; stream < 3; stream++) {
    const memory = new Uint8Array(3000);
    let left = 9000 + stream;
    const body = new DataProvider(undefined, (_session, _id, length, ctrl) => {
      const size = Math.min(length, left, 2500);
      // The last piece is in the same memory, so it must have been sent by now.
      for (let at = 0; at < size; at++) memory[at] = left + at;
      left -= size;
      if (left === 0) ctrl.flags = READ_EOF;
      return memory.subarray(0, size);
    });
    session.submitRequest(3, [
      [":method", "POST"],
      [":path", `/${stream}`],
      [":scheme", "http"],
      [":host", "test"],
      [":version", "HTTP/1.1"],
    ], body);
  }
  while (session.wantWrite()) session.send();
  assertGreater(calls, 10);
  return concat(wire);
}

Deno.test("bodies that are not copied give the same bytes, in pieces of any size", () => {
  const plain = run(false, 0);
  for (let seed = 1; seed < 40; seed++) {
    assertEquals(run(false, seed).length, plain.length);
    assertEquals(run(true, seed), plain);
  }
});
