/** Uploads that are read after their response has been sent, in virtual time. */

import { StreamResetError } from "../../connection/errors.ts";
import type {
  ServeHandler,
  ServeInfo,
} from "../../http/server/serve_options.ts";
import type { SpdyResponse } from "../../http/fetch/spdy_response.ts";
import { HttpMessageError } from "../../http/message/message_error.ts";
import { SpdyError } from "../../errors.ts";
import { CANCEL, PROTOCOL_ERROR } from "../../frame/constants.ts";
import { assert, assertEquals, assertRejects } from "../deps.ts";
import { memoryPair, type Pair } from "../helpers/connections.ts";
import { answerStreams, VERSIONS } from "../helpers/http.ts";
import { turn, virtualTime } from "../helpers/virtual_time.ts";
import { versionName } from "../helpers/version_name.ts";

const SIZE = 300_000;
const CHUNK = SIZE / 30;

/** A pair whose server answers with `handler`. */
function serving(
  version: (typeof VERSIONS)[number],
  handler: ServeHandler,
): Pair {
  const pair = memoryPair({ version });
  answerStreams(pair.server, handler);
  return pair;
}

/** Counts the bytes of a body that ends without an error. */
async function count(body: ReadableStream<Uint8Array> | null): Promise<number> {
  let size = 0;
  for await (const chunk of body ?? []) size += chunk.length;
  return size;
}

/** An upload in pieces, each of which is sent when the test sends it. */
class Upload {
  readonly response: Promise<SpdyResponse>;
  cancelled = false;
  #controller!: ReadableStreamDefaultController<Uint8Array>;

  constructor(pair: Pair, announced?: number) {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        this.#controller = controller;
      },
      cancel: () => {
        this.cancelled = true;
      },
    });
    this.response = pair.client.fetch("http://h/", {
      method: "POST",
      body,
      headers: announced === undefined
        ? {}
        : { "content-length": `${announced}` },
    });
  }

  send(size: number): void {
    if (!this.cancelled) this.#controller.enqueue(new Uint8Array(size));
  }

  /** Sends everything in pieces, with a pause of this many ms after each. */
  async sendAll(
    time: { advance(ms: number): Promise<void> },
    pause: number,
  ): Promise<void> {
    for (let sent = 0; sent < SIZE; sent += CHUNK) {
      this.send(CHUNK);
      await time.advance(pause);
    }
    this.end();
    await time.advance(0);
  }

  end(): void {
    if (!this.cancelled) this.#controller.close();
  }
}

