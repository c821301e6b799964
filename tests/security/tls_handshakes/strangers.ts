/**
 * Clients that begin a TLS handshake and then send nothing more.
 *
 * @module
 */

/** Connections of each kind. */
const EACH = 10;

/** What a client sends before that. */
export const BEGINNINGS: readonly Uint8Array<ArrayBuffer>[] = [
  new Uint8Array(),
  // A part of a record's head, and a whole head without its record.
  Uint8Array.of(0x16, 0x03),
  Uint8Array.of(0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00),
];

/** Connects and sends the beginning of a handshake, or nothing. */
export async function strangers(port: number): Promise<Deno.TcpConn[]> {
  const conns: Deno.TcpConn[] = [];
  for (const beginning of BEGINNINGS) {
    for (let i = 0; i < EACH; i++) {
      const conn = await Deno.connect({ hostname: "127.0.0.1", port });
      if (beginning.length > 0) await conn.write(beginning);
      conns.push(conn);
    }
  }
  return conns;
}
