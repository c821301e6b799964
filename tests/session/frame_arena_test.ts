import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLessOrEqual,
  assertStrictEquals,
} from "../deps.ts";
import { FrameArena } from "../../session/frame_arena.ts";

/** Writes a frame of `size` equal bytes, and takes it in pieces of `step`. */
function write(arena: FrameArena, value: number, size: number): Uint8Array {
  arena.open(size).append(new Uint8Array(size).fill(value));
  return arena.rest;
}

Deno.test("a frame is taken in pieces", () => {
  const arena = new FrameArena(false);
  assertEquals(arena.inProgress, false);
  write(arena, 7, 10);
  arena.take(4);
  assertEquals([arena.rest.length, arena.inProgress], [6, true]);
  arena.take(6);
  assertEquals(arena.inProgress, false);
});

Deno.test("memory that was returned is never written again, and small frames share memory", () => {
  const arena = new FrameArena(false);
  const frames: Uint8Array[] = [];
  for (let index = 0; index < 2000; index++) {
    const size = index % 100 === 99 ? 20000 : 1 + index % 300;
    frames.push(write(arena, index % 256, size));
    arena.take(size);
  }
  frames.forEach((frame, index) => {
    assert(frame.every((byte) => byte === index % 256), `frame ${index}`);
  });
  const pieces = new Set(frames.map(({ buffer }) => buffer));
  assert(pieces.size < 60, `${pieces.size} allocations`);
});

Deno.test("frames that are longer than expected do not enlarge the memory again and again", () => {
  for (const size of [6000, 9000, 20000, 40000]) {
    const arena = new FrameArena(false);
    let largest = 0;
    for (let index = 0; index < 2000; index++) {
      arena.open(4096).append(new Uint8Array(size));
      largest = Math.max(largest, arena.rest.buffer.byteLength);
      arena.take(size);
    }
    assert(largest <= 2 * 65536, `${largest} bytes for frames of ${size}`);
  }
});

Deno.test("with reuse, one piece of memory serves all short frames, and none keeps that of a long one", () => {
  const arena = new FrameArena(true);
  const first = write(arena, 1, 10);
  arena.take(10);
  const second = write(arena, 2, 10);
  arena.take(10);
  // Creating a view takes longer than writing a short frame.
  assertStrictEquals(first, second);
  assertEquals(first[0], 2);
  for (const size of [5000, 60_000, 65_544, 100_000]) {
    const long = write(arena, 3, size);
    assertGreaterOrEqual(long.buffer.byteLength, size);
    arena.take(size);
    assertLessOrEqual(arena.rest.buffer.byteLength, 4096);
    const next = write(arena, 4, 10);
    assertLessOrEqual(next.buffer.byteLength, 4096);
    arena.take(10);
  }
});

Deno.test("with reuse, arenas use the memory of long frames in turn, and no two at the same time", () => {
  const [first, second] = [new FrameArena(true), new FrameArena(true)];
  const memory = write(first, 1, 50_000).buffer;
  first.take(49_999);
  const other = write(second, 2, 60_000);
  assert(other.buffer !== memory);
  assertEquals([...first.rest], [1]);
  first.take(1);
  assert(other.every((byte) => byte === 2));
  second.take(60_000);
  const third = new FrameArena(true);
  assertStrictEquals(write(third, 3, 50_000).buffer, other.buffer);
  third.take(50_000);
});

Deno.test("with reuse, an arena that copies many borrowed bytes keeps no memory for them", () => {
  for (const size of [10, 5000, 65_536, 100_000]) {
    const arena = new FrameArena(true);
    arena.open(2).append(new Uint8Array([1, 2]));
    const body = new Uint8Array(size).fill(7);
    arena.borrow(body);
    arena.take(1);
    arena.own();
    body.fill(0);
    const { rest } = arena;
    // Long frames of all arenas have memory of this length.
    assertEquals(
      rest.buffer.byteLength === 65_544,
      size > 4096 && size < 65_540,
    );
    assertEquals([rest.length, rest[0], rest[1], rest[size]], [
      size + 1,
      2,
      7,
      7,
    ]);
    arena.take(1);
    assertEquals(arena.rest.length, size);
    assert(arena.rest.every((byte) => byte === 7));
    arena.take(size);
    assertEquals(arena.inProgress, false);
    assertLessOrEqual(arena.rest.buffer.byteLength, 4096);
  }
});

Deno.test("with reuse, a frame that is longer than expected does not enlarge the memory for good", () => {
  const arena = new FrameArena(true);
  for (const size of [10, 5000, 10, 70_000, 10]) {
    arena.open(4).append(new Uint8Array(size).fill(size % 251));
    assert(arena.rest.every((byte) => byte === size % 251));
    assertEquals(arena.rest.length, size);
    arena.take(size);
    assertLessOrEqual(arena.rest.buffer.byteLength, 4096);
  }
  arena.open(9000).append(new Uint8Array(3));
  arena.undo();
  assertEquals(arena.inProgress, false);
  const next = write(arena, 5, 2);
  assertEquals([[...next], next.buffer.byteLength <= 4096], [[5, 5], true]);
});

