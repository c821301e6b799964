/**
 * Arguments that are too many for one command.
 *
 * @module
 */

/**
 * Divides arguments into as many portions as needed, in their order. Each has at most
 * `most` characters, with a space and two quotation marks for each argument, except for
 * an argument that is longer by itself.
 */
export function portions(args: readonly string[], most: number): string[][] {
  const divided: string[][] = [];
  let size = Infinity;
  for (const arg of args) {
    const length = arg.length + 3;
    size += length;
    if (size > most) {
      divided.push([]);
      size = length;
    }
    divided.at(-1)?.push(arg);
  }
  return divided;
}
