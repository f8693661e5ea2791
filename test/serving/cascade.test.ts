/** The stages of a cascade: filters, formulas, budgets and what is served when one is late, slots. */
import { writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataError } from "../../src/core/index.ts";
import {
  type CandidateSource,
  type CascadeConfigInput,
  fitPlatt,
  InferencePool,
  type ModelRuns,
  type MakeCandidateSource,
  parseCascade,
  type RankAnswer,
  type RankRequest,
  rank,
  Release,
} from "../../src/serving/index.ts";
import { makeShop, NOW, trainShop } from "./shop.ts";

const shop = makeShop();
const pool = new InferencePool({ workers: 2, maxBatchRows: 64 });
const ids = shop.items.map(({ item_id }) => item_id as number);
const context = { hour: 3, time: NOW };

beforeAll(async () => {
  await trainShop(shop, "early", "early");
  await trainShop(shop, "final", "final");
});
afterAll(() => pool.close());

const base = {
  models: [
    { name: "early", run: "early" },
    { name: "final", run: "final" },
  ],
  users: { file: "users.jsonl", key: "user_id" },
  items: { file: "items.jsonl", key: "item_id" },
  stages: [
    { name: "early", model: "early", keep: 20 },
    { name: "final", model: "final" },
  ],
} satisfies CascadeConfigInput;

async function withRelease<T>(
  config: Partial<CascadeConfigInput>,
  use: (ask: (request: RankRequest) => Promise<RankAnswer>, release: Release) => Promise<T>,
  sources: { readonly [name: string]: MakeCandidateSource } = {},
  runs: ModelRuns = pool,
): Promise<T> {
  const cascade = { name: "feed", folder: shop.folder, config: parseCascade({ ...base, ...config }) };
  const release = await Release.open(cascade, { pool, sources });
  try {
    return await use((request) => rank(release, runs, request), release);
  } finally {
    release.retire();
  }
}

/** The pool, but some models' answers never come. */
function without(...models: readonly string[]): ModelRuns {
  return {
    admit: (rows) => pool.admit(rows),
    run: (key, batch, signal) =>
      models.some((model) => key.startsWith(`feed.${model}#`))
        ? new Promise(() => {})
        : pool.run(key, batch, signal),
  };
}

const request: RankRequest = { user: "u2", context, candidates: ids };
const itemOf = (id: string | number) => shop.items[Number(id)];

