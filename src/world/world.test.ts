/** The law itself, on worlds held in memory; what is written to files is in `generate.test.ts`. */
import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { CandidateColumns } from "./candidates.ts";
import { allocateRequests, allocateRows, viewRequests, viewRows } from "./columns.ts";
import { FeedbackLaw } from "./feedback.ts";
import { HistoryEffect } from "./history-effect.ts";
import { dot } from "./latent.ts";
import * as law from "./law.ts";
import { resolveWorldOptions, type WorldOptions } from "./options.ts";
import { oracleFigures } from "./oracle.ts";
import { LoggingPolicy } from "./policy.ts";
import { PersonMaker } from "./population.ts";
import { type Simulation, simulate } from "./simulate.ts";
import { TimelineMaker } from "./timeline.ts";
import { buildWorld, type World } from "./world.ts";

const small: WorldOptions = { seed: 7, users: 300, items: 400, impressions: 3_000, candidates: 20 };

function worldOf(options: WorldOptions): World {
  return buildWorld(resolveWorldOptions(options));
}

function simulated(options: WorldOptions): Promise<Simulation> {
  return simulate(resolveWorldOptions(options), { threads: 1 });
}

const mean = (values: Iterable<number>) => {
  let sum = 0;
  let count = 0;
  for (const value of values) {
    sum += value;
    count++;
  }
  return sum / count;
};

const logit = (p: number) => Math.log(p / (1 - p));

/** Rows of the requests that `keep` accepts. */
function rowsWhere({ requests }: Simulation, keep: (request: number) => boolean): number[] {
  const rows: number[] = [];
  for (let r = 0; r < requests.time.length; r++) {
    for (let k = 0; k < law.slateSize && keep(r); k++) rows.push(r * law.slateSize + k);
  }
  return rows;
}

test("the law is frozen: a tiny world's values never change", async () => {
  const { rows, requests, candidates, clickItems } = await simulated(small);
  const hash = createHash("sha256");
  for (const part of [rows, requests, candidates, { clickItems }]) {
    for (const values of Object.values(part)) hash.update(new Uint8Array(values.buffer));
  }
  // If this fails, worlds made before can no longer be made: raise `worldVersion` and say why in docs/world.md.
  expect([law.worldVersion, hash.digest("hex")]).toEqual([
    1,
    "91f3888d9a130750856411027c0736607dca8d28fae39e2ce26e69100e0301b6",
  ]);
});

