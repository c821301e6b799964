/**
 * The header lists of real browsing sessions, from `tests/corpus/headers`.
 *
 * @module
 */

import type { NameValue } from "../frame/types.ts";

const folder = new URL("../tests/corpus/headers/", import.meta.url);

interface Story {
  readonly cases: readonly {
    readonly headers: readonly Record<string, string>[];
  }[];
}

/** Every request of the corpus, story after story. */
export async function corpusRequests(): Promise<NameValue[][]> {
  const lists: NameValue[][] = [];
  for (const name of await storyNames()) {
    const story: Story = JSON.parse(
      await Deno.readTextFile(new URL(name, folder)),
    );
    for (const { headers } of story.cases) {
      lists.push(joined(headers.flatMap((entry) => Object.entries(entry))));
    }
  }
  return lists;
}

/** Stories up to 20 are requests, the others responses. */
async function storyNames(): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const number = name.match(/^story_(\d+)\.json$/)?.[1];
    if (number !== undefined && Number(number) <= 20) names.push(name);
  }
  return names.sort();
}

/** Values of one name in one pair, as SPDY has them. */
function joined(
  headers: readonly [name: string, value: string][],
): NameValue[] {
  const values = new Map<string, string[]>();
  for (const [name, value] of headers) {
    const spdyName = name === ":authority" ? ":host" : name;
    const list = values.get(spdyName);
    if (list === undefined) values.set(spdyName, [value]);
    else list.push(value);
  }
  return [...values].map(([name, list]) => {
    const some = list.filter((value) => value !== "");
    return [name, some.length > 0 ? some.join("\0") : ""];
  });
}
