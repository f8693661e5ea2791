/** What people get wrong: exit codes, the sentence, what to do about it, and never a stack trace. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { millrace, temporaryFolder } from "./millrace.ts";

const folder = temporaryFolder("errors");

beforeAll(() => {
  const rows = Array.from({ length: 200 }, (_, k) => `${k % 17},i${k % 9},${(k * 7) % 3 === 0 ? 1 : 0}`);
  writeFileSync(join(folder.path, "clicks.csv"), `user_id,item_id,click\n${rows.join("\n")}\n`);
  writeFileSync(
    join(folder.path, "ones.csv"),
    `user_id,item_id,click\n${rows.map((row) => row.replace(/.$/, "1")).join("\n")}\n`,
  );
  const config = (text: string): string =>
    `data: { train: clicks.csv, split: { by: ratio, train: 0.8, valid: 0.2 } }\nfeatures: [{ name: user_id, kind: categorical }]\nlabels: [{ name: click }]\n${text}`;
  writeFileSync(join(folder.path, "config.yaml"), config(""));
  writeFileSync(join(folder.path, "typo.yaml"), config("training: { learning_rat: 0.1 }\n"));
  writeFileSync(join(folder.path, "ones.yaml"), config("").replace("clicks.csv", "ones.csv"));
  writeFileSync(join(folder.path, "broken.yaml"), "data: [\n");
});

afterAll(folder.remove);

const cases: readonly (readonly [args: string, code: number, message: RegExp])[] = [
  ["trian clicks.csv", 2, /unknown command 'trian'[\s\S]*did you mean train\?/],
  ["train --labl click clicks.csv", 2, /unknown option '--labl'[\s\S]*did you mean --label\?/],
  ["train", 2, /missing required argument[\s\S]*millrace train --help/],
  ["train clicks.csv extra.csv", 2, /too many arguments/],
  ["train missing.yaml", 2, /no configuration file missing\.yaml/],
  ["train click.csv --label click", 3, /no such file: click\.csv[\s\S]*did you mean .*clicks\.csv\?/],
  ["train clicks.csv --label clik", 2, /there is no column clik[\s\S]*did you mean click\?/],
  ["train typo.yaml", 2, /unknown key learning_rat[\s\S]*did you mean learning_rate\?/],
  ["train broken.yaml", 2, /neither YAML nor JSON/],
  ["train config.yaml --set training.epochs", 2, /--set takes key=value/],
  [
    "train config.yaml --set training.epochs=none training.batch_size=0",
    2,
    /training\.batch_size[\s\S]*also: .*training\.epochs/,
  ],
  ["train config.yaml --set training.monitor=aucc", 2, /no metric is called "aucc"/],
  ["train config.yaml --set features.1x.min_count=2", 2, /the list features has no entry 1x/],
  ["train config.yaml --set model.hidden_units=[8,", 2, /--set model\.hidden_units: "\[8," is no YAML/],
  ["train config.yaml --model DeepFMM", 2, /no model "DeepFMM"[\s\S]*did you mean DeepFM\?/],
  ["train config.yaml --label nothing", 2, /no column nothing, which label nothing needs/],
  ["train ones.yaml --out ones", 3, /label click: every row of the training split is 1/],
  ["train config.yaml --resume", 2, /no run runs\/errors-|no run runs\/[^ ]+ to go on with/],
  ["evaluate nowhere", 3, /nowhere holds no finished run/],
  ["predict nowhere clicks.csv -o out.txt", 2, /\.csv, \.parquet or \.jsonl/],
  ["predict nowhere clicks.csv -o ./clicks.csv", 2, /that is the data themselves/],
  ["inspect clicks.csv --json --label clik", 2, /no column clik/],
  ["world --out w --set like_agrement=1", 2, /unknown key like_agrement[\s\S]*did you mean like_agreement\?/],
  ["recipe quikstart", 2, /no recipe quikstart[\s\S]*did you mean quickstart\?/],
  ["recipe quickstart --missing", 2, /quickstart is recorded whole[\s\S]*leave --missing out/],
  ["recipe bars-frappe --missing --quick", 2, /--quick records nothing[\s\S]*leave one of them out/],
  ["recipe quickstart --only LR", 2, /quickstart has no variants that run alone[\s\S]*leave --only out/],
  ["recipe bars-frappe --only LR,AutoIn", 2, /no variant AutoIn[\s\S]*did you mean AutoInt\?/],
  ["bench trainn", 2, /no benchmark trainn[\s\S]*did you mean train\?/],
];

describe.concurrent("mistakes", () => {
  test.each(cases)("millrace %s", async (args, code, message) => {
    const called = await millrace(args.split(" "), folder.path);
    const json = args.includes("--json");
    expect(json ? called.stdout : called.stderr).toMatch(message);
    expect(called.stderr).not.toMatch(/\n\s+at .*\.ts:\d+/);
    expect(called.code).toBe(code);
    if (!json) expect(called.stdout).toBe("");
  });

  test("with --json an error is one JSON object", async () => {
    const { code, stdout } = await millrace(["train", "typo.yaml", "--json"], folder.path);
    expect(code).toBe(2);
    expect(JSON.parse(stdout)).toEqual({
      error: {
        name: "ConfigError",
        message: "config training: unknown key learning_rat",
        details: { key: "training.learning_rat", problems: ["config training: unknown key learning_rat"] },
        hint: "did you mean learning_rate?",
      },
    });
  });

  test("usage errors are JSON too", async () => {
    const { code, stdout } = await millrace(["export", "run", "--json"], folder.path);
    expect(code).toBe(2);
    expect(JSON.parse(stdout).error).toMatchObject({
      name: "ConfigError",
      message: expect.stringContaining("--output"),
    });
  });
});

describe.concurrent("help", () => {
  test("bare millrace says how to begin", async () => {
    const { code, stdout, stderr } = await millrace([], folder.path);
    expect(code).toBe(0);
    expect(stdout).toContain("millrace train clicks.csv --label click");
    expect(stderr).toBe("");
  });

  test("--help lists verbs and exit codes", async () => {
    const { code, stdout } = await millrace(["--help"], folder.path);
    expect(code).toBe(0);
    for (const verb of [
      "inspect",
      "validate",
      "world",
      "train",
      "evaluate",
      "predict",
      "export",
      "report",
      "recipe",
      "bench",
    ]) {
      expect(stdout).toMatch(new RegExp(`^ {2}${verb} `, "m"));
    }
    expect(stdout).toMatch(/130 +interrupted/);
  });

  test("a verb's help has examples and the models", async () => {
    const { code, stdout } = await millrace(["help", "train"], folder.path);
    expect(code).toBe(0);
    expect(stdout).toContain("Examples:");
    expect(stdout).toContain("FinalMLP");
  });

  test("--version is the package's", async () => {
    const { stdout } = await millrace(["--version"], folder.path);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
