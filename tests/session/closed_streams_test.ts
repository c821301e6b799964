/** A session keeps no memory of streams that have closed. */

import {
  CLIENT,
  DataProvider,
  ERR_DEFERRED,
  READ_EOF,
  SERVER,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../mod.ts";
import { StreamRecord } from "../../session/stream_record.ts";
import { StreamTable } from "../../session/stream_table.ts";
import { assert, assertEquals } from "../deps.ts";
import { collect, withCollector } from "../helpers/collector.ts";
import { versionName } from "../helpers/version_name.ts";
import {
  data,
  Harness,
  HEADERS_LIST,
  rstStream,
  settings,
  synReply,
  VERSIONS,
} from "./harness.ts";

/** A body of `size` bytes, or one that waits for ever if `size` is negative. */
function bodyWith(source: unknown, size: number): DataProvider {
  let left = size;
  return new DataProvider(source, (_session, _streamId, length, readCtrl) => {
    if (size < 0) return ERR_DEFERRED;
    const piece = new Uint8Array(Math.min(left, length));
    left -= piece.length;
    if (left === 0) readCtrl.flags = READ_EOF;
    return piece;
  });
}

/** Ways in which stream 1 of a client ends, and the sizes of its bodies. */
const ENDS: readonly [string, number[], (harness: Harness) => void][] = [
  ["both halves end", [100], (harness) => {
    harness.flush();
    harness.give(synReply(1), data(1, 3), data(1, 3, 1));
  }],
  ["it is reset while bodies are deferred", [-1, 5], (harness) => {
    harness.flush();
    harness.give(rstStream(1));
  }],
  ["it is reset while its body waits for the window", [100], (harness) => {
    harness.give(settings([SETTINGS_INITIAL_WINDOW_SIZE, 0, 10]));
    harness.flush();
    harness.give(rstStream(1));
  }],
  ["the client resets it", [20_000], (harness) => {
    harness.room = 200;
    harness.flush();
    harness.session.submitRstStream(1, 5);
    harness.room = Infinity;
    harness.flush();
  }],
];

/** Opens and ends stream 1; returns what only the stream referred to. */
function play(
  harness: Harness,
  sizes: number[],
  end: (harness: Harness) => void,
): WeakRef<object>[] {
  const userData = {};
  const sources = sizes.map(() => ({}));
  const { session } = harness;
  const [first, ...rest] = sizes.map((size, at) => bodyWith(sources[at], size));
  session.submitRequest(0, HEADERS_LIST, first, userData);
  if (rest.length > 0) {
    session.send();
    for (const each of rest) session.submitData(1, 0, each);
  }
  end(harness);
  harness.flush();
  assertEquals(session.getStreamUserData(1), undefined);
  return [userData, ...sources].map((each) => new WeakRef(each));
}

for (const version of VERSIONS) {
  for (const [name, sizes, end] of ENDS) {
    withCollector.test({
      name: `a closed stream is not kept in memory: ${name}, ${
        versionName(version)
      }`,
      async fn() {
        const harness = new Harness(CLIENT, version);
        const references = play(harness, sizes, end);
        // A WeakRef keeps its object until the end of the turn in which it was
        // created.
        await new Promise((resolve) => setTimeout(resolve, 0));
        collect?.();
        assertEquals(
          references.map((each) => each.deref()),
          references.map(() => undefined),
        );
        assertEquals(harness.session.wantRead(), true);
      },
    });
  }
}

withCollector.test({
  name: "a table keeps nothing of pushes that have ended",
  fn() {
    const table = new StreamTable<null>(SERVER);
    const push = (id: number): void => {
      const stream = new StreamRecord<null>(
        id,
        true,
        0,
        id + 1,
        undefined,
        undefined,
      );
      table.add(stream);
      table.remove(stream);
    };
    push(2);
    collect?.();
    const before = Deno.memoryUsage().heapUsed;
    for (let id = 4; id < 200_000; id += 2) push(id);
    collect?.();
    const grown = Deno.memoryUsage().heapUsed - before;
    // A set for each would be 20 MB.
    assert(grown < 4_000_000, `${grown} bytes`);
  },
});
