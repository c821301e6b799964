/**
 * Makes the pictures of the page of captures that are in the documentation:
 *
 *     deno run -A tools/std.ts run -A tests/interop/pictures.ts docs
 *
 * Look at them before you commit them. Everything is captured on the loopback
 * interface: a site with pushes, a slow reader, an upload and a reset, and an
 * exec of Kubernetes.
 *
 * @module
 */

// @ts-types="npm:@types/upng-js@2"
import UPNG from "npm:upng-js@2.1.0";
import { connect, type Connection, serve } from "../../mod.ts";
import { embed, type EmbeddedFile } from "../../viewer/embed.ts";
import { PAGE } from "../../viewer/page_text.ts";
import { Chromium, type PageOptions } from "../helpers/chromium.ts";
import { Random } from "../helpers/random.ts";
import { CapturedRelay } from "./captured_relay.ts";
import { captureKubectl } from "./kubectl.ts";

/** A picture: its name, how the page is shown, and what is done before. */
interface Picture extends PageOptions {
  readonly name: string;
  /** Expressions that are evaluated in the page. */
  readonly actions: readonly string[];
}

/** Selects the first frame that a search finds, and ends the search. */
const choose = (text: string): string =>
  `(async () => {
  const search = document.getElementById("search");
  const pause = () => new Promise((resolve) => setTimeout(resolve, 500));
  search.value = ${JSON.stringify(text)};
  search.dispatchEvent(new Event("input"));
  await pause();
  document.querySelector("#table .line").click();
  search.value = "";
  search.dispatchEvent(new Event("input"));
  await pause();
})()`;
const CHOOSE_STREAM = `document.querySelector("#detail .link").click()`;
const CHOOSE_FOURTH = `document.querySelectorAll("#table .line")[3].click()`;
const CLOSE = `document.querySelector("#detail .close").click()`;
const SCROLL = `document.getElementById("streams").scrollIntoView()`;

const PICTURES: readonly Picture[] = [
  {
    name: "capture_viewer",
    width: 1600,
    height: 1000,
    actions: [choose("light bulbs")],
  },
  {
    name: "capture_viewer_dark",
    width: 1600,
    height: 1000,
    dark: true,
    actions: [choose("/video"), CHOOSE_STREAM, CHOOSE_FOURTH],
  },
  {
    name: "capture_viewer_narrow",
    width: 400,
    height: 860,
    actions: [choose("/video"), CHOOSE_STREAM, CLOSE, SCROLL],
  },
];

const random = new Random(5);

/** Sends bytes in pieces with pauses, like a program that computes them. */
function slowly(
  bytes: Uint8Array,
  pieces: number,
  pause: number,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  let sent = 0;
  const size = Math.ceil(bytes.length / pieces);
  return new ReadableStream({
    async pull(controller): Promise<void> {
      await sleep(pause);
      controller.enqueue(bytes.slice(sent, sent + size));
      sent += size;
      if (sent >= bytes.length) controller.close();
    },
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function answer(
  request: Request,
  push: (path: string) => Promise<unknown>,
): Promise<Response> {
  const { pathname } = new URL(request.url);
  switch (pathname) {
    case "/":
      await sleep(12);
      await Promise.all([push("/style.css"), push("/logo.svg")]);
      return new Response(slowly(random.text(20_000), 4, 8), {
        headers: { "content-type": "text/html; charset=utf-8" },
      });
    case "/api/search":
      await sleep(35);
      return Response.json({
        query: "light bulbs",
        results: [
          { id: 17, name: "Lamp", price: 24.5, tags: ["light", "desk"] },
          { id: 42, name: "Bulb, E27", price: 3.2, tags: ["light"] },
        ],
        next: null,
      });
    case "/api/upload":
      await request.arrayBuffer();
      return Response.json({ stored: true });
    case "/video":
      return new Response(slowly(random.bytes(600_000), 60, 1));
    case "/events":
      return new Response(slowly(random.text(3_000), 60, 20));
    case "/missing.png":
      return new Response("not here", { status: 404 });
    default:
      await sleep(random.int(3, 45));
      return new Response(
        slowly(random.text(random.int(2_000, 90_000)), random.int(1, 8), 5),
      );
  }
}

/** A page with its resources. */
async function visit(connection: Connection): Promise<void> {
  const { fetch } = connection;
  const headers = {
    "user-agent": "example/1.0 (pictures)",
    "accept-language": "en-GB,en;q=0.8",
  };
  const get = async (path: string): Promise<void> => {
    const response = await fetch(`http://shop.example.test${path}`, {
      headers,
      onPush: (push) => {
        push.response.then((pushed) => pushed.arrayBuffer());
      },
    });
    await response.arrayBuffer();
  };
  await get("/");
  await Promise.all([
    ...["/app.js", "/fonts/text.woff2", "/missing.png", "/api/search"].map(get),
    ...[1, 2, 3, 4, 5, 6].map((id) => get(`/images/product-${id}.webp`)),
    slowReader(connection),
    (async () => {
      await sleep(60);
      const response = await fetch("http://shop.example.test/api/upload", {
        method: "POST",
        headers,
        body: slowly(random.bytes(150_000), 20, 6),
      });
      await response.arrayBuffer();
    })(),
    (async () => {
      const stop = new AbortController();
      const { signal } = stop;
      const response = await fetch("http://shop.example.test/events", {
        headers,
        signal,
      });
      const reading = response.text().catch(() => {});
      await sleep(230);
      stop.abort();
      await reading;
    })(),
  ]);
}

/** Reads with pauses that use up the window of the stream. */
async function slowReader({ fetch }: Connection): Promise<void> {
  const response = await fetch("http://shop.example.test/video");
  let read = 0;
  for await (const chunk of response.body!) {
    read += chunk.length;
    if (read > 150_000) {
      await sleep(45);
      read = 0;
    }
  }
}

async function captureSite(): Promise<Uint8Array> {
  await using server = serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    (request, info) => answer(request, (path) => info.push(path)),
  );
  const relay = new CapturedRelay((server.addr as Deno.NetAddr).port);
  {
    await using _ending = relay;
    await using connection = await connect({
      port: relay.port,
      windowTuning: false,
    });
    await visit(connection);
  }
  return relay.toPcap();
}

/** The picture with 128 colours: a third of the bytes, and no visible difference. */
function fewerColours(png: Uint8Array): Uint8Array {
  const image = UPNG.decode(png.slice().buffer);
  const pixels = UPNG.toRGBA8(image);
  return new Uint8Array(UPNG.encode(pixels, image.width, image.height, 128));
}

async function takePictures(folder: string): Promise<void> {
  const files: EmbeddedFile[] = [
    { name: "shop.pcap", bytes: new Uint8Array(await captureSite()) },
    {
      name: "exec.pcap",
      bytes: new Uint8Array(await captureKubectl(["echo", "hello"])),
    },
  ];
  const page = await Deno.makeTempFile({ suffix: ".html" });
  await Deno.writeTextFile(page, embed(PAGE, files));
  await using browser = await Chromium.start();
  for (const { name, actions, ...options } of PICTURES) {
    await using tab = await browser.open(`file://${page}`, options);
    await tab.until("document.body.dataset.ready !== undefined");
    for (const action of actions) await tab.evaluate(action);
    await Deno.writeFile(
      `${folder}/${name}.png`,
      fewerColours(await tab.screenshot()),
    );
  }
  await Deno.remove(page);
}

if (import.meta.main) await takePictures(Deno.args[0] ?? ".");