describe("stages", () => {
  test("the early stage keeps its best, the final one orders them", async () => {
    const early = await withRelease({ stages: [base.stages[0]] }, (ask) => ask({ ...request, limit: 20 }));
    const answer = await withRelease({}, (ask) => ask({ ...request, limit: 20, explain: true }));
    expect(answer).toMatchObject({ stage: "final", fallbacks: [], counts: { candidates: 150, filtered: 0 } });
    expect(answer.items).toHaveLength(20);
    expect(new Set(answer.items.map(({ id }) => id))).toEqual(new Set(early.items.map(({ id }) => id)));
    const [first] = answer.items;
    expect(first.explanation?.stages.map(({ stage }) => stage)).toEqual(["early", "final"]);
    expect(first.explanation?.stages[1]).toEqual({
      stage: "final",
      rank: 1,
      score: first.score,
      predictions: first.predictions,
    });
    const byEarly = early.items.findIndex(({ id }) => id === first.id);
    expect(first.explanation?.stages[0].rank).toBe(byEarly + 1);
  });

  test("an explanation has what every stage's model and formula reads, and the source's rank and score", async () => {
    const candidates = { source: "top", by: "bid", limit: 50 };
    const stages = [
      { name: "early", model: "early", keep: 20, score: "click * bid" },
      { name: "second", model: "early", score: "click + 0 * `early.click` + 0 * position + 0 * active" },
    ];
    const asked = { user: "u2", context: { ...context, position: 4 }, explain: true };
    const config = { candidates, stages, context: ["position"] };
    const { items } = await withRelease(config, (ask) => ask(asked));
    const { item_id, bid, category, price, active } = itemOf(items[0].id);
    // No column of the first stage's formula is one of a model.
    expect(items[0].explanation?.features).toEqual({
      user_id: "u2",
      category,
      price,
      bid,
      position: 4,
      active,
    });
    const ahead = shop.items.filter(
      (other) => (other.bid as number) > (bid as number) || (other.bid === bid && other.item_id! < item_id!),
    );
    expect(items[0].explanation?.stages.map(({ stage }) => stage)).toEqual(["candidates", "early", "second"]);
    expect(items[0].explanation?.stages[0]).toEqual({
      stage: "candidates",
      rank: ahead.length + 1,
      score: bid,
      predictions: {},
    });
    const two = [
      { name: "first", model: "final", keep: 20 },
      { name: "last", model: "early" },
    ];
    const both = await withRelease({ stages: two }, (ask) => ask({ ...request, explain: true }));
    expect(Object.keys(both.items[0].explanation?.features ?? {})).toEqual(
      expect.arrayContaining(["user_id", "item_id", "category", "price", "hour", "age", "tags", "history"]),
    );
  });

  test("formulas see predictions, earlier stages', and columns; items without a value are left out and counted", async () => {
    const stages = [
      { name: "early", model: "early" },
      { name: "final", model: "final", score: "bid * click + 0 * `early.click` + 0 * price" },
    ];
    const { items, counts } = await withRelease({ stages }, (ask) => ask({ ...request, limit: 150 }));
    const priceless = shop.items.filter(({ price }) => price === null).length;
    expect(priceless).toBeGreaterThan(0);
    expect(counts.without_value).toBe(priceless);
    expect(items).toHaveLength(150 - priceless);
    for (const { id, score, predictions } of items) {
      expect(score).toBeCloseTo((itemOf(id).bid as number) * predictions.click, 6);
    }
  });

  test("bids sent with a request change the order without a new model", async () => {
    await withRelease({ value: "bid * click" }, async (ask) => {
      const { items } = await ask(request);
      const last = items.at(-1)?.id as number;
      const candidates = ids.map((id) => (id === last ? { id, features: { bid: 1e6 } } : id));
      expect((await ask({ ...request, candidates })).items[0].id).toBe(last);
    });
  });

  test("calibration maps a label's probabilities", async () => {
    const calibrator = fitPlatt([0.2, 0.3, 0.6, 0.7], [0, 0, 1, 0]);
    writeFileSync(shop.path("calibration.json"), JSON.stringify({ click: calibrator }));
    const models = [{ name: "final", run: "final", calibration: "calibration.json" }];
    const stages = [{ name: "final", model: "final" }];
    const plain = await withRelease({ stages }, (ask) => ask(request));
    const mapped = await withRelease({ models, stages }, (ask) => ask(request));
    expect(mapped.items.map(({ id }) => id)).toEqual(plain.items.map(({ id }) => id));
    expect(mapped.items[0].score).not.toBeCloseTo(plain.items[0].score as number, 3);
    // The same run under another calibrator gives other answers, and is another version.
    const version = () => withRelease({ models, stages }, async (_, release) => release.version);
    const before = await version();
    writeFileSync(
      shop.path("calibration.json"),
      JSON.stringify({ click: fitPlatt([0.2, 0.3, 0.6, 0.7], [0, 1, 0, 1]) }),
    );
    expect(await version()).not.toBe(before);
    writeFileSync(shop.path("calibration.json"), JSON.stringify({ buy: calibrator }));
    await expect(withRelease({ models, stages }, async () => {})).rejects.toThrow(/no label "buy"/);
  });
});

