import { expect, test } from "vitest";
import { ConfigError } from "../core/index.ts";
import { parseExpression } from "./expression.ts";

function value(text: string, row: { readonly [column: string]: number } = {}): number {
  const { columns, evaluate } = parseExpression(text);
  return evaluate(Float64Array.from(columns, (name) => row[name] ?? Number.NaN));
}

test("precedence, signs and functions", () => {
  const cases: [string, number][] = [
    ["1 + 2 * 3", 7],
    ["(1 + 2) * 3", 9],
    ["7 - 2 - 1", 4],
    ["8 / 4 / 2", 1],
    ["-2 * -3", 6],
    ["-7 % 4", -3],
    ["2 < 3", 1],
    ["1 + 1 == 2", 1],
    ["1e3 + .5 + 5.", 1005.5],
    ["min(3, 1, 2) + max(1, 2)", 3],
    ["clip(12, 0, 10) + sign(-4) + abs(-1)", 10],
    ["pow(2, 10) + sqrt(16) + floor(1.9) + ceil(0.1) + round(2.5)", 1033],
    ["log(exp(1))", 1],
    ["log1p(0)", 0],
    ["if(2 > 1, 10, 1 / 0)", 10],
    ["coalesce(1 / 0, 5)", 5],
  ];
  for (const [text, expected] of cases) expect(value(text), text).toBe(expected);
});

test("columns, plain and in backquotes", () => {
  expect(parseExpression("views + `list price` * größe_2 - views").columns).toEqual([
    "views",
    "list price",
    "größe_2",
  ]);
  expect(value("clicks / (views + 2)", { clicks: 3, views: 4 })).toBe(0.5);
});

test("what is missing stays missing", () => {
  for (const text of ["a + 1", "a < 1", "if(a, 1, 2)", "max(a, 1)", "-a", "1 / 0", "log(0)", "0 * (1 / 0)"]) {
    expect(value(text), text).toBeNaN();
  }
  expect(value("if(1, 2, a)")).toBe(2);
  expect(value("1 / (1 / 0)"), "an infinity is not divided by").toBeNaN();
});

test("mistakes are shown at their place", () => {
  const cases: [string, string][] = [
    ["a +", 'expression "a +", character 4: expected a number, a column or (, not the end'],
    ["a b", 'expression "a b", character 3: expected an operator or the end, not "b"'],
    ["(a", 'expression "(a", character 3: expected ), not the end'],
    ["a $ b", 'expression "a $ b", character 3: there is no meaning to "$"'],
    ["sin(a)", 'expression "sin(a)", character 1: there is no function sin'],
    ["constructor(a)", 'expression "constructor(a)", character 1: there is no function constructor'],
    ["pow(a)", 'expression "pow(a)", character 1: pow takes 2 values, not 1'],
    ["1 < 2 < 3", 'expression "1 < 2 < 3", character 7: expected an operator or the end, not "<"'],
    ["", 'expression "", character 1: expected a number, a column or (, not the end'],
  ];
  for (const [text, message] of cases) {
    expect(() => parseExpression(text), text).toThrow(ConfigError);
    expect(() => parseExpression(text), text).toThrow(message);
  }
  expect(() => parseExpression(`${"(".repeat(300)}1${")".repeat(300)}`)).toThrow("nested deeper than 100");
});
