import { InvalidArgumentError } from "../errors.ts";
import { show } from "../values.ts";

/** Throws `InvalidArgumentError` unless `value` is one of `allowed`: types stop no caller in JavaScript. */
export function checkOneOf(
  name: string,
  value: string,
  allowed: readonly string[],
): void {
  if (allowed.includes(value)) return;
  const list = allowed.map((each) => JSON.stringify(each)).join(", ");
  throw new InvalidArgumentError(
    `${name} ${
      typeof value === "string" ? JSON.stringify(value) : show(value)
    } is none of ${list}`,
  );
}
