/**
 * One run: two connections on a network, an application on each, possibly a
 * fault, and an end. It returns everything that was wrong.
 *
 * @module
 */

import { coreOf } from "../../connection.ts";
import { useClock } from "../../connection/time/clock.ts";
import type { Transport } from "../../connection/transport/transport.ts";
import {
  PROTO_SPDY2,
  PROTO_SPDY3_1,
  SETTINGS_INITIAL_WINDOW_SIZE,
} from "../../frame/constants.ts";
import { Connection } from "../../http/connection.ts";
import {
  CLIENT,
  SERVER,
  type Side as SideId,
} from "../../session/constants.ts";
import { Disturbance } from "./disturbance.ts";
import { expectError } from "./errors.ts";
import { type Family, makeScenario } from "./families.ts";
import { breakWriting } from "./held_reading.ts";
import { HttpApplication } from "./http_application.ts";
import { KubernetesApplication } from "./kubernetes_application.ts";
import { asStreams, type Link, link, type SimulatedConn } from "./network.ts";
import {
  checkPlan,
  checkRest,
  leftovers,
  type Side,
  WindowInvariant,
} from "./oracle.ts";
import { type Overrun, overrunWindows } from "./overrun.ts";
import { simulatePath } from "./path/simulate.ts";
import type { Plan } from "./plan.ts";
import { type ReadingOrder, readInOrder } from "./reading_order.ts";
import type { Scenario } from "./scenario.ts";
import { StreamApplication } from "./stream_application.ts";
import { SentWindow } from "./wire_watch.ts";
import { World } from "./world.ts";

/** Names of promises that are pending for as long as a connection lives. */
const LIFELONG = /: next$|\.closed$|orderly end|^the served/;
/** Longest time that a connection may take to end after its peer has disconnected, virtual ms. */
const LONGEST_END = 60_000;
/**
 * A server keeps an upload that no handler reads for a second after the response,
 * and drops its bytes for another second (`http/server/linger.ts`); virtual ms.
 */
const LONGEST_UNREAD_UPLOAD = 2000;

/** The result of a run. */
export interface Outcome {
  readonly violations: readonly string[];
  readonly events: number;
  /** Duration, virtual ms. */
  readonly time: number;
  /** For the family "path"; see `PathOutcome`. */
  readonly shares?: readonly number[];
  readonly waits?: readonly number[];
}

/** Runs one seed of a family. */
export async function simulate(
  family: Family,
  seed: number,
  verbose = false,
): Promise<Outcome> {
  if (family === "path") return await simulatePath(seed, verbose);
  const world = new World(seed, verbose);
  using _clock = useClock(world.clock);
  const { error } = console;
  // Handlers that fail are reported there.
  if (!verbose) console.error = () => {};
  try {
    await new Simulation(world, makeScenario(family, world.random)).run();
  } catch (failure) {
    world.bad(failure instanceof Error ? `${failure.stack}` : `${failure}`);
  } finally {
    console.error = error;
  }
  const { violations, events, now } = world;
  return { violations, events, time: now };
}

class Simulation {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #link: Link;
  readonly #client: Connection;
  readonly #server: Connection;
  readonly #sides: readonly [Side, Side];
  readonly #invariants: readonly WindowInvariant[];
  readonly #streams: StreamApplication;
  readonly #disturbance: Disturbance;
  #http: HttpApplication | undefined;
  /**
   * Number of frames until a side closes inside the callback for a frame;
   * otherwise it never becomes 0.
   */
  #framesToClose: number;
  /** Both applications have ended. */
  #through = false;
  /** Both connections have ended. */
  #over = false;

