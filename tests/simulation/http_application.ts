/**
 * The two applications of a run with requests: one side uses `fetch`, the other
 * handles requests as `serve` does.
 *
 * @module
 */

import type { Connection } from "../../http/connection.ts";
import { StreamResetError } from "../../connection/errors.ts";
import type { FetchInit, PushedResponse } from "../../http/fetch/fetch_init.ts";
import type { ServeInfo } from "../../http/server/serve_options.ts";
import { handleStream } from "../../http/server/server_exchange.ts";
import { REFUSED_STREAM } from "../../frame/constants.ts";
import type { Random } from "../helpers/random.ts";
import { expectError, GIVEN_UP, SOURCE_FAILED } from "./errors.ts";
import { matches, pattern } from "./pattern.ts";
import type { World } from "./world.ts";

/** What happens in one exchange. */
interface Exchange {
  readonly id: number;
  readonly method: "GET" | "POST" | "PUT" | "HEAD";
  readonly requestLength: number;
  readonly requestBody: "bytes" | "stream" | "failing";
  readonly responseLength: number;
  readonly responseBody: "none" | "bytes" | "stream" | "failing";
  readonly handler:
    | "reads first"
    | "reads beside"
    | "reads after"
    | "bytes"
    | "echo"
    | "clone"
    | "cancels"
    | "ignores"
    | "throws";
  readonly client:
    | "reads"
    | "bytes"
    | "cancels"
    | "discards"
    | "aborts"
    | "forgets";
  readonly trailers: boolean;
  readonly pushes: number;
  readonly pushLength: number;
  /** Whether the client accepts pushes. */
  readonly takesPushes: boolean;
  /** Whether the body must arrive completely. */
  readonly whole: boolean;
}

/** How exchanges are made. */
export interface ExchangeStyle {
  /** Most bytes of a body. */
  readonly most: number;
  /** Probability that a part of the exchange fails on purpose. */
  readonly breaks: number;
  /** Probability of pushes, of a size up to `most`. */
  readonly push: number;
  /** Whether responses may be left unread. */
  readonly forgets: boolean;
  readonly pauses: number;
}

/** Runs exchanges, and knows what each side of a run sent and received. */
export class HttpApplication {
  readonly #world: World;
  readonly #style: ExchangeStyle;
  readonly #exchanges: Exchange[] = [];
  readonly #jobs: Promise<void>[] = [];
  /** Whether a complete exchange may fail nevertheless, as in a run with faults. */
  readonly #calm: boolean;

  constructor(world: World, style: ExchangeStyle, calm: boolean) {
    this.#world = world;
    this.#style = style;
    this.#calm = calm;
  }

  /** Serves until the connection ends. */
  async serve(connection: Connection): Promise<void> {
    const world = this.#world;
    try {
      for await (const stream of connection) {
        const id = stream.id;
        world.track(`stream ${id} closed`, stream.closed).catch(() => {});
        const exchange = new Promise<void>((ended) =>
          handleStream(
            stream,
            {
              remoteAddr: { transport: "tcp", hostname: "client", port: 1 },
              version: connection.version,
            },
            {
              handler: (request, info) => this.#handle(request, info),
              onError: () =>
                new Response("the handler failed", { status: 500 }),
            },
            ended,
          )
        );
        world.track(`exchange on stream ${id}`, exchange);
      }
    } catch (error) {
      expectError(world, error);
    }
  }

  /** Whether a response is left unread, so that it never ends. */
  get forgets(): boolean {
    return this.#exchanges.some(({ client }) => client === "forgets");
  }

