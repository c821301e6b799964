/**
 * Inserts captures into the page.
 *
 * @module
 */

/** A capture file for the page. */
export interface EmbeddedFile {
  /** Its name. */
  readonly name: string;
  /** Its content. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The place in the page for captures. */
const PLACE = 'id="capture">[]</script>';

/** The page with the captures. */
export function embed(page: string, files: readonly EmbeddedFile[]): string {
  const data = files.map(({ name, bytes }) => ({
    name,
    base64: bytes.toBase64(),
  }));
  // "<" is escaped, so that a file name cannot end the element.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const at = page.indexOf(PLACE);
  if (at < 0) throw new Error("the page has no place for captures");
  const begin = at + 'id="capture">'.length;
  return page.slice(0, begin) + json + page.slice(begin + 2);
}
