import { relative } from "node:path";
import { shellWord } from "../core/node/index.ts";

/** A path as one would type it from where the studio was started; in quotes where a shell would split it. */
export function shownPath(path: string): string {
  const near = relative(".", path);
  const shown = near === "" || near.startsWith("..") ? path : near;
  // What begins with a dash would be taken for an option.
  return shellWord(shown.startsWith("-") ? `./${shown}` : shown);
}
