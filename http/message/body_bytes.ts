/**
 * The bytes in a chunk of a body.
 *
 * @module
 */

/** Unlike `instanceof`, it also knows arrays of another realm, and only real ones. */
const nameOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get;

/**
 * The bytes of a chunk; `undefined` if it is not a `Uint8Array`. One of another realm,
 * such as a context of node:vm, becomes a view of this realm: the platform's bodies
 * accept it as well.
 */
export function bytesOf(chunk: unknown): Uint8Array | undefined {
  if (chunk instanceof Uint8Array) return chunk;
  if (nameOf?.call(chunk) !== "Uint8Array") return undefined;
  const { buffer, byteOffset, byteLength } = chunk as Uint8Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
}
