/**
 * The stored inputs of the byte targets. Each target has a file with a list of
 * texts of `inputText`.
 *
 * @module
 */

import { type ByteTarget, inputOf, inputText } from "../byte_target.ts";

/** Most inputs that are stored, and most bytes of each of them. */
const MOST_INPUTS = 150;
const MOST_BYTES = 800;

function fileOf({ name }: ByteTarget): URL {
  return new URL(`../corpus/${name}.json`, import.meta.url);
}

/** The stored inputs of a target, after its first inputs. */
export async function loadCorpus(
  target: ByteTarget,
): Promise<Uint8Array<ArrayBuffer>[]> {
  const text = await Deno.readTextFile(fileOf(target)).catch(() => "[]");
  const stored: string[] = JSON.parse(text);
  return [...target.seeds(), ...stored.map(inputOf)];
}

/** An input and the features that it reaches. */
export interface Entry {
  readonly input: Uint8Array<ArrayBuffer>;
  readonly features: ReadonlySet<number>;
}

/**
 * A smallest set of inputs, with short ones preferred, that reaches everything
 * that the entries reach.
 */
export function smallest(entries: readonly Entry[]): Entry[] {
  const reached = new Set<number>();
  const kept: Entry[] = [];
  const byLength = entries.toSorted((a, b) => a.input.length - b.input.length);
  for (const entry of byLength) {
    if (entry.input.length > MOST_BYTES || kept.length === MOST_INPUTS) {
      continue;
    }
    const { size } = reached;
    for (const feature of entry.features) reached.add(feature);
    if (reached.size > size) kept.push(entry);
  }
  return kept;
}

/** Stores this set; returns the number of its inputs. */
export async function saveCorpus(
  target: ByteTarget,
  entries: readonly Entry[],
): Promise<number> {
  const texts = smallest(entries).map(({ input }) => inputText(input));
  const lines = texts.map((text) => `  ${JSON.stringify(text)}`);
  await Deno.writeTextFile(fileOf(target), `[\n${lines.join(",\n")}\n]\n`);
  return texts.length;
}
