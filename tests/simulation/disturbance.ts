/**
 * The faults of a run: a side that ends while streams are open, a network that
 * stalls or breaks.
 *
 * @module
 */

import { expectError } from "./errors.ts";
import type { Link } from "./network.ts";
import type { Side } from "./oracle.ts";
import type { Scenario } from "./scenario.ts";
import type { World } from "./world.ts";

/** Disturbs one run. */
export class Disturbance {
  readonly #world: World;
  readonly #link: Link;
  readonly #sides: readonly Side[];

  constructor(world: World, link: Link, sides: readonly Side[]) {
    this.#world = world;
    this.#link = link;
    this.#sides = sides;
  }

  /** Injects a fault at a random time. */
  async run(fault: Scenario["fault"]): Promise<void> {
    const world = this.#world;
    const { random } = world;
    const { up, down } = this.#link;
    // The application waits for the PING, and a wait for a PING does not stop
    // reading.
    if (fault === "held reading") return;
    if (random.chance(0.3)) this.#ping();
    if (fault === "none" || fault === "close in a callback") return;
    if (fault === "stall") {
      for (let left = 3; left > 0; left--) {
        await world.pause(random.float() * 10);
        random.pick([up, down]).stall(random.float() * 2000);
      }
      return;
    }
    if (random.chance(0.5)) {
      await world.pause(random.float() * random.pick([5, 40]));
    } else {for (let left = random.int(0, 120); left > 0; left--) {
        await world.pause();
      }}
    const { name, connection } = random.pick(this.#sides);
    world.log("fault:", fault, name);
    switch (fault) {
      case "close":
        await world.track("close in the midst", connection.close());
        break;
      case "goaway":
        world.track("goaway in the midst.closed", connection.goaway())
          .catch((error) => expectError(world, error));
        break;
      case "reset":
        up.reset("ECONNRESET");
        down.reset("ECONNRESET");
        this.makeNoticeable();
        break;
      case "one way":
        random.pick([up, down]).reset("EIO");
        this.makeNoticeable();
        break;
      case "half close":
        random.pick([up, down]).cut(random.chance(0.5), random.chance(0.5));
        this.makeNoticeable();
        break;
    }
  }

  /**
   * Sends PINGs, because a side that neither reads nor writes cannot notice that
   * its transport broke.
   */
  makeNoticeable(): void {
    for (let round = 1; round <= 3; round++) {
      this.#world.after(round * 10, () => this.#ping());
    }
  }

  #ping(): void {
    const world = this.#world;
    for (const { name, connection } of this.#sides) {
      world.track(`ping of ${name}`, connection.ping()).catch((error) =>
        expectError(world, error)
      );
    }
  }
}
