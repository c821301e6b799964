import { assertEquals, concat } from "../deps.ts";
import { encapsulations } from "./encapsulations.ts";
import { ipv4Packet, pcapFile } from "./packets.ts";
import { read, Talk, words } from "./reading.ts";

function talk(): Uint8Array[] {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/one"));
  talk.send("server", talk.reply(1));
  talk.send("server", talk.data(1, "x".repeat(1000), 1));
  return talk.segments.map(ipv4Packet);
}

Deno.test("link heads, tags, tunnels, extension heads and fragments are skipped", async () => {
  for (const { name, linkType, wrap } of encapsulations) {
    const packets = talk().flatMap(wrap);
    const reading = await read([pcapFile({ linkType, packets })]);
    assertEquals(
      words(reading),
      ["> SYN_STREAM 1", "< SYN_REPLY 1", "< DATA 1"],
      name,
    );
    assertEquals(reading.frames.map(({ connection }) => connection), [0, 0, 0]);
  }
});

Deno.test("packets that are truncated in their heads are ignored", async () => {
  for (const { name, linkType, wrap } of encapsulations) {
    const [packet] = talk().slice(2, 3).flatMap(wrap);
    const packets = Array.from(
      packet,
      (_, end) => packet.subarray(0, end),
    );
    const reading = await read([pcapFile({ linkType, packets })]);
    assertEquals(reading.records, [], name);
  }
});

Deno.test("endlessly nested tunnels are not read", async () => {
  // MPLS in GRE in IP: each packet contains the next one, up to 64 KiB.
  let packet = new Uint8Array(20);
  for (let depth = 0; depth < 800; depth++) {
    const outer = new Uint8Array(packet.length + 20);
    outer.set([0x45, 0, outer.length >> 8, outer.length & 255]);
    outer[9] = 4;
    outer.set(packet, 20);
    packet = outer;
  }
  const reading = await read([pcapFile({ linkType: 101, packets: [packet] })]);
  assertEquals(reading.records, []);
});

Deno.test("fragments after the end of their packet are passed over", async () => {
  const talked = talk();
  const [packet] = talked.splice(2, 1);
  /** A fragment of `packet`: the bytes of its payload from `begin` to `end`. */
  const fragment = (begin: number, end: number, isLast: boolean) => {
    const part = concat([
      packet.subarray(0, 20),
      packet.subarray(20 + begin, 20 + end),
    ]);
    const view = new DataView(part.buffer);
    view.setUint16(2, part.length);
    view.setUint16(4, 77);
    view.setUint16(6, (isLast ? 0 : 0x2000) | begin / 8);
    return part;
  };
  const end = packet.length - 20;
  const beyond = fragment(0, 400, false);
  new DataView(beyond.buffer).setUint16(6, 0x2000 | 8000);
  const last = 8 * Math.floor(end / 8);
  const packets = [
    ...talked.slice(0, 2),
    beyond,
    fragment(last, end, true),
    fragment(0, last, false),
    ...talked.slice(2),
  ];
  const reading = await read([pcapFile({ linkType: 101, packets })]);
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "< SYN_REPLY 1",
    "< DATA 1",
  ]);
});

Deno.test("a SYN with a wrong IP length does not swallow the first bytes", async () => {
  const packets = talk();
  new DataView(packets[1].buffer).setUint16(2, 4148);
  const reading = await read([pcapFile({ linkType: 101, packets })]);
  assertEquals(words(reading), [
    "> SYN_STREAM 1",
    "< SYN_REPLY 1",
    "< DATA 1",
  ]);
});
