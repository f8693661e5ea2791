/**
 * What pages show, run: commands, programs and their output. Pages run in groups, a test file each, so that groups run
 * side by side: pages on their own, and those that go on in the folder that another page has left, guides apart from
 * verbs. Where a group lacks that other page, it is run first, to leave its folder.
 */
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtMain } from "../cli/built.ts";
import { type Block, type Page, pages, repository } from "./page.ts";

export const groups = ["alone", "guides", "verbs"] as const;
export type Group = (typeof groups)[number];

const runs = ({ mark }: Block): boolean => /(^|, )run$/.test(mark ?? "");

/** Pages with something to run. */
export const running = pages.filter(({ blocks }) => blocks.some(runs));

const goneOnIn = new Set(running.map(({ folder }) => folder));

function groupOf({ path, folder }: Page): Group {
  if (!goneOnIn.has(folder ?? path)) return "alone";
  return path.startsWith("docs/cli/") ? "verbs" : "guides";
}

/** A group's pages, in the order in which they run. */
export function pagesOf(group: Group): Page[] {
  return running.filter((page) => groupOf(page) === group);
}

// Inside the repository, so that programs find its packages; git does not see it.
const root = join(repository, ".tmp", `docs-${process.pid}`);

/** Where a page's blocks run. */
export const folderOf = ({ path, folder }: Page): string => join(root, (folder ?? path).replaceAll("/", "-"));

/** A folder for a test file, removed behind it. */
export function ownFolder(): string {
  beforeAll(() => mkdirSync(root, { recursive: true }));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  return root;
}

/** Tests of a group's pages. */
export function runPages(group: Group): void {
  ownFolder();
  const members = pagesOf(group);
  const left = new Set(members.flatMap(({ folder }) => folder ?? []));
  beforeAll(async () => {
    for (const page of pages) {
      if (left.has(page.path) && !members.includes(page)) await runPage(page, () => {});
    }
  }, 300_000);
  describe("blocks that run", () => {
    test.each(members.map((page) => [page.path, page] as const))(
      "%s",
      (_, page) => runPage(page, expectOutput),
      300_000,
    );
  });
}

async function runPage(
  page: Page,
  look: (printed: string, block: Block, path: string) => void,
): Promise<void> {
  const folder = folderOf(page);
  mkdirSync(join(folder, "examples"), { recursive: true });
  cpSync(join(repository, "examples/shop.yaml"), join(folder, "examples/shop.yaml"));
  for (const place of ["clicks.csv", "examples/clicks.csv"]) {
    cpSync(join(repository, "examples/clicks.csv"), join(folder, place));
  }
  let printed = "";
  for (const block of page.blocks) {
    if (runs(block)) printed = await runBlock(block, page, folder);
    if (block.mark === "output") look(printed, block, page.path);
  }
}

const underTsx = ["--import", join(repository, "node_modules/tsx/dist/esm/index.mjs")];
const commandLine = builtMain();

async function runBlock({ language, text, line }: Block, { path }: Page, folder: string): Promise<string> {
  const where = `${path}:${line}`;
  if (language === "ts") {
    const program = join(folder, `block-${line}.ts`);
    writeFileSync(program, `${text}\n`);
    return runProgram(program, folder, where);
  }
  let printed = "";
  for (const command of text.split("\n")) {
    const [, rest] = /^(?:npx )?millrace (.+)$/.exec(command) ?? [];
    if (rest === undefined) throw new Error(`${where}: only millrace commands run here, not: ${command}`);
    printed += await execute([commandLine, ...rest.split(" ")], folder, `${where}: ${command}`);
  }
  return printed;
}

/** Runs a TypeScript program to its end; what it printed. */
export function runProgram(program: string, cwd: string, where: string): Promise<string> {
  return execute([...underTsx, program], cwd, where);
}

/** Runs Node to its end; what it printed. */
function execute(args: readonly string[], cwd: string, where: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn("node", args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
    const out = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8").on("data", (text: string) => (out[stream] += text));
    }
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(out.stdout) : reject(new Error(`${where} ended with ${code}:\n${out.stderr}`)),
    );
  });
}

/** Every line of the page was printed, in order; numbers may differ between processors. */
function expectOutput(printed: string, { text, line }: Block, path: string): void {
  const plain = (row: string): string =>
    row
      .replace(/[\d.,]*\d(e[+-]?\d+)?/g, "#")
      .replace(/\s+/g, " ")
      .trim();
  const given = printed.split("\n").map(plain);
  let at = 0;
  for (const [k, row] of text.split("\n").entries()) {
    if (row === "…") continue;
    const found = given.indexOf(plain(row), at);
    expect(found, `${path}:${line + 1 + k} is not (or not there) in what was printed:\n${printed}`).not.toBe(
      -1,
    );
    at = found + 1;
  }
}