/** An upload whose request a server answers before it reads the body. */
function answeredAtOnce(version: (typeof VERSIONS)[number]): AsyncDisposable & {
  readonly upload: Upload;
  readonly request: Request | undefined;
} {
  let received: Request | undefined;
  const pair = serving(version, (request) => {
    received = request;
    return new Response();
  });
  return {
    upload: new Upload(pair),
    get request() {
      return received;
    },
    [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
  };
}

const READERS: Record<string, (request: Request) => Promise<number>> = {
  body: (request) => count(request.body),
  bytes: async (request) => (await request.bytes()).length,
  copy: async (request) => (await new Request(request).bytes()).length,
  clone: async (request) => {
    const copy = request.clone();
    const [one, other] = await Promise.all([
      count(request.body),
      count(copy.body),
    ]);
    assertEquals(one, other);
    return one;
  },
};

for (const version of VERSIONS) {
  for (const announced of [undefined, SIZE]) {
    for (const [name, read] of Object.entries(READERS)) {
      for (const pause of [10, 5000]) {
        const says = announced === undefined ? "" : ", announced";
        Deno.test(`late reading: an upload continues after its response, ${name}, every ${pause} ms${says}, ${versionName(version)}`, async () => {
          using time = virtualTime();
          let reading: Promise<number> | undefined;
          await using pair = serving(version, (request) => {
            reading = read(request);
            return new Response("accepted", { status: 202 });
          });
          const upload = new Upload(pair, announced);
          assertEquals(await (await upload.response).text(), "accepted");
          await upload.sendAll(time, pause);
          assertEquals(await reading, SIZE);
          const { stream } = await upload.response;
          assertEquals(await stream.closed, 0);
        });
      }
    }
  }

  Deno.test(`late reading: a handler may begin to read within a second after its response, ${versionName(version)}`, async () => {
    using time = virtualTime();
    await using answered = answeredAtOnce(version);
    const { upload } = answered;
    await (await upload.response).text();
    upload.send(CHUNK);
    await time.advance(900);
    const reading = count(answered.request?.body ?? null);
    await time.advance(20_000);
    await upload.sendAll(time, 100);
    assertEquals(await reading, SIZE + CHUNK);
  });

  Deno.test(`late reading: a handler that has begun to read may pause, ${versionName(version)}`, async () => {
    using time = virtualTime();
    await using answered = answeredAtOnce(version);
    const { upload } = answered;
    await (await upload.response).text();
    const reader = answered.request?.body?.getReader();
    if (reader === undefined) throw new Error("the upload has no body");
    upload.send(1000);
    await time.advance(100);
    assertEquals((await reader.read()).value?.length, 1000);
    upload.send(1000);
    await time.advance(25_000);
    let rest = 0;
    const reading = (async () => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return rest;
        rest += value.length;
        await time.advance(25_000);
      }
    })();
    await turn();
    upload.send(1000);
    upload.end();
    assertEquals(await reading, 2000);
  });

  Deno.test(`late reading: a handler that begins too late fails, ${versionName(version)}`, async () => {
    using time = virtualTime();
    await using answered = answeredAtOnce(version);
    const { upload } = answered;
    const { stream } = await upload.response;
    upload.send(CHUNK);
    await time.advance(1500);
    await assertRejects(() => count(answered.request?.body ?? null), SpdyError);
    assertEquals(upload.cancelled, false);
    await time.advance(1000);
    assertEquals(await stream.closed, CANCEL);
    assertEquals(upload.cancelled, true);
    await assertRejects(() => count(answered.request?.body ?? null));
  });

  Deno.test(`late reading: a handler that gave up leaves no stream open, ${versionName(version)}`, async () => {
    using time = virtualTime();
    let reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
    await using pair = serving(version, (request) => {
      reader = request.body?.getReader();
      return new Response();
    });
    const upload = new Upload(pair);
    const { stream } = await upload.response;
    for (let sent = 0; sent < SIZE; sent += CHUNK) upload.send(CHUNK);
    await time.advance(29_000);
    assertEquals((await reader?.read())?.done, false);
    await time.advance(30_000);
    assertEquals(upload.cancelled, false);
    await time.advance(4000);
    assertEquals(await stream.closed, CANCEL);
    await assertRejects(async () => {
      for (;;) if ((await reader?.read())?.done) return;
    }, SpdyError);
  });

  Deno.test(`late reading: a short unread upload ends cleanly, ${versionName(version)}`, async () => {
    using time = virtualTime();
    await using pair = serving(version, () => new Response());
    const upload = new Upload(pair);
    const { stream } = await upload.response;
    await upload.sendAll(time, 50);
    assertEquals(await stream.closed, 0);
    assertEquals(upload.cancelled, false);
    assertEquals(time.next, undefined);
  });

  for (const how of ["cancels", "breaks"] as const) {
    Deno.test(`late reading: a handler that ${how} has no influence any more, ${versionName(version)}`, async () => {
      using time = virtualTime();
      await using pair = serving(version, async (request) => {
        if (how === "cancels") await request.body?.cancel();
        else for await (const _ of request.body ?? []) break;
        return new Response();
      });
      const upload = new Upload(pair);
      upload.send(CHUNK);
      const { stream } = await upload.response;
      await time.advance(500);
      upload.send(SIZE);
      await time.advance(499);
      assertEquals(upload.cancelled, false);
      await time.advance(2);
      assertEquals(await stream.closed, CANCEL);
    });
  }
}

for (const sent of [CHUNK, 3 * CHUNK]) {
  Deno.test(`late reading: ${sent} of ${2 * CHUNK} announced bytes are not a clean end`, async () => {
    using time = virtualTime();
    let reading: Promise<number> | undefined;
    await using pair = serving(VERSIONS[2], (request) => {
      reading = count(request.body);
      reading.catch(() => {});
      return new Response("accepted");
    });
    const upload = pair.client.openStream([
      [":method", "POST"],
      [":path", "/"],
      [":scheme", "http"],
      [":host", "h"],
      [":version", "HTTP/1.1"],
      ["content-length", `${2 * CHUNK}`],
    ]);
    const stream = await upload;
    await stream.response;
    for (let size = 0; size < sent; size += CHUNK) {
      stream.write(new Uint8Array(CHUNK)).catch(() => {});
      await time.advance(100);
    }
    stream.closeWrite().catch(() => {});
    await assertRejects(async () => await reading, HttpMessageError);
    await time.advance(100);
    const status = await stream.closed;
    assert(status === 0 || status === PROTOCOL_ERROR, `${status}`);
  });
}

Deno.test("late reading: the client's reset is not a clean end", async () => {
  using time = virtualTime();
  let reading: Promise<number> | undefined;
  await using pair = serving(VERSIONS[2], (request) => {
    reading = count(request.body);
    reading.catch(() => {});
    return new Response("accepted");
  });
  const upload = new Upload(pair);
  upload.send(CHUNK);
  const { stream } = await upload.response;
  await time.advance(10);
  stream.reset();
  await assertRejects(async () => await reading, StreamResetError);
});

for (const isComplete of [true, false]) {
  Deno.test(`late reading: when the connection ends, the signal ${isComplete ? "does not abort after a complete response" : "aborts if the response is incomplete"}`, async () => {
    let info: ServeInfo | undefined;
    let signal: AbortSignal | undefined;
    await using pair = serving(VERSIONS[2], (request, given) => {
      info = given;
      signal = request.signal;
      count(request.body).catch(() => {});
      return new Response(isComplete ? "accepted" : new ReadableStream());
    });
    const upload = new Upload(pair);
    upload.send(CHUNK);
    const response = await upload.response;
    if (isComplete) {
      assertEquals(await response.text(), "accepted");
      await info?.completed;
    }
    await pair.client.close();
    await assertRejects(async () => await info?.stream.closed);
    await turn();
    assertEquals(signal?.aborted, !isComplete);
  });
}
