/**
 * Long lines on a terminal continue in the next row, indented, so that a table stays
 * readable and nothing is cut off.
 *
 * @module
 */

import { stripAnsiCode } from "../deps.ts";

/** Fewest columns of a continued row, however far the first one is indented. */
const LEAST_ROW = 20;
/** A word that is longer than any row begins in the current row if this many columns are free. */
const LEAST_PIECE = 8;

const PLAIN = /^[ -~]*$/;
/** Runs of spaces, and words with their colours. */
// deno-lint-ignore no-control-regex
const PIECES = / +|(?:\x1b\[[0-9;]*m|[^ \x1b])+/gu;
// deno-lint-ignore no-control-regex
const CHARACTERS = /\x1b\[[0-9;]*m|[^\x1b]/gu;
const WITHOUT_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
/** Characters that a terminal draws in two columns. */
const WIDE =
  /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60\uffe0-\uffe6]$/u;

/** Where a line is broken. */
export interface WrapOptions {
  /** Columns by which the rows after the first are indented. */
  readonly indent: number;
  /** Columns that stay together, such as the cells of a table in front of a text; default 0. */
  readonly together?: number;
}

/**
 * The rows of a line with colours on a terminal with this number of columns. If
 * `columns` is `undefined`, there is no terminal, and the line is one row. Rows end
 * between words. A word that is longer than a row is broken where the row ends.
 */
export function wrapText(
  text: string,
  columns: number | undefined,
  { indent, together = 0 }: WrapOptions,
): string[] {
  if (columns === undefined || widthOf(text) <= columns) return [text];
  const margin = Math.max(0, Math.min(indent, columns - LEAST_ROW));
  // The first row begins with what stays together, if there is room for it.
  let kept = together < columns ? together : 0;
  const rows: string[] = [];
  let row = "";
  let width = 0;
  const next = (): void => {
    rows.push(row);
    row = " ".repeat(margin);
    width = margin;
    kept = 0;
  };
  let spaces = "";
  for (const [piece] of text.matchAll(PIECES)) {
    if (piece.startsWith(" ")) {
      spaces = piece;
      continue;
    }
    const size = widthOf(piece);
    const begin = width + spaces.length;
    if (begin < kept || begin + size <= columns) {
      row += spaces + piece;
      width = begin + size;
    } else if (size <= columns - margin) {
      next();
      row += piece;
      width += size;
    } else {
      if (begin + LEAST_PIECE > columns) next();
      else {
        row += spaces;
        width = begin;
      }
      for (const [character] of piece.matchAll(CHARACTERS)) {
        const own = widthOf(character);
        if (width + own > columns) next();
        row += character;
        width += own;
      }
    }
    spaces = "";
  }
  rows.push(row);
  return rows;
}

/** Columns that a text takes, colours not counted. */
function widthOf(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of stripAnsiCode(text)) {
    if (!WITHOUT_WIDTH.test(character)) width += WIDE.test(character) ? 2 : 1;
  }
  return width;
}
