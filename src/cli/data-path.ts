import { isAbsolute, relative, resolve } from "node:path";

/** A data file named from here, as a configuration in another folder names it; absolute paths stay. */
export function placedIn(folder: string, file: string): string {
  return isAbsolute(file) ? file : relative(folder, resolve(file));
}