describe("the world at default dials", () => {
  let world: World;
  let simulation: Simulation;
  beforeAll(async () => {
    const options: WorldOptions = { impressions: 50_000, users: 4_000 };
    world = worldOf(options);
    simulation = await simulated(options);
  });

  test("click rates are about 4, 8 and 18 % in the three feeds", () => {
    const { rows, requests } = simulation;
    const rates = [0, 1, 2].map((domain) =>
      mean(rowsWhere(simulation, (r) => requests.domain[r] === domain).map((row) => rows.click[row])),
    );
    for (const [domain, [low, high]] of [
      [0.03, 0.055],
      [0.065, 0.1],
      [0.15, 0.22],
    ].entries()) {
      expect(rates[domain]).toBeGreaterThan(low);
      expect(rates[domain]).toBeLessThan(high);
    }
  });

  test("the oracle's AUC lies between 0.80 and 0.88", () => {
    const { rows } = simulation;
    const { auc } = oracleFigures(
      rows.trueClick,
      rows.click,
      Int32Array.from(rows.click, (_, i) => i),
    );
    expect(auc).toBeGreaterThan(0.8);
    expect(auc).toBeLessThan(0.88);
  });

  test.each(["click", "like", "conversion", "hide"] as const)(
    "%s is calibrated within sampling error",
    (label) => {
      const { rows } = simulation;
      const truths = {
        click: rows.trueClick,
        like: rows.trueLike,
        conversion: rows.trueConversion,
        hide: rows.trueHide,
      };
      let expected = 0;
      let variance = 0;
      let seen = 0;
      for (const [row, p] of truths[label].entries()) {
        expected += p;
        variance += p * (1 - p);
        seen += rows[label][row];
      }
      expect(Math.abs(seen - expected)).toBeLessThan(4 * Math.sqrt(variance));
      expect(Math.min(...truths[label])).toBeGreaterThan(0);
      expect(Math.max(...truths[label])).toBeLessThan(1);
    },
  );

  test("dwell has the mean it is said to have", () => {
    const { dwell, trueDwell } = simulation.rows;
    expect(mean(dwell) / mean(trueDwell)).toBeGreaterThan(0.94);
    expect(mean(dwell) / mean(trueDwell)).toBeLessThan(1.06);
  });

  test("conversions follow clicks, with an exponential delay", () => {
    const { click, conversion, conversionDelay } = simulation.rows;
    const delays: number[] = [];
    let wrong = 0;
    for (const [row, converted] of conversion.entries()) {
      if (converted === 1) delays.push(conversionDelay[row] / law.daySeconds);
      if (converted > click[row] || (converted === 0 && conversionDelay[row] !== 0)) wrong++;
    }
    expect(wrong).toBe(0);
    expect(Math.abs(mean(delays) - 1.5)).toBeLessThan((4 * 1.5) / Math.sqrt(delays.length));
  });

  test("a slate holds ten different items that live on its day", () => {
    const { rows, requests } = simulation;
    const { birthDay, retirementDay } = world.catalogue;
    for (let r = 0; r < requests.time.length; r++) {
      const slate = rows.item.slice(r * law.slateSize, (r + 1) * law.slateSize);
      const day = Math.floor(requests.time[r] / law.daySeconds);
      expect(new Set(slate).size).toBe(law.slateSize);
      expect(slate.every((item) => birthDay[item] <= day && day < retirementDay[item])).toBe(true);
    }
  });

  test("half of the slots are filled by affinity", () => {
    expect(mean(simulation.rows.byAffinity)).toBeCloseTo(0.5, 1);
  });

  test("hides grow as affinity falls and with frequency", () => {
    const { trueHide, frequency } = simulation.rows;
    const often = Array.from(trueHide).filter((_, row) => frequency[row] > 5);
    const first = Array.from(trueHide).filter((_, row) => frequency[row] === 0);
    expect(mean(often)).toBeGreaterThan(1.5 * mean(first));
  });

  test("any user's rows can be made without the others", () => {
    const { population, options } = world;
    const requests = viewRequests(allocateRequests(options.impressions / law.slateSize));
    const rows = viewRows(allocateRows(options.impressions));
    const user = population.requestStart.findIndex((start, u) => population.requestStart[u + 1] - start >= 5);
    const clicks = new TimelineMaker(world).make(user, requests, rows, new CandidateColumns());
    const [from, to] = [population.requestStart[user], population.requestStart[user + 1]];
    expect(requests.time.slice(from, to)).toEqual(simulation.requests.time.slice(from, to));
    for (const name of ["item", "trueClick", "click", "dwell", "propensity"] as const) {
      const alone = rows[name].slice(from * law.slateSize, to * law.slateSize);
      expect(alone).toEqual(simulation.rows[name].slice(from * law.slateSize, to * law.slateSize));
    }
    const { clickStart, clickItems } = simulation;
    expect(clicks.items).toEqual([...clickItems.slice(clickStart[user], clickStart[user + 1])]);
  });

  test("candidates begin with the slate", () => {
    const { candidates, rows } = simulation;
    let shown = 0;
    let wrong = 0;
    for (let c = 0; c < candidates.item.length; c++) {
      const position = candidates.shownPosition[c];
      if (position === 0) continue;
      const row = candidates.request[c] * law.slateSize + position - 1;
      // Judged at position 1, so above what was seen at a lower one by delta log2(position).
      const raise = law.positionSlope * Math.log2(position);
      const raised = logit(candidates.trueClick[c]) - logit(rows.trueClick[row]);
      const same = candidates.item[c] === rows.item[row] && candidates.propensity[c] === rows.propensity[row];
      if (!same || Math.abs(raised - raise) > 1e-3) wrong++;
      shown++;
    }
    expect(wrong).toBe(0);
    expect(candidates.item.length).toBe(shown * 5);
  });
});

