import { assertEquals, concat } from "../deps.ts";
import { Summaries } from "../../capture/mod.ts";
import { ping, read, Talk } from "./reading.ts";

/** A reply with DATA frames of one stream. */
function reply(frames: readonly [length: number, flags: number][]): Talk {
  const talk = new Talk();
  talk.send("client", talk.request(1, "/"));
  talk.send("server", talk.reply(1));
  for (const [length, flags] of frames) {
    talk.send("server", talk.data(1, "x".repeat(length), flags));
  }
  return talk.close("client").close("server");
}

/** The stalls of the connection, by stream; packets are 1 ms apart. */
async function stallsOf(talk: Talk): Promise<string[]> {
  const summaries = new Summaries();
  const { records } = await read([talk.file()]);
  const [summary] = records.flatMap((record) => summaries.add(record) ?? []);
  return summary.stalls!
    .map(({ streamId, count, total }) => `${streamId}: ${count}, ${total} ms`)
    .sort();
}

/** A control frame whose payload consists of words of 32 bits. */
function control(type: number, ...words: number[]): Uint8Array {
  const bytes = new Uint8Array(8 + 4 * words.length);
  const view = new DataView(bytes.buffer);
  [0x80030000 | type, 4 * words.length, ...words].forEach((word, index) =>
    view.setUint32(4 * index, word)
  );
  return bytes;
}

Deno.test("stalls: a stream whose last frame uses up its window has not waited", async () => {
  assertEquals(await stallsOf(reply([[32768, 0], [32768, 1]])), []);
});

Deno.test("stalls: a stream that ends with an empty frame has waited from its last bytes to that frame", async () => {
  assertEquals(
    await stallsOf(reply([[32768, 0], [32768, 0], [0, 1]])),
    ["0: 1, 1 ms", "1: 1, 1 ms"],
  );
});

Deno.test("stalls: a stream that sends more than its window has not waited", async () => {
  assertEquals(await stallsOf(reply([[65536, 0], [1, 1]])), []);
});

Deno.test("stalls: the session waits only while one of its streams has more to send", async () => {
  const talk = new Talk();
  talk.send("client", concat([talk.request(1, "/"), talk.request(3, "/")]));
  talk.send("server", concat([talk.reply(1), talk.reply(3)]));
  talk.send("server", talk.data(1, "x".repeat(40000), 1));
  talk.send("server", talk.data(3, "x".repeat(25536)));
  talk.send("client", ping(1));
  // The client no longer waits.
  talk.send("client", control(3, 3, 5));
  talk.send("client", ping(3));
  // A new stream waits, because the window is still used up.
  talk.send("client", talk.request(5, "/"));
  talk.send("client", ping(5));
  talk.send("client", ping(7));
  talk.send("client", control(9, 0, 65536));
  assertEquals(await stallsOf(talk), ["0: 2, 5 ms"]);
});
