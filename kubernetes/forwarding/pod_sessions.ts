/**
 * The sessions with one pod, as many as its connections need.
 *
 * @module
 */

import { ConnectionClosedError } from "../../connection/errors.ts";
import { endOfTurn } from "../../connection/time/clock.ts";
import { InvalidArgumentError } from "../../errors.ts";
import { findPort, type FoundPod } from "../api/resource.ts";
import type { ForwardedConnection } from "../forwarded.ts";
import type { PortForwarder } from "../port_forward.ts";

/** Most sessions with one pod. */
const MAX_SESSIONS = 16;

interface Session {
  readonly forwarder: PortForwarder;
  /** Connections that are open or being opened. */
  connections: number;
  /** The server has announced its end and accepts no more connections. */
  isEnding: boolean;
}

/** A connection of a session. */
export interface Lease {
  readonly connection: ForwardedConnection;
  /** Must be called when the connection has ended. */
  release(): void;
}

/** Options and callbacks of {@linkcode PodSessions}. */
export interface PodSessionsOptions {
  /** The pod; `undefined` for a streaming URL. */
  readonly found: FoundPod | undefined;
  /** Connections of a session before another session is opened. */
  readonly perSession: number;
  /** Most sessions; default 16. */
  readonly maxSessions?: number;
  /** Opens a session. */
  open(): Promise<PortForwarder>;
  /** Another session was opened. */
  connected(forwarder: PortForwarder, sessions: number): void;
  /** The last session has ended. Not called after `retire` or `close`. */
  lost(reason: unknown): void;
}

/** Sessions with one pod. */
export class PodSessions {
  readonly #options: PodSessionsOptions;
  readonly #sessions = new Set<Session>();
  #opening: Promise<Session> | undefined;
  #isRetired = false;

  /** Opens the first session. */
  static async start(options: PodSessionsOptions): Promise<PodSessions> {
    const sessions = new PodSessions(options);
    await sessions.#add();
    return sessions;
  }

  private constructor(options: PodSessionsOptions) {
    this.#options = options;
  }

  /** Whether all sessions have ended. */
  get isEmpty(): boolean {
    return this.#sessions.size === 0;
  }

  /** Sessions that accept connections, as far as is known. */
  get #taking(): Session[] {
    return [...this.#sessions].filter(({ isEnding }) => !isEnding);
  }

  /** Connects to a port of the pod, given by its number or name. */
  async lease(port: string): Promise<Lease> {
    const { found } = this.#options;
    const remote = found === undefined
      ? portNumber(port)
      : findPort(found, port).remote;
    // Each existing session may be about to end, so all of them are tried, and then a
    // new one. If that is ending as well, another one probably would be too.
    for (let others = this.#taking.length;; others--) {
      const session = await this.#pick();
      try {
        return await this.#connect(session, remote);
      } catch (error) {
        // Open connections continue until the server ends them.
        await endOfTurn();
        const mayGoOn = error instanceof ConnectionClosedError &&
          found !== undefined && !this.#isRetired &&
          (session.isEnding || this.#sessions.has(session));
        if (!mayGoOn) throw error;
        session.isEnding = true;
        this.#closeUnused();
        if (others <= 0) throw error;
      }
    }
  }

  async #connect(session: Session, port: number): Promise<Lease> {
    session.connections++;
    let isReleased = false;
    const release = (): void => {
      if (isReleased) return;
      isReleased = true;
      session.connections--;
      if (this.#isRetired) this.#closeIfIdle(session);
      else this.#closeUnused();
    };
    try {
      return { connection: await session.forwarder.connect(port), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Accepts no more connections. Each session ends with its last connection. */
  retire(): void {
    this.#isRetired = true;
    for (const session of [...this.#sessions]) this.#closeIfIdle(session);
  }

  /** Ends all sessions and their connections. */
  async close(): Promise<void> {
    this.#isRetired = true;
    await Promise.all(
      [...this.#sessions].map(({ forwarder }) => forwarder.close()),
    );
  }

  /**
   * Closes sessions that accept no more connections and have none, because a server
   * may keep them open. The last session stays, because its end is reported.
   */
  #closeUnused(): void {
    if (this.#taking.length === 0) return;
    for (const session of [...this.#sessions]) {
      if (session.isEnding) this.#closeIfIdle(session);
    }
  }

  #closeIfIdle({ forwarder, connections }: Session): void {
    if (connections === 0) void forwarder.close();
  }

  /** The session with the fewest connections; opens another one if all have enough. */
  async #pick(): Promise<Session> {
    const { perSession, maxSessions = MAX_SESSIONS } = this.#options;
    const [best] = this.#taking.sort((a, b) => a.connections - b.connections);
    if (
      best !== undefined &&
      (best.connections < perSession || this.#sessions.size >= maxSessions)
    ) return best;
    return await this.#add().catch((error) => {
      // A full session is better than none.
      if (best !== undefined && this.#sessions.has(best)) return best;
      throw error;
    });
  }

  /** Opens a session. Simultaneous calls share it. */
  #add(): Promise<Session> {
    this.#opening ??= this.#open().finally(() => this.#opening = undefined);
    return this.#opening;
  }

  async #open(): Promise<Session> {
    const forwarder = await this.#options.open();
    const session: Session = { forwarder, connections: 0, isEnding: false };
    this.#sessions.add(session);
    forwarder.closed.then(
      () => this.#ended(session, "the server ended the session"),
      (reason) => this.#ended(session, reason),
    );
    if (this.#isRetired) void forwarder.close();
    this.#closeUnused();
    this.#options.connected(forwarder, this.#sessions.size);
    return session;
  }

  #ended(session: Session, reason: unknown): void {
    this.#sessions.delete(session);
    if (this.#sessions.size > 0 || this.#isRetired) return;
    this.#isRetired = true;
    this.#options.lost(reason);
  }
}

/**
 * The number of a port.
 *
 * Throws `InvalidArgumentError` for a name, whose number only the pod's object
 * contains.
 */
export function portNumber(port: string): number {
  if (/^[0-9]+$/.test(port)) return Number(port);
  throw new InvalidArgumentError(
    `the port "${port}" must be a number if the pod is not known`,
  );
}
