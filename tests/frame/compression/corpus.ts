/**
 * Header lists for compression tests: those of the corpus, as pairs on the wire.
 *
 * @module
 */

import { prepareHeaders, wirePairs } from "../../../frame/header_list.ts";
import type { NameValue } from "../../../frame/mod.ts";
import { versionTraits } from "../../../frame/version.ts";
import type { ProtocolVersion } from "../../../frame/mod.ts";

const FOLDER = new URL("../../corpus/headers/", import.meta.url);

/** One connection in one direction. */
export interface Story {
  readonly name: string;
  readonly direction: "request" | "response";
  /** Header lists in order, as an application passes them. */
  readonly lists: readonly NameValue[][];
}

interface StoryFile {
  readonly cases: readonly {
    readonly headers: readonly Record<string, string>[];
  }[];
}

/** All stories of the corpus; up to number 20 they are requests. */
export function corpus(): Story[] {
  const names = [...Deno.readDirSync(FOLDER)].map(({ name }) => name)
    .filter((name) => name.endsWith(".json")).sort();
  return names.map((name) => {
    const file: StoryFile = JSON.parse(
      Deno.readTextFileSync(new URL(name, FOLDER)),
    );
    const number = Number(name.match(/\d+/)?.[0]);
    return {
      name,
      direction: number <= 20 ? "request" : "response",
      lists: file.cases.map(({ headers }) =>
        headers.flatMap((entry) => Object.entries(entry)).map((
          [name, value],
        ): NameValue => [name === ":authority" ? ":host" : name, value])
      ),
    };
  });
}

/** The pairs on the wire for a header list. */
export function asWirePairs(
  list: readonly NameValue[],
  version: ProtocolVersion,
): readonly NameValue[] {
  return wirePairs(prepareHeaders(list, "wire", true), versionTraits(version));
}
