/**
 * Wireshark's SPDY dissector on captures of our own conversations.
 *
 * tshark 4.0.17 of Debian 12 has the dissector, bound to TCP port 6121, and to
 * others by `-d tcp.port==PORT,spdy`. It reads SPDY/3 and 3.1 but not SPDY/2, and
 * inflates headers with the dictionary of SPDY/3. It decompresses all HEADERS
 * with the context of the server, so only the server sends them here. A relay
 * writes the captures, which needs no permission to listen on an interface.
 *
 * @module
 */

import { assert, assertEquals } from "../deps.ts";
import { pcapFile } from "../capture/packets.ts";
import {
  accept,
  connect,
  type Connection,
  PROTO_SPDY3,
  PROTO_SPDY3_1,
  type ProtocolVersion,
  serve,
} from "../../mod.ts";
import { exec } from "../../kubernetes/mod.ts";
import { encapsulations } from "../capture/encapsulations.ts";
import { recordedTalks, type Talked } from "../capture/recorded.ts";
import { servePretendPod } from "./pretend_pod.ts";
import { requireTool } from "./peers.ts";
import type { PreparedSuite, Suite } from "./report.ts";
import { CapturedRelay } from "./captured_relay.ts";
import { bothFrames } from "./tshark_frames.ts";

/** Link type of packets that begin with their IP head. */
const RAW_IP = 101;
/** Fields that tshark sets if it cannot interpret something. */
const FAULTS = [
  "_ws.malformed",
  "spdy.inflation_failed",
  "spdy.malformed.frame_data",
  "spdy.malformed.setting_frame",
  "spdy.rst_stream.invalid",
  "spdy.goaway.invalid",
  "spdy.type.invalid",
];

/** tshark on three conversations. */
export const tsharkSuite: Suite = { peer: "tshark", prepare };

async function prepare(): Promise<PreparedSuite> {
  const line = await requireTool("tshark", ["--version"]);
  const scenario = (
    name: string,
    talk: () => Promise<CapturedRelay>,
    wanted: string[],
  ): { name: string; run: () => Promise<string> } => ({
    name,
    run: async () => await check(await talk(), wanted),
  });
  return {
    version: /\d+\.\d+\.\d+/.exec(line)?.[0] ?? line,
    scenarios: [
      scenario(
        "fetch and serve, SPDY/3.1",
        () => httpConversation(PROTO_SPDY3_1),
        [":method GET", ":path /0", "x-count 2", ":status 200"],
      ),
      scenario(
        "streams, PING, SETTINGS, resets, SPDY/3",
        streamConversation,
        ["name first", "late header"],
      ),
      scenario(
        "exec with the Kubernetes profile",
        execConversation,
        ["streamtype error", "streamtype stdin", "streamtype stdout"],
      ),
      {
        name: "spdy decode finds the same frames in recordings",
        run: sameFrames,
      },
      {
        name: "spdy decode finds the same packets in tunnels",
        run: sameInTunnels,
      },
    ],
    async [Symbol.asyncDispose]() {},
  };
}

async function httpConversation(
  version: ProtocolVersion,
): Promise<CapturedRelay> {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, version, onListen() {} },
    (request) => new Response(`answer to ${new URL(request.url).pathname}`),
  );
  const address = server.addr as Deno.NetAddr;
  await using capture = new CapturedRelay(address.port);
  await using connection = await connect({ port: capture.port, version });
  for (let i = 0; i < 3; i++) {
    const response = await connection.fetch(`http://example.test/${i}`, {
      headers: { "x-count": `${i}`, cookie: "session=0123456789" },
    });
    assertEquals(await response.text(), `answer to /${i}`);
  }
  await connection.close();
  return capture;
}

async function streamConversation(): Promise<CapturedRelay> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using capture = new CapturedRelay(listener.addr.port);
  const version = PROTO_SPDY3;
  const serving = listener.accept().then(async (conn) => {
    const server = await accept(conn, { version });
    await echoHeaders(server);
  });
  await using connection = await connect({
    port: capture.port,
    version,
    settings: [[4, 0, 50], [7, 0, 1 << 20]],
  });
  const stream = await connection.openStream([["name", "first"]], { pri: 3 });
  await stream.response;
  await connection.ping();
  (await connection.openStream([["name", "second"]])).reset();
  await connection.ping();
  await connection.close();
  listener.close();
  await serving;
  return capture;
}