  constructor(world: World, scenario: Scenario) {
    this.#world = world;
    this.#scenario = scenario;
    world.log(JSON.stringify(scenario));
    this.#framesToClose = scenario.fault === "close in a callback"
      ? world.random.int(1, 40)
      : -1;
    this.#link = link(world, scenario.link);
    const { client, server, up, down } = this.#link;
    const [clientStreams, serverStreams] = scenario.asStreams;
    const windows = scenario.flowControl && scenario.version !== PROTO_SPDY2;
    const sent = ["the client", "the server"].map((name) =>
      windows
        ? new SentWindow(world, name, scenario.version === PROTO_SPDY3_1)
        : undefined
    );
    sent[0]?.watch(up, down);
    sent[1]?.watch(down, up);
    this.#client = this.#connect(client, clientStreams, CLIENT);
    this.#server = this.#connect(server, serverStreams, SERVER);
    this.#sides = [
      { name: "the client", connection: this.#client, sent: sent[0] },
      { name: "the server", connection: this.#server, sent: sent[1] },
    ];
    this.#invariants = this.#sides.map((side) =>
      new WindowInvariant(world, side)
    );
    world.onEvent = () => {
      for (const invariant of this.#invariants) invariant.check();
    };
    this.#streams = new StreamApplication(world, scenario.style);
    this.#disturbance = new Disturbance(world, this.#link, this.#sides);
    const ends = this.#sides.map(({ name, connection }) =>
      world.track(`${name}.closed`, connection.closed)
    );
    Promise.allSettled(ends).then(() => this.#over = true);
  }

  /** Whether every complete exchange must arrive completely. */
  get #calm(): boolean {
    const { fault } = this.#scenario;
    return fault === "none" || fault === "stall";
  }

