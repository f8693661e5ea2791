/** What README and docs show is there: files, examples, links. `run-pages.ts` runs commands and programs. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { headingFragments, linksOf, type Page, pages, repository } from "./page.ts";
import { groups, ownFolder, pagesOf, running, runProgram } from "./run-pages.ts";

const root = ownFolder();

test("every page that runs is run by one test file", () => {
  const found = groups.flatMap((group) => {
    const file = readFileSync(join(repository, `test/docs/pages-${group}.test.ts`), "utf8");
    return file.includes(`runPages("${group}")`) ? pagesOf(group) : [];
  });
  const paths = (some: readonly Page[]): string[] => some.map(({ path }) => path).sort();
  expect(paths(found)).toEqual(paths(running));
});

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
    expect(await runProgram(program, folder, name)).toMatch(expected);
  });
});

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
