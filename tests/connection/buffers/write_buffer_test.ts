/** The buffer of frames that are sent in one write. */

import { WriteBuffer } from "../../../connection/buffers/write_buffer.ts";
import { assert, assertEquals, assertGreaterOrEqual } from "../../deps.ts";
import { bytes } from "../../helpers/bytes.ts";

Deno.test("out buffer: it accepts bytes up to its limit, in order", () => {
  const buffer = new WriteBuffer(10_000);
  assertEquals(buffer.append(new Uint8Array(4000).fill(1)), 4000);
  assertEquals(buffer.append(new Uint8Array(5000).fill(2)), 5000);
  assertEquals(buffer.append(new Uint8Array(5000).fill(3)), 1000);
  assertEquals(buffer.append(bytes(4)), 0);
  const { view } = buffer;
  assertEquals(view.length, 10_000);
  assertEquals([view[3999], view[4000], view[8999], view[9000]], [1, 2, 2, 3]);
  buffer.clear(1);
  assertEquals(buffer.length, 0);
  assertEquals(buffer.append(bytes(5)), 1);
  assertEquals(buffer.view, bytes(5));
});

Deno.test("out buffer: a write has as many bytes as the transport accepts in 1 ms, but at least 15 KiB", () => {
  const KIB = 1024;
  const data = new Uint8Array(1 << 20);
  const buffer = new WriteBuffer(512 * KIB);
  const write = (perMillisecond: number): number => {
    const size = buffer.append(data);
    assertEquals(size, buffer.bound);
    assert(buffer.full);
    buffer.clear(size / perMillisecond);
    return buffer.bound / KIB;
  };
  // What a socket accepts at once says little about its link: it counts at most
  // an eighth.
  let taken = 0;
  while (buffer.bound < 512 * KIB) {
    taken += buffer.bound;
    write(Infinity);
    assert(buffer.bound === 15 * KIB || buffer.bound <= taken / 8);
  }
  assertGreaterOrEqual(taken, 4 << 20);
  const settle = (perMillisecond: number): number => {
    for (let count = 0; count < 2000; count++) write(perMillisecond);
    return buffer.bound / KIB;
  };
  // 20 Mbit/s, 1 Gbit/s, 20 Gbit/s.
  assertEquals(settle(2500), 15);
  assertEquals(settle(125_000), 120);
  assertEquals(settle(2_500_000), 512);
  buffer.reset();
  assertEquals(buffer.bound, 15 * KIB);

  const small = new WriteBuffer(1000);
  for (let count = 0; count < 3; count++) {
    assertEquals(small.append(data), 1000);
    small.clear(0);
  }
});

Deno.test("out buffer: on a slow link a DATA frame ends with the write, and on a fast one it may be longer", () => {
  const buffer = new WriteBuffer(1 << 20);
  assertEquals(buffer.dataRoom, 15_360 - 8);
  buffer.append(new Uint8Array(10_000));
  assertEquals(buffer.dataRoom, 5360 - 8);
  buffer.append(new Uint8Array(5000));
  assertEquals(buffer.dataRoom, 1024);
  buffer.clear(0);
  while (buffer.bound < 60 * 1024) {
    buffer.append(new Uint8Array(65_536));
    buffer.clear(0);
  }
  assertEquals(buffer.dataRoom, Infinity);
});
