/**
 * The header lists of real browsing sessions: a part of
 * http2jp/hpack-test-case in `tests/corpus/headers`. `HEADER_CORPUS` names a
 * folder with another part, or all of it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import type { NameValue } from "../frame/types.ts";

/** The direction of the headers. */
export type Direction = "request" | "response";

/** One connection in one direction. */
export interface Story {
  readonly direction: Direction;
  /** Its header lists, with SPDY's names, in the order and form in which they were sent. */
  readonly lists: readonly NameValue[][];
}

const folder = Deno.env.get("HEADER_CORPUS") ??
  fileURLToPath(new URL("../tests/corpus/headers", import.meta.url));

/** Every story of the corpus. */
export const stories: readonly Story[] = await Promise.all(
  (await storyNames()).map(async (name): Promise<Story> => {
    const story: {
      cases: { headers: Record<string, string>[] }[];
    } = JSON.parse(await Deno.readTextFile(`${folder}/${name}`));
    return {
      // Stories 00 to 20 are requests (tests/corpus/headers/README.md).
      direction: Number(name.slice(6, 8)) <= 20 ? "request" : "response",
      lists: story.cases.map(({ headers }) =>
        headers.flatMap((entry) => Object.entries(entry)).map(spdyPair)
      ),
    };
  }),
);

/** All lists of one direction, story after story. */
export function corpusLists(wanted: Direction): NameValue[][] {
  return stories.filter(({ direction }) => direction === wanted)
    .flatMap(({ lists }) => lists);
}

async function storyNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    if (/^story_\d+\.json$/.test(name)) names.push(name);
  }
  return names.sort();
}

function spdyPair([name, value]: [string, string]): NameValue {
  return [name === ":authority" ? ":host" : name, value];
}
