/** The answer to a HEAD request that is refused has no body, like every answer to HEAD. */

import { serve } from "../../../http/server/serve.ts";
import { assertEquals, assertMatch } from "../../deps.ts";
import { LOOPBACK, say } from "./peers.ts";

const UPGRADE = "connection: Upgrade\r\nupgrade: SPDY/3.1\r\n";

const REFUSED: Record<string, [request: string, status: number]> = {
  "that asks for an upgrade": [`HEAD / HTTP/1.1\r\nhost: h\r\n${UPGRADE}`, 405],
  "without a host": ["HEAD / HTTP/1.1\r\n", 400],
  "with two lengths": [
    "HEAD / HTTP/1.1\r\nhost: h\r\ncontent-length: 1, 2\r\n",
    400,
  ],
  "with an unknown expectation": [
    "HEAD / HTTP/1.1\r\nhost: h\r\nexpect: rain\r\n",
    417,
  ],
  "after empty lines, with an invalid header": [
    "\r\n\r\nHEAD / HTTP/1.1\r\nhost: h\r\n folded\r\n",
    400,
  ],
  "whose head is too long": [
    `HEAD / HTTP/1.1\r\nhost: h\r\nx: ${"x".repeat(20_000)}\r\n`,
    431,
  ],
  "with a lone LF": ["HEAD / HTTP/1.1\r\nhost: h\nx: y\r\n", 400],
  "with a control character": ["HEAD / HTTP/1.1\r\nhost: \x01\r\n", 400],
};

for (const [what, [request, status]] of Object.entries(REFUSED)) {
  Deno.test(`a refused HEAD request ${what} is answered without a body`, async () => {
    await using server = serve(
      { ...LOOPBACK, upgrade: true },
      () => new Response(),
    );
    const answer = await say(server.addr.port, `${request}\r\n`);
    assertMatch(answer, new RegExp(`^HTTP/1.1 ${status} `));
    assertEquals(answer.indexOf("\r\n\r\n"), answer.length - 4);
    // The answer to the same request with another method has one.
    const other = request.replace("HEAD", "PUT");
    const full = await say(server.addr.port, `${other}\r\n`);
    assertMatch(full, /\r\n\r\n./);
  });
}
