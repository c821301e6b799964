import { assert, assertEquals } from "../deps.ts";
import { CaptureReader } from "../../capture/mod.ts";
import { ipv4Packet, pcapFile, type SegmentSpec } from "./packets.ts";
import { ping, Talk } from "./reading.ts";

/**
 * Reads a file that arrives segment by segment; returns the number of frames and
 * the most bytes of heap that were in use.
 */
async function readSegments(
  segments: Iterable<SegmentSpec>,
): Promise<{ frames: number; heap: number }> {
  let frames = 0;
  let heap = 0;
  const reader = new CaptureReader({
    onRecord({ kind }) {
      if (kind === "frame") frames++;
    },
  });
  reader.begin("file");
  await reader.push(pcapFile({ linkType: 101, packets: [] }));
  let count = 0;
  for (const segment of segments) {
    const packets = [ipv4Packet(segment)];
    await reader.push(pcapFile({ linkType: 101, packets }).subarray(24));
    if (++count % 1000 === 0) {
      heap = Math.max(heap, Deno.memoryUsage().heapUsed);
    }
  }
  await reader.endFile();
  await reader.end();
  return { frames, heap };
}

Deno.test("memory does not grow with the length of a connection", async () => {
  function* long(count: number): Generator<SegmentSpec> {
    const talk = new Talk();
    talk.send("client", talk.request(1, "/"));
    talk.send("server", talk.reply(1));
    const frame = talk.data(1, "x".repeat(16376));
    for (let n = 0; n < count; n++) {
      talk.send("server", frame);
      yield* talk.segments.splice(0);
    }
  }
  const short = await readSegments(long(1000));
  const whole = await readSegments(long(6000));
  assertEquals([short.frames, whole.frames], [1002, 6002]);
  assert(
    whole.heap < short.heap + 40e6,
    `${short.heap} bytes of heap for 16 MB, ${whole.heap} for 100 MB`,
  );
});

Deno.test("connections that were never closed are removed when there are too many", async () => {
  function* many(count: number): Generator<SegmentSpec> {
    for (let n = 0; n < count; n++) {
      const fromPort = 10000 + n % 50000;
      const toPort = 6000 + Math.floor(n / 50000);
      yield { fromPort, toPort, sequence: 1, bytes: ping(1) };
    }
  }
  const { frames, heap } = await readSegments(many(100_000));
  assertEquals(frames, 100_000);
  assert(heap < 500e6, `${heap} bytes of heap`);
});

Deno.test("each repeated SYN costs the same", async () => {
  function* repeated(count: number): Generator<SegmentSpec> {
    const ports = { fromPort: 50000, toPort: 6121 };
    for (let n = 0; n < count; n++) yield { ...ports, sequence: 5, syn: true };
    yield { ...ports, sequence: 6, bytes: ping(1) };
  }
  // Quadratic work would not end before the deadline of the test.
  assertEquals((await readSegments(repeated(100_000))).frames, 1);
});
