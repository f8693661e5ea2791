import type { Module } from "./module.ts";

export interface ParameterCounts {
  /** Numbers in parameters outside tables. */
  readonly dense: number;
  /** Numbers in embedding tables, reserved rows included. */
  readonly embedding: number;
}

/** How many numbers a module learns. */
export function countParameters(module: Module): ParameterCounts {
  let dense = 0;
  let embedding = 0;
  for (const { shape } of module.namedParameters().values()) {
    dense += shape.reduce((product, dim) => product * dim, 1);
  }
  for (const { rows, dim } of module.namedTables().values()) embedding += rows * dim;
  return { dense, embedding };
}
