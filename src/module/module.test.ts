import { describe, expect, test } from "vitest";
import { Module, normalInit, Parameter, State, Table } from "./index.ts";

class Inner extends Module {
  readonly weight = new Parameter([2, 3]);
  readonly mean = new State([3]);
}

class Outer extends Module {
  readonly name = "outer";
  readonly shared = new Parameter([1]);
  readonly layers = [new Inner(), new Inner()];
  readonly heads = { click: new Inner(), like: undefined };
  readonly towers = new Map([["like", new Inner()]]);
  readonly again = this.shared;
  readonly tables = { user: new Table({ rows: 4, dim: 2 }, normalInit(1)) };
  readonly plain = { forward: () => undefined };
  readonly numbers = new Float32Array(3);
}

describe("paths", () => {
  const outer = new Outer();

  test("come from property names, through arrays, records and maps", () => {
    expect([...outer.namedParameters().keys()]).toEqual([
      "shared",
      "layers.0.weight",
      "layers.1.weight",
      "heads.click.weight",
      "towers.like.weight",
    ]);
    expect([...outer.namedStates().keys()]).toEqual([
      "layers.0.mean",
      "layers.1.mean",
      "heads.click.mean",
      "towers.like.mean",
    ]);
    expect([...outer.namedTables().keys()]).toEqual(["tables.user"]);
  });

  test("name a leaf used twice once", () => {
    expect([...outer.namedParameters().values()].filter((leaf) => leaf === outer.shared)).toHaveLength(1);
  });

  test("survive modules that refer to each other", () => {
    class Child extends Module {
      readonly weight = new Parameter([1]);
      parent: Module | undefined;
    }
    class Parent extends Module {
      readonly child = new Child();
    }
    const parent = new Parent();
    parent.child.parent = parent;
    expect([...parent.namedParameters().keys()]).toEqual(["child.weight"]);
  });
});
