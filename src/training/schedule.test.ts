import { describe, expect, test } from "vitest";
import { ConfigError } from "../core/index.ts";
import { PlateauSchedule, type ScheduleDecision, scheduleOptions } from "./schedule.ts";

type Options = Parameters<typeof scheduleOptions.parse>[0];

/** Decisions for a list of validations, the rate handed on from one to the next. */
function observe(values: readonly (number | null)[], options: Options = {}): ScheduleDecision[] {
  const schedule = new PlateauSchedule(scheduleOptions.parse(options));
  let learningRate = 1;
  return values.map((value, epoch) => {
    const decision = schedule.observe({ value }, epoch, learningRate);
    ({ learningRate } = decision);
    return decision;
  });
}

const summary = (decisions: readonly ScheduleDecision[]) =>
  decisions.map(({ improved, learningRate, stop }) => [improved, learningRate, stop]);

describe("plateau schedule", () => {
  test("cuts at each failure, stops at the second in a row, forgets failures after a success", () => {
    expect(summary(observe([0.7, 0.6, 0.8, 0.8, 0.75], { lrDecay: 0.5 }))).toEqual([
      [true, 1, false],
      [false, 0.5, false],
      [true, 0.5, false],
      [false, 0.25, false],
      [false, 0.125, true],
    ]);
  });

  test("improvements of minDelta or less do not count", () => {
    expect(
      summary(observe([0.5, 0.51, 0.515, 0.54], { minDelta: 0.02, earlyStopPatience: 9, lrDecay: 0.5 })),
    ).toEqual([
      [true, 1, false],
      [false, 0.5, false],
      // Still measured against 0.5: 0.515 is not more than 0.02 better.
      [false, 0.25, false],
      [true, 0.25, false],
    ]);
  });

  test("lower is better where the metric says so, or the mode", () => {
    const improved = (decisions: readonly ScheduleDecision[]) =>
      decisions.map((decision) => decision.improved);
    expect(improved(observe([0.5, 0.4, 0.45], { monitor: "log_loss" }))).toEqual([true, true, false]);
    expect(improved(observe([0.5, 0.4, 0.45], { monitor: "auc", monitorMode: "min" }))).toEqual([
      true,
      true,
      false,
    ]);
    expect(improved(observe([1.2, 1.1], { monitor: "calibration_ratio", monitorMode: "min" }))).toEqual([
      true,
      true,
    ]);
  });

  test("an undefined metric is no improvement, not even at first", () => {
    expect(summary(observe([null, 0.5, null], { lrDecay: 0.5 }))).toEqual([
      [false, 0.5, false],
      [true, 0.5, false],
      [false, 0.25, false],
    ]);
  });

  test("the rate is never cut below the floor, nor raised to it", () => {
    const rates = (decisions: readonly ScheduleDecision[]) =>
      decisions.map(({ learningRate }) => learningRate);
    const options = { lrDecay: 0.1, minLearningRate: 0.05, earlyStopPatience: null };
    expect(rates(observe([0.5, 0, 0, 0], options))).toEqual([1, 0.1, 0.05, 0.05]);
    const schedule = new PlateauSchedule(scheduleOptions.parse(options));
    schedule.observe({ value: 1 }, 0, 0.01);
    expect(schedule.observe({ value: 0 }, 1, 0.01).learningRate).toBe(0.01);
  });

  test("may keep the rate and never stop", () => {
    const options = { reduceLrOnPlateau: false, earlyStopPatience: null };
    expect(summary(observe([1, 0, 0, 0], options)).slice(1)).toEqual([
      [false, 1, false],
      [false, 1, false],
      [false, 1, false],
    ]);
  });

  test("its state goes on elsewhere", () => {
    const options = scheduleOptions.parse({});
    const first = new PlateauSchedule(options);
    first.observe({ value: 0.8 }, 0, 1);
    first.observe({ value: 0.7 }, 1, 1);
    const second = new PlateauSchedule(options);
    Object.assign(second.state, JSON.parse(JSON.stringify(first.state)));
    expect(second.observe({ value: 0.75 }, 2, 0.1)).toEqual(first.observe({ value: 0.75 }, 2, 0.1));
    expect(second.state).toEqual({ best: 0.8, bestEpoch: 0, failures: 2 });
  });

  test("a metric without direction needs a mode", () => {
    const options = scheduleOptions.parse({ monitor: "calibration_ratio" });
    expect(() => new PlateauSchedule(options)).toThrow(ConfigError);
    expect(() => new PlateauSchedule(options)).toThrow(
      "monitor: calibration_ratio has no direction of its own",
    );
  });

  test("a metric nobody knows is refused", () => {
    expect(() => new PlateauSchedule(scheduleOptions.parse({ monitor: "acu" }))).toThrow(
      'no metric is called "acu"',
    );
  });
});
