import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { ConfigError, toSnakeCase } from "../core/index.ts";
import { resolveWorldOptions, type WorldOptions } from "./options.ts";

describe("resolveWorldOptions", () => {
  test("fills in the documented defaults", () => {
    expect(resolveWorldOptions({ seed: 3 })).toMatchObject({
      seed: 3,
      users: 20_000,
      items: 5_000,
      impressions: 1_000_000,
      trainDays: 14,
      validDays: 2,
      testDays: 3,
      likeAgreement: 0.7,
      domainAgreement: 0.9,
      historyStrength: 1,
      historyTauDays: 3,
      drift: 0.02,
      churn: 0.02,
    });
  });

  test.each<[string, object, RegExp]>([
    ["an unknown name", { user: 5 }, /unknown key user/],
    ["rows that are no whole slates", { impressions: 1_005 }, /impressions: .*multiple of 10/],
    ["a cosine above one", { likeAgreement: 1.5 }, /likeAgreement: .*it is 1.5/],
    [
      "shares that do not match the feeds",
      { domainLogits: [-1, -2] },
      /domainShares: expected as many shares/,
    ],
    [
      "more candidates than items allow",
      { items: 100, candidates: 50 },
      /candidates: expected at most a fifth/,
    ],
    ["change days that go back", { changeDays: [5, 3] }, /changeDays: expected ascending/],
  ])("refuses %s", (_, options, message) => {
    expect(() => resolveWorldOptions(options as WorldOptions)).toThrow(ConfigError);
    expect(() => resolveWorldOptions(options as WorldOptions)).toThrow(message);
  });

  test("names options as the user wrote them, and the nearest known one", () => {
    const wrong = { likeAgrement: 0.5 } as WorldOptions;
    try {
      resolveWorldOptions(wrong, toSnakeCase);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ exitCode: 2, hint: "did you mean like_agreement?" });
    }
  });
});

test("docs/world.md lists every option with its default", () => {
  const page = readFileSync(new URL("../../docs/world.md", import.meta.url), "utf8");
  for (const [name, value] of Object.entries(resolveWorldOptions())) {
    const shown = Array.isArray(value) ? `[${value.join(", ")}]` : String(value);
    expect(page).toContain(`| \`${name}\` | ${shown} | `);
  }
});
