/** What README and docs show, runs: commands, programs and their output; links lead somewhere. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtMain } from "../cli/built.ts";
import { type Block, headingFragments, linksOf, type Page, readPage, repository } from "./page.ts";

const docs = readdirSync(join(repository, "docs"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`)
  .sort();
const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...docs].map(readPage);

// Inside the repository, so that programs find its packages; git does not see it.
const root = join(repository, ".tmp", `docs-${process.pid}`);
beforeAll(() => mkdirSync(root, { recursive: true }));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const folderOf = ({ path, folder }: Page): string => join(root, (folder ?? path).replaceAll("/", "-"));

const runs = ({ mark }: Block): boolean => /(^|, )run$/.test(mark ?? "");

const underTsx = ["--import", join(repository, "node_modules/tsx/dist/esm/index.mjs")];
const commandLine = builtMain();

describe("blocks that run", () => {
  // The first page leaves the folder that others go on in.
  const running = pages.filter(({ blocks }) => blocks.some(runs));
  test.each(running.map((page) => [page.path, page] as const))(
    "%s",
    async (path, page) => {
      const folder = folderOf(page);
      mkdirSync(join(folder, "examples"), { recursive: true });
      cpSync(join(repository, "examples/shop.yaml"), join(folder, "examples/shop.yaml"));
      for (const place of ["clicks.csv", "examples/clicks.csv"]) {
        cpSync(join(repository, "examples/clicks.csv"), join(folder, place));
      }
      let printed = "";
      for (const block of page.blocks) {
        if (runs(block)) printed = await runBlock(block, page, folder);
        if (block.mark === "output") expectOutput(printed, block, path);
      }
    },
    300_000,
  );
});

async function runBlock({ language, text, line }: Block, { path }: Page, folder: string): Promise<string> {
  const where = `${path}:${line}`;
  if (language === "ts") {
    const program = join(folder, `block-${line}.ts`);
    writeFileSync(program, `${text}\n`);
    return execute([...underTsx, program], folder, where);
  }
  let printed = "";
  for (const command of text.split("\n")) {
    const [, rest] = /^(?:npx )?millrace (.+)$/.exec(command) ?? [];
    if (rest === undefined) throw new Error(`${where}: only millrace commands run here, not: ${command}`);
    printed += await execute([commandLine, ...rest.split(" ")], folder, `${where}: ${command}`);
  }
  return printed;
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

describe("blocks that are files", () => {
  const quoting = pages.flatMap(({ path, blocks }) =>
    blocks.flatMap((block) => {
      const [, how, file] = /^(file|part of): ([^,]+)/.exec(block.mark ?? "") ?? [];
      return file === undefined ? [] : [{ how, file, block, path }];
    }),
  );
  test.each(quoting)("$path shows $file", ({ how, file, block: { text } }) => {
    const content = readFileSync(join(repository, file), "utf8").trimEnd();
    if (how === "file") expect(text).toBe(content);
    else expect(content).toContain(text);
  });
});

describe("examples", () => {
  const programs = readdirSync(join(repository, "examples")).filter((name) => name.endsWith(".ts"));
  const inPages = new Set(pages.flatMap(({ text }) => text.match(/examples\/[\w.-]+/g) ?? []));
  test("each is shown on a page", () => {
    const others = ["make-clicks.ts"];
    expect(programs.filter((name) => !inPages.has(`examples/${name}`) && !others.includes(name))).toEqual([]);
  });

  test.each([
    ["train-and-predict.ts", /^test AUC 0\.\d+\nprobability of a click 0\.\d+\n$/],
    ["own-model.ts", /^AUC 0\.[6-9]\d+ after \d+ steps\n$/],
  ])("%s runs", async (name, expected) => {
    const folder = join(root, name);
    mkdirSync(join(folder, "examples"), { recursive: true });
    for (const file of [name, "clicks.csv"]) {
      cpSync(join(repository, "examples", file), join(folder, "examples", file));
    }
    const program = join(folder, "examples", name);
    expect(await execute([...underTsx, program], folder, name)).toMatch(expected);
  });
});

describe("an exported model in Python", () => {
  const python = process.env.MILLRACE_PYTHON ?? "python3";
  const ready = spawnSync(python, ["-c", "import numpy, onnxruntime"]).status === 0;
  test("examples/predict.py gives what examples/predict-in-node.ts gives", async ({ skip }) => {
    skip(!ready, `${python} cannot import onnxruntime (set MILLRACE_PYTHON to one that can)`);
    const folder = folderOf(readPage("docs/export.md"));
    const program = join(folder, "predict.ts");
    cpSync(join(repository, "examples/predict-in-node.ts"), program);
    const here = numbersIn(await execute([...underTsx, program], folder, program));
    const script = join(repository, "examples/predict.py");
    const { stdout, stderr } = spawnSync(python, [script], { cwd: folder, encoding: "utf8" });
    expect(stderr).toBe("");
    const there = numbersIn(stdout);
    expect(there).toHaveLength(2);
    expect(Math.max(...there.map((value, row) => Math.abs(value - here[row])))).toBeLessThanOrEqual(1e-5);
  });
});

const numbersIn = (text: string): number[] => (text.match(/\d\.\d+(e-?\d+)?/g) ?? []).map(Number);

describe("links", () => {
  test.each(pages.map((page) => [page.path, page] as const))("of %s lead somewhere", (path, page) => {
    const broken = linksOf(page).filter((target) => {
      if (/^[a-z]+:/.test(target)) return !/^https?:\/\/[\w.-]+(\/|$)/.test(target);
      const [file, fragment] = target.split("#");
      const place = file === "" ? path : normalize(join(dirname(path), file));
      if (!existsSync(join(repository, place))) return true;
      return (
        fragment !== undefined &&
        !headingFragments(readFileSync(join(repository, place), "utf8")).includes(fragment)
      );
    });
    expect(broken).toEqual([]);
  });
});