async function echoHeaders(connection: Connection): Promise<void> {
  try {
    for await (const stream of connection) {
      await stream.reply(stream.headers);
      await stream.sendHeaders([["late", "header"]]);
    }
  } catch {
    // The client disconnects while streams are open.
  }
}

async function execConversation(): Promise<CapturedRelay> {
  await using server = servePretendPod();
  await using capture = new CapturedRelay(server.addr.port);
  const process = await exec({
    url: `http://127.0.0.1:${capture.port}`,
    pod: { name: "pod" },
    command: ["cat"],
    // tshark does not look into WebSockets.
    transport: "spdy",
    stdin: true,
    stderr: false,
  });
  await new Blob(["hello".repeat(20_000)]).stream().pipeTo(process.stdin);
  assertEquals((await new Response(process.stdout).text()).length, 100_000);
  await process.status;
  await process.close();
  return capture;
}

/**
 * Each recording is in a capture of its own, because tshark shows headers of one
 * connection as those of another if their compressed blocks are the same.
 */
async function sameFrames(): Promise<string> {
  let count = 0;
  for (const talk of recordedTalks(["3", "3.1"])) {
    const file = pcapFile({ linkType: RAW_IP, packets: talk.packets });
    count += await assertSame(file, talk.name, headersAgree(talk));
  }
  const all = recordedTalks(["3", "3.1"]).flatMap(({ packets }) => packets);
  const file = pcapFile({ linkType: RAW_IP, packets: all });
  count += await assertSame(file, "all recordings", false);
  return `${count} frames`;
}

/** HEADERS of a client would corrupt tshark's decompression. */
function headersAgree({ name }: Talked): boolean {
  return !name.startsWith("headers_after_reply");
}

async function sameInTunnels(): Promise<string> {
  const [talk] = recordedTalks(["3.1"]);
  let count = 0;
  for (const { name, linkType, wrap } of encapsulations) {
    const packets = talk.packets.flatMap(wrap);
    count += await assertSame(pcapFile({ linkType, packets }), name, true);
  }
  return `${count} frames in ${encapsulations.length} encapsulations`;
}

/** Compares the frames of a capture; returns their number. */
async function assertSame(
  capture: Uint8Array,
  name: string,
  headers: boolean,
): Promise<number> {
  const file = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    await Deno.writeFile(file, capture);
    const { tshark, ours } = await bothFrames(file, { headers });
    assertEquals(ours, tshark, name);
    assert(ours.length > 0, `${name}: no frames`);
    return ours.length;
  } finally {
    await Deno.remove(file);
  }
}

async function check(
  capture: CapturedRelay,
  wanted: string[],
): Promise<string> {
  const file = await Deno.makeTempFile({ suffix: ".pcap" });
  try {
    await Deno.writeFile(
      file,
      capture.toPcap({
        client: headLength(capture.text(true)),
        server: headLength(capture.text(false)),
      }),
    );
    const decode = ["-r", file, "-d", `tcp.port==${capture.port},spdy`];
    const faults = await tshark([...decode, "-Y", FAULTS.join(" || ")]);
    assertEquals(faults, "", "tshark marks packets");
    const frames = await tshark([
      ...decode,
      "-Y",
      "spdy",
      "-T",
      "fields",
      "-e",
      "spdy.header.name",
      "-e",
      "spdy.header.value",
      // A character that is in no header of these conversations.
      "-E",
      "aggregator=|",
    ]);
    const headers = new Set(frames.split("\n").flatMap(pairUp));
    for (const header of wanted) {
      assert(headers.has(header), `${header} is not among the headers shown`);
    }
    const both = await bothFrames(file, { ports: [capture.port] });
    assertEquals(both.ours, both.tshark, "frames of spdy decode and tshark");
    const count = (await tshark([...decode, "-Y", "spdy"])).split("\n").length;
    return `${count - 1} packets with SPDY`;
  } finally {
    await Deno.remove(file);
  }
}

/** `"a|b<tab>1|2"` as `["a 1", "b 2"]`. */
function pairUp(line: string): string[] {
  const [names = "", values = ""] = line.split("\t");
  const list = values.split("|");
  return names.split("|").map((name, index) => `${name} ${list[index]}`);
}

/** Size of the HTTP head before an upgraded conversation, bytes; 0 if there is none. */
function headLength(text: string): number {
  return /^(POST |HTTP\/)/.test(text) ? text.indexOf("\r\n\r\n") + 4 : 0;
}

async function tshark(args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command("tshark", { args })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`tshark: ${decoder.decode(stderr)}`);
  return decoder.decode(stdout);
}
