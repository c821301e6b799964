/**
 * What the system says about an error, on Unix and on Windows.
 *
 * @module
 */

/** There is no such file or folder. */
export const NOT_FOUND: RegExp =
  /No such file or directory|The system cannot find the (file|path) specified/;
/** Another program listens on the port. */
export const PORT_IN_USE: RegExp =
  /(in use|Only one usage of each socket address)/;
