import { pictureOf } from "../../bench/picture.ts";
import { assertEquals, assertStringIncludes } from "../deps.ts";

Deno.test("a picture shows ours once for each row, and each peer that was run", () => {
  const svg = pictureOf("Memory", [
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
  ], (value) => `${value} bytes`);
  assertEquals(svg.split("this library").length - 1, 1);
  assertStringIncludes(svg, ">2 bytes<");
  assertStringIncludes(svg, ">4 bytes<");
  assertStringIncludes(svg, ">node:http2<");
  assertEquals(svg.includes("spdylay"), false);
});
