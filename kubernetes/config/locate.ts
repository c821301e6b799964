/**
 * Finds the line on which a field of a YAML text is. The parser of the standard
 * library gives values without their places.
 *
 * @module
 */

/** Names of keys, and numbers of list entries, from the root down. */
export type FieldPath = readonly (string | number)[];

/** A field as text, such as `users[0].user.token`. */
export function fieldName(path: FieldPath): string {
  return path.map((step, index) =>
    typeof step === "number" ? `[${step}]` : index === 0 ? step : `.${step}`
  ).join("");
}

/** A line that is neither empty nor a comment. */
interface Line {
  readonly number: number;
  /** Column of the first character that is not a space. */
  readonly column: number;
  readonly text: string;
}

/**
 * The line of the field, from 1, in a text in block style. In flow style (JSON)
 * the line of the innermost enclosing field that begins a line of its own;
 * `undefined` when there is none.
 */
export function lineOf(text: string, path: FieldPath): number | undefined {
  let lines = readLines(text);
  let found: number | undefined;
  for (const step of path) {
    const inner = typeof step === "number"
      ? entryAt(lines, step)
      : valueOf(lines, step);
    if (inner === undefined) return found;
    found = inner.number;
    lines = inner.lines;
  }
  return found;
}

interface Found {
  readonly number: number;
  /** The lines of the value. */
  readonly lines: Line[];
}

function readLines(text: string): Line[] {
  const lines: Line[] = [];
  text.split(/\r\n|\r|\n/).forEach((line, index) => {
    const content = line.trimStart();
    if (content === "" || /^(#|---|%)/.test(content)) return;
    lines.push({
      number: index + 1,
      column: line.length - content.length,
      text: content,
    });
  });
  return lines;
}

/** The value of a key of the map that begins with the first line. */
function valueOf(lines: readonly Line[], key: string): Found | undefined {
  const column = lines[0]?.column;
  const start = lines.findIndex((line) =>
    line.column === column && keyOf(line.text) === key
  );
  if (start < 0) return undefined;
  const { number, text } = lines[start];
  const rest = lines.slice(start + 1);
  // A list may be as far to the left as the key that it belongs to.
  const end = rest.findIndex((line) =>
    line.column < column ||
    line.column === column && !line.text.startsWith("-")
  );
  const inner = end < 0 ? rest : rest.slice(0, end);
  // What is on the key's own line, such as `{` of a map in flow style, has no line of its own.
  return { number, lines: /:\s*[[{]/.test(text) ? [] : inner };
}

/** An entry of the list that begins with the first line. */
function entryAt(lines: readonly Line[], index: number): Found | undefined {
  const column = lines[0]?.column;
  const starts = lines.flatMap((line, at) =>
    line.column === column && /^-(\s|$)/.test(line.text) ? [at] : []
  );
  const start = starts[index];
  if (start === undefined) return undefined;
  const entry = lines.slice(start, starts[index + 1]);
  const [{ number, text }, ...rest] = entry;
  const content = text.slice(1).trimStart();
  // "- name: x": the map begins behind the dash.
  const first: Line[] = content === "" ? [] : [{
    number,
    column: column + text.length - content.length,
    text: content,
  }];
  return { number, lines: [...first, ...rest] };
}

function keyOf(text: string): string | undefined {
  const match = /^(?:"([^"]*)"|'([^']*)'|([^\s"'][^:]*?))\s*:(?:\s|$)/.exec(
    text,
  );
  return match?.[1] ?? match?.[2] ?? match?.[3];
}