  /** Whether a handler answers without reading the request's body. */
  get leavesUploads(): boolean {
    return this.#exchanges.some(({ handler }) =>
      handler === "ignores" || handler === "throws"
    );
  }

  /** Sends a request and reads the response. */
  request(connection: Connection): void {
    const exchange = this.#makeExchange();
    const job = this.#request(connection, exchange);
    if (exchange.client === "forgets") job.catch(() => {});
    else this.#jobs.push(job);
  }

  /** Resolves when every exchange that can end has ended. */
  async through(): Promise<void> {
    for (let index = 0; index < this.#jobs.length; index++) {
      await this.#jobs[index];
    }
  }

  #makeExchange(): Exchange {
    const world = this.#world;
    const { random } = world;
    const style = this.#style;
    const method = random.pick(["GET", "POST", "POST", "PUT", "HEAD"]);
    const sends = method === "POST" || method === "PUT";
    const length = (): number =>
      random.chance(0.15)
        ? 0
        : random.int(1, random.chance(0.5) ? 3000 : style.most);
    const whole = !random.chance(style.breaks);
    const exchange = {
      id: this.#exchanges.length,
      method,
      requestLength: sends ? length() : 0,
      requestBody: random.pick(["bytes", "stream"]),
      responseLength: length(),
      responseBody: random.pick(["none", "bytes", "stream", "stream"]),
      handler: sends
        ? random.pick([
          "reads first",
          "reads beside",
          "reads after",
          "bytes",
          "echo",
          "clone",
        ])
        : "reads first",
      client: random.pick(["reads", "bytes"]),
      trailers: random.chance(0.15),
      pushes: random.chance(style.push) ? random.int(1, 4) : 0,
      pushLength: length(),
      takesPushes: random.chance(0.5),
      whole,
    } as { -readonly [Key in keyof Exchange]: Exchange[Key] };
    if (exchange.responseBody === "none") exchange.trailers = false;
    if (exchange.handler === "clone") {
      exchange.requestLength = Math.min(3000, exchange.requestLength);
    }
    if (!whole) breakExchange(random, exchange, sends, style.forgets);
    this.#exchanges.push(exchange);
    world.log(exchange);
    return exchange;
  }

  async #request(connection: Connection, exchange: Exchange): Promise<void> {
    const world = this.#world;
    const who = `request ${exchange.id}`;
    try {
      const response = await world.track(
        `${who} fetch`,
        connection.fetch(`/${exchange.id}`, this.#init(exchange)),
      );
      world.track(`${who} trailers`, response.trailers).catch(() => {});
      const echo = exchange.handler === "echo";
      const salt = exchange.id * 2 + (echo ? 1 : 2);
      const length = exchange.method === "HEAD"
        ? 0
        : echo
        ? exchange.requestLength
        : exchange.responseBody === "none"
        ? 0
        : exchange.responseLength;
      switch (exchange.client) {
        case "forgets":
          return;
        case "discards":
          await world.track(`${who} discards`, cancelBody(response.body));
          return;
        case "cancels": {
          const at = world.random.int(0, Math.max(1, length));
          await this.#read(response.body, salt, who, at);
          return;
        }
      }
      if (exchange.handler === "throws") {
        await world.track(`${who} text()`, response.text());
        return;
      }
      if (exchange.client === "bytes") {
        const bytes = await world.track(`${who} bytes()`, response.bytes());
        if (bytes.length !== length || !matches(salt, 0, bytes)) {
          world.bad(`${who}: bytes() gave ${bytes.length} of ${length}`);
        }
        return;
      }
      const got = await this.#read(response.body, salt, who, -1);
      if (got !== length) {
        world.bad(`${who}: a clean end after ${got} of ${length} bytes`);
      }
    } catch (error) {
      world.log(who, "failed:", error);
      // The stream was opened before the peer's limit was known.
      const cause = error instanceof TypeError ? error.cause : error;
      const refused = cause instanceof StreamResetError &&
        cause.statusCode === REFUSED_STREAM;
      if (exchange.whole && this.#calm && !refused) {
        world.bad(`${who} failed: ${error}`);
      } else expectError(world, error);
    }
  }

  #init(exchange: Exchange): FetchInit {
    const world = this.#world;
    const { id, method, requestLength, requestBody } = exchange;
    const init: { -readonly [Key in keyof FetchInit]: FetchInit[Key] } = {
      method,
    };
    if (method === "POST" || method === "PUT") {
      init.body = requestBody === "bytes"
        ? pattern(id * 2 + 1, 0, requestLength)
        : this.#stream(id * 2 + 1, requestLength, requestBody === "failing");
    }
    if (exchange.client === "aborts") {
      const abort = new AbortController();
      init.signal = abort.signal;
      const most = world.random.pick([3, 30]);
      world.after(world.random.float() * most, () => abort.abort(GIVEN_UP));
    }
    if (exchange.pushes > 0 && exchange.takesPushes) {
      init.onPush = (push) => this.#jobs.push(this.#takePush(exchange, push));
    }
    return init;
  }

  async #takePush(exchange: Exchange, push: PushedResponse): Promise<void> {
    const world = this.#world;
    const who = `request ${exchange.id} push`;
    try {
      const response = await world.track(who, push.response);
      const cut = world.random.chance(0.2) ? 100 : -1;
      await this.#read(response.body, exchange.id * 2 + 2, who, cut);
    } catch (error) {
      expectError(world, error);
    }
  }

  async #handle(request: Request, info: ServeInfo): Promise<Response> {
    const world = this.#world;
    const exchange =
      this.#exchanges[Number(new URL(request.url).pathname.slice(1))];
    const { id, handler } = exchange;
    const who = `handler ${id}`;
    world.track(`${who} completed`, info.completed).catch(() => {});
    for (let left = exchange.pushes; left > 0; left--) {
      this.#push(exchange, info);
    }
    if (exchange.trailers) info.sendTrailers([["x-end", String(id)]]);
    await world.maybePause(0.3, 5);
    const read = async (): Promise<void> => {
      try {
        const got = await this.#read(request.body, id * 2 + 1, who, -1);
        if (got === exchange.requestLength) return;
        world.bad(
          `${who}: a clean end after ${got} of ${exchange.requestLength} bytes`,
        );
      } catch (error) {
        expectError(world, error);
      }
    };
    try {
      switch (handler) {
        case "reads first":
          await read();
          break;
        case "reads beside":
          // Continues when the response has been sent.
          this.#jobs.push(read());
          break;
        case "reads after":
          this.#jobs.push(world.pause(world.random.float() * 40).then(read));
          break;
        case "bytes": {
          const bytes = await world.track(`${who} bytes()`, request.bytes());
          if (bytes.length !== exchange.requestLength) {
            world.bad(`${who}: bytes() gave ${bytes.length}`);
          }
          break;
        }
        case "echo":
          return new Response(request.body);
        case "clone": {
          const [one, other] = await Promise.all([
            world.track(`${who} clone`, request.clone().bytes()),
            world.track(`${who} original`, request.bytes()),
          ]);
          if (one.length !== other.length) world.bad(`${who}: clones differ`);
          break;
        }
        case "cancels": {
          const at = world.random.int(0, exchange.requestLength);
          await this.#read(request.body, id * 2 + 1, who, at);
          break;
        }
        case "throws":
          throw new Error(SOURCE_FAILED);
      }
    } catch (error) {
      if (handler === "throws") throw error;
      expectError(world, error);
    }
    return this.#response(exchange);
  }

  #response(exchange: Exchange): Response {
    const { id, responseLength, responseBody } = exchange;
    switch (responseBody) {
      case "none":
        return new Response(null);
      case "bytes":
        return new Response(pattern(id * 2 + 2, 0, responseLength), {
          headers: this.#world.random.chance(0.3)
            ? { "content-length": String(responseLength) }
            : {},
        });
      default: {
        const fails = responseBody === "failing";
        return new Response(this.#stream(id * 2 + 2, responseLength, fails));
      }
    }
  }

  async #push(exchange: Exchange, info: ServeInfo): Promise<void> {
    const world = this.#world;
    const who = `handler ${exchange.id} push`;
    const response = new Response(
      pattern(exchange.id * 2 + 2, 0, exchange.pushLength),
    );
    try {
      const path = `/pushed/${exchange.id}`;
      const stream = await world.track(who, info.push(path, { response }));
      this.#jobs.push(
        world.track(`${who} closed`, stream.closed).then(() => {}, () => {}),
      );
    } catch (error) {
      expectError(world, error);
    }
  }

  #stream(
    salt: number,
    length: number,
    fails: boolean,
  ): ReadableStream<Uint8Array<ArrayBuffer>> {
    const world = this.#world;
    const { random } = world;
    const end = fails ? random.int(0, length) : length;
    let offset = 0;
    return new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: async (controller) => {
        await world.maybePause(this.#style.pauses, 3);
        if (offset < end) {
          const most = random.pick([300, 70_000]);
          const size = Math.min(end - offset, random.int(1, most));
          controller.enqueue(pattern(salt, offset, size));
          offset += size;
        } else if (fails) controller.error(new Error(SOURCE_FAILED));
        else controller.close();
      },
    }, { highWaterMark: random.pick([0, 1, 2]) });
  }

  /** Reads a body. Returns its size when it has ended without an error or was cancelled. */
  async #read(
    body: ReadableStream<Uint8Array> | null,
    salt: number,
    who: string,
    cancelAt: number,
  ): Promise<number> {
    if (body === null) return 0;
    const world = this.#world;
    const reader = body.getReader();
    let got = 0;
    for (;;) {
      await world.maybePause(this.#style.pauses / 2, 5);
      if (cancelAt >= 0 && got >= cancelAt) {
        await world.track(`${who} cancels`, reader.cancel(GIVEN_UP));
        return got;
      }
      const { done, value } = await world.track(`${who} reads`, reader.read());
      if (done) return got;
      if (!matches(salt, got, value)) {
        world.bad(`${who}: wrong bytes at ${got}`);
      }
      got += value.length;
    }
  }
}

/** Whether a part of the exchange fails on purpose. */
function breakExchange(
  random: Random,
  exchange: { -readonly [Key in keyof Exchange]: Exchange[Key] },
  sends: boolean,
  forgets: boolean,
): void {
  switch (random.int(0, 6)) {
    case 0:
      exchange.client = "aborts";
      break;
    case 1:
      exchange.client = "cancels";
      break;
    case 2:
      exchange.client = "discards";
      break;
    case 3:
      exchange.client = forgets ? "forgets" : "discards";
      break;
    case 4:
      exchange.handler = random.pick(["cancels", "ignores", "throws"]);
      break;
    case 5:
      exchange.responseBody = "failing";
      break;
    case 6:
      if (sends) exchange.requestBody = "failing";
      break;
  }
}

async function cancelBody(
  body: ReadableStream<Uint8Array> | null,
): Promise<void> {
  await body?.cancel();
}
