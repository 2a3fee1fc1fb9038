/** What can be the path of a file. Pure; looks at no file. */

/** Whether a text can be the path of a file: not empty, in one line, and not the contents of a PEM file. */
export function isPath(given: string): boolean {
  return given !== '' && !/[\0\r\n]|-----BEGIN /.test(given);
}
