/**
 * Finds the line of a field in a YAML text. The parser of the standard library does
 * not report places.
 *
 * @module
 */

/** Keys and list indexes from the root to the field. */
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
 * The line of a field in block style, from 1. In flow style (JSON) it is the line
 * of the innermost enclosing field at the beginning of a line; `undefined` if there
 * is none.
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

/** The lines of the first document. */
function readLines(text: string): Line[] {
  const lines: Line[] = [];
  let number = 0;
  for (const line of text.split(/\r\n|\r|\n/)) {
    number++;
    if (lines.length > 0 && /^(---|\.\.\.)(\s|$)/.test(line)) break;
    const content = line.trimStart();
    if (content === "" || /^(#|---|%)/.test(content)) continue;
    const column = line.length - content.length;
    lines.push({ number, column, text: content });
  }
  return lines;
}

/** The value of a key in the map that starts with the first line. */
function valueOf(lines: readonly Line[], key: string): Found | undefined {
  const column = lines[0]?.column;
  // Of several fields with the same name, the last counts.
  const start = lines.findLastIndex((line) =>
    line.column === column && keyOf(line.text) === key
  );
  if (start < 0) return undefined;
  const { number, text } = lines[start];
  const rest = lines.slice(start + 1);
  // A list may have the same indentation as its key.
  const end = rest.findIndex((line) =>
    line.column < column ||
    line.column === column && !line.text.startsWith("-")
  );
  const inner = end < 0 ? rest : rest.slice(0, end);
  // A value on the line of its key, such as `{` of a map in flow style, has no
  // lines.
  return { number, lines: /:\s*[[{]/.test(text) ? [] : inner };
}

/** An entry of the list that starts with the first line. */
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
  // In "- name: x", the map starts after the dash.
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