describe("the logging policy", () => {
  const world = worldOf(small);
  const people = new PersonMaker(world.options, world.effects, world.population);

  test("its probabilities sum to one over the living items", () => {
    const policy = new LoggingPolicy(world.options, world.catalogue);
    const day = world.itemDays.day(3);
    policy.face(people.make(11).taste, day);
    const probabilities = Array.from(day.alive, (item) => policy.probability(item));
    expect(Math.min(...probabilities)).toBeGreaterThan(0);
    expect(probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 10);
  });

  test("first slots come as often as their propensity says, later ones given those before", () => {
    const policy = new LoggingPolicy(world.options, world.catalogue);
    const day = world.itemDays.day(3);
    policy.face(people.make(11).taste, day);
    const draws = 20_000;
    const first = new Float64Array(world.options.items);
    let worst = 0;
    for (let n = 0; n < draws; n++) {
      policy.draw(n, 3);
      first[policy.items[0]]++;
      const [p0, p1] = [0, 1].map((slot) => policy.probability(policy.items[slot]));
      worst = Math.max(
        worst,
        Math.abs(policy.propensities[0] - p0),
        Math.abs(policy.propensities[1] - p1 / (1 - p0)),
      );
    }
    expect(worst).toBeLessThan(1e-12);
    let chiSquare = 0;
    for (const item of day.alive) {
      const expected = draws * policy.probability(item);
      chiSquare += (first[item] - expected) ** 2 / expected;
    }
    const degrees = day.alive.length - 1;
    expect(Math.abs(chiSquare - degrees)).toBeLessThan(5 * Math.sqrt(2 * degrees));
  });

  test("noise and the affinity share move it between popularity and taste", async () => {
    const affinityOf = async (dials: WorldOptions) => {
      const options = { ...small, ...dials };
      const { rows, requests } = await simulated(options);
      const { options: resolved, effects, population, itemDays } = worldOf(options);
      const maker = new PersonMaker(resolved, effects, population);
      let sum = 0;
      for (let r = 0; r < requests.user.length; r++) {
        const { taste } = maker.make(requests.user[r]);
        const { latents } = itemDays.day(Math.floor(requests.time[r] / law.daySeconds));
        for (let k = 0; k < law.slateSize; k++) {
          sum += dot(taste, 0, latents, rows.item[r * law.slateSize + k] * law.latentDim);
        }
      }
      return sum / rows.item.length;
    };
    const [popular, noisy, sharp] = await Promise.all([
      affinityOf({ affinityShare: 0 }),
      affinityOf({ affinityShare: 1, loggingNoise: 20 }),
      affinityOf({ affinityShare: 1, loggingNoise: 0.5 }),
    ]);
    expect(sharp).toBeGreaterThan(noisy + 0.3);
    expect(sharp).toBeGreaterThan(popular + 0.3);
  });
});

