/** The page's own files: what the build has put beside this module. They are read once, and name no paths. */
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { ConfigError } from "../core/index.ts";

const TYPES: { readonly [extension: string]: string } = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

export interface PageFile {
  readonly type: string;
  readonly content: Buffer;
}

/** By address, `/index.html` among them. @throws ConfigError when the page has not been built */
export function readPageFiles(folder: string): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  const names = namesIn(folder);
  for (const name of names) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    files.set(`/${name.replaceAll("\\", "/")}`, { type, content: readFileSync(join(folder, name)) });
  }
  // The sources have a first page too, but no program that a browser runs.
  if (!files.has("/index.html") || ![...files.keys()].some((name) => name.endsWith(".js"))) {
    throw new ConfigError("the studio's page has not been built", {
      details: { folder },
      hint: "in a checkout: npm run build",
    });
  }
  return files;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: "utf8" });
  } catch {
    return [];
  }
}
