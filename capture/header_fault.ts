/**
 * Describes the errors of a decompressed header block.
 *
 * @module
 */

import { readUint16, readUint32 } from "../frame/byte_reader.ts";

/** Most errors of a block that are listed. */
const MOST_FAULTS = 3;
/** Most characters of a name in a message. */
const QUOTED = 40;
const LATIN1 = new TextDecoder("latin1");

/**
 * The first errors of a block (SPDY/3 draft 2.6.10); `undefined` if this function
 * finds none.
 */
export function explainBlock(
  block: Uint8Array,
  lengthSize: 2 | 4,
): string | undefined {
  const faults: string[] = [];
  let more = 0;
  const add = (fault: string): void => {
    if (faults.length < MOST_FAULTS) faults.push(fault);
    else more++;
  };
  const read = lengthSize === 4 ? readUint32 : readUint16;
  if (block.length < lengthSize) {
    return `header block has ${block.length} bytes, too few for the count of headers`;
  }
  const count = read(block, 0);
  const names = new Set<string>();
  let at: number = lengthSize;
  for (let pair = 0; pair < count; pair++) {
    const left = block.length - at;
    const nameLength = left < lengthSize ? -1 : read(block, at);
    const valueAt = at + lengthSize + nameLength;
    if (nameLength < 0 || valueAt + lengthSize > block.length) {
      return `header block ends in the name of header ${pair + 1} of ${count}`;
    }
    const name = block.subarray(at + lengthSize, valueAt);
    const valueLength = read(block, valueAt);
    const end = valueAt + lengthSize + valueLength;
    if (end > block.length) {
      return `header block ends in the value of header ${
        pair + 1
      } of ${count}, ${
        quote(name)
      }: the value should have ${valueLength} bytes, ${
        block.length - valueAt - lengthSize
      } are there`;
    }
    const fault = nameFault(name) ??
      valueFault(name, block.subarray(valueAt + lengthSize, end));
    if (fault !== undefined) add(fault);
    const text = LATIN1.decode(name);
    if (names.has(text)) add(`the name ${quote(name)} occurs twice`);
    names.add(text);
    at = end;
  }
  if (at < block.length) {
    return `${block.length - at} bytes follow the last of ${count} headers`;
  }
  if (faults.length === 0) return undefined;
  return `${faults.join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}

function nameFault(name: Uint8Array): string | undefined {
  if (name.length === 0) return "a header name is empty";
  for (const byte of name) {
    if (byte >= 0x41 && byte <= 0x5a) {
      return `the name ${quote(name)} has a capital letter`;
    }
    if (byte < 0x20 || byte > 0x7e) {
      return `the name ${quote(name)} has the byte ${hex(byte)}`;
    }
  }
  return undefined;
}

function valueFault(name: Uint8Array, value: Uint8Array): string | undefined {
  for (let index = 0; index < value.length; index++) {
    const byte = value[index];
    if (byte === 0) {
      if (
        index === 0 || index === value.length - 1 || value[index - 1] === 0
      ) return `the value of ${quote(name)} has an empty part beside a NUL`;
    } else if (byte < 0x20 && byte !== 0x09 || byte === 0x7f) {
      return `the value of ${quote(name)} has the byte ${
        hex(byte)
      } at ${index}`;
    }
  }
  return undefined;
}

function quote(name: Uint8Array): string {
  const text = LATIN1.decode(name.subarray(0, QUOTED));
  return JSON.stringify(name.length > QUOTED ? `${text}...` : text);
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, "0")}`;
}