describe("dials", () => {
  test.each([1, 0.5, 0, -0.5])("likeAgreement %d is the cosine of click and like taste", (likeAgreement) => {
    const { options, effects, population } = worldOf({ ...small, likeAgreement });
    const people = new PersonMaker(options, effects, population);
    for (const user of [0, 17, 299]) {
      const { taste, likeTaste } = people.make(user);
      expect(dot(taste, 0, likeTaste, 0)).toBeCloseTo(likeAgreement, 12);
      expect(dot(likeTaste, 0, likeTaste, 0)).toBeCloseTo(1, 12);
    }
  });

  test("likeAgreement shows in the log: click and like probabilities go together, or against", async () => {
    const correlation = async (likeAgreement: number) => {
      const { rows } = await simulated({ ...small, likeAgreement });
      const a = Array.from(rows.trueClick, logit);
      const b = Array.from(rows.trueLike, logit);
      const [ma, mb] = [mean(a), mean(b)];
      const product = (x: number[], mx: number, y: number[], my: number) =>
        mean(x.map((value, i) => (value - mx) * (y[i] - my)));
      return product(a, ma, b, mb) / Math.sqrt(product(a, ma, a, ma) * product(b, mb, b, mb));
    };
    expect(await correlation(1)).toBeGreaterThan((await correlation(0)) + 0.2);
    expect(await correlation(0)).toBeGreaterThan((await correlation(-0.5)) + 0.1);
  });

  test("domainAgreement is the cosine of shared taste and taste in a feed, for all or for each", () => {
    for (const domainAgreement of [0.9, 0, [1, 0.5, -0.5]]) {
      const { options, effects, population } = worldOf({ ...small, domainAgreement });
      const { taste, domainTaste } = new PersonMaker(options, effects, population).make(5);
      for (const d of [0, 1, 2]) {
        const expected = typeof domainAgreement === "number" ? domainAgreement : domainAgreement[d];
        expect(dot(taste, 0, domainTaste, d * law.latentDim)).toBeCloseTo(expected, 12);
      }
    }
  });

  test("historyStrength 0 leaves no trace of past clicks", () => {
    const clickLogits = (historyStrength: number, tanh: number) => {
      const world = worldOf({ ...small, historyStrength });
      const { options, effects, population, catalogue, itemDays } = world;
      const feedback = new FeedbackLaw(options, effects, population, catalogue);
      const person = new PersonMaker(options, effects, population).make(3);
      const context = { user: 3, person, domain: 1, hour: 9, day: itemDays.day(2), dayLogit: 0, period: 0 };
      const history = new Float64Array(law.categoryCount).fill(tanh);
      return logit(feedback.of({ ...context, history }, 8, 1, 0).click);
    };
    expect(clickLogits(0, 1)).toBeCloseTo(clickLogits(0, -1), 12);
    expect(clickLogits(1, 1) - clickLogits(1, -1)).toBeCloseTo(2 * law.historyScale, 12);
    expect(clickLogits(2, 1) - clickLogits(2, 0)).toBeCloseTo(2 * law.historyScale, 12);
  });

  test("historyTauDays and historyKernel weigh clicks by age as the law says", () => {
    const matrix = new Float64Array(law.categoryCount ** 2);
    matrix[2 * law.categoryCount + 5] = 0.7;
    const age = 4;
    const effectOf = (dials: WorldOptions) => {
      const effect = new HistoryEffect(resolveWorldOptions(dials), matrix);
      effect.at(1_000, 0);
      effect.click(2);
      return effect.at(1_000 + age * law.daySeconds, 0);
    };
    expect(effectOf({ historyTauDays: 2 })[5]).toBeCloseTo(Math.tanh(0.7 * Math.exp(-age / 2)), 12);
    expect(effectOf({ historyTauDays: 8 })[5]).toBeCloseTo(Math.tanh(0.7 * Math.exp(-age / 8)), 12);
    const distant = effectOf({ historyTauDays: 2, historyKernel: "distant" });
    expect(distant[5]).toBeCloseTo(Math.tanh(0.7 * (1 - Math.exp(-age / 2))), 12);
    expect(distant[2]).toBe(0);
  });

  test("shifts raise the rate of their own label", async () => {
    const base = await simulated(small);
    const shifted = await simulated({ ...small, likeShift: 1.5, hideShift: 2 });
    expect(mean(shifted.rows.like)).toBeGreaterThan(2 * mean(base.rows.like));
    expect(mean(shifted.rows.hide)).toBeGreaterThan(2 * mean(base.rows.hide));
    expect(shifted.rows.click).toEqual(base.rows.click);
    const clicky = await simulated({ ...small, clickShift: 2, historyStrength: 0 });
    const plain = await simulated({ ...small, historyStrength: 0 });
    for (const row of [0, 1_234, 2_999]) {
      expect(logit(clicky.rows.trueClick[row])).toBeCloseTo(logit(plain.rows.trueClick[row]) + 2, 3);
    }
  });

  test("userBiasSd and affinityStrength scale what they name", () => {
    const { options, effects, population } = worldOf({ ...small, userBiasSd: 0 });
    expect(new PersonMaker(options, effects, population).make(4).bias).toBeCloseTo(0, 12);
    const doubled = worldOf({ ...small, userBiasSd: 1 });
    const standard = worldOf(small);
    const bias = (world: World) =>
      new PersonMaker(world.options, world.effects, world.population).make(4).bias;
    expect(bias(doubled)).toBeCloseTo(2 * bias(standard), 12);
  });

  test("drift turns latents by its angle a day; without it nothing moves", () => {
    const still = worldOf({ ...small, drift: 0 });
    expect(still.itemDays.day(18).latents).toEqual(still.itemDays.day(0).latents);
    expect(still.itemDays.day(5).subcategoryLatents).toEqual(still.itemDays.day(0).subcategoryLatents);
    const moving = worldOf({ ...small, drift: 0.05 });
    const [first, last] = [moving.itemDays.day(0), moving.itemDays.day(10)].map((d) => d.subcategoryLatents);
    expect(dot(first, 16, last, 16)).toBeCloseTo(Math.cos(0.5), 12);
  });

  test("churn sets births and retirements a day, and keeps the number of living items", () => {
    const { itemDays, catalogue } = worldOf({ items: 5_000, churn: 0.03 });
    const alive = Array.from({ length: 19 }, (_, day) => itemDays.day(day).alive.length);
    expect(Math.max(...alive) / Math.min(...alive)).toBeLessThan(1.1);
    const born = Array.from(catalogue.birthDay).filter((day) => day > 0).length / 18;
    expect(born / alive[9]).toBeGreaterThan(0.024);
    expect(born / alive[9]).toBeLessThan(0.036);
    const fixed = worldOf({ ...small, churn: 0 });
    expect(fixed.itemDays.day(18).alive.length).toBe(400);
  });

  test("new categories and the extra feed appear in the test period only", async () => {
    const options: WorldOptions = { ...small, newCategories: 4, testFeedShare: 0.3 };
    const { catalogue } = worldOf(options);
    const simulation = await simulated(options);
    const { rows, requests } = simulation;
    const inTest = (r: number) => requests.time[r] >= 16 * law.daySeconds;
    const isNew = (row: number) => (catalogue.category[rows.item[row]] >= 16 ? 1 : 0);
    expect(mean(rowsWhere(simulation, (r) => !inTest(r)).map(isNew))).toBe(0);
    expect(mean(rowsWhere(simulation, inTest).map(isNew))).toBeGreaterThan(0.05);
    const feeds = (keep: (r: number) => boolean) =>
      Array.from(requests.domain)
        .filter((_, r) => keep(r))
        .map((domain) => (domain === 3 ? 1 : 0));
    expect(mean(feeds((r) => !inTest(r)))).toBe(0);
    expect(mean(feeds(inTest))).toBeGreaterThan(0.1);
  });

  test("warm-up days fill histories before the first row", async () => {
    const cold = await simulated(small);
    const warm = await simulated({ ...small, warmupDays: 20 });
    expect(mean(warm.requests.historyLength)).toBeGreaterThan(mean(cold.requests.historyLength) + 0.5);
    expect(Math.min(...warm.clickTimes)).toBeLessThan(0);
    expect(Math.min(...warm.requests.time)).toBeGreaterThanOrEqual(0);
  });

  test("burstiness makes requests of a user follow within minutes", async () => {
    const close = async (burstiness: number) => {
      const { requests } = await simulated({ ...small, users: 60, burstiness });
      return mean(
        Array.from(requests.time, (time, r) =>
          r > 0 && requests.user[r] === requests.user[r - 1] && time - requests.time[r - 1] < 1_200 ? 1 : 0,
        ),
      );
    };
    expect(await close(0.8)).toBeGreaterThan((await close(0)) + 0.3);
  });

  test("change days redraw the effects, and only from then on", async () => {
    const plain = await simulated(small);
    const changed = await simulated({ ...small, changeDays: [10] });
    const { time } = plain.requests;
    const differs = (r: number) =>
      plain.rows.trueLike[r * 10] !== changed.rows.trueLike[r * 10] ||
      plain.rows.trueClick[r * 10] !== changed.rows.trueClick[r * 10];
    const early = Array.from(time, (_, r) => r).filter((r) => time[r] < 10 * law.daySeconds);
    const late = Array.from(time, (_, r) => r).filter((r) => time[r] >= 10 * law.daySeconds);
    expect(early.some(differs)).toBe(false);
    expect(late.every(differs)).toBe(true);
  });

  test("deviceShift, rateWander and clickbaitShare act on the click rate", async () => {
    const shifted = await simulated({ ...small, deviceShift: 3 });
    const { population } = worldOf({ ...small, deviceShift: 3 });
    const rate = (device: number) =>
      mean(
        rowsWhere(shifted, (r) => population.device[shifted.requests.user[r]] === device).map(
          (row) => shifted.rows.trueClick[row],
        ),
      );
    expect(rate(4)).toBeGreaterThan(2 * rate(0));
    const { effects } = worldOf({ ...small, rateWander: 0.5 });
    expect(new Set(effects.dayLogit).size).toBe(19);
    const { catalogue } = worldOf({ ...small, clickbaitShare: 0.25 });
    expect(mean(catalogue.clickbait)).toBeCloseTo(0.25, 1);
  });
});
