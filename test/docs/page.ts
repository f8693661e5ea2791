/**
 * A page of documentation as the tests see it: fenced blocks, with what an HTML comment on the line before
 * the fence says of them.
 *
 *     <!-- run -->                  sh: commands, in order; ts: a program
 *     <!-- output -->               what the block before prints, digits aside; `…` stands for any lines
 *     <!-- file: path -->           the block is that file; `, run` after it: and runs
 *     <!-- part of: path -->        the block stands in that file
 *     <!-- folder: page -->         (anywhere) blocks run in the folder that the other page has left
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

export interface Block {
  /** `run`, `output`, `file: …`, `part of: …`; undefined for a block that is only read. */
  readonly mark: string | undefined;
  readonly language: string;
  readonly text: string;
  /** Of the fence, from 1. */
  readonly line: number;
}

export interface Page {
  readonly path: string;
  readonly text: string;
  readonly blocks: readonly Block[];
  readonly folder: string | undefined;
}

export function readPage(path: string): Page {
  const text = readFileSync(join(repository, path), "utf8");
  const lines = text.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^```(\w*)$/.exec(lines[at]);
    if (fence === null) continue;
    const end = lines.indexOf("```", at + 1);
    if (end < 0) throw new Error(`${path}:${at + 1}: the block has no end`);
    const mark = /^<!-- (.+) -->$/.exec(lines[at - 1] ?? "")?.[1];
    blocks.push({ mark, language: fence[1], text: lines.slice(at + 1, end).join("\n"), line: at + 1 });
    at = end;
  }
  return { path, text, blocks, folder: /^<!-- folder: (.+) -->$/m.exec(text)?.[1] };
}

/** README and its like, then `docs/` in order of names; a page may go on where an earlier one has been. */
export const pages: readonly Page[] = [
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  ...readdirSync(join(repository, "docs"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`)
    .sort(),
].map(readPage);

/** Where a page's relative links point, fragments included; code is left out. */
export function linksOf({ text }: Page): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "").replace(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target]) => target);
}

/** The fragment that a heading answers to, as code hosts make it. */
export function headingFragments(text: string): string[] {
  const prose = text.replace(/^```[\s\S]*?^```$/gm, "");
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
