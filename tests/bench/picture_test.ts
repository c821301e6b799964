import { pathToFileURL } from "node:url";
import { type Drawn, pictureOf, writePicture } from "../../bench/picture.ts";
import { assertEquals, assertStringIncludes } from "../deps.ts";
import { withFolder } from "../helpers/folder.ts";

const COMPARISONS: readonly Drawn[] = [
  {
    row: "idle",
    ours: { name: "Connection", figures: [3, 1, 2] },
    peer: { name: "node:http2", figures: [4, 4, 4] },
  },
  {
    row: "idle",
    ours: { name: "Connection", figures: [3, 1, 2] },
    peer: { name: "spdylay (C)", missing: "no checkout" },
  },
];

const inBytes = (value: number): string => `${value} bytes`;

Deno.test("a picture has one bar for this library in each row, and one for each peer that ran", () => {
  const svg = pictureOf("Memory", COMPARISONS, inBytes);
  assertEquals(svg.split("this library").length - 1, 1);
  assertStringIncludes(svg, ">2 bytes<");
  assertStringIncludes(svg, ">4 bytes<");
  assertStringIncludes(svg, ">node:http2<");
  assertEquals(svg.includes("spdylay"), false);
});

Deno.test("a picture is written as `deno fmt` formats it", async () => {
  await withFolder({}, async (folder) => {
    await writePicture(
      "Memory (bytes)",
      COMPARISONS,
      inBytes,
      pathToFileURL(`${folder}/`),
    );
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["fmt", "--check", `${folder}/bench_memory_bytes.svg`],
    }).output();
    assertEquals(success, true, new TextDecoder().decode(stderr));
  });
});