describe("filters and slots", () => {
  test("ids that no number of JSON holds are answered as texts, and found by them", async () => {
    const large = ["9007199254740993", "9007199254740995", "5"];
    writeFileSync(shop.path("large.csv"), ["item_id", ...large].join("\n"));
    const items = { file: "large.csv", key: "item_id", types: { item_id: "int64" as const } };
    const stages = [{ name: "final", model: "final" }];
    await withRelease({ items, stages, candidates: { source: "all" } }, async (ask) => {
      for (const candidates of [undefined, large]) {
        const answer = await ask({ ...request, candidates, limit: 3 });
        const sent = JSON.parse(JSON.stringify(answer)) as RankAnswer;
        expect(sent.items.map(({ id }) => String(id)).sort()).toEqual(large.toSorted());
        expect(sent.counts.unknown_items).toBe(0);
      }
    });
  });

  test("allowed items, seen ones, excluded ones, the same one twice", async () => {
    const filters = { allowed: "active", seen: "history" };
    const user = shop.users.find(({ history }) => (history as number[]).length > 5) as {
      user_id: string;
      history: number[];
    };
    const { items, counts } = await withRelease({ filters }, (ask) =>
      ask({ ...request, user: user.user_id, candidates: [...ids, 1, "1"], exclude: [4, "5"], limit: 150 }),
    );
    const left = new Set([...ids.filter((id) => id % 10 === 3), ...user.history, 4, 5]);
    expect(counts).toMatchObject({ candidates: 152, filtered: left.size + 2 });
    for (const { id } of items) expect(left.has(Number(id))).toBe(false);
  });

  test("an advertiser takes no more than its share", async () => {
    const slots = {
      count: 12,
      caps: [
        { column: "advertiser", limit: 1 },
        { column: "category", limit: 3 },
      ],
    };
    const { items } = await withRelease({ slots, stages: [base.stages[1]] }, (ask) => ask(request));
    const share = (column: string): number => {
      const counts = new Map<unknown, number>();
      for (const { id } of items) counts.set(itemOf(id)[column], (counts.get(itemOf(id)[column]) ?? 0) + 1);
      return Math.max(...counts.values());
    };
    expect(items.length).toBeGreaterThan(8);
    expect([share("advertiser"), share("category")]).toEqual([1, 3]);
  });
});

describe("time budgets", () => {
  test("a final stage without time leaves the early order, and the answer says so", async () => {
    const stages = [base.stages[0], { ...base.stages[1], budgetMs: 20 }];
    const early = await withRelease({ stages: [base.stages[0]] }, (ask) => ask(request));
    const fallbacks: string[] = [];
    await withRelease({ stages }, async (_, release) => {
      const answer = await rank(release, without("final"), request, {
        fallback: (stage, reason) => fallbacks.push(`${stage} ${reason}`),
      });
      expect(answer).toMatchObject({ stage: "early", fallbacks: [{ stage: "final", reason: "late" }] });
      expect(answer.items).toEqual(early.items);
    });
    expect(fallbacks).toEqual(["final late"]);
  });

  test("a late early stage leaves the source's order to the final stage", async () => {
    const candidates = { source: "top", by: "bid", limit: 50 };
    const stages = [{ ...base.stages[0], budgetMs: 20 }, base.stages[1]];
    const { items, fallbacks } = await withRelease(
      { candidates, stages },
      (ask) => ask({ user: "u1", context, limit: 20 }),
      {},
      without("early"),
    );
    expect(fallbacks).toEqual([{ stage: "early", reason: "late" }]);
    const byBid = [...shop.items].sort(
      (a, b) => (b.bid as number) - (a.bid as number) || Number(a.item_id) - Number(b.item_id),
    );
    expect(new Set(items.map(({ id }) => id))).toEqual(
      new Set(byBid.slice(0, 20).map(({ item_id }) => item_id)),
    );
  });

  test("a formula that needs a stage which was left out leaves the order before it", async () => {
    const candidates = { source: "top", by: "bid" };
    const ask = (score: string) =>
      withRelease(
        {
          candidates,
          stages: [
            { ...base.stages[0], budgetMs: 20 },
            { ...base.stages[1], score },
          ],
        },
        (asked) => asked({ user: "u1", context }),
        {},
        without("early"),
      );
    const { items, fallbacks, stage } = await ask("click + `early.click`");
    expect(fallbacks).toEqual([
      { stage: "early", reason: "late" },
      { stage: "final", reason: "failed" },
    ]);
    expect([stage, items.length]).toEqual([null, 10]);
    expect(await ask("click + coalesce(`early.click`, 0)")).toMatchObject({ stage: "final" });
  });

  test("everything late: the source's order where it has one, else no answer", async () => {
    const stages = base.stages.map((stage) => ({ ...stage, budgetMs: 20 }));
    const none = without("early", "final");
    const candidates = { source: "top", by: "bid" };
    const top = await withRelease({ candidates, stages }, (ask) => ask({ user: "u1", context }), {}, none);
    expect(top.stage).toBeNull();
    const scores = top.items.map(({ score }) => score as number);
    expect(scores).toEqual([...scores].sort((a, b) => b - a));
    await expect(withRelease({ stages }, (ask) => ask(request), {}, none)).rejects.toThrow(
      /nothing before it made an order/,
    );
    await expect(withRelease({ budgetMs: 1e-6 }, (ask) => ask(request))).rejects.toThrow(/was late/);
  });

  test("a source of one's own is told to stop when its time is over", async () => {
    let aborted = false;
    const slow: MakeCandidateSource = (): CandidateSource => ({
      candidates: ({ signal }) =>
        new Promise(() => {
          signal.addEventListener("abort", () => {
            aborted = true;
          });
        }),
    });
    const candidates = { source: "slow", budgetMs: 5 };
    const asked = withRelease({ candidates }, (ask) => ask({ user: "u1", context }), { slow });
    await expect(asked).rejects.toThrow(/no candidates could be found/);
    expect(aborted).toBe(true);
  });

  test("a source that a value cannot be encoded for has nothing against the moment", async () => {
    const strict: MakeCandidateSource = () => ({
      candidates: () => {
        throw new DataError("a vector of 2 numbers, expected 3");
      },
    });
    const asked = withRelease({ candidates: { source: "strict" } }, (ask) => ask({ context }), { strict });
    await expect(asked).rejects.toThrow(DataError);
  });

  test("a source gets the user, the features and the limit", async () => {
    const mine: MakeCandidateSource = ({ options, items }) => ({
      candidates: ({ user, features, limit, exclude }) => {
        expect({ user, age: features.age, hour: features.hour, limit, exclude: [...exclude] }).toEqual({
          user: "u3",
          age: shop.users[3].age,
          hour: 3,
          limit: 7,
          exclude: ["9"],
        });
        expect([options, items?.rows]).toEqual([{ flavour: "plain" }, 150]);
        return { ids: [1, 2, 3] };
      },
    });
    const candidates = { source: "mine", limit: 7, flavour: "plain" };
    const { items } = await withRelease({ candidates }, (ask) => ask({ user: "u3", context, exclude: [9] }), {
      mine,
    });
    expect(items).toHaveLength(3);
  });
});