Deno.test("an abandoned frame leaves nothing", () => {
  for (const reuse of [false, true]) {
    const arena = new FrameArena(reuse);
    write(arena, 1, 5);
    arena.undo();
    assertEquals(arena.inProgress, false);
    assertEquals([...write(arena, 2, 3)], [2, 2, 2]);
  }
});

Deno.test("borrowed bytes end the frame, and the arena can copy the rest of them", () => {
  const arena = new FrameArena(true);
  const body = new Uint8Array([3, 4, 5, 6]);
  arena.open(2).append(new Uint8Array([1, 2]));
  arena.borrow(body);
  assertEquals([...arena.rest], [1, 2]);
  arena.take(1);
  assertEquals([...arena.rest], [2]);
  arena.take(1);
  assertStrictEquals(arena.rest, body);
  arena.take(1);
  assertEquals([...arena.rest], [4, 5, 6]);
  arena.own();
  body.fill(9);
  assertEquals([...arena.rest], [4, 5, 6]);
  arena.take(3);
  assertEquals(arena.inProgress, false);
  arena.open(1).append(new Uint8Array([1]));
  arena.borrow(body.subarray(0, 0));
  arena.take(1);
  assertEquals(arena.inProgress, false);
});

Deno.test("with reuse, a long frame can end with borrowed bytes as well, which are copied behind it", () => {
  const arena = new FrameArena(true);
  write(arena, 9, 10);
  arena.take(10);
  write(arena, 1, 5000);
  arena.borrow(new Uint8Array(5000).fill(2));
  arena.take(1);
  arena.own();
  const { rest } = arena;
  assertEquals(rest.length, 9999);
  assert(rest.subarray(0, 4999).every((byte) => byte === 1));
  assert(rest.subarray(4999).every((byte) => byte === 2));
});

Deno.test("a single borrowed byte is part of the frame", () => {
  const arena = new FrameArena(true);
  write(arena, 1, 2);
  arena.borrow(Uint8Array.of(7));
  arena.take(2);
  assertEquals([arena.inProgress, [...arena.rest]], [true, [7]]);
  arena.take(1);
  assertEquals(arena.inProgress, false);
});

Deno.test("a large frame has its own memory, so that small frames do not keep it alive", () => {
  const arena = new FrameArena(false);
  const small = write(arena, 1, 10);
  arena.take(10);
  const large = write(arena, 2, 20_000);
  arena.take(20_000);
  const next = write(arena, 3, 10);
  assertStrictEquals(next.buffer, small.buffer);
  assertEquals(large.buffer.byteLength, 20_000);
});

Deno.test("a frame has the memory that its length needs: shared, its own, or that of long frames", () => {
  // Lengths of frames, and of the memory that they are written in.
  const cases: [boolean, [number, number][]][] = [
    [false, [
      [1, 1024],
      [1023, 1024],
      [1, 4096],
      [4096, 16_384],
      [8192, 16_384],
      [8193, 8193],
      [8192, 65_536],
      [20_000, 20_000],
    ]],
    [true, [
      [1, 256],
      [256, 256],
      [4096, 4096],
      [4097, 65_544],
      [65_544, 65_544],
      [65_545, 65_545],
      [1, 4096],
    ]],
  ];
  for (const [reuse, frames] of cases) {
    const arena = new FrameArena(reuse);
    for (const [size, memory] of frames) {
      const { buffer } = write(arena, 1, size);
      assertEquals(buffer.byteLength, memory, `${reuse}, ${size}`);
      arena.take(size);
    }
  }
});

Deno.test("with reuse, the longest frame that fits into the memory of long frames uses it", () => {
  const memory = [65_544, 65_544].map((size) => {
    const arena = new FrameArena(true);
    const { buffer } = write(arena, 1, size);
    arena.take(size);
    return buffer;
  });
  assertStrictEquals(memory[0], memory[1]);
});

Deno.test("a frame is in progress until its last borrowed byte is taken", () => {
  for (const reuse of [true, false]) {
    const arena = new FrameArena(reuse);
    for (let round = 1; round < 4; round++) {
      arena.open(2).append(new Uint8Array([round, round]));
      arena.borrow(new Uint8Array([7, 8, 9]));
      for (const [rest, size] of [[2, 1], [1, 1], [3, 2], [1, 1]]) {
        assertEquals(arena.inProgress, true);
        assertEquals(arena.rest.length, rest);
        arena.take(size);
      }
      assertEquals(arena.inProgress, false);
    }
  }
});