  /** Whether an application leaves something undone, so that not everything can end. */
  get #stuck(): boolean {
    return this.#http?.forgets === true ||
      this.#streams.plans.some(({ stuck }) => stuck);
  }

  async run(): Promise<void> {
    const world = this.#world;
    const work = this.#work();
    work.then(
      () => this.#through = true,
      (error) => world.bad(`the work failed: ${error?.stack ?? error}`),
    );
    if (!await world.run(() => this.#through)) {
      world.bad(`hangs: ${this.#describe()}`);
      return;
    }
    if (this.#calm) await this.#checkCalm();
    await this.#end();
    await this.#checkOver();
  }

  #connect(conn: SimulatedConn, streams: boolean, side: SideId): Connection {
    const { version, client, server } = this.#scenario;
    const transport: Transport = streams ? asStreams(this.#world, conn) : conn;
    return new Connection(transport, {
      ...side === CLIENT ? client : server,
      origin: "http://host",
      side,
      version,
      onFrame: (direction, frame) => {
        this.#world.log(
          side === CLIENT ? "client" : "server",
          direction,
          frame,
        );
        if (--this.#framesToClose === 0) this.#closeInCallback(side);
      },
    });
  }

  #closeInCallback(side: SideId): void {
    const connection = side === CLIENT ? this.#client : this.#server;
    this.#world.track("close in a callback", connection.close());
  }

  /** Resolves when the applications have ended and the fault has happened. */
  async #work(): Promise<void> {
    const application = this.#begin();
    const fault = this.#disturbance.run(this.#scenario.fault);
    await this.#changeWindow();
    await Promise.all([application, fault]);
  }

  async #begin(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const { application, count, style } = this.#scenario;
    const [client, server] = [this.#client, this.#server];
    switch (application) {
      case "exec":
      case "port-forward": {
        const kubernetes = new KubernetesApplication(
          world,
          style.most,
          this.#calm,
        );
        if (application === "exec") kubernetes.exec(client, server);
        else kubernetes.forward(client, server);
        return await kubernetes.through;
      }
      case "reading order": {
        const order: ReadingOrder = {
          count,
          size: random.int(style.most / 2, style.most),
          order: random.pick(["forward", "reverse", "middle first", "random"]),
          reader: random.pick(["client", "server"]),
        };
        world.log(order);
        return await readInOrder(world, client, server, order);
      }
      case "overrun": {
        const overrun: Overrun = {
          count,
          overruns: random.int(1, count - 1),
          windowed: this.#scenario.client.flowControl ? "client" : "server",
        };
        world.log(overrun);
        return await overrunWindows(world, client, server, overrun);
      }
      case "held reading":
        return await this.#holdReading();
      case "http": {
        const http = new HttpApplication(world, style, this.#calm);
        this.#http = http;
        http.serve(server);
        for (let left = count; left > 0; left--) {
          await world.maybePause(0.5, 4);
          http.request(client);
        }
        await this.#endInOrder();
        return await http.through();
      }
      default: {
        this.#streams.accept(server, "the server");
        this.#streams.accept(client, "the client");
        for (let left = count; left > 0; left--) {
          await world.maybePause(0.5, 4);
          // SPDY/2 clients accept no streams but pushes.
          const fromServer = this.#scenario.version !== PROTO_SPDY2 &&
            this.#scenario.client.acceptServerStreams === true &&
            random.chance(0.1);
          const kind: Plan["kind"] = fromServer ? "from the server" : "request";
          this.#streams.open(
            fromServer ? server : client,
            this.#streams.plan(kind),
          );
        }
        await this.#endInOrder();
        return await this.#streams.through();
      }
    }
  }

  async #holdReading(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const { count, client } = this.#scenario;
    const { maxBufferedBytes = 0, maxUnreadBytes } = client;
    const holder = random.pick(["client", "server"] as const);
    await breakWriting(world, {
      client: this.#client,
      server: this.#server,
      holder,
      output: holder === "client" ? this.#link.up : this.#link.down,
      count,
      size: maxBufferedBytes + random.int(100, 200_000),
      // While the application waits, reading continues up to that limit.
      watches: maxUnreadBytes === 1 && random.chance(0.5),
    });
  }

  /** An orderly end while bytes are under way: all of them must still arrive. */
  async #endInOrder(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const { orderlyEnd } = this.#scenario;
    if (orderlyEnd === "none") return;
    await world.pause(random.float() * random.pick([3, 300, 3000]));
    const index = random.int(0, 1);
    const { connection } = this.#sides[index];
    if (orderlyEnd === "close") {
      // Streams that are closed on this side may still be open on the other
      // side.
      const open = (): boolean =>
        !this.#streams.closedAt(index) ||
        coreOf(connection).counters.streams > 0;
      while (open()) await world.pause(5);
    }
    world.log("orderly end:", orderlyEnd, index);
    const end = orderlyEnd === "close"
      ? connection.close()
      : connection.goaway();
    world.track("orderly end", end).catch((error) => expectError(world, error));
  }

  async #changeWindow(): Promise<void> {
    const world = this.#world;
    const { newWindow } = this.#scenario;
    if (newWindow === 0) return;
    await world.pause(world.random.float() * 10);
    const side = world.random.int(0, 1);
    try {
      this.#sides[side].connection.sendSettings([
        [SETTINGS_INITIAL_WINDOW_SIZE, 0, newWindow],
      ]);
      this.#invariants[side].settingsChanged();
    } catch (error) {
      expectError(world, error);
    }
  }

  /** Checks that everything that had to arrive has arrived, and that nothing is left. */
  async #checkCalm(): Promise<void> {
    const world = this.#world;
    const { orderlyEnd, application } = this.#scenario;
    await this.#comeToRest();
    if (this.#http?.leavesUploads) {
      // The server's timers may still have to end these streams.
      const end = world.now + LONGEST_UNREAD_UPLOAD;
      await world.run(() => world.now >= end);
      await this.#comeToRest();
    }
    for (const plan of this.#streams.plans) checkPlan(world, plan);
    if (application === "exec" || orderlyEnd !== "none") return;
    if (this.#stuck) return;
    const left = world.pending(LIFELONG);
    if (left.length > 0) world.bad(`pending at rest: ${left.join(", ")}`);
    if (world.pending(/^(?!the (client|server)\.closed)/).length < 2) {
      world.bad("a connection ended by itself");
      return;
    }
    checkRest(world, this.#sides);
  }

  /** Resolves when nothing is pending in the network and the applications. */
  async #comeToRest(): Promise<void> {
    const world = this.#world;
    const end = world.now + LONGEST_END;
    await world.run(() => world.idle || world.now > end);
  }

  /** Ends the connections, in one of many ways. */
  async #end(): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const { up, down } = this.#link;
    const how = random.pick([
      "client",
      "server",
      "both",
      "goaway",
      "end",
      "reset",
    ]);
    world.log("end:", how);
    const start = world.now;
    const [{ connection: client }, { connection: server }] = this.#sides;
    switch (how) {
      case "client":
        world.track("the end: client.close()", client.close());
        break;
      case "server":
        world.track("the end: server.close()", server.close());
        break;
      case "both":
        world.track("the end: client.close()", client.close());
        world.track("the end: server.close()", server.close());
        break;
      case "goaway":
        client.goaway().catch(() => {});
        break;
      case "end":
        up.cut(true, false);
        down.cut(true, false);
        break;
      case "reset":
        up.reset("ECONNRESET");
        down.reset("ECONNRESET");
        this.#disturbance.makeNoticeable();
    }
    const ended = await world.run(() => this.#over, LONGEST_END);
    // Streams that nobody ends delay an orderly end, and so does a peer that
    // never reads.
    const stuck = this.#stuck;
    const mayWait = how === "goaway" || how === "end" && stuck;
    if (!ended && !mayWait) {
      world.bad(`the end by ${how} never comes: ${this.#describe()}`);
    }
    const { closeTimeout = 1000 } = this.#scenario.client;
    const longest = 3 * Math.max(1000, closeTimeout) + 500;
    if (ended && this.#calm && !stuck && world.now - start > longest) {
      world.bad(`the end by ${how} took ${Math.round(world.now - start)} ms`);
    }
    if (ended) return;
    world.track("the end: close() at last", client.close());
    world.track("the end: close() at last", server.close());
    if (!await world.run(() => this.#over, LONGEST_END)) {
      world.bad(`close() of both never ends: ${this.#describe()}`);
    }
  }

  /** Checks that nothing of the connections is left. */
  async #checkOver(): Promise<void> {
    const world = this.#world;
    await world.run(() => false, LONGEST_END);
    const left = world.pending();
    if (left.length > 0) {
      world.bad(`pending after the end: ${left.slice(0, 8).join(", ")}`);
    }
    if (world.clock.timers > 0) {
      world.bad(`${world.clock.timers} timers after the end`);
    }
    for (const { name, connection } of this.#sides) {
      const counters = coreOf(connection).counters;
      // The session of a connection that ended is not used any more.
      const rest = leftovers({
        ...counters,
        unread: 0,
        ownStreams: 0,
        session: { ...counters.session, streams: [] },
      });
      if (rest.length > 0) {
        world.bad(`${name} after the end: ${rest.join(", ")}`);
      }
    }
    for (const conn of [this.#link.client, this.#link.server]) {
      const [asStreamsClient, asStreamsServer] = this.#scenario.asStreams;
      const isStreams = conn === this.#link.client
        ? asStreamsClient
        : asStreamsServer;
      if (!conn.closed && !isStreams) world.bad(`${conn.name} was not closed`);
    }
  }

  #describe(): string {
    const names = this.#world.pending(LIFELONG).slice(0, 8).join(", ");
    const counters = this.#sides.map(({ name, connection }) => {
      const { session, ...rest } = coreOf(connection).counters;
      return `${name} ${
        JSON.stringify({ ...rest, sendWindow: session.sendWindow })
      }`;
    });
    return `at ${Math.round(this.#world.now)} ms, pending ${names}; ${
      counters.join("; ")
    }`;
  }
}
