/**
 * Checks of the options of a connection that are not numbers.
 *
 * @module
 */

import { InvalidArgumentError } from "../errors.ts";
import type { SettingsEntry } from "../frame/types.ts";
import { checkSettings } from "../session/submit.ts";
import { show } from "../values.ts";

/** The options that are checked here; see `ConnectionTuning`. */
interface Kinds {
  readonly settings?: readonly SettingsEntry[];
  readonly settingsStore?: object;
  readonly origin?: string;
  readonly onFrame?: unknown;
}

/** Functions of a `SettingsStore`. */
const STORE_FUNCTIONS = ["get", "set", "delete"];

/**
 * Throws `InvalidArgumentError` for an option of another kind. If such an option failed
 * only when it is used, it would end each connection, most of them without a message.
 */
export function checkKinds(
  { settings, settingsStore, origin, onFrame }: Kinds,
): void {
  if (settings !== undefined) {
    if (!Array.isArray(settings)) {
      throw new InvalidArgumentError(
        `settings ${show(settings)} is not a list of [id, flags, value]`,
      );
    }
    checkSettings(settings);
  }
  checkFunction("onFrame", onFrame);
  const store: unknown = settingsStore;
  if (store === undefined || store === null || store === false) return;
  // A class with static functions is of type "function".
  const isStore = (typeof store === "object" || typeof store === "function") &&
    STORE_FUNCTIONS.every((name) =>
      typeof Reflect.get(store, name) === "function"
    );
  if (!isStore) {
    throw new InvalidArgumentError(
      `settingsStore ${
        show(store)
      } has no functions get, set and delete, as a Map has them`,
    );
  }
  if (origin === undefined) {
    throw new InvalidArgumentError(
      "settingsStore needs the option origin: the settings are stored under it",
    );
  }
}

/**
 * Throws `InvalidArgumentError` unless a callback is a function or not set. `null` and
 * `false` count as not set, so the caller must not call it as `callback?.()`, which throws
 * for `false`.
 */
export function checkFunction(name: string, value: unknown): void {
  if (!value || typeof value === "function") return;
  throw new InvalidArgumentError(`${name} ${show(value)} is not a function`);
}

/** Throws `InvalidArgumentError` unless `value` is text. */
export function checkText(name: string, value: unknown): void {
  if (typeof value === "string") return;
  throw new InvalidArgumentError(`${name} ${show(value)} is not a string`);
}

/**
 * Throws `InvalidArgumentError` unless `value` is a list of strings. A string is none,
 * although it can be iterated over: it would be taken for a list of its characters.
 */
export function checkTexts(name: string, value: unknown): void {
  if (!Array.isArray(value)) {
    throw new InvalidArgumentError(
      `${name} ${show(value)} is not a list of strings`,
    );
  }
  for (const each of value) {
    if (typeof each === "string") continue;
    throw new InvalidArgumentError(
      `${name} contains ${show(each)}, which is not a string`,
    );
  }
}
