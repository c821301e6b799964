/** The page of captures with randomly damaged captures. */

import { assert, concat } from "../deps.ts";
import { pcapFile } from "../capture/packets.ts";
import { recordedTalks } from "../capture/recorded.ts";
import { Random } from "../helpers/random.ts";
import { activity, windowCurves } from "../../viewer/curves.ts";
import { inputOf, readCaptures } from "../../viewer/input.ts";
import { filterRows, type Model } from "../../viewer/model.ts";
import { scale, stepPoints } from "../../viewer/chart.ts";
import { formsOf, payloadText, previewOf } from "../../viewer/payload_text.ts";
import { resultOf, streamBar } from "../../viewer/waterfall.ts";

const ROUNDS = 300;

/** A capture with a few bytes changed, a piece taken out, or its end cut off. */
function damaged(random: Random, whole: Uint8Array): Uint8Array {
  const bytes = whole.slice();
  for (let count = random.int(0, 20); count > 0; count--) {
    bytes[random.int(0, bytes.length - 1)] = random.int(0, 255);
  }
  const at = random.int(0, bytes.length - 1);
  if (random.chance(0.3)) return bytes.subarray(0, at);
  return random.chance(0.3)
    ? concat([bytes.subarray(0, at), bytes.subarray(at + random.int(1, 60))])
    : bytes;
}

/** Computes everything that the page shows. */
function showAll(model: Model): number {
  let lines = 0;
  for (const connection of model.connections.values()) {
    const { rows, streams, begin, end } = connection;
    lines += rows.length;
    for (const row of rows) {
      assert(typeof row.text === "string" && typeof row.isBad === "boolean");
      if (row.payload === undefined) continue;
      previewOf(row.payload);
      for (const form of formsOf(row.payload)) payloadText(row.payload, form);
    }
    filterRows(rows, {
      search: "get /",
      type: "",
      side: "",
      stream: undefined,
      onlyBad: false,
      range: undefined,
    });
    activity(connection, 200);
    for (const stream of streams.values()) {
      resultOf(stream);
      for (const shape of streamBar(stream, [begin, end], 500, 22)) {
        if (shape.kind !== "rect") throw new Error(shape.kind);
        assert(
          shape.x >= 0 && shape.x + shape.width <= 500.01,
          JSON.stringify(shape),
        );
        assert(shape.width > 0, `${shape.width}`);
      }
      for (const isClient of [false, true]) {
        for (
          const curve of windowCurves(connection, isClient, [0, stream.id]) ??
            []
        ) {
          stepPoints(curve, scale(begin, end, 0, 500), (y) => y, begin, end);
        }
      }
    }
  }
  return lines;
}

Deno.test("page: damaged captures are shown up to the damage", async () => {
  const random = new Random(29);
  const talks = recordedTalks(["2", "3", "3.1"]);
  let lines = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const { packets } = talks[random.int(0, talks.length - 1)];
    const whole = pcapFile({ linkType: 101, packets });
    const { model } = await readCaptures(
      [inputOf("damaged.pcap", damaged(random, whole))],
      [],
      () => {},
      new AbortController().signal,
    );
    lines += showAll(model);
  }
  assert(lines > 5 * ROUNDS, `${lines} lines`);
});
