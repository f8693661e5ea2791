import { relative } from "node:path";

/** A path as one would type it from where the studio was started; in quotes where a shell would split it. */
export function shownPath(path: string): string {
  const near = relative(".", path);
  const shown = near === "" || near.startsWith("..") ? path : near;
  return /^[\w./-]+$/.test(shown) ? shown : `'${shown.replaceAll("'", "'\\''")}'`;
}
