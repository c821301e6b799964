/**
 * Which coding of a file a client prefers (RFC 9110, 12.5.3). Reading the header
 * takes time proportional to its length.
 *
 * @module
 */

/** A weight: 0 to 1, with up to three digits. */
const WEIGHT = /^q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * The coding with the highest weight in `accept-encoding`; of several, the first in
 * `codings`. `undefined` if the client prefers the file without a coding, or names
 * no coding. Without the header any coding is allowed, but few clients that omit it
 * can decode one.
 */
export function preferredCoding<Coding extends string>(
  header: string | null,
  codings: readonly Coding[],
): Coding | undefined {
  const weights = readWeights(header ?? "");
  const any = weights.get("*");
  let preferred: Coding | undefined;
  let best = 0;
  for (const coding of codings) {
    const weight = weights.get(coding) ?? any ?? 0;
    if (weight > best) {
      preferred = coding;
      best = weight;
    }
  }
  return (weights.get("identity") ?? 0) > best ? undefined : preferred;
}

/** The weight of each coding in the header. An item with an invalid weight is ignored. */
function readWeights(header: string): Map<string, number> {
  const weights = new Map<string, number>();
  for (const item of header.toLowerCase().split(",")) {
    const [coding, ...parameters] = item.split(";").map((part) => part.trim());
    const weight = parameters.find((parameter) => parameter.startsWith("q="));
    const match = WEIGHT.exec(weight ?? "q=1");
    if (coding !== "" && match !== null) weights.set(coding, Number(match[1]));
  }
  return weights;
}
