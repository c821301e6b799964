/**
 * The error of a response's body that the handler has already reported.
 *
 * @module
 */

/**
 * The body of a response failed, and the handler has reported why. The server
 * resets the stream, as for any error of a body, but logs nothing.
 */
export class ReportedError extends Error {
  override readonly name = "ReportedError";
}
