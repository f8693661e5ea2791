import { isAbsolute, relative, resolve } from "node:path";

/** Addresses are the same from everywhere. */
const ADDRESS = /^[a-z][a-z0-9+.-]+:\/\//i;

/** A data file named from here, as a configuration in another folder names it; absolute paths stay. */
export function placedIn(folder: string, file: string): string {
  return isAbsolute(file) || ADDRESS.test(file) ? file : relative(folder, resolve(file));
}

/** A data file named from here, as it is named from everywhere. */
export function absolutePath(file: string): string {
  return ADDRESS.test(file) ? file : resolve(file);
}
