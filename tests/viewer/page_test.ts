import { decode } from "../../cli/decode.ts";
import { assert, assertEquals, assertRejects } from "../deps.ts";
import { moduleOf, sourceDigest } from "../../tools/page.ts";
import { embed } from "../../viewer/embed.ts";
import { filterRows, hexText, Model, payloadText } from "../../viewer/model.ts";
import { PAGE } from "../../viewer/page_text.ts";

const root = new URL("../../", import.meta.url);

Deno.test("page: both copies are made from the present sources", async () => {
  const read = (path: string) => Deno.readTextFile(new URL(path, root));
  const sources = await sourceDigest();
  assertEquals(
    await read("viewer/page_text.ts"),
    moduleOf(PAGE, sources),
    "viewer/page_text.ts is stale: run `deno task page`",
  );
  assert(await read("docs/capture_viewer.html") === PAGE, "run deno task page");
});

Deno.test("page: the policy allows no network", () => {
  const policy = PAGE.match(/Content-Security-Policy" content="([^"]*)"/)![1];
  assert(policy.startsWith("default-src 'none'; script-src 'sha256-"));
  assert(!policy.includes("unsafe") && !policy.includes("http"));
});

Deno.test("page: neither a file name nor its content can end the embedded data", () => {
  const name = "</script><img src=x onerror=alert(1)><!--<script>";
  const bytes = new TextEncoder().encode("</script><b>");
  const page = embed(PAGE, [{ name, bytes }]);
  assertEquals(page.match(/<\/script/g)!.length, 2);
  const json = page.match(/id="capture">([^<]*)<\/script>/)![1];
  assertEquals(JSON.parse(json), [{ name, base64: bytes.toBase64() }]);
});

Deno.test("page: frames become rows and streams, and are found again", () => {
  const model = new Model();
  const place = {
    connection: 3,
    fromClient: true,
    from: "a:1",
    to: "b:2",
    offset: 0,
    packet: 1,
    time: 10,
  };
  model.add({
    kind: "connection",
    connection: 3,
    client: "a:1",
    server: "b:2",
    time: 10,
    complete: true,
  });
  model.add({
    ...place,
    kind: "frame",
    type: "SYN_REPLY",
    frame: undefined,
    streamId: 1,
    version: 3,
    flags: 0,
    length: 4,
    missing: 0,
    headerBytes: undefined,
    unreadable: true,
    error: undefined,
  });
  model.addPayload({
    connection: 3,
    fromClient: true,
    streamId: 1,
    bytes: new Uint8Array(100_000),
    missing: 0,
  });
  model.add({
    ...place,
    time: 20,
    kind: "frame",
    type: "DATA",
    frame: { frameType: 0, streamId: 1, flags: 0, length: 100_000 },
    streamId: 1,
    version: 0,
    flags: 0,
    length: 100_000,
    missing: 0,
    headerBytes: undefined,
    unreadable: false,
    error: undefined,
  });
  const { rows, streams } = model.connections.get(3)!;
  assertEquals(rows.map(({ type }) => type), ["SYN_REPLY", "DATA"]);
  assertEquals(rows[1].payload!.length, 65_536);
  assertEquals(streams.get(1)!.data, 20);
  assertEquals(filterRows(rows, "CANNOT", "", 1).length, 1);
  assertEquals(filterRows(rows, "", "DATA", undefined), [rows[1]]);
  assertEquals(filterRows(rows, "", "", 5), []);
});

Deno.test("page: a payload is shown as JSON, as text, or as hex digits", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  assertEquals(payloadText(encode('{"a":1}')), '{\n  "a": 1\n}');
  assertEquals(payloadText(encode("hello")), "hello");
  assertEquals(
    payloadText(Uint8Array.of(0xff, 0x41)),
    hexText(Uint8Array.of(0xff, 0x41)),
  );
  assert(hexText(Uint8Array.of(0xff, 0x41)).startsWith("000000  ff 41 "));
});

Deno.test("decode: --html writes the page with the bytes of the capture", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const bytes = Uint8Array.of(0x80, 3, 0, 6, 0, 0, 0, 4, 0, 0, 0, 1);
    await Deno.writeFile(`${folder}/a.bin`, bytes);
    const name = `${folder}/a.bin`;
    assertEquals(await decode.run(["--html", `${folder}/a.html`, name]), 0);
    const page = await Deno.readTextFile(`${folder}/a.html`);
    assertEquals(page, embed(PAGE, [{ name: "a.bin", bytes }]));
    await assertRejects(
      () => decode.run(["--html", `${folder}/b.html`, "--json", name]),
      Error,
      "--html takes no other option",
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
