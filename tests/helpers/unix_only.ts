/**
 * Tests of what not every machine has. Such a test says so in its name, and is skipped
 * elsewhere, so a run that skips it prints why:
 *
 *     serve: Unix socket, SPDY/3 (Unix only) ... ignored
 *
 * @module
 */

import "./deadline.ts";

type TestFunction = (context: Deno.TestContext) => void | Promise<void>;
type TestDefinition = Omit<Deno.TestDefinition, "ignore">;
type TestOptions = Omit<TestDefinition, "name" | "fn">;

/** Defines tests that run on some machines only. */
export interface SomeMachines {
  /** Like `Deno.test`. */
  test(name: string, fn: TestFunction): void;
  test(name: string, options: TestOptions, fn: TestFunction): void;
  test(definition: TestDefinition): void;
}

/** Tests that run only if `holds`; `what` in their names says what they need. */
export function onlyIf(holds: boolean, what: string): SomeMachines {
  return {
    test(
      named: string | TestDefinition,
      ...rest: readonly (TestOptions | TestFunction)[]
    ): void {
      const definition = typeof named === "string"
        ? { ...rest.at(-2), name: named, fn: rest.at(-1) as TestFunction }
        : named;
      Deno.test({
        ...definition,
        name: `${definition.name} (${what})`,
        ignore: !holds,
      });
    },
  };
}

/**
 * Tests of Unix sockets, of signals, of links and modes of files, of names that Windows
 * does not allow, or with `sh` or another program of Unix. Windows has none of these, or
 * only for an administrator.
 */
export const unixOnly: SomeMachines = onlyIf(
  Deno.build.os !== "windows",
  "Unix only",
);

/** Tests with `/proc`, `/dev/full`, or programs of util-linux or GNU. */
export const linuxOnly: SomeMachines = onlyIf(
  Deno.build.os === "linux",
  "Linux only",
);
