/**
 * The checksum of gzip (RFC 1952, section 8).
 *
 * @module
 */

/** The polynomial, its bits in reverse order. */
const POLYNOMIAL = 0xedb88320;

/** Made on first use: most programs never need them. */
let tables: Int32Array[] | undefined;

/**
 * CRC-32 of `bytes`, which continue the bytes whose sum is `sum`. Four tables take
 * four bytes in a step.
 */
export function crc32(bytes: Uint8Array, sum: number = 0): number {
  const [one, two, three, four] = tables ??= makeTables();
  let crc = ~sum;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^= bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 |
      bytes[at + 3] << 24;
    crc = four[crc & 0xff] ^ three[crc >>> 8 & 0xff] ^
      two[crc >>> 16 & 0xff] ^ one[crc >>> 24];
  }
  for (; at < bytes.length; at++) {
    crc = one[(crc ^ bytes[at]) & 0xff] ^ crc >>> 8;
  }
  return ~crc >>> 0;
}

/** Table `n` has the sums of one byte that `n` zero bytes follow. */
function makeTables(): Int32Array[] {
  const one = Int32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) {
      crc = crc >>> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    }
    return crc;
  });
  const all = [one];
  while (all.length < 4) {
    all.push(all[all.length - 1].map((crc) => one[crc & 0xff] ^ crc >>> 8));
  }
  return all;
}
