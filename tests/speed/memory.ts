import { requestHeaders, responseHeaders } from "../../bench/load.ts";
import { exchange, Pipe } from "../../bench/session_pair.ts";
import { CLIENT, PROTO_SPDY3_1, SERVER, Session } from "../../mod.ts";
import { assert, assertLess } from "../deps.ts";
import { collect } from "../helpers/collector.ts";

/**
 * A guard against memory that sessions and connections hold and do not need. The
 * bounds are multiples of the window of deflate, 32 KiB, which a connection in use
 * needs in the end in each direction. They lie a fifth and more above what was measured.
 */
const WINDOW = 32 * 1024;
const COUNT = 200;

Deno.test({
  name: "memory: a session after its first request takes no whole window",
  ignore: collect === undefined,
  fn() {
    used();
    const before = memoryInUse();
    const sessions = Array.from({ length: COUNT / 2 }, used).flat();
    const ratio = (memoryInUse() - before) / COUNT / WINDOW;
    // Read after the measurement, so that the sessions are still there.
    assert(sessions.every((session) => session.wantRead()));
    console.log(`session after a request: ${ratio.toFixed(2)} windows`);
    assertLess(ratio, 2);
  },
});

/** Both sides after one request: their four header contexts have been used. */
function used(): Session[] {
  const toServer = new Pipe();
  const toClient = new Pipe();
  const client = new Session(CLIENT, PROTO_SPDY3_1, { send: toServer.write });
  const server = new Session(SERVER, PROTO_SPDY3_1, {
    send: toClient.write,
    onRequestRecv: (session, streamId) => {
      session.submitResponse(streamId, responseHeaders(0));
    },
  });
  client.submitRequest(0, requestHeaders(0));
  exchange(client, toServer, server, toClient);
  exchange(client, toServer, server, toClient);
  // The pipes' memory is not the sessions'.
  toServer.drop();
  toClient.drop();
  return [client, server];
}

function memoryInUse(): number {
  collect?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