describe("configurations that cannot be", () => {
  test.each<[string, Partial<CascadeConfigInput>, RegExp]>([
    [
      "a stage without model",
      { stages: [{ name: "x", model: "y" }] },
      /stages\[0\].model: there is no model "y"/,
    ],
    ["a formula of unknown names", { value: "bidd * click" }, /names "bidd"/],
    ["a broken formula", { value: "bid *" }, /character/],
    [
      "a cap on nothing",
      { slots: { caps: [{ column: "brand", limit: 1 }] } },
      /caps\[0\].column: there is no column "brand"/,
    ],
    [
      "an order by what every object has",
      { candidates: { source: "top", by: "constructor" } },
      /no column "constructor"/,
    ],
    ["an unknown source", { candidates: { source: "bottom" } }, /no source "bottom"/],
    [
      "a run that is not there",
      { models: [{ name: "early", run: "nowhere" }], stages: [base.stages[0]] },
      /there is no run/,
    ],
    ["the same stage twice", { stages: [base.stages[0], base.stages[0]] }, /"early" comes twice/],
    ["a key that is not in the table", { items: { file: "items.jsonl", key: "id" } }, /no key column "id"/],
  ])("%s", async (_, config, message) => {
    await expect(withRelease(config, async () => {})).rejects.toThrow(message);
  });

  test.each([
    ["budget_ms", "did you mean budgetMs?"],
    ["BudgetMs", "did you mean budget_ms?"],
    ["Limit", "did you mean limit?"],
  ])("a source's known key spelt %s is no option of its own", (key, hint) => {
    const candidates = { source: "mine", [key]: 5, flavour: "plain", by_day: true };
    expect(() => parseCascade({ ...base, candidates })).toThrow(
      expect.objectContaining({ message: expect.stringMatching(/^config candidates: unknown key /), hint }),
    );
    const { [key]: _, ...options } = candidates;
    expect(parseCascade({ ...base, candidates: options }).candidates).toEqual({ ...options, limit: 1000 });
  });

  test("a stage's key in the form of files is told the other form", () => {
    const stages = [{ name: "early", model: "early", budget_ms: 5 }];
    expect(() => parseCascade({ ...base, stages })).toThrow(
      expect.objectContaining({
        message: "config stages[0]: unknown key budget_ms",
        hint: "did you mean budgetMs?",
      }),
    );
  });
});
