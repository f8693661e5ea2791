/**
 * Value formulas: arithmetic over predictions and columns, one value a candidate, such as
 * `bid * click + 0.2 * like`. The language is that of derived columns (`schema/expression.ts`); a formula
 * is never evaluated as code.
 */
import { parseExpression } from "../schema/index.ts";

export interface ValueFormula {
  readonly text: string;
  /** Names of predictions and columns that it reads, each once. */
  readonly names: readonly string[];
  /** Values of `size` candidates, NaN where something that is needed is missing. */
  evaluate(size: number, valuesOf: (name: string) => ArrayLike<number>): Float64Array;
}

/** @throws ConfigError for a text that cannot be read, naming the place */
export function parseValueFormula(text: string): ValueFormula {
  const { columns, evaluate } = parseExpression(text);
  return {
    text,
    names: columns,
    evaluate(size, valuesOf) {
      const inputs = columns.map(valuesOf);
      const numbers = new Float64Array(columns.length);
      const values = new Float64Array(size);
      for (let k = 0; k < size; k++) {
        for (let j = 0; j < inputs.length; j++) numbers[j] = inputs[j][k];
        values[k] = evaluate(numbers);
      }
      return values;
    },
  };
}
